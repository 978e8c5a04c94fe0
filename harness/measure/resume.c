#include "measure/resume.h"

#include "base/member.h"
#include "base/version.h"
#include "record/journal.h"
#include "record/write.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* However long a run took before it was killed, it has this share of its time left. */
#define LEFT_LEAST 0.25

/* What must be the same: paths in run.json, and what people call it. */
static const struct {
	const char *path[4];
	const char *name;
} same[] = {
	{ { "version" }, "version of nestwalk" },
	{ { "host" }, "host name" },
	{ { "cpu" }, "CPU measured on" },
	{ { "machine", "cpu", "name" }, "CPU" },
	{ { "machine", "cpu", "microcode" }, "microcode" },
	{ { "machine", "kernel", "release" }, "kernel" },
	{ { "machine", "outer", "name" }, "what this Linux runs on" },
	{ { "machine", "kvm", "module" }, "KVM module" },
	{ { "paging_proof", "paging" }, "paging mode" },
	{ { "machine", "effective_leaf", "4K", "leaf_bytes" }, "effective leaf of 4K pages" },
	{ { "machine", "effective_leaf", "2M-thp", "leaf_bytes" }, "effective leaf of 2M pages" },
};
#define SAME (sizeof(same) / sizeof(same[0]))

static int lines_index(struct resume *resume)
{
	size_t i;
	json_t *line;

	resume->lines = json_object();
	json_array_foreach (resume->run.points, i, line) {
		char *identity = point_identity(line);
		json_t *times = json_object_get(json_object_get(line, "samples"), "at_s");
		double last = json_number_value(json_array_get(times, json_array_size(times) - 1));

		if (!identity || json_object_set(resume->lines, identity, line)) {
			free(identity);
			return -ENOMEM;
		}
		if (json_array_size(times))
			resume->elapsed_s = fmax(resume->elapsed_s, last);
		free(identity);
	}
	return 0;
}

int resume_open(struct resume *resume, const char *path, struct reason *why)
{
	int error;

	*resume = (struct resume){ 0 };
	error = run_load(path, &resume->run, why);
	if (error)
		return error;
	if (member_is(resume->run.about, "state", "complete"))
		error = fail(why, EALREADY, "%s is complete: there is nothing to resume", path);
	else if (json_object_get(resume->run.about, "joined"))
		error = fail(why, EINVAL, "%s is joined of several runs: resume the one that is not complete", path);
	if (!error)
		error = journal_numbers(path, &resume->numbers, &resume->numbers_most, why);
	if (!error && lines_index(resume))
		error = fail(why, ENOMEM, "no memory for the points of %s", path);
	if (error)
		resume_close(resume);
	return error;
}

void resume_close(struct resume *resume)
{
	run_unload(&resume->run);
	json_decref(resume->lines);
	json_decref(resume->numbers);
	*resume = (struct resume){ 0 };
}

static const json_t *member_at(const json_t *about, const char *const *path)
{
	for (size_t i = 0; i < 4 && path[i]; i++)
		about = json_object_get(about, path[i]);
	return about;
}

static void difference_add(char *text, size_t bytes, const char *name, const json_t *then, const json_t *now)
{
	char *was = json_dumps(then, JSON_ENCODE_ANY), *is = json_dumps(now, JSON_ENCODE_ANY);
	size_t used = strlen(text);

	snprintf(text + used, bytes - used, "%s%s (%s then, %s now)", used ? "; " : "", name, was ? was : "unknown",
		is ? is : "unknown");
	free(was);
	free(is);
}

int resume_judge(const struct resume *resume, const json_t *about, struct reason *why)
{
	char differs[360] = "";

	for (size_t i = 0; i < SAME; i++) {
		const json_t *then = member_at(resume->run.about, same[i].path), *now = member_at(about, same[i].path);
		bool absent = !then || json_is_null(then);

		if (absent ? now && !json_is_null(now) : !json_equal(then, now))
			difference_add(differs, sizeof(differs), same[i].name, then, now);
	}
	return differs[0] ? fail(why, EXDEV, "%s was begun elsewhere, or before a change: %s; measure anew",
				    resume->run.path, differs)
			  : 0;
}

