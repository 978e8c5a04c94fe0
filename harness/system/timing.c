#include "system/timing.h"

#include "system/worker_group.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* With so many readings their middle is good to a cycle. They take some 10 us. */
#define CLOCK_READINGS 256u

double timing_middle(double *x, size_t count)
{
	size_t aside = count / 4;

	if (!count)
		return NAN;
	gsl_sort(x, 1, count);
	return gsl_stats_mean(x + aside, 1, count - 2 * aside);
}

double timing_clock_cost(void)
{
	double cost[CLOCK_READINGS];

	for (unsigned i = 0; i < CLOCK_READINGS; i++) {
		uint64_t before = worker_tsc();

		cost[i] = (double)(worker_tsc() - before);
	}
	return timing_middle(cost, CLOCK_READINGS);
}
