/*
 * Which paging mode is cheaper, by what a program does: misses of the TLB against changes of page tables.
 *
 * A program that misses the TLB m times for each change of its page tables (a page fault) spends C + m M on translation for
 * each change: C is what a change costs, M a miss. Nested paging makes M dearer (two tables are walked), shadow paging C
 * (the hypervisor takes part in each change): at m* = (C_shadow - C_nested) / (M_nested - M_shadow) both cost the same.
 */
#ifndef NESTWALK_INFER_CROSSOVER_MODEL_H
#define NESTWALK_INFER_CROSSOVER_MODEL_H

#include "base/statistics.h"

#include <stddef.h>
#include <stdint.h>

/* A time as sampled, in ns. */
struct crossover_cost {
	double ns; /* median */
	double *resampled; /* medians of STATISTICS_RESAMPLES resamples; NULL where there are fewer than two samples */
};

/* One place's two costs; crossover_costs_free() frees what they own. */
struct crossover_costs {
	struct crossover_cost change, miss;
};

/* Resample a cost from its samples, of which those that are not finite are left out. 0, or -ENOMEM. */
int crossover_cost_resample(struct crossover_cost *cost, const double *samples, size_t count, uint64_t seed);
void crossover_costs_free(struct crossover_costs *costs);

/*
 * How many times as long as at the base translation takes at `misses` for each change; 0: changes alone, INFINITY: misses
 * alone. The interval is that of the resamples, NaN where a cost has none.
 */
struct interval crossover_slowdown(
	const struct crossover_costs *costs, const struct crossover_costs *base, double misses);

/* Where two cost the same. */
struct crossing {
	/*
	 * Misses for each change; NaN where one of the two costs less at every mix. lo is 0 and hi INFINITY where some
	 * resamples have no crossing on that side.
	 */
	struct interval misses;
	int better_below; /* which has the cheaper changes: 0 the first, 1 the second */
	int always; /* which costs less at every mix: 0, 1; -1: neither */
};

struct crossing crossover_crossing(const struct crossover_costs *first, const struct crossover_costs *second);

#endif
