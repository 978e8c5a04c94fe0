#include "base/rank_test.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Twice the mean ranks of values, which are whole numbers also where values are equal; and the sum of t^3 - t over sets of t
 * equal ones, by which ties lessen the variance.
 */
static int doubled_ranks(const double *value, size_t n, size_t *rank, double *ties)
{
	size_t *order = malloc((n + 1) * sizeof(*order));

	*ties = 0;
	if (!order)
		return -ENOMEM;
	gsl_sort_index(order, value, 1, n);
	for (size_t i = 0, end; i < n; i = end) {
		double equal;

		for (end = i; end < n && value[order[end]] == value[order[i]]; end++)
			;
		for (size_t k = i; k < end; k++)
			rank[order[k]] = i + 1 + end;
		equal = (double)(end - i);
		*ties += equal * (equal * equal - 1);
	}
	free(order);
	return 0;
}

/* Two-sided: how likely a value is as far from the middle as `sum`, by how many ways lead to each. */
static double tails(const double *ways, size_t most, double middle, double sum)
{
	double beyond = 0, all = 0, far = fabs(sum - middle);

	for (size_t i = 0; i <= most; i++) {
		all += ways[i];
		/* Sums are whole numbers, and the middle is half of one. */
		if (fabs((double)i - middle) >= far - 0.25)
			beyond += ways[i];
	}
	return beyond / all;
}

/*
 * In how many ways n of the ranks have each sum: a row of counts for each number of ranks taken, to which the ranks are added
 * one after the other. Counts stay below C(50, 25) = 1.3e14, which a double holds exactly.
 */
static double sum_exact(const size_t *rank, size_t total, size_t n, size_t sum)
{
	size_t most = 0, width, all = 0;
	double *ways, p;

	for (size_t i = 0; i < total; i++)
		all += rank[i];
	most = all;
	width = most + 1;
	ways = calloc((n + 1) * width, sizeof(*ways));
	if (!ways)
		return NAN;
	ways[0] = 1;
	for (size_t i = 0, reached = 0; i < total; i++) {
		reached += rank[i];
		for (size_t taken = i + 1 < n ? i + 1 : n; taken > 0; taken--)
			for (size_t s = reached; s + 1 > rank[i]; s--)
				ways[taken * width + s] += ways[(taken - 1) * width + s - rank[i]];
	}
	p = tails(ways + n * width, most, (double)n * (double)all / (double)total, (double)sum);
	free(ways);
	return p;
}

/*
 * The same without ties, where the ways to each sum follow from a recurrence (Mann and Whitney 1947): the coefficients of the
 * Gaussian binomial, as products and quotients of 1 - q^k. Only those up to `least` are needed, since both tails are alike.
 */
static double untied_exact(size_t n, size_t m, size_t least)
{
	double ways[RANK_EXACT * RANK_EXACT + 1] = { 1 }, beyond = 0;

	for (size_t i = 1; i <= n; i++) {
		for (size_t k = least; k + 1 > m + i; k--)
			ways[k] -= ways[k - m - i];
		for (size_t k = i; k <= least; k++)
			ways[k] += ways[k - i];
	}
	for (size_t k = 0; k <= least; k++)
		beyond += ways[k];
	return fmin(1, 2 * beyond / gsl_sf_choose((unsigned)(n + m), (unsigned)n));
}

/* Two-sided normal tail of a difference of ranks, corrected for continuity: sums go by steps of 1. */
static double normal_p(double difference, double variance)
{
	double beyond = fabs(difference) - 0.5;

	return variance > 0 && beyond > 0 ? 2 * gsl_cdf_ugaussian_Q(beyond / sqrt(variance)) : 1;
}

