#include "measure/steps.h"

#include "measure/curve.h"
#include "measure/stats.h"
#include "measure/steps_judge.h"
#include "measure/steps_law.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A level ends a sweep's evidence when the sweep goes on this many times further without another step. */
#define FAR_BEYOND 4.0
/* The largest TLB published so far holds 4096 pages of a size (Zen 5): who misses four times that many, walks. */
#define MORE_THAN_ANY_TLB 16384.0
/* Thousandths of a cycle or of a ns: finer than any clock here tells, and easy to read. */
#define PER_UNIT 1000.0
/* Of what a stride should divide a level's reach by, for the level to count as divided: entries are told to 15 %. */
#define DIVIDED 0.6

static void set_number(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isfinite(value) ? json_real(round(value * PER_UNIT) / PER_UNIT) : json_null());
}

static void set_count(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isfinite(value) ? json_integer((json_int_t)llround(value)) : json_null());
}

/* "KEY", "KEY_lo", "KEY_hi". */
static void set_interval(json_t *object, const char *key, struct interval value)
{
	char name[64];

	set_number(object, key, value.median);
	snprintf(name, sizeof(name), "%s_lo", key);
	set_number(object, name, value.lo);
	snprintf(name, sizeof(name), "%s_hi", key);
	set_number(object, name, value.hi);
}

