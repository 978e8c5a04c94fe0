#include "record/check.h"

#include "base/member.h"
#include "base/plain_file.h"
#include "base/text.h"
#include "machine/topology.h"
#include "record/check_point.h"
#include "record/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* While a run goes on, facts that are known only at its end may be null. */
static const struct expected_key about_keys[] = {
	{ "schema", KIND_INTEGER },
	{ "tool", KIND_STRING },
	{ "version", KIND_STRING },
	{ "command_line", KIND_ARRAY },
	{ "effort", KIND_STRING },
	{ "seed", KIND_INTEGER },
	{ "state", KIND_STRING },
	{ "reason", KIND_STRING | KIND_NULL },
	{ "started_utc", KIND_STRING },
	{ "finished_utc", KIND_STRING | KIND_NULL },
	{ "duration_s", KIND_NUMBER | KIND_NULL },
	{ "host", KIND_STRING },
	{ "benches", KIND_ARRAY },
	{ "settings", KIND_ARRAY },
	{ "cpu", KIND_INTEGER },
	{ "numa_node", KIND_INTEGER | KIND_NULL },
	{ "memory_budget_bytes", KIND_INTEGER },
	{ "clock", KIND_OBJECT | KIND_NULL },
	{ "machine", KIND_OBJECT },
};

static const struct expected_key clock_keys[] = {
	{ "tsc_hz", KIND_NUMBER },
	{ "cycles_per_tsc", KIND_OBJECT | KIND_NULL },
	{ "lap_overhead_tsc_cycles", KIND_NUMBER | KIND_NULL },
	{ "lap_accesses", KIND_INTEGER | KIND_NULL },
	{ "overhead_fraction", KIND_NUMBER | KIND_NULL },
};

static const char *const states[] = { "running", "complete", "interrupted" };

void finding(struct checking *c, enum finding_kind kind, const char *format, ...)
{
	char what[400], line[600];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s:%zu: %s", c->file, c->line, what);
	text_clean(line);
	if (kind == FINDING_PROBLEM)
		c->result->problems++;
	else
		c->result->warnings++;
	c->say(c->context, kind, line);
}

static unsigned kinds_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_INTEGER:
		return KIND_INTEGER | KIND_NUMBER;
	case JSON_REAL:
		return KIND_NUMBER;
	case JSON_STRING:
		return KIND_STRING;
	case JSON_TRUE:
	case JSON_FALSE:
		return KIND_BOOLEAN;
	case JSON_OBJECT:
		return KIND_OBJECT;
	case JSON_ARRAY:
		return KIND_ARRAY;
	default:
		return KIND_NULL;
	}
}

static const char *kinds_name(unsigned kinds)
{
	static const struct {
		unsigned kind;
		const char *name;
	} names[] = {
		{ KIND_NUMBER, "a number" },
		{ KIND_INTEGER, "a whole number" },
		{ KIND_STRING, "a string" },
		{ KIND_BOOLEAN, "true or false" },
		{ KIND_OBJECT, "an object" },
		{ KIND_ARRAY, "an array" },
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (kinds & names[i].kind)
			return names[i].name;
	}
	return "null";
}

bool check_keys(
	struct checking *c, const json_t *object, const char *within, const struct expected_key *expected, size_t count)
{
	bool sound = true;

	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, expected[i].key);
		const char *dot = within ? "." : "";

		if (value && kinds_of(value) & expected[i].kinds)
			continue;
		sound = false;
		if (!value)
			finding(c, FINDING_PROBLEM, "%s%s%s is missing", within ? within : "", dot, expected[i].key);
		else
			finding(c, FINDING_PROBLEM, "%s%s%s is not %s%s", within ? within : "", dot, expected[i].key,
				kinds_name(expected[i].kinds), expected[i].kinds & KIND_NULL ? " or null" : "");
	}
	return sound;
}

bool check_word(struct checking *c, const char *what, const json_t *value, const char *const *words, size_t count)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < count; i++) {
		if (!strcmp(text, words[i]))
			return true;
	}
	finding(c, FINDING_PROBLEM, "%s '%s' is not one of those in docs/RESULTS.md", what, text ? text : "?");
	return false;
}

/* Only objects are checked: an element of a list has no name to put a reason beside. */
void check_nulls(struct checking *c, const json_t *object, const char *within)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		char beside[80];

		snprintf(beside, sizeof(beside), "%s.%s", within, key);
		if (json_is_object(value))
			check_nulls(c, value, beside);
		if (!json_is_null(value) || !strcmp(key, "reason"))
			continue;
		snprintf(beside, sizeof(beside), "%s_reason", key);
		if (json_is_string(json_object_get(object, beside)) ||
			json_is_string(json_object_get(object, "reason")))
			continue;
		finding(c, FINDING_PROBLEM, "%s.%s is null without a reason beside it", within, key);
	}
}

static bool all_strings(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (!json_is_string(json_array_get(array, i)))
			return false;
	}
	return json_array_size(array) > 0;
}

