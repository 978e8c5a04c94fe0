/*
 * Which paging mode is cheaper, by what a program does: misses of the TLB against changes of page tables.
 *
 * A program that misses the TLB m times for each change of its page tables (a page fault) spends C + m M on translation for
 * each change: C is what a change costs, M a miss. Nested paging makes M dearer (two tables are walked), shadow paging C
 * (the hypervisor takes part in each change): at m* = (C_shadow - C_nested) / (M_nested - M_shadow) both cost the same.
 */
#ifndef NESTWALK_REPORT_CROSSOVER_H
#define NESTWALK_REPORT_CROSSOVER_H

#include "base/statistics.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A time as sampled. */
struct crossover_cost {
	double ns; /* median */
	double *resampled; /* medians of resamples, in ns; NULL where there are fewer than two samples */
};

/* One place's two costs; crossover_free() frees what they own. */
struct crossover_costs {
	struct crossover_cost change, miss;
};

/* Two points, the metric in ns of each that is the cost, and a seed of the resamples. */
struct crossover_request {
	const json_t *change, *miss;
	const char *change_metric, *miss_metric;
	uint64_t seed; /* another for each place: costs of two places are independent */
};

/* 0; -ENOMEM. Both metrics are there. */
int crossover_costs(const struct crossover_request *request, struct crossover_costs *out);
void crossover_free(struct crossover_costs *costs);

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
