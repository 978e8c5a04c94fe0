/* From curves of cost against pages to TLB levels: entries, added cost, the walk beyond the last; with intervals. */
#ifndef NESTWALK_INFER_LEVELS_H
#define NESTWALK_INFER_LEVELS_H

#include "base/statistics.h"
#include "infer/curve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * In all of these, `curve` is the index of a curve in the array that was asked about, unknown numbers are NaN, counts of
 * pages and entries are whole, and costs are rounded to thousandths of a cycle or ns.
 */

/* One TLB level. */
struct inferred_level {
	size_t curve;
	int level; /* from 1 */
	double entries, entries_lo, entries_hi; /* how many pages the level holds at the curve's stride */
	/* What an access that misses this level costs more than one that hits it: a hit in the next level, or a walk. */
	struct interval added_cycles, added_ns;
	const char *law; /* "sharp", "random" or "none" (capacity.h); a constant string */
	double law_misfit;
	double clean_pages, half_pages, saturated_pages; /* up to or from which none, half, nearly all accesses miss */
	double noise_cycles; /* what a point had to exceed the plateau by */
	bool confirmed; /* seen again in the refine pass; where not, that pass did not cover it, and `unresolved` says so */
	char note[320]; /* what comparing strides tells; "" where nothing */
};

/* The cost of a walk; only where what follows the last level can be no hit in a further one. */
struct inferred_walk {
	size_t curve;
	struct interval cycles, ns; /* net cost of an access on the plateau beyond the last level (plateau.h) */
	double pages_from, pages_to; /* where that was read: the same for curves of one question */
	bool grows; /* the cost was seen to grow further on */
	/*
	 * At the sweep's end, where lines of data in random frames miss the caches too: the median, and what a tenth of the
	 * samples cost less than.
	 */
	double last_pages, last_cycles, last_ns, last_low_cycles, last_low_ns;
};

/* A rise of a curve that is no TLB level, with the reason. */
struct inferred_rejected {
	size_t curve;
	double pages_from, pages_to, effect_cycles, noise_cycles;
	char reason[320];
};

/* What a curve does not tell, and why. */
struct inferred_unresolved {
	size_t curve;
	char reason[400];
};

/* How much equals differ: odd and even rounds of a point, its two passes. One a curve, in the curves' order. */
struct inferred_noise {
	size_t curve;
	double null_cycles, null_cycles_p95; /* median and 95 % quantile of the differences */
	size_t comparisons;
};

/* In the order of the curves, and within a curve in that of pages; walks that are not told are the last unresolved. */
struct inferred_levels {
	struct inferred_level *level;
	struct inferred_walk *walk;
	struct inferred_rejected *rejected;
	struct inferred_unresolved *unresolved;
	struct inferred_noise *noise;
	size_t levels, walks, rejecteds, unresolveds, noises;
};

/*
 * Infer the levels of finished curves, which stand in the order of tables (curve_compare()), as the seed of each depends
 * on its place. @seed: of the bootstrap; the same curves and seed give the same answer.
 * Returns 0, or -ENOMEM. levels_free() is due in any case.
 */
int levels_infer(const struct curve *curves, size_t count, uint64_t seed, struct inferred_levels *out);
void levels_free(struct inferred_levels *levels);

/*
 * Where a second, independent pass should measure to pin the steps of these curves down: page counts, ascending, without
 * duplicates, that bisect each candidate step of any curve on the grid of whole pages, with points on the plateaus on
 * both sides for confirmation.
 * @pages: room for `most` numbers. Returns how many were written.
 */
size_t levels_refine(const struct curve *curves, size_t count, uint64_t *pages, size_t most);

#endif
