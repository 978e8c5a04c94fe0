/* Runs of a host and its guests that are made up for tests of comparisons, and helpers to read the tables made of them. */
#ifndef NESTWALK_TEST_REPORT_PLACES_H
#define NESTWALK_TEST_REPORT_PLACES_H

#include "base/units.h"
#include "report/text.h"
#include "test_report_run.h"

#include <math.h>

#define SAMPLES 9
#define SPREAD 0.01 /* samples lie evenly within so much of their median on both sides */

/* What one place measures. */
struct made_up {
	const char *setting, *paging;
	int joined; /* 0: the base run */
	double miss; /* times the host's */
	double fault_ns, fresh_ns, warm_ns; /* 0: not measured */
	bool interpreted; /* its faults */
};

static const struct made_up host = { "host", "native", 0, 1, 500, 700, 0, false };
static const struct made_up nested = { "guest", "nested", 1, 2, 550, 1400, 0, false };
static const struct made_up shadow = { "guest", "shadow", 2, 1.05, 2000, 1300, 0, false };
static const struct made_up vcpu_nested = { "vcpu", "nested", 0, 2, 0, 0, 100, false };
static const struct made_up vcpu_shadow = { "vcpu", "shadow", 3, 1.05, 0, 0, 2000, false };

static inline void add_metric(json_t *point, const char *name, double median)
{
	json_t *samples = json_array();

	for (int i = 0; i < SAMPLES; i++) {
		/* Not in order of size, as measured ones are not. */
		int rank = (i * 4) % SAMPLES - SAMPLES / 2;

		json_array_append_new(samples, json_real(median * (1 + SPREAD * rank / (SAMPLES / 2))));
	}
	json_object_set_new(json_object_get(point, "samples"), name, samples);
	json_object_set_new(json_object_get(point, "metrics"), name,
		json_pack("{s:f, s:f, s:f, s:s}", "median", median, "lo", median * (1 - SPREAD), "hi",
			median * (1 + SPREAD), "unit", "ns"));
}

/* Takes over params; the point belongs to the run. */
static inline json_t *add_point(struct loaded_run *run, const struct made_up *place, const char *bench, json_t *params)
{
	json_t *point = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:{}, s:{s:[i,i,i,i,i,i,i,i,i]}}", "bench",
		bench, "setting", place->setting, "paging", place->paging, "outer", "bare-metal", "pass", "sweep",
		"params", params, "status", "ok", "final", 1, "metrics", "samples", "round", 0, 1, 2, 3, 4, 5, 6, 7, 8);

	assert_non_null(point);
	if (place->joined)
		json_object_set_new(point, "joined", json_integer(place->joined));
	if (!strcmp(place->setting, "vcpu"))
		json_object_set_new(params, "guest_levels", json_integer(4));
	json_array_append_new(run->points, point);
	return point;
}

static inline void add_access(struct loaded_run *run, const struct made_up *place, uint64_t pages)
{
	/* A first level of 72, a second of 2048, then walks. */
	double net = pages <= 72 ? 0 : pages <= 2048 ? 6 : 60 * place->miss;
	json_t *point = add_point(run, place, "tlb-reach",
		json_pack("{s:i, s:s, s:i, s:I}", "page_size_bytes", (int)PAGE_4K, "backing", "4K", "stride_pages", 1,
			"pages", (json_int_t)pages));

	add_metric(point, "gross_cycles", 5 + net);
	add_metric(point, "baseline_cycles", 5);
	add_metric(point, "net_cycles", net);
	add_metric(point, "gross_ns", (5 + net) / 3);
	add_metric(point, "baseline_ns", 5. / 3);
	add_metric(point, "net_ns", net / 3);
}

static inline void add_storm(struct loaded_run *run, const struct made_up *place, const char *frames, double ns)
{
	if (ns > 0)
		add_metric(add_point(run, place, "fault-storm",
				   json_pack("{s:s, s:s, s:s, s:i}", "kind", "anon-write", "frames", frames, "as",
					   "threads", "actors", 1)),
			"fault_ns", ns);
}

static inline void add_place(struct loaded_run *run, const struct made_up *place)
{
	for (int eighth = 0; eighth <= 8 * 13; eighth++)
		add_access(run, place, (uint64_t)(8 * exp2(eighth / 8.)));
	add_storm(run, place, "recycled", place->fault_ns);
	add_storm(run, place, "fresh", place->fresh_ns);
	if (place->warm_ns > 0) {
		json_t *point = add_point(run, place, "vcpu-fault",
			json_pack("{s:s, s:s, s:s}", "kind", "guest-warm", "flush", "none", "order", "shuffled"));

		add_metric(point, "fault_ns", place->warm_ns);
		if (place->interpreted)
			json_object_set_new(point, "interpreted", json_true());
	}
}

static inline void make_run(struct loaded_run *run, const struct made_up *const *places)
{
	load(RUNS "joined", run);
	json_array_clear(run->points);
	for (; *places; places++)
		add_place(run, *places);
}

/* A run of these places and nothing else. */
#define MAKE(run, ...) make_run(run, (const struct made_up *const[]){ __VA_ARGS__, NULL })

/* A word of the table's line that begins with `begin`, counted from 0; the caller frees. NULL: there is no such line. */
static inline char *cell(const char *name, const char *begin, int word)
{
	char *table = read_file(name), *line, *found = NULL;

	for (line = table; line && !found; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, begin, strlen(begin)))
			continue;
		for (; word > 0; word--)
			line += strcspn(line, "\t") + 1;
		found = strndup(line, strcspn(line, "\t\n"));
	}
	free(table);
	return found;
}

static inline double number(const char *name, const char *begin, int word)
{
	char *text = cell(name, begin, word);
	double value;

	if (!text)
		fail_msg("no line %s in %s", begin, name);
	value = strcmp(text, "NA") ? strtod(text, NULL) : NAN;
	free(text);
	return value;
}

static inline void assert_near(double a, double b)
{
	if (!(fabs(a - b) < 1e-3 * fabs(b)))
		fail_msg("%g is not %g", a, b);
}

static inline void assert_says(const char *name, const char *text, bool says)
{
	char *file = read_file(name);

	if (!file)
		fail_msg("there is no %s", name);
	if (!strstr(file, text) == says)
		fail_msg("%s %s: %s", name, says ? "does not say" : "says", text);
	free(file);
}

static inline void assert_no_file(const char *name)
{
	char *file = read_file(name);

	assert_null(file);
}

#endif
