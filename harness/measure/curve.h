/* Points of a run as curves: cost against the number of pages, everything else held. */
#ifndef NESTWALK_CURVE_H
#define NESTWALK_CURVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which measurements of a curve: the sweep, the independent second pass, or the samples of both put together. */
enum curve_pass {
	CURVE_SWEEP,
	CURVE_REFINE,
	CURVE_BOTH,
	CURVE_PASSES,
};

/* The readings of one sample; core cycles (and ns) per access. NaN where the point does not tell. */
struct curve_sample {
	double gross, baseline, net, net_ns;
	double round; /* the round it was taken in; the sample's place among its point's samples where not recorded */
};

/* Standard deviation of the least of n normal deviates, in theirs: 0.67 for n = 5, 0.59 for 10, 0.53 for 20. */
#define CURVE_LOW_DEVIATION 0.6

/*
 * All samples at one number of pages.
 *
 * low: the least cost seen, gross less baseline, each its own low order statistic. Whatever disturbs a chase (a sibling
 * thread that shares the TLB, an interrupt, an unlucky placement) adds misses and never removes any, so how much a TLB
 * holds shows in the least disturbed samples, while what an access typically costs shows in the medians.
 */
struct curve_point {
	double pages, log2_pages;
	size_t count;
	struct curve_sample *sample; /* owned by the curve set */
	double gross, baseline, net, net_ns; /* medians over the samples */
	double low;
	double spread; /* standard deviation of net over the samples, robust; NaN of one sample */
};

/* Points of one pass, by ascending pages, each number of pages once. */
struct curve_series {
	struct curve_point *at;
	size_t count;
};

struct curve {
	const json_t *first; /* the first of its points: bench, setting and params name the curve. Borrowed. */
	uint64_t page_bytes, stride; /* 0 and 1 where the params do not say */
	struct curve_series pass[CURVE_PASSES];
	size_t without_samples; /* points that were skipped, failed, or had no finite sample */
};

struct curve_set {
	struct curve *curve; /* host first, then by page size, backing, stride, in order of appearance otherwise */
	size_t count;
};

/*
 * Sort `points` (docs/RESULTS.md) into curves. Points without a whole number of `pages`, and whatever is not shaped as
 * documented, are left out. Returns 0, or -ENOMEM. `points` must outlive the curves.
 */
int curves_make(const json_t *points, struct curve_set *out);
void curves_free(struct curve_set *set);

/* A new object with what names the curve: bench, setting, paging, outer and its params but `pages`. NULL: no memory. */
json_t *curve_identity(const struct curve *curve);

/*
 * The low order statistic of the samples of a point drawn `drawn` times each (NULL: once each), as in curve_point.low.
 * NaN where nothing was drawn.
 */
double curve_low(const struct curve_point *point, const unsigned *drawn);

#endif