static void add_reason(json_t *array, const struct curve *curve, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An entry that says why something about a curve is not known. */
static void add_reason(json_t *array, const struct curve *curve, const char *format, ...)
{
	json_t *entry = curve_identity(curve);
	char reason[400];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	json_object_set_new(entry, "reason", json_string(reason));
	json_array_append_new(array, entry);
}

static json_t *level_json(const struct judged_curve *judged, const struct judged_step *step, int number)
{
	json_t *level = curve_identity(judged->curve);
	const struct capacity *capacity = &step->capacity;

	json_object_set_new(level, "level", json_integer(number));
	set_count(level, "entries", capacity->entries);
	set_count(level, "entries_lo", floor(capacity->lo));
	set_count(level, "entries_hi", ceil(capacity->hi));
	set_interval(level, "added_cycles", step->added_cycles);
	set_interval(level, "added_ns", step->added_ns);
	json_object_set_new(level, "law", json_string(law_name(capacity->law)));
	set_number(level, "law_misfit", capacity->misfit);
	set_count(level, "clean_pages", capacity->read.clean);
	set_count(level, "half_pages", capacity->read.half);
	set_count(level, "saturated_pages", capacity->read.saturated);
	set_number(level, "noise_cycles", step->floor.plateau);
	json_object_set_new(level, "confirmed", json_boolean(step->confirmed));
	return level;
}

static double sweep_end(const struct curve *curve)
{
	const struct curve_series *sweep = &curve->pass[CURVE_SWEEP];

	return sweep->count ? sweep->at[sweep->count - 1].pages : NAN;
}

/*
 * Whether what lies beyond the last level can only be walks, and not hits in a level that the sweep did not reach: dearer
 * than any hit, or so many pages that no TLB holds them. That the cost was seen to grow is not enough: a few noisy points
 * at the end of a short sweep grow, too.
 */
static bool is_walk_plateau(const struct judged_curve *judged, const struct judged_step *last, int levels)
{
	double end = sweep_end(judged->curve);

	if (last->step.upper - last->step.lower > DEAR_CYCLES)
		return true;
	return end >= MORE_THAN_ANY_TLB || (levels > 1 && end >= FAR_BEYOND * last->capacity.read.saturated);
}

static void add_walk(json_t *walks, const struct judged_curve *judged, const struct judged_step *last)
{
	const struct curve_series *sweep = &judged->curve->pass[CURVE_SWEEP];
	json_t *walk = curve_identity(judged->curve);

	set_interval(walk, "cycles", last->net_cycles);
	set_interval(walk, "ns", last->net_ns);
	set_count(walk, "pages_from", last->capacity.read.saturated);
	set_count(walk, "pages_to", last->plateau_to);
	json_object_set_new(walk, "grows", json_boolean(judged->walks_grow));
	set_count(walk, "last_pages", sweep_end(judged->curve));
	set_number(walk, "last_cycles", sweep->at[sweep->count - 1].net);
	set_number(walk, "last_ns", sweep->at[sweep->count - 1].net_ns);
	json_array_append_new(walks, walk);
}

static void add_rejected(json_t *rejected, const struct judged_curve *judged, const struct judged_step *step)
{
	json_t *entry;

	add_reason(rejected, judged->curve, "%s", step->reason);
	entry = json_array_get(rejected, json_array_size(rejected) - 1);
	set_count(entry, "pages_from", step->step.onset);
	set_count(entry, "pages_to", step->step.saturation);
	set_number(entry, "effect_cycles", step->step.upper - step->step.lower);
	set_number(entry, "noise_cycles", step->floor.plateau);
}

/* What stays open about a curve: nothing measured, no step, or an end before the next level could show. */
static void add_unresolved(
	json_t *unresolved, const struct judged_curve *judged, const struct judged_step *last, int levels)
{
	const struct curve *curve = judged->curve;
	size_t points = curve->pass[CURVE_SWEEP].count;
	const char *reason = json_string_value(json_object_get(curve->first, "reason"));
	bool open = false;

	if (!points) {
		add_reason(unresolved, curve, "not measured: %s", reason ? reason : "no point has samples");
		return;
	}
	if (points < CURVE_LEAST_POINTS) {
		add_reason(unresolved, curve, "too few points: %zu numbers of pages measured, %d are needed", points,
			CURVE_LEAST_POINTS);
		return;
	}
	for (size_t i = 0; i < judged->count; i++)
		if (judged->step[i].verdict == STEP_UNRESOLVED) {
			add_reason(unresolved, curve, "%s", judged->step[i].reason);
			open = true;
		}
	if (!levels && !open)
		add_reason(unresolved, curve,
			"no step between %.0f and %.0f pages that is above the noise floor of %.2f cycles and persists",
			curve->pass[CURVE_SWEEP].at[0].pages, sweep_end(curve), judged->floor.most);
	else if (levels && !open && !is_walk_plateau(judged, last, levels))
		add_reason(unresolved, curve,
			"the sweep ends at %.0f pages: whether what follows level %d is a further level or walks does not show",
			sweep_end(curve), levels);
}

static void add_noise(json_t *noise, const struct judged_curve *judged)
{
	json_t *entry = curve_identity(judged->curve);

	set_number(entry, "null_cycles", judged->floor.median);
	set_number(entry, "null_cycles_p95", judged->floor.most);
	set_count(entry, "comparisons", (double)judged->floor.comparisons);
	json_array_append_new(noise, entry);
}

static void report(json_t *result, const struct judged_curve *judged)
{
	json_t *unresolved = json_object_get(result, "unresolved");
	const struct judged_step *last = NULL;
	int levels = 0;

	for (size_t i = 0; i < judged->count; i++) {
		const struct judged_step *step = &judged->step[i];

		if (step->verdict == STEP_REJECTED)
			add_rejected(json_object_get(result, "rejected"), judged, step);
		if (step->verdict != STEP_LEVEL)
			continue;
		json_array_append_new(json_object_get(result, "levels"), level_json(judged, step, ++levels));
		if (!step->confirmed)
			add_reason(unresolved, judged->curve,
				"level %d at about %.0f pages is not confirmed: no independent pass around it", levels,
				step->capacity.entries);
		last = step;
	}
	add_unresolved(unresolved, judged, last, levels);
	if (last && is_walk_plateau(judged, last, levels))
		add_walk(json_object_get(result, "walks"), judged, last);
	add_noise(json_object_get(result, "noise"), judged);
}

static double count_of(const json_t *level, const char *key)
{
	return json_number_value(json_object_get(level, key));
}

/* Whether two levels are the same one of the same curve but for the stride. */
static bool same_level(const json_t *a, const json_t *b)
{
	json_t *value;
	const char *key;

	static const char *const own[] = { "stride_pages", "entries", "entries_lo", "entries_hi" };

	if (count_of(a, "level") != count_of(b, "level"))
		return false;
	json_object_foreach ((json_t *)a, key, value) {
		bool skip = !strcmp(key, "law") || json_is_real(value) || json_is_boolean(value) ||
			    json_is_null(value) || strstr(key, "_pages") || !strcmp(key, "note");

		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && !skip; i++)
			skip = !strcmp(key, own[i]);
		if (!skip && !json_equal(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

/* Whether level 1 of the curve `level` belongs to holds fewer pages at the stride too: then entries must be coalesced. */
static bool first_level_divided(const json_t *levels, const json_t *level, double stride)
{
	const json_t *one, *other;
	size_t i, k;
	double most = 0;

	json_array_foreach (levels, i, one)
		json_array_foreach (levels, k, other)
			if (count_of(one, "level") == 1 && count_of(other, "level") == 1 &&
				count_of(one, "stride_pages") == 1 && count_of(other, "stride_pages") == stride &&
				same_level(one, other) &&
				json_equal(json_object_get(one, "setting"), json_object_get(level, "setting")) &&
				json_equal(json_object_get(one, "page_size_bytes"),
					json_object_get(level, "page_size_bytes")))
				most = fmax(most, count_of(one, "entries") / count_of(other, "entries"));
	return most >= DIVIDED * stride;
}

/* Compare strides: a level that holds so much less at a stride tells how its entries or its sets are used. */
static void add_notes(json_t *levels)
{
	json_t *one, *other;
	size_t i, k;

	json_array_foreach (levels, i, one)
		json_array_foreach (levels, k, other) {
			double stride = count_of(other, "stride_pages"), ratio;
			char note[320];

			if (count_of(one, "stride_pages") != 1 || stride <= 1 || !same_level(one, other))
				continue;
			ratio = count_of(one, "entries") / count_of(other, "entries");
			if (!(ratio >= DIVIDED * stride))
				continue;
			if (count_of(one, "level") == 1)
				snprintf(note, sizeof(note),
					"coalescing: holds %.1f times more neighbouring pages than pages %.0f apart, so an entry covers several neighbouring pages",
					ratio, stride);
			else
				snprintf(note, sizeof(note),
					"holds %.1f times more neighbouring pages than pages %.0f apart: %s", ratio,
					stride,
					first_level_divided(levels, one, stride)
						? "coalescing, as in level 1, or a stride using fewer of its sets"
						: "a stride uses fewer of its sets (level 1 shows no coalescing)");
			json_object_set_new(one, "note", json_string(note));
			json_object_set_new(other, "note", json_string(note));
		}
}

json_t *steps_infer(const json_t *points, uint64_t seed)
{
	struct law_table *laws = malloc(sizeof(*laws));
	struct judged_curve *judged = malloc(sizeof(*judged));
	struct curve_set set = { 0 };
	json_t *result = NULL;
	int error;

	if (!laws || !judged || curves_make(points, &set))
		goto out;
	law_table_make(laws);
	result = json_pack("{s:[],s:[],s:[],s:[],s:[]}", "levels", "walks", "rejected", "unresolved", "noise");
	for (size_t i = 0; i < set.count && result; i++) {
		error = curve_judge(&set.curve[i], laws, stats_seed(seed, i), judged);
		if (error) {
			json_decref(result);
			result = NULL;
			break;
		}
		report(result, judged);
	}
	if (result)
		add_notes(json_object_get(result, "levels"));
out:
	curves_free(&set);
	free(judged);
	free(laws);
	return result;
}
