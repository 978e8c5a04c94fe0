/*
 * Robust statistics of a few samples: medians, quantiles, bootstrap intervals (GSL underneath).
 *
 * Nothing here is owned: inputs are read only and may be in any order. Values that are not finite (missing readings)
 * are left out before anything is computed. An unknown result is NaN, never 0.
 */
#ifndef NESTWALK_BASE_STATISTICS_H
#define NESTWALK_BASE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* A median with its 95 % interval, in the unit of the samples. lo and hi are NaN where there are too few samples. */
struct interval {
	double median, lo, hi;
};

/* NaN for no samples. */
double statistics_median(const double *x, size_t n);

/* The q-quantile, 0 <= q <= 1, interpolated between order statistics (GSL's and R's type 7). NaN for no samples. */
double statistics_quantile(const double *x, size_t n, double q);

/* Half-width of the middle half, scaled to be the standard deviation of a normal sample; NaN below 2 samples. */
double statistics_spread(const double *x, size_t n);

/*
 * The median and its 95 % percentile-bootstrap interval (Efron and Tibshirani, "An Introduction to the Bootstrap", ch.
 * 13). x is in the order taken: blocks of neighbours are drawn, too, as what disturbs one sample often disturbs the next one
 * (circular block bootstrap: Politis and Romano 1992), and the interval spans both. Below 6 samples lo and hi are the least and the greatest sample, although even this interval covers the median
 * with less than 95 % (it misses with 2 * 0.5^n: 50 % at 2 samples, 6 % at 5). One sample has no interval: NaN.
 * @seed: the same samples and seed give the same interval.
 */
struct interval statistics_median_interval(const double *x, size_t n, uint64_t seed);

/*
 * What a difference is claimed by: an interval that holds the median ratio with 99 %, of n ratios that are greater than 0
 * and independent of each other. A report holds a hundred numbers against 1, so that 95 % would find five differences
 * where there are none. From 8 ratios on, order statistics that miss with 1 % at most, whatever the distribution; of
 * fewer, Student's t of the logarithms. The range of five, which is their 95 % interval, misses with 6 %.
 * lo and hi are NaN below 2 ratios.
 */
void statistics_sure_interval(const double *ratio, size_t n, double *lo, double *hi);

/* The (1 - 0.99) / 2 quantile of Student's t, made positive. NaN below 1 degree of freedom. */
double statistics_sure_t(double freedom);

/*
 * A statistic of a resample. drawn[i] says how often observation i was drawn. The function returns the value of the
 * statistic, or NaN where the statistic is undefined for this resample, which is then left out.
 */
typedef double (*statistics_statistic)(const unsigned *drawn, size_t n, void *context);

/* The median of n values of a resample, each as often as it was drawn. @room: for as many values as were drawn. */
double statistics_drawn_median(const double *x, const unsigned *drawn, size_t n, double *room);

/*
 * Percentile intervals need about a thousand resamples (Efron and Tibshirani, ch. 13.3), so that 25 lie beyond each
 * end.
 */
#define STATISTICS_RESAMPLES 1000

/* What a bootstrap draws. The observations are in the order of strata, and each stratum is resampled by itself. */
struct resampling {
	const size_t *stratum; /* the number of observations of each stratum */
	size_t strata, resamples;
	size_t block; /* so many neighbours of a stratum are drawn at a time, its end being next to its start; 0: one */
	statistics_statistic statistic;
	void *context;
	uint64_t seed; /* of the random numbers, used without mixing */
};

/*
 * Write the statistic of each resample to values[resamples], in the order drawn; NaN where it is undefined. Two calls
 * with one seed and equal strata draw the same observations. Returns 0, or -ENOMEM.
 */
int statistics_resample(const struct resampling *resampling, double *values);

/*
 * The middle 95 % of n values, which are reordered. Values that are not finite are left out; lo and hi are NaN where
 * more than half are not finite.
 */
void statistics_middle(double *values, size_t n, double *lo, double *hi);

/*
 * Percentile-bootstrap interval of any statistic of n observations; `median` is the statistic of the original sample.
 * lo and hi are NaN below 2 observations or where fewer than half of the resamples have a value.
 */
struct interval statistics_bootstrap(size_t n, statistics_statistic statistic, void *context, uint64_t seed);

/* A well-mixed seed for the part-th use of one seed, so that neighbouring parts do not share a random sequence. */
uint64_t statistics_seed(uint64_t seed, uint64_t part);

#endif
