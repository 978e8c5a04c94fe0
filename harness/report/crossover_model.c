#include "report/crossover.h"

#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>

#define RESAMPLES 1000 /* as many as statistics_bootstrap() takes */
#define TAIL 0.025 /* of a 95 % interval, each side */

/* Stands for a crossing beyond all numbers, where an order is needed: more misses than a machine has in a year. */
#define NEVER 0x1p60

/* The finite samples of a metric into out[], which has room for all of them. */
static size_t samples_of(const json_t *point, const char *metric, double *out)
{
	const json_t *samples = json_object_get(json_object_get(point, "samples"), metric), *value;
	size_t count = 0, i;

	json_array_foreach (samples, i, value) {
		if (json_is_number(value) && isfinite(json_number_value(value)))
			out[count++] = json_number_value(value);
	}
	return count;
}

static int resample(struct crossover_cost *cost, const json_t *point, const char *metric, uint64_t seed)
{
	size_t most = json_array_size(json_object_get(json_object_get(point, "samples"), metric)), count;
	double *sample = calloc(most + 1, sizeof(double)), *drawn = calloc(most + 1, sizeof(double));
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2); /* as in base/statistics.c */
	int rc = sample && drawn && rng ? 0 : -ENOMEM;

	*cost = (struct crossover_cost){ .ns = metric_at(point, metric).value };
	if (rc)
		goto out;
	count = samples_of(point, metric, sample);
	if (count < 2)
		goto out;
	cost->resampled = calloc(RESAMPLES, sizeof(double));
	if (!cost->resampled) {
		rc = -ENOMEM;
		goto out;
	}
	gsl_rng_set(rng, statistics_seed(seed, count));
	for (size_t i = 0; i < RESAMPLES; i++) {
		for (size_t k = 0; k < count; k++)
			drawn[k] = sample[gsl_rng_uniform_int(rng, count)];
		cost->resampled[i] = statistics_median(drawn, count);
	}
out:
	if (rng)
		gsl_rng_free(rng);
	free(drawn);
	free(sample);
	return rc;
}

int crossover_costs(const struct crossover_request *request, struct crossover_costs *out)
{
	int rc;

	*out = (struct crossover_costs){ .change = { .ns = NAN } };
	rc = resample(&out->change, request->change, request->change_metric, statistics_seed(request->seed, 0));
	if (!rc)
		rc = resample(&out->miss, request->miss, request->miss_metric, statistics_seed(request->seed, 1));
	if (rc)
		crossover_free(out);
	return rc;
}

void crossover_free(struct crossover_costs *costs)
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
