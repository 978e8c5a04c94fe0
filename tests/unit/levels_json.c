#include "levels_json.h"

#include "base/vocabulary.h"
#include "infer/levels.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 4096 /* of one point; no effort takes a tenth of it, and a file that claims more is not a run */

/* What names a curve beside its params. */
static const char *const names[] = { "bench", "setting", "paging", "outer" };

/* Curves by order of appearance until they are sorted: curve[i].id is an index into first[]. */
struct point_curves {
	struct curve *curve;
	const json_t **first; /* the first point of each curve, by id; borrowed */
	size_t count;
};

static double number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* Whether all params but `pages` and `except` (unless NULL) are equal. */
static bool same_params(const json_t *a, const json_t *b, const char *except)
{
	json_t *value;
	const char *key;

	json_object_foreach ((json_t *)a, key, value)
		if (strcmp(key, "pages") && (!except || strcmp(key, except)) &&
			!json_equal(value, json_object_get(b, key)))
			return false;
	return true;
}

static bool same_curve(const json_t *a, const json_t *b, const char *except)
{
	const json_t *left = json_object_get(a, "params"), *right = json_object_get(b, "params");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text_of(a, names[i]), text_of(b, names[i])))
			return false;
	return same_params(left, right, except) && same_params(right, left, except);
}

static struct curve curve_named(const struct point_curves *curves, const json_t *point)
{
	const json_t *params = json_object_get(point, "params");
	double stride = number_of(params, "stride_pages"), bytes = number_of(params, "page_size_bytes");
	int setting = setting_find(text_of(point, "setting"));
	struct curve curve = {
		.id = curves->count,
		.family = curves->count,
		.setting = setting < 0 ? SETTING_COUNT : setting,
		.backing = text_of(params, "backing"),
		.page_bytes = bytes >= 1 && bytes < 0x1p62 ? (uint64_t)bytes : 0,
		.stride = stride >= 1 && stride < 0x1p62 ? (uint64_t)stride : 1,
		.reason = json_string_value(json_object_get(point, "reason")),
	};

	for (size_t i = 0; i < curves->count; i++)
		if (same_curve(curves->first[i], point, "stride_pages")) {
			curve.family = curves->curve[i].family;
			break;
		}
	return curve;
}

/* The curve a point belongs to, made where it is not there yet. NULL: no memory. */
static struct curve *curve_of(struct point_curves *curves, const json_t *point)
{
	struct curve *more;
	const json_t **firsts;

	for (size_t i = 0; i < curves->count; i++)
		if (same_curve(curves->first[i], point, NULL))
			return &curves->curve[i];
	more = reallocarray(curves->curve, curves->count + 1, sizeof(*more));
	if (!more)
		return NULL;
	curves->curve = more;
	firsts = reallocarray(curves->first, curves->count + 1, sizeof(*firsts));
	if (!firsts)
		return NULL;
	curves->first = firsts;
	firsts[curves->count] = point;
	more[curves->count] = curve_named(curves, point);
	return &more[curves->count++];
}

