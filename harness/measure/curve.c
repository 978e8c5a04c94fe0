#include "measure/curve.h"

#include "base/vocabulary.h"
#include "measure/stats.h"

#include <errno.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The low order statistic: of each ten samples one may be implausibly fast (a clock calibration that was disturbed),
 * and with fewer than ten it is the least.
 */
#define LOW_PART 10
#define SAMPLES_MAX 4096 /* of one point; no effort takes a tenth of it, and a file that claims more is not a run */

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static double at(const json_t *samples, const char *key, size_t i)
{
	const json_t *value = json_array_get(json_object_get(samples, key), i);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* One sample; false where it is marked as contaminated or has no net cost. */
static bool sample_read(const json_t *samples, size_t i, struct curve_sample *out)
{
	const json_t *dirty = json_array_get(json_object_get(samples, "contaminated"), i);

	out->gross = at(samples, "gross_cycles", i);
	out->baseline = at(samples, "baseline_cycles", i);
	out->net = at(samples, "net_cycles", i);
	out->net_ns = at(samples, "net_ns", i);
	out->round = at(samples, "round", i);
	if (!isfinite(out->round))
		out->round = (double)i;
	if (!isfinite(out->net))
		out->net = out->gross - out->baseline;
	if (json_is_true(dirty) || json_number_value(dirty) != 0)
		return false;
	return isfinite(out->net);
}

/* A point whose samples were not kept still has its medians: one sample, whose spread is not known. */
static bool metrics_read(const json_t *metrics, struct curve_sample *out)
{
	out->gross = number(json_object_get(metrics, "gross_cycles"), "median");
	out->baseline = number(json_object_get(metrics, "baseline_cycles"), "median");
	out->net = number(json_object_get(metrics, "net_cycles"), "median");
	out->net_ns = number(json_object_get(metrics, "net_ns"), "median");
	out->round = 0;
	if (!isfinite(out->net))
		out->net = out->gross - out->baseline;
	return isfinite(out->net);
}

/* The samples of a JSON point in a new array; *count of them. NULL with *count 0 where there are none. */
static struct curve_sample *samples_read(const json_t *point, size_t *count, bool *no_memory)
{
	const json_t *samples = json_object_get(point, "samples");
	size_t size = json_array_size(json_object_get(samples, "net_cycles"));
	struct curve_sample *sample;

	*count = 0;
	if (!size)
		size = json_array_size(json_object_get(samples, "gross_cycles"));
	if (size > SAMPLES_MAX)
		size = SAMPLES_MAX;
	sample = malloc((size + 1) * sizeof(*sample));
	if (!sample) {
		*no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < size; i++)
		if (sample_read(samples, i, &sample[*count]))
			(*count)++;
	if (!size && metrics_read(json_object_get(point, "metrics"), &sample[0]))
		*count = 1;
	if (!*count) {
		free(sample);
		return NULL;
	}
	return sample;
}

/* Add samples to the point of that many pages, which is made where it is not there yet. Sorting comes later. */
static int series_add(struct curve_series *series, double pages, const struct curve_sample *sample, size_t count)
{
	struct curve_point *point = NULL;
	struct curve_sample *grown;

	for (size_t i = 0; i < series->count && !point; i++)
		if (series->at[i].pages == pages)
			point = &series->at[i];
	if (!point) {
		struct curve_point *more = realloc(series->at, (series->count + 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		series->at = more;
		point = &more[series->count++];
		*point = (struct curve_point){ .pages = pages, .log2_pages = log2(pages) };
	}
	grown = realloc(point->sample, (point->count + count) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memcpy(grown + point->count, sample, count * sizeof(*sample));
	point->sample = grown;
	point->count += count;
	return 0;
}

static int by_pages(const void *a, const void *b)
{
	const struct curve_point *left = a, *right = b;

	return (left->pages > right->pages) - (left->pages < right->pages);
}

/* Copy one reading of all samples of a point out of its structs. */
static void column(const struct curve_point *point, size_t offset, double *out)
{
	for (size_t i = 0; i < point->count; i++)
		memcpy(&out[i], (const char *)&point->sample[i] + offset, sizeof(double));
}

static int point_finish(struct curve_point *point)
{
	double *x = malloc(point->count * sizeof(*x));

	if (!x)
		return -ENOMEM;
	column(point, offsetof(struct curve_sample, gross), x);
	point->gross = stats_median(x, point->count);
	column(point, offsetof(struct curve_sample, baseline), x);
	point->baseline = stats_median(x, point->count);
	column(point, offsetof(struct curve_sample, net_ns), x);
	point->net_ns = stats_median(x, point->count);
	column(point, offsetof(struct curve_sample, net), x);
	point->net = stats_median(x, point->count);
	point->spread = stats_spread(x, point->count);
	point->low = curve_low(point, NULL);
	free(x);
	return 0;
}

static int series_finish(struct curve_series *series)
{
	int error = 0;

	if (series->count)
		qsort(series->at, series->count, sizeof(*series->at), by_pages);
	for (size_t i = 0; i < series->count && !error; i++)
		error = point_finish(&series->at[i]);
	return error;
}

/* The count-th order statistic of one reading over the drawn samples; NaN where too few have it. */
static double low_of(const struct curve_point *point, const unsigned *drawn, size_t offset)
{
	double least[SAMPLES_MAX / LOW_PART + 1];
	size_t kept = 0, total = 0, want;

	least[0] = NAN;
	for (size_t i = 0; i < point->count; i++)
		total += drawn ? drawn[i] : 1;
	want = total / LOW_PART < SAMPLES_MAX / LOW_PART ? total / LOW_PART + 1 : SAMPLES_MAX / LOW_PART;
	for (size_t i = 0; i < point->count; i++) {
		double value;

		memcpy(&value, (const char *)&point->sample[i] + offset, sizeof(value));
		if (!isfinite(value))
			continue;
		/* Insertion into the `want` least so far: `want` is 1 or 2 in practice. */
		for (unsigned times = drawn ? drawn[i] : 1; times; times--) {
			size_t slot = kept < want ? kept++ : want;

			for (; slot > 0 && least[slot - 1] > value; slot--)
				if (slot < want)
					least[slot] = least[slot - 1];
			if (slot < want)
				least[slot] = value;
		}
	}
	return kept == want && want ? least[want - 1] : NAN;
}

double curve_low(const struct curve_point *point, const unsigned *drawn)
{
	double gross = low_of(point, drawn, offsetof(struct curve_sample, gross));
	double baseline = low_of(point, drawn, offsetof(struct curve_sample, baseline));

	if (isfinite(gross) && isfinite(baseline))
		return gross - baseline;
	return low_of(point, drawn, offsetof(struct curve_sample, net));
}

/* Whether two points belong to one curve. */
static bool same_curve(const json_t *a, const json_t *b)
{
	static const char *const names[] = { "bench", "setting", "paging", "outer" };
	const json_t *left = json_object_get(a, "params"), *right = json_object_get(b, "params");
	json_t *value;
	const char *key;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text(a, names[i]), text(b, names[i])))
			return false;
	if (json_object_size(left) != json_object_size(right))
		return false;
	json_object_foreach ((json_t *)left, key, value) {
		if (!strcmp(key, "pages"))
			continue;
		if (!json_equal(value, json_object_get(right, key)))
			return false;
	}
	return true;
}

static struct curve *curve_of(struct curve_set *set, const json_t *point)
{
	const json_t *params = json_object_get(point, "params");
	double stride = number(params, "stride_pages"), bytes = number(params, "page_size_bytes");
	struct curve *more;

	for (size_t i = 0; i < set->count; i++)
		if (same_curve(set->curve[i].first, point))
			return &set->curve[i];
	more = realloc(set->curve, (set->count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	set->curve = more;
	more += set->count++;
	*more = (struct curve){
		.first = point,
		.page_bytes = bytes >= 1 && bytes < 0x1p62 ? (uint64_t)bytes : 0,
		.stride = stride >= 1 && stride < 0x1p62 ? (uint64_t)stride : 1,
	};
	return more;
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

static int point_add(struct curve_set *set, const json_t *point)
{
	double pages = number(json_object_get(point, "params"), "pages");
	bool ok = !strcmp(text(point, "status"), "ok"), no_memory = false;
	enum curve_pass pass = strcmp(text(point, "pass"), "refine") ? CURVE_SWEEP : CURVE_REFINE;
	struct curve_sample *sample = NULL;
	struct curve *curve;
	size_t count = 0;
	int error = 0;

	/* A group that could not be measured is one point without `pages`: a curve with no points, but a reason. */
	if (!is_of_curve(json_object_get(point, "params")) || (ok && !isfinite(pages)))
		return 0;
	if (isfinite(pages) && (!(pages >= 1 && pages < 0x1p53) || pages != floor(pages)))
		return 0;
	curve = curve_of(set, point);
	if (!curve)
		return -ENOMEM;
	if (ok)
		sample = samples_read(point, &count, &no_memory);
	if (no_memory)
		return -ENOMEM;
	if (!sample) {
		curve->without_samples++;
		return 0;
	}
	error = series_add(&curve->pass[pass], pages, sample, count);
	if (!error)
		error = series_add(&curve->pass[CURVE_BOTH], pages, sample, count);
	free(sample);
	return error;
}

/* Where a setting stands in tables: the host first, since all others are compared with it. */
static int setting_rank(const struct curve *curve)
{
	int setting = setting_find(text(curve->first, "setting"));

	return setting < 0 ? SETTING_COUNT : setting;
}

static bool comes_before(const struct curve *a, const struct curve *b)
{
	const json_t *left = json_object_get(a->first, "params"), *right = json_object_get(b->first, "params");
	int order = setting_rank(a) - setting_rank(b);

	if (order)
		return order < 0;
	if (a->page_bytes != b->page_bytes)
		return a->page_bytes < b->page_bytes;
	order = strcmp(text(left, "backing"), text(right, "backing"));
	if (order)
		return order < 0;
	return a->stride < b->stride;
}

/* Insertion sort: stable, and there are a dozen curves. */
static void curves_sort(struct curve_set *set)
{
	for (size_t i = 1; i < set->count; i++) {
		struct curve moved = set->curve[i];
		size_t slot = i;

		for (; slot && comes_before(&moved, &set->curve[slot - 1]); slot--)
			set->curve[slot] = set->curve[slot - 1];
		set->curve[slot] = moved;
	}
}

int curves_make(const json_t *points, struct curve_set *out)
{
	const json_t *point;
	size_t index;
	int error = 0;

	*out = (struct curve_set){ 0 };
	json_array_foreach (points, index, point) {
		error = point_add(out, point);
		if (error)
			goto out;
	}
	for (size_t i = 0; i < out->count && !error; i++)
		for (int pass = 0; pass < CURVE_PASSES && !error; pass++)
			error = series_finish(&out->curve[i].pass[pass]);
	curves_sort(out);
out:
	if (error)
		curves_free(out);
	return error;
}

void curves_free(struct curve_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		for (int pass = 0; pass < CURVE_PASSES; pass++) {
			struct curve_series *series = &set->curve[i].pass[pass];

			for (size_t k = 0; k < series->count; k++)
				free(series->at[k].sample);
			free(series->at);
		}
	free(set->curve);
	*set = (struct curve_set){ 0 };
}

json_t *curve_identity(const struct curve *curve)
{
	static const char *const names[] = { "bench", "setting", "paging", "outer" };
	json_t *identity = json_object(), *value;
	const char *key;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = json_object_get(curve->first, names[i]);
		if (value)
			json_object_set(identity, names[i], value);
	}
	json_object_foreach (json_object_get(curve->first, "params"), key, value) {
		if (strcmp(key, "pages"))
			json_object_set(identity, key, value);
	}
	return identity;
}