/* The line that the run has of a point; NULL: none. *number: in the journal; 0: none. */
static json_t *line_find(
	const struct resume *resume, const struct point *point, const struct point_context *context, unsigned *number)
{
	json_t *now = point_json(point, context), *line;
	char *identity = now ? point_identity(now) : NULL;

	line = identity ? json_object_get(resume->lines, identity) : NULL;
	*number = identity ? (unsigned)json_integer_value(json_object_get(resume->numbers, identity)) : 0;
	free(identity);
	json_decref(now);
	return line;
}

/*
 * Samples of one round saw the same weather: where a pair lacks some of its last round, it does not have that round. A round that
 * some pairs have and others lack goes on with those.
 */
static int round_complete(struct measurement *m, struct paired_points *pair, unsigned last)
{
	bool lacks = false;
	int error = 0;

	for (unsigned s = 0; s < SETTING_SPACES; s++)
		lacks = lacks || ((pair->settings & SETTING_BIT(s)) && s != SETTING_HOST_AGAIN &&
					 point_is_due(&pair->point[s], last));
	for (unsigned s = 0; s < SETTING_SPACES && !error; s++) {
		struct point *point = &pair->point[s];

		if (point->kept || !point_has_round(point, last))
			continue;
		if (last > m->round)
			m->round = last;
		if (!lacks)
			continue;
		point_drop_round(point, last);
		error = m->around->dropped(point, last, m->around->data, &m->failure);
	}
	return error;
}

static int pass_restore(const struct resume *resume, struct measurement *m, struct paired_points *pair)
{
	unsigned last = 0;

	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		struct point *point = &pair->point[s];
		unsigned number;
		json_t *line;

		if (!(pair->settings & SETTING_BIT(s)))
			continue;
		line = line_find(resume, point, &m->around->context, &number);
		if (line && point_restore(point, line))
			return -ENOMEM;
		point->number = number;
		point->journaled = number ? point->samples : 0;
		if (point->samples && point->round[point->samples - 1] > last)
			last = point->round[point->samples - 1];
	}
	return round_complete(m, pair, last);
}

static enum pass pass_of(const struct measurement *m)
{
	return m->plan.configurations ? m->plan.configuration[0].pair[0]->point[0].pass : PASS_SWEEP;
}

int resume_pass(const struct resume *resume, struct measurement *m)
{
	m->round = 0;
	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++) {
			struct paired_points *pair = m->plan.configuration[g].pair[c];

			if (pass_restore(resume, m, pair))
				return -ENOMEM;
		}
	if (pass_of(m) == PASS_SWEEP)
		m->pass_used_ns = m->used_ns;
	return 0;
}

double resume_used_share(const struct resume *resume, double seconds)
{
	return fmin(resume->elapsed_s / seconds, 1 - LEFT_LEAST);
}

bool resume_host_is_done(const struct resume *resume)
{
	/* The clock is told when all else is. */
	return member_is(resume->run.about, "state", "running") &&
	       json_is_object(json_object_get(resume->run.about, "clock"));
}

bool resume_guest_is_done(const struct resume *resume)
{
	const json_t *guests = json_object_get(resume->run.about, "guests");

	return member_is(json_array_get(guests, json_array_size(guests) - 1), "status", "ok");
}

json_t *resume_about(const struct resume *resume)
{
	json_t *about = json_deep_copy(resume->run.about), *resumed = json_object_get(about, "resumed");

	if (!resumed) {
		resumed = json_array();
		json_object_set_new(about, "resumed", resumed);
	}
	json_array_append_new(resumed, json_pack("{s:o, s:f}", "at_utc", run_utc_now(), "after_s", resume->elapsed_s));
	json_object_set_new(about, "state", json_string("running"));
	json_object_set_new(about, "reason", json_null());
	json_object_set_new(about, "clock", json_null());
	return about;
}

int resume_points_keep(const struct resume *resume, json_t *points)
{
	json_t *there = json_object(), *line;
	const char *known;
	size_t i;
	int error = there ? 0 : -ENOMEM;

	json_array_foreach (points, i, line) {
		char *identity = point_identity(line);

		if (!identity || json_object_set_new(there, identity, json_true()))
			error = -ENOMEM;
		free(identity);
	}
	/* This run has nothing to add to them: they are what they will be. */
	json_object_foreach (resume->lines, known, line) {
		if (error || json_object_get(there, known))
			continue;
		json_object_del(line, "interrupted");
		if (json_object_set_new(line, "final", json_true()) || json_array_append(points, line))
			error = -ENOMEM;
	}
	json_decref(there);
	return error;
}
