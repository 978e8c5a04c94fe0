/*
 * What follows from chases that walk: how many walks a core has under way at a time, how many upper entries its
 * paging-structure caches hold, and what each further reference of a walk costs.
 */
#ifndef NESTWALK_INFER_WALKS_MODEL_H
#define NESTWALK_INFER_WALKS_MODEL_H

#include "base/statistics.h"
#include "infer/curve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The samples of a point, core cycles for each access. Borrowed; NaN is left out. */
struct walk_samples {
	double x; /* chains, entries or references */
	const double *gross, *baseline, *net;
	size_t count;
};

/* --- walks that overlap --- */

/*
 * Chains of dependent loads, each of which walks. With one chain a load waits for its walk: `one_net` cycles. With more
 * chains walks overlap, until the core has no more page walkers: from then on a load costs `most` cycles, however many chains
 * there are. By Little's law the walks under way are then their duration over the time between two: one_net / most.
 *
 * one_net also has the look-up of the second TLB level, and walks that crowd take longer than one alone: the number is a
 * mean, not that of a data sheet.
 */
struct walk_overlap {
	struct interval one, one_net; /* cycles of a load with one chain, and its net of the packed baseline */
	struct interval most, most_net; /* ... with as many chains as cost least */
	double baseline; /* the packed lines' cost with that many chains */
	double chains_most; /* the most that were measured */
	double chains; /* the fewest from which more gain nothing; NaN where the most still gained */
	struct interval gain; /* one / most */
	struct interval
		walks; /* one_net / most; NaN where `reason` says why; no hi where the most chains still gained */
	const char *reason; /* a constant; NULL: none */
};

/* @points by ascending chains. 0; -ENODATA: one chain or more than one was not measured; -ENOMEM. */
int walk_overlap_infer(const struct walk_samples *points, size_t count, uint64_t seed, struct walk_overlap *out);

/* --- upper entries that are held --- */

struct walk_cache_level {
	double entries, lo, hi; /* that are held; NaN where not known */
	double added_cycles; /* what a walk that has to fetch the entry costs more */
	double walk_cycles; /* ... than this */
	const char *reason; /* why something is not known; a constant */
};

/* @curve: finished, with the number of entries as its pages, sweep only. 0, or -ENOMEM. */
int walk_cache_infer(const struct curve *curve, struct walk_cache_level *out);

/* --- the line --- */

/* cycles = base + each * references, by least squares over the points' medians. */
struct walk_line {
	struct interval base, each;
	double residual; /* root mean square of what the line leaves, cycles */
};

/* 0; -ENODATA: fewer than three points, or all at one number of references; -ENOMEM. */
int walk_line_fit(const struct walk_samples *points, size_t count, uint64_t seed, struct walk_line *out);

#endif
