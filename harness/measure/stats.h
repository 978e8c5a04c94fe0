/*
 * Robust statistics of a few samples: medians, quantiles, bootstrap intervals (GSL underneath).
 *
 * Nothing here is owned: inputs are read only and may be in any order. Values that are not finite (a reading that is
 * missing) are left out before anything is computed; what cannot be known is NaN, never 0.
 */
#ifndef NESTWALK_MEASURE_STATS_H
#define NESTWALK_MEASURE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* A median with its 95 % interval, in the unit of the samples. lo and hi are NaN where the samples cannot tell. */
struct interval {
	double median, lo, hi;
};

/* NaN for no samples. */
double stats_median(const double *x, size_t n);

/* The q-quantile, 0 <= q <= 1, interpolated between order statistics (GSL's and R's type 7). NaN for no samples. */
double stats_quantile(const double *x, size_t n, double q);

/* Half-width of the middle half, scaled to be the standard deviation of a normal sample; NaN below 2 samples. */
double stats_spread(const double *x, size_t n);

/*
 * The median and its 95 % percentile-bootstrap interval (Efron and Tibshirani, "An Introduction to the Bootstrap",
 * ch. 13). Below 6 samples lo and hi are the least and greatest: no interval between order statistics of so few covers
 * a median with 95 % (2 * 0.5^n is left out: 50 % at 2, 6 % at 5). One sample has no interval: NaN.
 * @seed: the same samples and seed give the same interval.
 */
struct interval stats_median_interval(const double *x, size_t n, uint64_t seed);

/*
 * A statistic of a resample: told how often each of n observations was drawn, it returns its value, or NaN where it is
 * undefined for this resample, which is then left out.
 */
typedef double (*stats_statistic)(const unsigned *drawn, size_t n, void *context);

/*
 * Percentile-bootstrap interval of any statistic of n observations; `median` is the statistic of the sample as it is.
 * lo and hi are NaN below 2 observations or where fewer than half of the resamples have a value.
 */
struct interval stats_bootstrap(size_t n, stats_statistic statistic, void *context, uint64_t seed);

/* A well-mixed seed for the part-th use of one seed, so that neighbouring parts do not share a random sequence. */
uint64_t stats_seed(uint64_t seed, uint64_t part);

#endif
