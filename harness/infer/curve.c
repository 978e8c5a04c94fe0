#include "infer/curve.h"

#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element in an array that doubles whenever its count reaches a power of two. NULL: no memory. */
static void *grown(void *array, size_t count, size_t bytes)
{
	return count & (count - 1) ? array : reallocarray(array, count ? 2 * count : 1, bytes);
}

/* The last point if it is of that many pages, otherwise a new one. Points of equal pages are joined later. */
static struct curve_point *series_point(struct curve_series *series, double pages)
{
	struct curve_point *more;

	if (series->count && series->at[series->count - 1].pages == pages)
		return &series->at[series->count - 1];
	more = grown(series->at, series->count, sizeof(*more));
	if (!more)
		return NULL;
	series->at = more;
	more += series->count;
	*more = (struct curve_point){ .pages = pages, .log2_pages = log2(pages), .order = series->count++ };
	return more;
}

static int point_add(struct curve_point *point, const struct curve_sample *sample)
{
	struct curve_sample *more = grown(point->sample, point->count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	point->sample = more;
	point->sample[point->count++] = *sample;
	return 0;
}

static int series_add(struct curve_series *series, double pages, const struct curve_sample *sample)
{
	struct curve_point *point = series_point(series, pages);

	return point ? point_add(point, sample) : -ENOMEM;
}

int curve_add(struct curve *curve, enum curve_pass pass, double pages, const struct curve_sample *sample)
{
	struct curve_sample added = *sample;

	if (!isfinite(added.net))
		added.net = added.gross - added.baseline;
	if (!isfinite(added.net) || !(pages >= 1 && pages < 0x1p53) || pages != floor(pages))
		return 0;
	return series_add(&curve->pass[pass], pages, &added);
}

static int by_pages(const void *a, const void *b)
{
	const struct curve_point *left = a, *right = b;

	if (left->pages != right->pages)
		return left->pages < right->pages ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

/* Sort the points, and join those of equal pages. */
static int series_sort(struct curve_series *series)
{
	size_t kept = 0;
	int error = 0;

	if (series->count)
		qsort(series->at, series->count, sizeof(*series->at), by_pages);
	for (size_t i = 1; i < series->count; i++) {
		struct curve_point *point = &series->at[i];

		if (point->pages != series->at[kept].pages) {
			series->at[++kept] = *point;
			continue;
		}
		for (size_t k = 0; k < point->count && !error; k++)
			error = point_add(&series->at[kept], &point->sample[k]);
		free(point->sample);
	}
	series->count = series->count ? kept + 1 : 0;
	return error;
}

void curve_column(const struct curve_point *point, size_t offset, double *out)
{
	for (size_t i = 0; i < point->count; i++)
		memcpy(&out[i], (const char *)&point->sample[i] + offset, sizeof(double));
}

/* The least of n values; NaN where none is finite. */
static double least_of(const double *x, size_t n)
{
	double least = NAN;

	for (size_t i = 0; i < n; i++)
		least = fmin(least, x[i]); /* which leaves out a NaN */
	return least;
}

static int point_finish(struct curve_point *point)
{
	double *x = malloc(point->count * sizeof(*x));

	if (!x)
		return -ENOMEM;
	curve_column(point, offsetof(struct curve_sample, gross), x);
	point->gross = statistics_median(x, point->count);
	point->low = least_of(x, point->count);
	curve_column(point, offsetof(struct curve_sample, baseline), x);
	point->baseline = statistics_median(x, point->count);
	point->low -= least_of(x, point->count);
	curve_column(point, offsetof(struct curve_sample, net_ns), x);
	point->net_ns = statistics_median(x, point->count);
	curve_column(point, offsetof(struct curve_sample, net), x);
	point->net = statistics_median(x, point->count);
	point->spread = statistics_spread(x, point->count);
	if (!isfinite(point->low))
		point->low = least_of(x, point->count);
	if (!(TUNED(least_disturbed, 1) > 0))
		point->low = point->net;
	free(x);
	return 0;
}

int curve_finish(struct curve *curve)
{
	int error = 0;

	for (int pass = CURVE_SWEEP; pass <= CURVE_REFINE; pass++)
		for (size_t i = 0; i < curve->pass[pass].count; i++) {
			const struct curve_point *point = &curve->pass[pass].at[i];

			for (size_t k = 0; k < point->count && !error; k++)
				error = series_add(&curve->pass[CURVE_BOTH], point->pages, &point->sample[k]);
		}
	for (int pass = 0; pass < CURVE_PASSES && !error; pass++) {
		struct curve_series *series = &curve->pass[pass];

		error = series_sort(series);
		for (size_t i = 0; i < series->count && !error; i++)
			error = point_finish(&series->at[i]);
	}
	return error;
}

void curve_free(struct curve *curve)
{
	for (int pass = 0; pass < CURVE_PASSES; pass++) {
		struct curve_series *series = &curve->pass[pass];

		for (size_t i = 0; i < series->count; i++)
			free(series->at[i].sample);
		free(series->at);
		*series = (struct curve_series){ 0 };
	}
}

int curve_compare(const void *left, const void *right)
{
	const struct curve *a = left, *b = right;
	int backing = strcmp(a->backing ? a->backing : "", b->backing ? b->backing : "");

	if (a->setting != b->setting)
		return a->setting < b->setting ? -1 : 1;
	if (a->page_bytes != b->page_bytes)
		return a->page_bytes < b->page_bytes ? -1 : 1;
	if (backing)
		return backing;
	if (a->stride != b->stride)
		return a->stride < b->stride ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}
