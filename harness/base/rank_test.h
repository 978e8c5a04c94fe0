/*
 * Rank tests: do two sets of samples come from the same distribution? They ask nothing of its shape, so that a few disturbed
 * samples decide nothing. Values have to be finite. All p-values are two-sided.
 *
 * Exact p-values are those of the permutation distribution given the ties (Lehmann, "Nonparametrics", ch. 1.4 and 3.2). They
 * are computed for up to RANK_EXACT samples a side. Beyond, the normal approximation with corrections for ties and
 * continuity takes over, whose tails are too heavy rather than too light where the two sides do not overlap.
 */
#ifndef NESTWALK_BASE_RANK_TEST_H
#define NESTWALK_BASE_RANK_TEST_H

#include <stddef.h>

/* As many as a point has at effort normal. There the approximation says twice the exact p at 1e-4, and more below. */
#define RANK_EXACT 25

/* Mann and Whitney's test (Wilcoxon's rank sum) of n samples against m others. NaN where a side has none, or memory is short. */
double rank_sum_p(const double *x, size_t n, const double *y, size_t m);

/* The least p-value that n samples against m can have, where they do not overlap: 2 / C(n + m, n), at most 1. */
double rank_sum_least_p(size_t n, size_t m);

/*
 * Wilcoxon's signed-rank test of n differences of pairs. Differences of 0 have ranks, which count for no side (Pratt, JASA 54,
 * 1959). NaN where there are none, or memory is short.
 */
double rank_signed_p(const double *difference, size_t n);

/* The least p-value that n pairs can have: 2 / 2^n, at most 1. */
double rank_signed_least_p(size_t n);

/*
 * Holm's correction: multiply p-values so that those at or below a level hold it for all of them together (Scandinavian
 * Journal of Statistics 6, 1979). NaN is no test and stays. 0, or -ENOMEM.
 */
int rank_holm(double *p, size_t n);

#endif
