/* base/rank_test: exact p-values against published ones and against all permutations; Holm's correction. */
#include "base/rank_test.h"

#include <gsl/gsl_rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_near(double value, double expected, double within)
{
	if (!(fabs(value - expected) <= within))
		fail_msg("%.12g is not %.12g", value, expected);
}

/* Hollander and Wolfe, "Nonparametric Statistical Methods", table 4.1: permeability; R's wilcox.test() says one-sided 0.1272. */
static void rank_sum_of_permeability(void **state)
{
	static const double x[] = { 0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46 };
	static const double y[] = { 1.15, 0.88, 0.90, 0.74, 1.21 };

	(void)state;
	assert_near(rank_sum_p(x, COUNT(x), y, COUNT(y)), 0.2544, 0.0001);
	assert_near(rank_sum_p(y, COUNT(y), x, COUNT(x)), 0.2544, 0.0001);
}

/* The same book, table 3.1: depression; R says V = 40, one-sided 0.01953. */
static void signed_rank_of_depression(void **state)
{
	static const double x[] = { 1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30 };
	static const double y[] = { 0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29 };
	double difference[COUNT(x)];

	(void)state;
	for (size_t i = 0; i < COUNT(x); i++)
		difference[i] = x[i] - y[i];
	assert_near(rank_signed_p(difference, COUNT(x)), 2 * 10. / 512, 1e-12);
}

static void samples_apart_have_the_least_p(void **state)
{
	double x[30], y[30], difference[30];

	(void)state;
	for (int i = 0; i < 30; i++) {
		x[i] = i;
		y[i] = 100 + i;
		difference[i] = 1 + i;
	}
	assert_near(rank_sum_least_p(3, 3), 0.1, 1e-15);
	assert_near(rank_sum_least_p(1, 1), 1, 0);
	assert_near(rank_signed_least_p(5), 0.0625, 0);
	for (size_t n = 1; n <= RANK_EXACT; n++) {
		assert_near(rank_sum_p(x, n, y, n) / rank_sum_least_p(n, n), 1, 1e-9);
		assert_near(rank_signed_p(difference, n) / rank_signed_least_p(n), 1, 1e-9);
	}
	/* The approximation errs on the safe side there. */
	assert_true(rank_sum_p(x, 30, y, 30) > rank_sum_least_p(30, 30));
	assert_true(rank_sum_p(x, 30, y, 30) < 1e-9);
	assert_true(rank_signed_p(difference, 30) > rank_signed_least_p(30));
	assert_true(rank_signed_p(difference, 30) < 1e-5);
}

static void nothing_to_test(void **state)
{
	static const double same[] = { 4, 4, 4, 4 }, zero[] = { 0, 0, 0 };

	(void)state;
	assert_true(isnan(rank_sum_p(same, 0, same, 4)));
	assert_true(isnan(rank_signed_p(zero, 0)));
	assert_near(rank_sum_p(same, 4, same, 4), 1, 0);
	assert_near(rank_signed_p(zero, 3), 1, 0);
}

/* Twice the sum of the ranks of x among all, by counting. */
static long doubled_sum(const double *all, size_t total, unsigned chosen)
{
	long sum = 0;

	for (size_t i = 0; i < total; i++)
		for (size_t k = 0; k < total && (chosen >> i & 1); k++)
			sum += 2 * (all[k] < all[i]) + (all[k] == all[i]) + (k == i);
	return sum;
}

/* How many of all choices of n values have a sum of ranks as far from the middle. */
static double sum_by_permutation(const double *all, size_t n, size_t total)
{
	double middle = (double)(n * (total + 1));
	double far = fabs((double)doubled_sum(all, total, (1U << n) - 1) - middle), beyond = 0, ways = 0;

	for (unsigned chosen = 0; chosen < 1U << total; chosen++) {
		if ((size_t)__builtin_popcount(chosen) != n)
			continue;
		ways++;
		beyond += fabs((double)doubled_sum(all, total, chosen) - middle) >= far;
	}
	return beyond / ways;
}

