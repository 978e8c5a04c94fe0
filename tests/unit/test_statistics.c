/* Statistics with known answers. */
#include "base/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void near(double value, double expected, double tolerance)
{
	assert_true(fabs(value - expected) <= tolerance);
}

static void test_medians(void **state)
{
	const double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 }, gaps[] = { NAN, 7, INFINITY, 9, NAN };

	(void)state;
	near(statistics_median(odd, 3), 3, 0);
	near(statistics_median(even, 4), 2.5, 0);
	near(statistics_median(gaps, 5), 8, 0); /* missing values are left out */
	assert_true(isnan(statistics_median(gaps, 1)));
	assert_true(isnan(statistics_median(odd, 0)));
	assert_true(isnan(statistics_median(NULL, 0)));
	near(odd[0], 5, 0); /* inputs keep their order */
}

static void test_quantiles(void **state)
{
	const double x[] = { 1, 2, 3, 4, 5 };

	(void)state;
	near(statistics_quantile(x, 5, 0), 1, 0);
	near(statistics_quantile(x, 5, 0.25), 2, 0);
	near(statistics_quantile(x, 5, 0.9), 4.6, 1e-12);
	near(statistics_quantile(x, 5, 1), 5, 0);
}

static void test_spread(void **state)
{
	double x[1001];

	(void)state;
	for (int i = 0; i <= 1000; i++)
		x[i] = i; /* uniform: the middle half is 500 wide */
	near(statistics_spread(x, 1001), 500 / 1.3489795, 1e-6);
	near(statistics_spread(x, 2), 0.5 / 1.3489795, 1e-6);
	assert_true(isnan(statistics_spread(x, 1)));
}

static void test_few_samples_are_honest(void **state)
{
	const double x[] = { 3, 1, 2, 9, 4 };
	struct interval none = statistics_median_interval(x, 0, 1), one = statistics_median_interval(x, 1, 1);
	struct interval two = statistics_median_interval(x, 2, 1), five = statistics_median_interval(x, 5, 1);

	(void)state;
	assert_true(isnan(none.median) && isnan(none.lo) && isnan(none.hi));
	near(one.median, 3, 0);
	assert_true(isnan(one.lo) && isnan(one.hi));
	near(two.median, 2, 0);
	near(two.lo, 1, 0);
	near(two.hi, 3, 0);
	near(five.lo, 1, 0);
	near(five.hi, 9, 0);
}

/* Order statistics j and n + 1 - j of n samples cover the median with 1 - 2 P(Binomial(n, 1/2) < j): 95 % at 40 and 61. */
static void test_median_interval(void **state)
{
	double x[100];
	struct interval interval;

	(void)state;
	for (int i = 0; i < 100; i++)
		x[i] = (i * 37) % 100 + 1; /* 1 to 100, out of order */
	interval = statistics_median_interval(x, 100, 42);
	near(interval.median, 50.5, 0);
	near(interval.lo, 40.5, 2);
	near(interval.hi, 60.5, 2);
}

/* Neighbours that differ from the rest together make the interval wider than the same values in a shuffled order. */
static void test_blocks_widen_intervals(void **state)
{
	double drifting[64], shuffled[64];
	struct interval together, apart;

	(void)state;
	for (int i = 0; i < 64; i++) {
		drifting[i] = i;
		shuffled[i] = i * 37 % 64;
	}
	together = statistics_median_interval(drifting, 64, 3);
	apart = statistics_median_interval(shuffled, 64, 3);
	near(together.median, apart.median, 0);
	assert_true(together.hi - together.lo > 1.3 * (apart.hi - apart.lo));
}

static void test_seeds(void **state)
{
	double x[20];
	struct interval one, two;

	(void)state;
	for (int i = 0; i < 20; i++)
		x[i] = i * i;
	one = statistics_median_interval(x, 20, 1);
	two = statistics_median_interval(x, 20, 1);
	near(one.lo, two.lo, 0);
	near(one.hi, two.hi, 0);
	assert_true(statistics_seed(1, 0) != statistics_seed(1, 1));
	assert_true(statistics_seed(1, 1) != statistics_seed(2, 0));
}

/* How often does the interval hold the true median of a uniform distribution? */
static void test_coverage(void **state)
{
	uint64_t random = 1;
	int held = 0;

	(void)state;
	for (int trial = 0; trial < 400; trial++) {
		struct interval interval;
		double x[11];

		for (int i = 0; i < 11; i++) {
			random = statistics_seed(random, 1);
			x[i] = (double)(random >> 11) * 0x1p-53;
		}
		interval = statistics_median_interval(x, 11, random);
		held += interval.lo <= 0.5 && interval.hi >= 0.5 ? 1 : 0;
	}
	assert_true(held >= 360); /* 95 % is 380, with a standard deviation of 4.4; small samples fall a little short */
}

static double mean_of_drawn(const unsigned *drawn, size_t n, void *context)
{
	const double *x = context;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += drawn[i] * x[i];
	return sum / (double)n;
}

static double undefined(const unsigned *drawn, size_t n, void *context)
{
	(void)drawn;
	(void)n;
	(void)context;
	return NAN;
}

static void test_any_statistic(void **state)
{
	double x[100];
	struct interval interval;

	(void)state;
	for (int i = 0; i < 100; i++)
		x[i] = i % 2; /* mean 0.5, its standard error 0.05 */
	interval = statistics_bootstrap(100, mean_of_drawn, x, 3);
	near(interval.median, 0.5, 0);
	near(interval.lo, 0.402, 0.02);
	near(interval.hi, 0.598, 0.02);
	interval = statistics_bootstrap(100, undefined, x, 3);
	assert_true(isnan(interval.median) && isnan(interval.lo) && isnan(interval.hi));
	interval = statistics_bootstrap(1, mean_of_drawn, x, 3);
	assert_true(isnan(interval.lo));
}

/* Of samples without any difference, at most one in a hundred is told to differ; a real one is still seen. */
static void test_sure_interval(void **state)
{
	const size_t sizes[] = { 3, 5, 8, 9, 15, 40 };
	double x[40], lo, hi;

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t random = 7;
		int claimed = 0, seen = 0;

		for (int run = 0; run < 4000; run++) {
			for (size_t i = 0; i < sizes[s]; i++) {
				double sum = 0;

				for (int k = 0; k < 12; k++) {
					random = statistics_seed(random, 1);
					sum += (double)(random >> 11) / 9007199254740992.;
				}
				x[i] = exp((sum - 6) * 0.02); /* normal logarithms, a spread of 2 % */
			}
			statistics_sure_interval(x, sizes[s], &lo, &hi);
			claimed += lo > 1 || hi < 1;
			seen += lo > 1 / 1.5 && hi < 1.5;
		}
		assert_in_range(claimed, 0, 60);
		assert_in_range(seen, 3800, 4000);
	}
	statistics_sure_interval(x, 1, &lo, &hi);
	assert_true(isnan(lo) && isnan(hi));
	statistics_sure_interval(x, 2, &lo, &hi);
	assert_true(lo < 1 && hi > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_medians),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_few_samples_are_honest),
		cmocka_unit_test(test_median_interval),
		cmocka_unit_test(test_blocks_widen_intervals),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_any_statistic),
		cmocka_unit_test(test_sure_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