static void check_clock(struct checking *c, const json_t *about, bool complete)
{
	const json_t *clock = json_object_get(about, "clock");
	const json_t *ratio = json_object_get(clock, "cycles_per_tsc");

	if (!json_is_object(clock)) {
		/* A run in which nothing could be measured has no clock, and says so. */
		if (complete && !json_is_string(json_object_get(about, "clock_reason")))
			finding(c, FINDING_PROBLEM, "a complete run without its clock");
		return;
	}
	if (!check_keys(c, clock, "clock", clock_keys, COUNT(clock_keys)))
		return;
	c->tsc_hz = json_number_value(json_object_get(clock, "tsc_hz"));
	if (c->tsc_hz <= 0)
		finding(c, FINDING_PROBLEM, "clock.tsc_hz %g is not a frequency", c->tsc_hz);
	if (json_is_object(ratio))
		check_metric(c, "clock.cycles_per_tsc", ratio);
	if (complete)
		check_nulls(c, clock, "clock");
}

/* Only a run with a fixed number of rounds has the key. */
static void check_rounds(struct checking *c, const json_t *about)
{
	const json_t *rounds = json_object_get(about, "rounds");

	if (!rounds)
		return;
	c->rounds = json_integer_value(rounds);
	if (c->rounds < 1) {
		finding(c, FINDING_PROBLEM, "rounds is not a whole number from 1");
		c->rounds = 0;
	}
}

/* Runs before this key do not say how they were prepared. */
static void check_preparation(struct checking *c, const json_t *about)
{
	static const struct expected_key keys[] = { { "what", KIND_STRING }, { "done", KIND_BOOLEAN },
		{ "reason", KIND_STRING | KIND_NULL } };
	const json_t *list = json_object_get(about, "preparation"), *part;
	size_t i;

	if (list && !json_is_array(list))
		finding(c, FINDING_PROBLEM, "preparation is not a list");
	json_array_foreach (list, i, part) {
		if (check_keys(c, part, "preparation", keys, COUNT(keys)) &&
			json_is_false(json_object_get(part, "done")) && json_is_null(json_object_get(part, "reason")))
			finding(c, FINDING_PROBLEM, "preparation: '%s' was not done, without a reason",
				member_text(part, "what"));
	}
}

static void check_about(struct checking *c, const json_t *about)
{
	static const char *const lists[] = { "command_line", "benches", "settings" };
	const json_t *state = json_object_get(about, "state"), *reason = json_object_get(about, "reason");
	bool complete;

	if (json_is_string(state))
		snprintf(c->result->state, sizeof(c->result->state), "%s", json_string_value(state));
	if (!check_keys(c, about, NULL, about_keys, COUNT(about_keys)))
		return;
	if (strcmp(member_text(about, "tool"), "nestwalk"))
		finding(c, FINDING_PROBLEM, "tool is not nestwalk");
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (!all_strings(json_object_get(about, lists[i])))
			finding(c, FINDING_PROBLEM, "%s is not a list of names", lists[i]);
	}
	if (!check_word(c, "state", state, states, COUNT(states)))
		return;
	complete = !strcmp(json_string_value(state), "complete");
	if (complete && !json_is_string(json_object_get(about, "finished_utc")))
		finding(c, FINDING_PROBLEM, "a complete run that does not say when it finished");
	if (complete && !json_is_null(reason))
		finding(c, FINDING_PROBLEM, "a complete run with a reason for interruption");
	if (!strcmp(json_string_value(state), "interrupted") && !json_is_string(reason))
		finding(c, FINDING_PROBLEM, "an interrupted run without a reason");
	if (!strcmp(json_string_value(state), "running"))
		finding(c, FINDING_WARNING, "the run still goes on, or was killed: its points so far are usable");
	check_rounds(c, about);
	check_preparation(c, about);
	check_clock(c, about, complete);
	check_nulls(c, json_object_get(about, "machine"), "machine");
	check_effective_leaf(c, json_object_get(about, "machine"));
	check_counters(c, about);
	check_traits(c, about);
}

struct seen_points {
	struct checking *c;
	json_t *lines; /* identity -> {"line", "status", "final"} of the last line with that identity */
	bool complete;
};

static int look_at_line(void *context, const struct point_line *line)
{
	struct seen_points *seen = context;
	struct checking *c = seen->c;
	char *identity;
	const json_t *before;
	json_t *now;

	c->line = line->number;
	if (!line->point) {
		finding(c, line->cut ? FINDING_WARNING : FINDING_PROBLEM, "%s%s",
			line->cut ? "cut off and left out: " : "", line->problem);
		return 0;
	}
	if (!check_point(c, line->point))
		return 0;
	identity = point_identity(line->point);
	/* A point of an interrupted run may get more samples, and another line, when the run goes on. */
	now = json_pack("{s:I, s:O, s:b}", "line", (json_int_t)line->number, "status",
		json_object_get(line->point, "status"), "final",
		json_is_true(json_object_get(line->point, "final")) &&
			!json_is_true(json_object_get(line->point, "interrupted")));
	if (!identity || !now) {
		free(identity);
		json_decref(now);
		return -ENOMEM;
	}
	before = json_object_get(seen->lines, identity);
	if (before && (seen->complete || json_is_true(json_object_get(before, "final"))))
		finding(c, FINDING_PROBLEM, "the same point as line %lld",
			(long long)json_integer_value(json_object_get(before, "line")));
	json_object_set_new(seen->lines, identity, now);
	free(identity);
	return 0;
}