static double signed_by_permutation(const double *difference, size_t n)
{
	double size[12], doubled[12], all = 0, own = 0, beyond = 0, ways = 0;

	for (size_t i = 0; i < n; i++)
		size[i] = fabs(difference[i]);
	for (size_t i = 0; i < n; i++) {
		doubled[i] = difference[i] != 0 ? (double)doubled_sum(size, n, 1U << i) : 0;
		all += doubled[i];
		own += difference[i] > 0 ? doubled[i] : 0;
	}
	for (unsigned chosen = 0; chosen < 1U << n; chosen++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += chosen >> i & 1 ? doubled[i] : 0;
		ways++;
		beyond += fabs(sum - all / 2) >= fabs(own - all / 2);
	}
	return beyond / ways;
}

/* Small whole numbers, so that there are ties of all kinds, and none at times. */
static void all_permutations_agree(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);

	(void)state;
	for (int i = 0; i < 300; i++) {
		size_t n = 1 + gsl_rng_uniform_int(rng, 5), m = 1 + gsl_rng_uniform_int(rng, 6);
		unsigned long most = i % 3 ? 3 + gsl_rng_uniform_int(rng, 9) : 1000;
		double all[11];

		for (size_t k = 0; k < n + m; k++)
			all[k] = (double)gsl_rng_uniform_int(rng, most);
		assert_near(rank_sum_p(all, n, all + n, m), sum_by_permutation(all, n, n + m), 1e-12);
		for (size_t k = 0; k < n + m; k++)
			all[k] -= (double)(most / 3);
		assert_near(rank_signed_p(all, n + m), signed_by_permutation(all, n + m), 1e-12);
	}
	gsl_rng_free(rng);
}

/* Where the exact computation ends, the approximation goes on. */
static void approximation_continues_the_exact_test(void **state)
{
	double x[RANK_EXACT + 1], y[RANK_EXACT + 1], difference[RANK_EXACT + 1], exact, approximate;

	(void)state;
	for (int i = 0; i <= RANK_EXACT; i++) {
		x[i] = i;
		y[i] = i + 9.5;
		difference[i] = i % 4 ? i : -i;
	}
	exact = rank_sum_p(x, RANK_EXACT, y, RANK_EXACT);
	approximate = rank_sum_p(x, RANK_EXACT + 1, y, RANK_EXACT + 1);
	assert_true(exact < 0.001 && approximate > exact / 3 && approximate < exact * 3);
	exact = rank_signed_p(difference, RANK_EXACT);
	approximate = rank_signed_p(difference, RANK_EXACT + 1);
	assert_true(exact < 0.1 && approximate > exact / 3 && approximate < exact * 3);
}

/* As R's p.adjust(): c(0.04, 0.01, NA, 0.03, 0.02). */
static void holm_corrects(void **state)
{
	double p[] = { 0.04, 0.01, NAN, 0.03, 0.02 };
	double large[] = { 0.9, 0.8 };

	(void)state;
	assert_int_equal(rank_holm(p, COUNT(p)), 0);
	assert_near(p[0], 0.06, 1e-15);
	assert_near(p[1], 0.04, 1e-15);
	assert_true(isnan(p[2]));
	assert_near(p[3], 0.06, 1e-15);
	assert_near(p[4], 0.06, 1e-15);
	assert_int_equal(rank_holm(large, COUNT(large)), 0);
	assert_near(large[0], 1, 0);
	assert_near(large[1], 1, 0);
	assert_int_equal(rank_holm(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rank_sum_of_permeability),
		cmocka_unit_test(signed_rank_of_depression),
		cmocka_unit_test(samples_apart_have_the_least_p),
		cmocka_unit_test(nothing_to_test),
		cmocka_unit_test(all_permutations_agree),
		cmocka_unit_test(approximation_continues_the_exact_test),
		cmocka_unit_test(holm_corrects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
