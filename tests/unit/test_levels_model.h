/* Runs of the model machine (tests/model/tlb.h) as points of a run, for the tests of level inference. */
#ifndef NESTWALK_TEST_LEVELS_MODEL_H
#define NESTWALK_TEST_LEVELS_MODEL_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../model/tlb.h"
#include "levels_json.h"

static inline json_t *model_array_json(const double *x, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_real(x[i]));
	return array;
}

struct model_pass {
	const char *name; /* sweep or refine */
	const uint64_t *pages;
	size_t count, samples;
	const char *setting;
};

static inline json_t *model_point(
	const struct model *model, const struct model_pass *pass, uint64_t pages, uint64_t *random)
{
	double gross[64], baseline[64], net[64], ns[64], round[64];
	struct model_sample sample[64];

	model_samples(model, pages, sample, pass->samples, random);
	for (size_t i = 0; i < pass->samples; i++) {
		gross[i] = sample[i].gross;
		baseline[i] = sample[i].baseline;
		net[i] = gross[i] - baseline[i];
		ns[i] = net[i] / 4; /* a core of 4 GHz */
		round[i] = (double)i;
	}
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:{s:I, s:s, s:I, s:I}, s:s, s:n, s:{}, s:{s:o, s:o, s:o, s:o, s:o}}",
		"bench", "tlb-reach", "setting", pass->setting, "paging", "native", "outer", "bare-metal", "pass",
		pass->name, "params", "page_size_bytes", (json_int_t)4096, "backing", "4K", "stride_pages",
		(json_int_t)(model->stride ? model->stride : 1), "pages", (json_int_t)pages, "status", "ok", "reason",
		"metrics", "samples", "gross_cycles", model_array_json(gross, pass->samples), "baseline_cycles",
		model_array_json(baseline, pass->samples), "net_cycles", model_array_json(net, pass->samples), "net_ns",
		model_array_json(ns, pass->samples), "round", model_array_json(round, pass->samples));
}

static inline void model_measure(
	const struct model *model, const struct model_pass *pass, uint64_t seed, json_t *points)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (size_t i = 0; i < pass->count; i++)
		json_array_append_new(points, model_point(model, pass, pass->pages[i], &random));
}

#define QUIET .noise = 0.005
#define SAMPLES 6 /* a quick run's */
#define REFINE_MOST 48

/* A sweep, and where it shows steps a second pass, as `nestwalk run` makes them. */
static inline json_t *measured(const struct model *model, uint64_t last, uint64_t seed)
{
	uint64_t pages[MODEL_POINTS], refine[REFINE_MOST];
	struct model_pass pass = { "sweep", pages, model_ladder(8, last, pages), SAMPLES, "host" };
	json_t *points = json_array();

	model_measure(model, &pass, seed, points);
	pass = (struct model_pass){ "refine", refine, levels_json_refine(points, refine, REFINE_MOST), SAMPLES,
		"host" };
	model_measure(model, &pass, seed + 1000, points);
	return points;
}

static inline double value(const json_t *object, const char *key)
{
	const json_t *found = json_object_get(object, key);

	return json_is_number(found) ? json_number_value(found) : NAN;
}

static inline size_t size(const json_t *result, const char *key)
{
	return json_array_size(json_object_get(result, key));
}

static inline const json_t *entry(const json_t *result, const char *key, size_t i)
{
	return json_array_get(json_object_get(result, key), i);
}

/* Whether any entry of a list gives a reason with this text in it. */
static inline bool says(const json_t *result, const char *key, const char *text)
{
	for (size_t i = 0; i < size(result, key); i++)
		if (strstr(json_string_value(json_object_get(entry(result, key, i), "reason")), text))
			return true;
	return false;
}

#endif