static double sum_of_ranks_p(const size_t *rank, size_t n, size_t m, double ties)
{
	double total = (double)(n + m), u, middle = (double)n * (double)m / 2;
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += rank[i];
	u = (double)sum / 2 - (double)n * ((double)n + 1) / 2;
	if (n > RANK_EXACT || m > RANK_EXACT)
		return normal_p(u - middle, (double)n * (double)m / 12 * (total + 1 - ties / (total * (total - 1))));
	if (ties > 0)
		return sum_exact(rank, n + m, n, sum);
	return untied_exact(n, m, (size_t)fmin(u, 2 * middle - u));
}

double rank_sum_p(const double *x, size_t n, const double *y, size_t m)
{
	double *all = malloc((n + m + 1) * sizeof(*all)), ties, p = NAN;
	size_t *rank = malloc((n + m + 1) * sizeof(*rank));

	if (n && m && all && rank) {
		memcpy(all, x, n * sizeof(*all));
		memcpy(all + n, y, m * sizeof(*all));
		if (!doubled_ranks(all, n + m, rank, &ties))
			p = sum_of_ranks_p(rank, n, m, ties);
	}
	free(rank);
	free(all);
	return p;
}

double rank_sum_least_p(size_t n, size_t m)
{
	/* Any more samples are enough for everything, and the binomial leaves the range of a double. */
	if (n + m > 400)
		return 0;
	return fmin(1, 2 / gsl_sf_choose((unsigned)(n + m), (unsigned)n));
}

/* In how many ways the ranks of positive differences have each sum: each rank is in it or not. */
static double signed_exact(const size_t *rank, size_t n, size_t sum)
{
	size_t all = 0, reached = 0;
	double *ways, p;

	for (size_t i = 0; i < n; i++)
		all += rank[i];
	ways = calloc(all + 1, sizeof(*ways));
	if (!ways)
		return NAN;
	ways[0] = 1;
	for (size_t i = 0; i < n; i++) {
		reached += rank[i];
		for (size_t s = reached; s + 1 > rank[i]; s--)
			ways[s] += ways[s - rank[i]];
	}
	p = tails(ways, all, (double)all / 2, (double)sum);
	free(ways);
	return p;
}

double rank_signed_p(const double *difference, size_t n)
{
	double *size = malloc((n + 1) * sizeof(*size)), ties, squares = 0, p = NAN;
	size_t *rank = malloc((n + 1) * sizeof(*rank)), kept = 0, positive = 0, all = 0;

	if (!n || !size || !rank)
		goto out;
	for (size_t i = 0; i < n; i++)
		size[i] = fabs(difference[i]);
	if (doubled_ranks(size, n, rank, &ties))
		goto out;
	for (size_t i = 0; i < n; i++) {
		if (difference[i] == 0)
			continue;
		all += rank[i];
		squares += (double)rank[i] * (double)rank[i];
		positive += difference[i] > 0 ? rank[i] : 0;
		rank[kept++] = rank[i];
	}
	if (!kept)
		p = 1;
	else if (n <= RANK_EXACT)
		p = signed_exact(rank, kept, positive);
	else /* ranks are doubled: a quarter of their squares is the variance of twice the sum, four times that of the sum */
		p = normal_p(((double)positive - (double)all / 2) / 2, squares / 16);
out:
	free(rank);
	free(size);
	return p;
}

double rank_signed_least_p(size_t n)
{
	return fmin(1, ldexp(2, -(int)(n < 1000 ? n : 1000)));
}

int rank_holm(double *p, size_t n)
{
	size_t *order = malloc((n + 1) * sizeof(*order)), tests = 0;
	double *known = calloc(n + 1, sizeof(*known)), least = 0;

	if (!order || !known) {
		free(order);
		free(known);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		known[i] = isnan(p[i]) ? INFINITY : p[i];
		tests += !isnan(p[i]);
	}
	gsl_sort_index(order, known, 1, n);
	for (size_t i = 0; i < tests; i++) {
		/* None is more certain than one before it. */
		least = fmax(least, fmin(1, p[order[i]] * (double)(tests - i)));
		p[order[i]] = least;
	}
	free(known);
	free(order);
	return 0;
}
