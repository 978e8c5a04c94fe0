/*
 * A curve is the cost of an access against the number of pages, everything else held: what levels are inferred from. The
 * caller builds it from whatever it has (points of a run, rows of a query), and names it with numbers of its own.
 */
#ifndef NESTWALK_INFER_CURVE_H
#define NESTWALK_INFER_CURVE_H

#include "infer/tuned.h"

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
	double round; /* the round it was taken in, or the sample's place among its point's where not recorded */
};

/*
 * The least of n samples spreads less than the samples do: by 0.67 of their standard deviation where n is 5, by 0.59 where
 * it is 10, for normal samples. At half of this the worst 5 % of entries are off by 12 % instead of 10 %, at twice as
 * much more levels are missed.
 */
#define CURVE_LOW_DEVIATION TUNED(CURVE_LOW_DEVIATION, 0.6)

/*
 * All samples at one number of pages.
 *
 * low: the least cost seen, gross less baseline, each the least of its own. Whatever disturbs a chase (a sibling
 * thread that shares the TLB, an interrupt, an unlucky placement) adds misses and never removes any, so how much a TLB
 * holds shows in the least disturbed samples, while what an access typically costs shows in the medians.
 */
struct curve_point {
	double pages, log2_pages;
	size_t order; /* in which the point was added */
	size_t count;
	struct curve_sample *sample; /* owned by the curve */
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
	size_t id; /* the caller's name for the curve; nothing here reads it but curve_compare() */
	size_t family; /* the same for curves that differ in the stride only, another for all others */
	size_t question; /* the same for curves of one bench, page size and stride, in whatever setting */
	/* Pages that the last TLB level holds, as its sets and ways tell, at a stride of 1; 0: not told. */
	double entries_known;
	double cached_pages; /* so many lines of data, one a page, lie well within the second cache; 0: not told */
	int setting; /* the setting's place in tables: enum setting; greater for an unknown one */
	const char *backing; /* borrowed; NULL where not told */
	uint64_t page_bytes, stride; /* 0 and 1 where not told */
	const char *reason; /* why nothing was measured; borrowed; NULL where not told */
	struct curve_series pass[CURVE_PASSES];
};

/*
 * Build a curve: fill in what names it (above) with the rest 0, add its samples in any order, finish it. A sample without
 * `net` gets gross less baseline; one that has neither, or no whole number of pages, is left out. The caller leaves out
 * contaminated samples. Both return 0, or -ENOMEM; curve_free() is due in any case.
 */
int curve_add(struct curve *curve, enum curve_pass pass, double pages, const struct curve_sample *sample);
int curve_finish(struct curve *curve);
void curve_free(struct curve *curve);

/* Copy one reading of all samples of a point, by its offset in struct curve_sample. @out: room for point->count. */
void curve_column(const struct curve_point *point, size_t offset, double *out);

/* For qsort(), the order of tables: by setting, page size, backing, stride, and then by id. */
int curve_compare(const void *left, const void *right);

#endif
