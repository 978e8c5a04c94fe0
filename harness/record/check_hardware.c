/* Checking hardware counters in results: null needs a reason, medians need samples, and counts are not negative. */
#include "record/check_point.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A metric that is a difference of counts may be this much below zero per access, where walks were under way when it
 * was read. counters/judge.c accepts no more than that.
 */
#define BELOW_ZERO_MOST 0.01

/* Numbers are written with a limited number of digits. */
#define ROUNDING 1e-4

static const struct expected_key unknown_keys[] = {
	{ "median", KIND_NULL },
	{ "lo", KIND_NULL },
	{ "hi", KIND_NULL },
	{ "unit", KIND_STRING },
	{ "reason", KIND_STRING },
};

static const struct expected_key known_keys[] = {
	{ "median", KIND_NUMBER },
	{ "lo", KIND_NUMBER | KIND_NULL },
	{ "hi", KIND_NUMBER | KIND_NULL },
	{ "unit", KIND_STRING },
	{ "samples", KIND_INTEGER },
	{ "scaled", KIND_BOOLEAN },
};

static const struct expected_key setting_keys[] = {
	{ "available", KIND_ARRAY },
	{ "unavailable", KIND_OBJECT },
	{ "rdpmc", KIND_BOOLEAN },
	{ "groups", KIND_INTEGER },
};

/*
 * Check a metric's samples: there is a number or null for each round, as many numbers as the metric says, and their
 * median is the metric's.
 */
static void check_counted_samples(
	struct checking *c, const char *name, const json_t *metric, const json_t *samples, size_t rounds)
{
	double median = json_number_value(json_object_get(metric, "median")), middle, scale;
	size_t count = json_array_size(samples), numbers = 0, i;
	double *known = calloc(count + 1, sizeof(*known));
	json_t *sample;

	if (!known)
		return;
	if (!json_is_array(samples) || count != rounds) {
		finding(c, FINDING_PROBLEM, "hardware_samples %s: %zu, but %zu rounds", name, count, rounds);
		goto out;
	}
	json_array_foreach (samples, i, sample) {
		if (json_is_number(sample))
			known[numbers++] = json_number_value(sample);
		else if (!json_is_null(sample))
			finding(c, FINDING_PROBLEM, "hardware_samples %s: number %zu is not a number or null", name,
				i + 1);
	}
	if ((json_int_t)numbers != json_integer_value(json_object_get(metric, "samples"))) {
		finding(c, FINDING_PROBLEM, "hardware %s: another number of samples than the %zu it has", name,
			numbers);
		goto out;
	}
	if (!numbers) {
		finding(c, FINDING_PROBLEM, "hardware %s: a median of no samples", name);
		goto out;
	}
	gsl_sort(known, 1, numbers);
	middle = (known[(numbers - 1) / 2] + known[numbers / 2]) / 2;
	scale = fmax(fabs(known[0]), fabs(known[numbers - 1])) * ROUNDING;
	if (fabs(middle - median) > scale)
		finding(c, FINDING_PROBLEM, "hardware %s: median %g, but its samples' is %g", name, median, middle);
	if (known[0] < -BELOW_ZERO_MOST)
		finding(c, FINDING_PROBLEM, "hardware %s: %g is negative", name, known[0]);
out:
	free(known);
}

static void check_known(struct checking *c, const char *name, const json_t *metric, const json_t *point)
{
	const json_t *rounds = json_object_get(json_object_get(point, "samples"), "round");

	if (!check_keys(c, metric, name, known_keys, COUNT(known_keys)))
		return;
	/* One sample has no interval. */
	if (!json_is_null(json_object_get(metric, "lo")) || !json_is_null(json_object_get(metric, "hi")))
		check_metric(c, name, metric);
	else if (json_integer_value(json_object_get(metric, "samples")) != 1)
		finding(c, FINDING_PROBLEM, "hardware %s: no interval, but more than one sample", name);
	check_counted_samples(c, name, metric, json_object_get(json_object_get(point, "hardware_samples"), name),
		json_array_size(rounds));
}

void check_hardware(struct checking *c, const json_t *point)
{
	const json_t *hardware = json_object_get(point, "hardware");
	const char *name;
	json_t *metric;

	if (!hardware)
		return;
	if (json_is_null(hardware)) {
		if (!json_is_string(json_object_get(point, "hardware_reason")))
			finding(c, FINDING_PROBLEM, "hardware is null without a hardware_reason beside it");
		return;
	}
	if (!json_is_object(hardware)) {
		finding(c, FINDING_PROBLEM, "hardware is neither an object nor null");
		return;
	}
	json_object_foreach ((json_t *)hardware, name, metric) {
		if (!json_is_object(metric))
			finding(c, FINDING_PROBLEM, "hardware %s is not an object", name);
		else if (json_is_null(json_object_get(metric, "median")))
			check_keys(c, metric, name, unknown_keys, COUNT(unknown_keys));
		else
			check_known(c, name, metric, point);
	}
}

static void check_setting(struct checking *c, const char *setting, const json_t *counters)
{
	const json_t *available = json_object_get(counters, "available");
	char within[64];
	const char *name;
	json_t *reason;

	snprintf(within, sizeof(within), "counters.%s", setting);
	if (!check_keys(c, counters, within, setting_keys, COUNT(setting_keys)))
		return;
	if (!json_array_size(available) && !json_is_string(json_object_get(counters, "reason")))
		finding(c, FINDING_PROBLEM, "%s: nothing is counted, without a reason", within);
	json_object_foreach (json_object_get(counters, "unavailable"), name, reason) {
		if (!json_is_string(reason))
			finding(c, FINDING_PROBLEM, "%s.unavailable.%s is not a reason", within, name);
	}
}

void check_counters(struct checking *c, const json_t *about)
{
	const json_t *counters = json_object_get(about, "counters");
	const char *key;
	json_t *value;

	/* Runs of older versions have no counters. */
	if (!counters)
		return;
	if (!json_is_object(counters)) {
		finding(c, FINDING_PROBLEM, "counters is not an object");
		return;
	}
	json_object_foreach ((json_t *)counters, key, value) {
		if (json_is_object(value))
			check_setting(c, key, value);
	}
	if (json_is_null(json_object_get(counters, "microarchitecture")) &&
		!json_is_string(json_object_get(counters, "microarchitecture_reason")))
		finding(c, FINDING_PROBLEM, "counters.microarchitecture is null without a reason beside it");
}
