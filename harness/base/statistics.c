#include "base/statistics.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAIL 0.025 /* of a 95 % interval, each side */
#define FEW 6 /* with fewer samples the range is the interval: 1 - 2 * 0.5^6 = 97 % is the first coverage above 95 % */
#define SURE_TAIL 0.005 /* of a 99 % interval, each side */
#define SURE_FEW 8 /* 1 - 2 * 0.5^8 = 99.2 %: with fewer samples not even the range covers the median with 99 % */
#define SPREAD_OF_NORMAL 1.3489795 /* interquartile range of a standard normal distribution */

/*
 * A sorted copy of the finite values; *n becomes the number of values in it. NULL where there are none. The caller
 * frees it.
 */
static double *sorted_finite(const double *x, size_t *n)
{
	double *copy = *n ? malloc(*n * sizeof(*copy)) : NULL;
	size_t kept = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < *n; i++)
		if (isfinite(x[i]))
			copy[kept++] = x[i];
	*n = kept;
	if (!kept) {
		free(copy);
		return NULL;
	}
	gsl_sort(copy, 1, kept);
	return copy;
}

double statistics_quantile(const double *x, size_t n, double q)
{
	double *sorted = sorted_finite(x, &n);
	double value = NAN;

	if (sorted)
		value = gsl_stats_quantile_from_sorted_data(sorted, 1, n, q);
	free(sorted);
	return value;
}

double statistics_median(const double *x, size_t n)
{
	return statistics_quantile(x, n, 0.5);
}

double statistics_spread(const double *x, size_t n)
{
	double *sorted = sorted_finite(x, &n);
	double value = NAN;

	if (sorted && n >= 2)
		value = (gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.75) -
				gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.25)) /
			SPREAD_OF_NORMAL;
	free(sorted);
	return value;
}

uint64_t statistics_seed(uint64_t seed, uint64_t part)
{
	/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
	uint64_t z = seed + (part + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* From each stratum, draw with replacement as many observations as it has. Count how often each was drawn. */
static void resample_draw(gsl_rng *rng, const struct resampling *resampling, unsigned *drawn)
{
	size_t block = resampling->block ? resampling->block : 1;

	for (size_t i = 0; i < resampling->strata; i++) {
		size_t n = resampling->stratum[i];

		memset(drawn, 0, n * sizeof(*drawn));
		for (size_t k = 0; k < n;) {
			size_t start = gsl_rng_uniform_int(rng, n);

			for (size_t j = 0; j < block && k < n; j++, k++)
				drawn[(start + j) % n]++;
		}
		drawn += n;
	}
}

double statistics_drawn_median(const double *x, const unsigned *drawn, size_t n, double *room)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (unsigned times = 0; times < drawn[i]; times++)
			room[count++] = x[i];
	return statistics_median(room, count);
}

int statistics_resample(const struct resampling *resampling, double *values)
{
	/* A run needs thousands of intervals, each with a generator of its own: this one is small and quick to seed. */
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
	unsigned *drawn;
	size_t n = 0;
	int error = -ENOMEM;

	for (size_t i = 0; i < resampling->strata; i++)
		n += resampling->stratum[i];
	drawn = malloc((n + 1) * sizeof(*drawn));
	if (!drawn || !rng)
		goto out;
	error = 0;
	gsl_rng_set(rng, resampling->seed);
	for (size_t i = 0; i < resampling->resamples; i++) {
		resample_draw(rng, resampling, drawn);
		values[i] = resampling->statistic(drawn, n, resampling->context);
	}
out:
	if (rng)
		gsl_rng_free(rng);
	free(drawn);
	return error;
}

void statistics_middle(double *values, size_t n, double *lo, double *hi)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(values[i]))
			values[kept++] = values[i];
	*lo = *hi = NAN;
	if (!kept || kept < n / 2)
		return;
	gsl_sort(values, 1, kept);
	*lo = gsl_stats_quantile_from_sorted_data(values, 1, kept, TAIL);
	*hi = gsl_stats_quantile_from_sorted_data(values, 1, kept, 1 - TAIL);
}

static struct interval bootstrap_of_blocks(
	size_t n, size_t block, statistics_statistic statistic, void *context, uint64_t seed)
{
	struct interval result = { NAN, NAN, NAN };
	struct resampling resampling = {
		.stratum = &n,
		.strata = 1,
		.block = block,
		.resamples = STATISTICS_RESAMPLES,
		.statistic = statistic,
		.context = context,
		.seed = statistics_seed(seed, n),
	};
	unsigned *once = n ? malloc(n * sizeof(*once)) : NULL;
	double *values = malloc(STATISTICS_RESAMPLES * sizeof(*values));

	if (!once || !values)
		goto out;
	for (size_t i = 0; i < n; i++)
		once[i] = 1;
	result.median = statistic(once, n, context);
	if (n >= 2 && !statistics_resample(&resampling, values))
		statistics_middle(values, STATISTICS_RESAMPLES, &result.lo, &result.hi);
out:
	free(values);
	free(once);
	return result;
}