static void seen_points_count(struct seen_points *seen)
{
	struct check_result *result = seen->c->result;
	const char *identity;
	json_t *point;

	json_object_foreach (seen->lines, identity, point) {
		const char *status = member_text(point, "status");

		result->points++;
		result->ok += !strcmp(status, "ok");
		result->skipped += !strcmp(status, "skipped");
		result->error += !strcmp(status, "error");
		if (!seen->complete || json_is_true(json_object_get(point, "final")))
			continue;
		seen->c->line = (size_t)json_integer_value(json_object_get(point, "line"));
		finding(seen->c, FINDING_PROBLEM, "an unfinished point in a complete run");
	}
	seen->c->line = 1;
	if (seen->complete && !result->points)
		finding(seen->c, FINDING_PROBLEM, "a complete run without points");
}

static void check_topology(struct checking *c, const char *path)
{
	struct reason why;
	int error = topology_check_xml(path, &why);

	c->line = 1;
	if (error)
		finding(c, FINDING_PROBLEM, "%s%s", error == -EINVAL ? "not a topology that hwloc can read: " : "",
			why.text);
}

static int check_files(struct checking *c, const char *path, const char *const *files, struct reason *why)
{
	struct seen_points seen = { .c = c, .lines = json_object() };
	json_error_t error = { .line = 0 };
	struct reason unread;
	FILE *file = plain_file_open(path, "run.json", PLAIN_FILE_DOCUMENT_MOST, &unread);
	json_t *about = file ? json_loadf(file, JSON_REJECT_DUPLICATES, &error) : NULL;
	int rc = 0;

	if (file)
		fclose(file);
	c->file = files[0];
	c->line = error.line > 0 && !about ? (size_t)error.line : 1;
	if (!about) {
		finding(c, FINDING_PROBLEM, "%s", file ? error.text : unread.text);
	} else if (!json_is_integer(json_object_get(about, "schema")) ||
		   json_integer_value(json_object_get(about, "schema")) != RUN_SCHEMA) {
		/* With another schema the rest may mean anything. One line says so; further findings would hide it. */
		finding(c, FINDING_PROBLEM, "schema is not %d, the one this nestwalk reads", RUN_SCHEMA);
		goto out;
	} else {
		c->about = about;
		check_about(c, about);
		rc = check_joined(c, path, about);
		if (rc)
			goto out;
	}
	seen.complete = !strcmp(c->result->state, "complete");
	c->file = files[1];
	rc = points_each_line(path, look_at_line, &seen, &unread);
	if (rc == -ENOMEM)
		goto out;
	if (rc) {
		c->line = 1;
		finding(c, FINDING_PROBLEM, "%s", unread.text);
		rc = 0;
	}
	seen_points_count(&seen);
	check_joined_points(c);
	c->file = files[2];
	check_topology(c, path);
out:
	json_decref(seen.lines);
	json_decref(about);
	return rc ? fail(why, ENOMEM, "out of memory") : 0;
}

int check_run(const char *path, check_say say, void *context, struct check_result *result, struct reason *why)
{
	struct checking c = { .say = say, .context = context, .result = result };
	char *files[] = { run_file(path, "run.json"), run_file(path, "points.jsonl"), run_file(path, "topology.xml") };
	struct stat status;
	int rc;

	*result = (struct check_result){ .state = "unknown" };
	if (!files[0] || !files[1] || !files[2])
		rc = fail(why, ENOMEM, "out of memory");
	else if (stat(path, &status))
		rc = fail(why, errno, "cannot read %s: %s", path, strerror(errno));
	else if (access(files[0], F_OK))
		rc = fail(why, ENOENT, "%s is not a run directory: it has no run.json", path);
	else
		rc = check_files(&c, path, (const char *const *)files, why);
	result->valid = !rc && !result->problems;
	for (size_t i = 0; i < COUNT(files); i++)
		free(files[i]);
	free(c.join);
	return rc;
}

static void problem_keep(void *context, enum finding_kind kind, const char *line)
{
	struct reason *first = context;

	if (kind == FINDING_PROBLEM && !first->text[0])
		fail(first, EINVAL, "%s", line);
}

int check_sound(const char *path, struct reason *why)
{
	struct reason first = { "" };
	struct check_result result;
	int rc = check_run(path, problem_keep, &first, &result, why);

	if (rc || result.valid)
		return rc;
	return fail(why, EINVAL, "%.300s; `nestwalk check %.100s` names all that is wrong", first.text, path);
}
