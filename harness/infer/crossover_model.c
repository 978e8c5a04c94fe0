#include "infer/crossover_model.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define RESAMPLES STATISTICS_RESAMPLES
#define TAIL 0.025 /* of a 95 % interval, each side */

/* Stands for a crossing beyond all numbers, where an order is needed: more misses than a machine has in a year. */
#define NEVER 0x1p60

/* The samples of a cost, and room for those of a resample. */
struct drawing {
	const double *sample;
	double *drawn;
};

static double drawn_median(const unsigned *times, size_t n, void *context)
{
	const struct drawing *drawing = context;

	return statistics_drawn_median(drawing->sample, times, n, drawing->drawn);
}

int crossover_cost_resample(struct crossover_cost *cost, const double *samples, size_t count, uint64_t seed)
{
	double *sample = calloc(count + 1, sizeof(double)), *drawn = calloc(count + 1, sizeof(double));
	struct drawing drawing = { sample, drawn };
	size_t finite = 0;
	int rc = sample && drawn ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !rc; i++)
		if (isfinite(samples[i]))
			sample[finite++] = samples[i];
	if (!rc && finite >= 2) {
		const struct resampling resampling = {
			.stratum = &finite,
			.strata = 1,
			.resamples = RESAMPLES,
			.statistic = drawn_median,
			.context = &drawing,
			.seed = statistics_seed(seed, finite),
		};

		cost->resampled = calloc(RESAMPLES, sizeof(double));
		rc = cost->resampled ? statistics_resample(&resampling, cost->resampled) : -ENOMEM;
	}
	free(drawn);
	free(sample);
	return rc;
}

void crossover_costs_free(struct crossover_costs *costs)
{
	free(costs->change.resampled);
	free(costs->miss.resampled);
	*costs = (struct crossover_costs){ .change = { .ns = NAN }, .miss = { .ns = NAN } };
}

/* Two costs in ns. */
struct pair {
	double change, miss;
};

static struct pair medians(const struct crossover_costs *costs)
{
	return (struct pair){ costs->change.ns, costs->miss.ns };
}

static struct pair resampled(const struct crossover_costs *costs, size_t i)
{
	return (struct pair){ costs->change.resampled[i], costs->miss.resampled[i] };
}

static bool has_resamples(const struct crossover_costs *costs)
{
	return costs->change.resampled && costs->miss.resampled;
}

static double slowdown(struct pair costs, struct pair base, double misses)
{
	if (isinf(misses))
		return costs.miss / base.miss;
	return (costs.change + misses * costs.miss) / (base.change + misses * base.miss);
}

struct interval crossover_slowdown(
	const struct crossover_costs *costs, const struct crossover_costs *base, double misses)
{
	struct interval out = { slowdown(medians(costs), medians(base), misses), NAN, NAN };
	double value[RESAMPLES];

	if (!has_resamples(costs) || !has_resamples(base))
		return out;
	for (size_t i = 0; i < RESAMPLES; i++)
		value[i] = slowdown(resampled(costs, i), resampled(base, i), misses);
	out.lo = statistics_quantile(value, RESAMPLES, TAIL);
	out.hi = statistics_quantile(value, RESAMPLES, 1 - TAIL);
	return out;
}

/*
 * Misses for each change from which on `below` costs more than `other`: 0 where it always does, NEVER where it never does.
 * NaN where the two are the same, or where it is the other way round: dearer changes and cheaper misses.
 */
static double crossing_of(struct pair below, struct pair other)
{
	double saved = other.change - below.change, lost = below.miss - other.miss;

	if (saved > 0)
		return lost > 0 ? fmin(saved / lost, NEVER) : NEVER;
	if (saved < 0)
		return lost >= 0 ? 0 : NAN;
	return lost > 0 ? 0 : lost < 0 ? NEVER : NAN;
}

struct crossing crossover_crossing(const struct crossover_costs *first, const struct crossover_costs *second)
{
	int better = second->change.ns < first->change.ns;
	const struct crossover_costs *below = better ? second : first, *other = better ? first : second;
	double at = crossing_of(medians(below), medians(other)), value[RESAMPLES];
	struct crossing out = { { NAN, NAN, NAN }, better, -1 };

	if (!(at > 0) || at >= NEVER) {
		if (isfinite(at))
			out.always = at > 0 ? better : !better;
		return out;
	}
	out.misses.median = at;
	if (!has_resamples(first) || !has_resamples(second))
		return out;
	for (size_t i = 0; i < RESAMPLES; i++)
		value[i] = crossing_of(resampled(below, i), resampled(other, i));
	out.misses.lo = statistics_quantile(value, RESAMPLES, TAIL);
	out.misses.hi = statistics_quantile(value, RESAMPLES, 1 - TAIL);
	/* Between the last crossing and none there is nothing to interpolate. */
	if (out.misses.hi > 0x1p-10 * NEVER)
		out.misses.hi = INFINITY;
	return out;
}