static double sample_at(const json_t *samples, const char *key, size_t i)
{
	const json_t *value = json_array_get(json_object_get(samples, key), i);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A sample that is marked as contaminated is left out. */
static int add_sample(struct curve *curve, enum curve_pass pass, double pages, const json_t *samples, size_t i)
{
	const json_t *contaminated = json_array_get(json_object_get(samples, "contaminated"), i);
	struct curve_sample sample = {
		.gross = sample_at(samples, "gross_cycles", i),
		.baseline = sample_at(samples, "baseline_cycles", i),
		.net = sample_at(samples, "net_cycles", i),
		.net_ns = sample_at(samples, "net_ns", i),
		.round = sample_at(samples, "round", i),
	};

	if (!isfinite(sample.round))
		sample.round = (double)i;
	if (json_is_true(contaminated) || json_number_value(contaminated) != 0)
		return 0;
	return curve_add(curve, pass, pages, &sample);
}

static double median_of(const json_t *metrics, const char *key)
{
	return number_of(json_object_get(metrics, key), "median");
}

/* A point whose samples were not kept still has its medians: one sample, whose spread is not known. */
static int add_medians(struct curve *curve, enum curve_pass pass, double pages, const json_t *metrics)
{
	struct curve_sample sample = {
		.gross = median_of(metrics, "gross_cycles"),
		.baseline = median_of(metrics, "baseline_cycles"),
		.net = median_of(metrics, "net_cycles"),
		.net_ns = median_of(metrics, "net_ns"),
	};

	return curve_add(curve, pass, pages, &sample);
}

static int add_samples(struct curve *curve, const json_t *point)
{
	const json_t *samples = json_object_get(point, "samples");
	enum curve_pass pass = strcmp(text_of(point, "pass"), "refine") ? CURVE_SWEEP : CURVE_REFINE;
	double pages = number_of(json_object_get(point, "params"), "pages");
	size_t size = json_array_size(json_object_get(samples, "net_cycles"));
	int error = 0;

	if (!size)
		size = json_array_size(json_object_get(samples, "gross_cycles"));
	if (!size)
		return add_medians(curve, pass, pages, json_object_get(point, "metrics"));
	for (size_t i = 0; i < size && i < SAMPLES_MAX && !error; i++)
		error = add_sample(curve, pass, pages, samples, i);
	return error;
}

/*
 * Whether a point is one of cost against the number of pages, or says why such a curve was not measured. Pages a distance
 * apart are another question (how deep walks go), whose steps are no TLB levels.
 */
static bool is_of_curve(const json_t *params)
{
	/* Other benches take so many pages away, and say of what size in words: only a sweep of a page size has levels. */
	if (json_object_get(params, "distance_bytes") || !json_object_get(params, "page_size_bytes"))
		return false;
	return json_object_get(params, "pages") || json_object_get(params, "stride_pages");
}

static int add_point(struct point_curves *curves, const json_t *point)
{
	double pages = number_of(json_object_get(point, "params"), "pages");
	bool ok = !strcmp(text_of(point, "status"), "ok");
	struct curve *curve;

	/* A group that could not be measured is one point without `pages`: a curve with no points, but a reason. */
	if (!is_of_curve(json_object_get(point, "params")) || (ok && !isfinite(pages)))
		return 0;
	if (isfinite(pages) && (!(pages >= 1 && pages < 0x1p53) || pages != floor(pages)))
		return 0;
	curve = curve_of(curves, point);
	if (!curve)
		return -ENOMEM;
	return ok ? add_samples(curve, point) : 0;
}

static void curves_free(struct point_curves *curves)
{
	for (size_t i = 0; i < curves->count; i++)
		curve_free(&curves->curve[i]);
	free(curves->curve);
	free(curves->first);
}

/* 0, or -ENOMEM. curves_free() is due in any case, before the points go. */
static int curves_make(const json_t *points, struct point_curves *out)
{
	const json_t *point;
	size_t index;
	int error = 0;

	*out = (struct point_curves){ 0 };
	json_array_foreach (points, index, point) {
		error = add_point(out, point);
		if (error)
			return error;
	}
	for (size_t i = 0; i < out->count && !error; i++)
		error = curve_finish(&out->curve[i]);
	if (out->count)
		qsort(out->curve, out->count, sizeof(*out->curve), curve_compare);
	return error;
}

/* A new object with what names the curve: bench, setting, paging, outer and its params but `pages`. */
static json_t *identity(const struct point_curves *curves, size_t curve)
{
	const json_t *first = curves->first[curves->curve[curve].id];
	json_t *object = json_object(), *value;
	const char *key;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = json_object_get(first, names[i]);
		if (value)
			json_object_set(object, names[i], value);
	}
	json_object_foreach (json_object_get(first, "params"), key, value)
		if (strcmp(key, "pages"))
			json_object_set(object, key, value);
	return object;
}