struct interval statistics_bootstrap(size_t n, statistics_statistic statistic, void *context, uint64_t seed)
{
	return bootstrap_of_blocks(n, 1, statistic, context, seed);
}

/* Blocks grow with the cube root of n, so that their number grows, too (Hall, Horowitz and Jing, Biometrika 82, 1995). */
static size_t block_length(size_t n)
{
	return (size_t)lround(cbrt((double)n));
}

/* Values in ascending order, and for each of them its place in the order taken. */
struct ranked {
	double *sorted;
	size_t *order;
	size_t count;
};

/* The finite values of x. 0, or -ENOMEM; ranked_free() is due in any case. */
static int ranked_make(struct ranked *ranked, const double *x, size_t n)
{
	double *finite = malloc((n + 1) * sizeof(*finite));

	*ranked = (struct ranked){ malloc((n + 1) * sizeof(double)), malloc((n + 1) * sizeof(size_t)), 0 };
	if (!finite || !ranked->sorted || !ranked->order) {
		free(finite);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		if (isfinite(x[i]))
			finite[ranked->count++] = x[i];
	gsl_sort_index(ranked->order, finite, 1, ranked->count);
	for (size_t i = 0; i < ranked->count; i++)
		ranked->sorted[i] = finite[ranked->order[i]];
	free(finite);
	return 0;
}

static void ranked_free(struct ranked *ranked)
{
	free(ranked->sorted);
	free(ranked->order);
}

/* The median of a resample, in one pass over how often each value was drawn. */
static double median_of_drawn(const unsigned *drawn, size_t n, void *context)
{
	const struct ranked *ranked = context;
	const double *sorted = ranked->sorted;
	size_t low = (n - 1) / 2, high = n / 2, seen = 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned times = drawn[ranked->order[i]];

		if (seen <= low && low < seen + times)
			sum += sorted[i];
		if (seen <= high && high < seen + times)
			sum += sorted[i];
		seen += times;
	}
	return sum / 2;
}

/*
 * Independent draws know nothing of neighbours that were disturbed together, and blocks of few samples vary too little. So
 * the interval spans both.
 */
static struct interval median_of_both(struct ranked *ranked, uint64_t seed)
{
	size_t n = ranked->count;
	struct interval alone = bootstrap_of_blocks(n, 1, median_of_drawn, ranked, seed);
	struct interval blocks = bootstrap_of_blocks(n, block_length(n), median_of_drawn, ranked, seed);

	return (struct interval){ alone.median, fmin(alone.lo, blocks.lo), fmax(alone.hi, blocks.hi) };
}

struct interval statistics_median_interval(const double *x, size_t n, uint64_t seed)
{
	struct interval result = { NAN, NAN, NAN };
	struct ranked ranked;

	if (!ranked_make(&ranked, x, n) && ranked.count) {
		size_t count = ranked.count;

		if (count >= FEW) {
			result = median_of_both(&ranked, seed);
		} else {
			result.median = gsl_stats_median_from_sorted_data(ranked.sorted, 1, count);
			result.lo = count > 1 ? ranked.sorted[0] : NAN;
			result.hi = count > 1 ? ranked.sorted[count - 1] : NAN;
		}
	}
	ranked_free(&ranked);
	return result;
}

double statistics_sure_t(double freedom)
{
	return freedom >= 1 ? gsl_cdf_tdist_Qinv(SURE_TAIL, freedom) : NAN;
}

/* How many of n sorted samples lie beyond each end of the interval of order statistics. */
static size_t sure_rank(size_t n)
{
	size_t rank = 0;

	while (rank + 1 <= n / 2 && gsl_cdf_binomial_P((unsigned)rank, 0.5, (unsigned)n) <= SURE_TAIL)
		rank++;
	return rank;
}

void statistics_sure_interval(const double *ratio, size_t n, double *lo, double *hi)
{
	double *sorted = sorted_finite(ratio, &n);

	*lo = *hi = NAN;
	if (sorted && n >= SURE_FEW) {
		size_t rank = sure_rank(n);

		*lo = sorted[rank - 1];
		*hi = sorted[n - rank];
	} else if (sorted && n >= 2) {
		double mean, half;

		for (size_t i = 0; i < n; i++)
			sorted[i] = log(sorted[i]);
		mean = gsl_stats_mean(sorted, 1, n);
		half = statistics_sure_t((double)n - 1) * sqrt(gsl_stats_variance(sorted, 1, n) / (double)n);
		*lo = exp(mean - half);
		*hi = exp(mean + half);
	}
	free(sorted);
}
