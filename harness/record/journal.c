#include "record/journal.h"

#include "base/member.h"
#include "base/quiet.h"
#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a journal tells: the points by their numbers. */
struct journal {
	json_t *lines; /* number -> the point's line */
	json_t *samples; /* number -> array of samples, each an object */
	json_int_t most; /* the greatest number */
};

static void sample_append(struct journal *journal, const char *point, json_t *sample)
{
	json_t *list = json_object_get(journal->samples, point);

	if (!list) {
		list = json_array();
		json_object_set_new(journal->samples, point, list);
	}
	json_array_append(list, sample);
}

static void round_drop(struct journal *journal, const char *point, const json_t *round)
{
	json_t *list = json_object_get(journal->samples, point);

	for (size_t i = json_array_size(list); i-- > 0;)
		if (json_equal(json_object_get(json_array_get(list, i), "round"), round))
			json_array_remove(list, i);
}

static int entry_note(void *context, const struct text_line *text)
{
	struct journal *journal = context;
	json_t *entry = json_loadb(text->text, text->length, JSON_REJECT_DUPLICATES, NULL), *part;
	json_int_t number = json_integer_value(json_object_get(entry, "point"));
	char point[32];

	snprintf(point, sizeof(point), "%lld", (long long)number);
	if (number > journal->most)
		journal->most = number;
	if (json_is_object(part = json_object_get(entry, "line")))
		json_object_set(journal->lines, point, part);
	else if (json_is_object(part = json_object_get(entry, "sample")))
		sample_append(journal, point, part);
	else if ((part = json_object_get(entry, "dropped_round")))
		round_drop(journal, point, part);
	else if (json_object_get(entry, "final"))
		json_object_del(journal->lines, point);
	json_decref(entry);
	return 0;
}

/* {"round": [0, 1], ...} of a list of samples. A metric that is unknown in some of them has no list, as in points.jsonl. */
static json_t *lists_of(const json_t *samples)
{
	json_t *lists = json_object(), *value;
	const char *name;
	size_t i;
	json_t *sample;

	json_object_foreach (json_array_get(samples, 0), name, value) {
		json_t *list = json_array();

		json_array_foreach (samples, i, sample)
			if (json_is_number(json_object_get(sample, name)))
				json_array_append(list, json_object_get(sample, name));
		if (json_array_size(list) == json_array_size(samples))
			json_object_set(lists, name, list);
		json_decref(list);
	}
	return lists;
}

/* The medians of a line's metrics, by its samples. A metric without samples is unknown, and keeps its reason. */
static void metrics_fill(json_t *line, uint64_t seed)
{
	const json_t *lists = json_object_get(line, "samples");
	const char *name;
	json_t *metric;

	json_object_foreach (json_object_get(line, "metrics"), name, metric) {
		size_t count;
		double *selected = quiet_samples(json_object_get(lists, name), json_object_get(lists, "quiet"), &count);
		struct interval interval = { NAN, NAN, NAN };

		if (selected)
			interval = statistics_median_interval(selected, count, seed);
		else if (!json_object_get(metric, "reason"))
			json_object_set_new(metric, "reason", json_string("not known in every sample"));
		free(selected);
		json_object_set_new(metric, "median", number_or_null(interval.median));
		json_object_set_new(metric, "lo", number_or_null(interval.lo));
		json_object_set_new(metric, "hi", number_or_null(interval.hi));
	}
}

/* Counts of hardware are of the samples that the line knew of: of others they would say nothing. */
static void hardware_drop(json_t *line)
{
	if (!json_is_object(json_object_get(line, "hardware")))
		return;
	json_object_set_new(line, "hardware", json_null());
	json_object_set_new(line, "hardware_reason", json_string("the run was killed, and counts were not kept"));
	json_object_del(line, "hardware_samples");
}

/* The line of a point for points.jsonl, which the caller frees; NULL where memory is short. */
static char *line_make(const struct journal *journal, const char *point, json_t *line, uint64_t seed)
{
	json_object_set_new(line, "samples", lists_of(json_object_get(journal->samples, point)));
	metrics_fill(line, seed);
	hardware_drop(line);
	json_object_set_new(line, "final", json_false());
	return json_dumps(line, JSON_COMPACT);
}

static uint64_t seed_of(const char *path)
{
	json_t *about = NULL;
	uint64_t seed = 0;

	if (!run_about_load(path, &about, NULL))
		seed = (uint64_t)json_integer_value(json_object_get(about, "seed"));
	json_decref(about);
	return seed;
}

/* 0 with the journal, empty where there is none, which journal_free() frees in any case. */
static int journal_read(const char *path, struct journal *journal, struct reason *why)
{
	char *file = run_file(path, JOURNAL_NAME);
	int rc;

	*journal = (struct journal){ json_object(), json_object(), 0 };
	rc = file && journal->lines && journal->samples ? 0 : fail(why, ENOMEM, "out of memory");
	if (!rc && !access(file, F_OK))
		rc = json_each_line(file, entry_note, journal, why);
	free(file);
	return rc;
}

static void journal_free(struct journal *journal)
{
	json_decref(journal->lines);
	json_decref(journal->samples);
}

int journal_numbers(const char *path, json_t **numbers, unsigned *most, struct reason *why)
{
	struct journal journal;
	const char *point;
	json_t *line;
	int rc = journal_read(path, &journal, why);

	*numbers = json_object();
	*most = (unsigned)journal.most;
	json_object_foreach (journal.lines, point, line) {
		char *identity = point_identity(line);

		if (!identity || json_object_set_new(*numbers, identity, json_integer(atoll(point))))
			rc = fail(why, ENOMEM, "out of memory");
		free(identity);
	}
	journal_free(&journal);
	return rc;
}

int journal_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why)
{
	struct journal journal;
	uint64_t seed = seed_of(path);
	const char *point;
	json_t *line;
	int rc = journal_read(path, &journal, why);

	json_object_foreach (journal.lines, point, line) {
		char *text;

		/* The run was killed before the first sample was written, or gave its round up. */
		if (rc || !json_array_size(json_object_get(journal.samples, point)))
			continue;
		text = line_make(&journal, point, line, seed);
		if (!text)
			rc = fail(why, ENOMEM, "out of memory");
		if (text)
			rc = each(context, &(struct text_line){ .text = text, .length = strlen(text) });
		free(text);
	}
	journal_free(&journal);
	return rc;
}