static void set_number(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static void set_count(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, isfinite(value) ? json_integer((json_int_t)value) : json_null());
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

static void level_fill(json_t *object, const struct inferred_level *level)
{
	json_object_set_new(object, "level", json_integer(level->level));
	set_count(object, "entries", level->entries);
	set_count(object, "entries_lo", level->entries_lo);
	set_count(object, "entries_hi", level->entries_hi);
	set_interval(object, "added_cycles", level->added_cycles);
	set_interval(object, "added_ns", level->added_ns);
	json_object_set_new(object, "law", json_string(level->law));
	set_number(object, "law_misfit", level->law_misfit);
	set_count(object, "clean_pages", level->clean_pages);
	set_count(object, "half_pages", level->half_pages);
	set_count(object, "saturated_pages", level->saturated_pages);
	set_number(object, "noise_cycles", level->noise_cycles);
	json_object_set_new(object, "confirmed", json_boolean(level->confirmed));
	if (level->note[0])
		json_object_set_new(object, "note", json_string(level->note));
}

static void walk_fill(json_t *object, const struct inferred_walk *walk)
{
	set_interval(object, "cycles", walk->cycles);
	set_interval(object, "ns", walk->ns);
	set_count(object, "pages_from", walk->pages_from);
	set_count(object, "pages_to", walk->pages_to);
	json_object_set_new(object, "grows", json_boolean(walk->grows));
	set_count(object, "last_pages", walk->last_pages);
	set_number(object, "last_cycles", walk->last_cycles);
	set_number(object, "last_ns", walk->last_ns);
}

static void rejected_fill(json_t *object, const struct inferred_rejected *rejected)
{
	json_object_set_new(object, "reason", json_string(rejected->reason));
	set_count(object, "pages_from", rejected->pages_from);
	set_count(object, "pages_to", rejected->pages_to);
	set_number(object, "effect_cycles", rejected->effect_cycles);
	set_number(object, "noise_cycles", rejected->noise_cycles);
}

static void noise_fill(json_t *object, const struct inferred_noise *noise)
{
	set_number(object, "null_cycles", noise->null_cycles);
	set_number(object, "null_cycles_p95", noise->null_cycles_p95);
	set_count(object, "comparisons", (double)noise->comparisons);
}

/* A new element of a list that names its curve. NULL: no memory, which jansson's setters take. */
static json_t *element(json_t *result, const char *list, const struct point_curves *curves, size_t curve)
{
	json_t *object = identity(curves, curve);

	json_array_append_new(json_object_get(result, list), object);
	return object;
}

static json_t *told(const struct point_curves *curves, const struct inferred_levels *levels)
{
	json_t *result = json_pack("{s:[],s:[],s:[],s:[],s:[]}", "levels", "walks", "rejected", "unresolved", "noise");

	for (size_t i = 0; i < levels->levels; i++)
		level_fill(element(result, "levels", curves, levels->level[i].curve), &levels->level[i]);
	for (size_t i = 0; i < levels->walks; i++)
		walk_fill(element(result, "walks", curves, levels->walk[i].curve), &levels->walk[i]);
	for (size_t i = 0; i < levels->rejecteds; i++)
		rejected_fill(element(result, "rejected", curves, levels->rejected[i].curve), &levels->rejected[i]);
	for (size_t i = 0; i < levels->unresolveds; i++)
		json_object_set_new(element(result, "unresolved", curves, levels->unresolved[i].curve), "reason",
			json_string(levels->unresolved[i].reason));
	for (size_t i = 0; i < levels->noises; i++)
		noise_fill(element(result, "noise", curves, levels->noise[i].curve), &levels->noise[i]);
	return result;
}

json_t *levels_json_infer(const json_t *points, uint64_t seed)
{
	return levels_json_infer_known(points, seed, 0);
}

json_t *levels_json_infer_known(const json_t *points, uint64_t seed, double entries)
{
	struct point_curves curves;
	struct inferred_levels levels = { 0 };
	json_t *result = NULL;
	int error = curves_make(points, &curves);

	for (size_t i = 0; i < curves.count; i++)
		curves.curve[i].entries_known = entries;
	if (!error)
		error = levels_infer(curves.curve, curves.count, seed, &levels);
	if (!error)
		result = told(&curves, &levels);
	levels_free(&levels);
	curves_free(&curves);
	return result;
}

size_t levels_json_refine(const json_t *points, uint64_t *pages, size_t most)
{
	struct point_curves curves;
	size_t count = 0;

	if (!curves_make(points, &curves))
		count = levels_refine(curves.curve, curves.count, pages, most);
	curves_free(&curves);
	return count;
}
