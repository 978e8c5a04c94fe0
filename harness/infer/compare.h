/*
 * Comparisons: which of many pairs of medians differ beyond chance? docs/METHOD.md ("Comparing runs") says why it is done so.
 *
 * A row is one metric of one point, at a base and at another side. What tells chance depends on what a side is:
 *
 *   pairs     both sides are of one run, and samples of one round saw the same machine: Wilcoxon's signed-rank test
 *   rounds    the same, where there are too few pairs for that test to pass among so many rows, whatever they are: Mann and
 *             Whitney's test, which errs on the safe side where samples of one round are alike
 *   samples   fewer than COMPARE_RUNS runs a side: Mann and Whitney's test of each two runs, and the difference has to stand
 *             out from what other rows of the same two runs differ by (luck)
 *   runs      COMPARE_RUNS runs a side or more: Welch's test of the logarithms of the runs' medians. A run is one observation
 *
 * Holm's correction holds the chance of any false difference to COMPARE_LEVEL over all rows. A difference is claimed where it
 * is also at least COMPARE_LEAST and beyond what the host differs from itself (A/A), where the runs know that.
 *
 * This is pure: samples in, verdicts out.
 */
#ifndef NESTWALK_INFER_COMPARE_H
#define NESTWALK_INFER_COMPARE_H

#include "base/statistics.h"
#include "bench.h"

#include <stdbool.h>
#include <stddef.h>

#define COMPARE_LEVEL 0.01 /* of any false difference in a whole comparison */
#define COMPARE_RUNS \
	3 /* of two runs a side, a difference would have to be 100 times the spread of runs to pass in 100 rows */
#define COMPARE_LEAST 0.01 /* less is what the layout of code and stack, or a clock's calibration, may do */

enum compare_verdict {
	COMPARE_ALIKE, /* not distinguishable */
	COMPARE_BETTER,
	COMPARE_WORSE,
	COMPARE_DIFFERS, /* and neither direction is better */
	COMPARE_UNKNOWN, /* nothing can be said: see reason */
	COMPARE_VERDICTS,
};
extern const char *const compare_verdict_names[COMPARE_VERDICTS]; /* "alike" "better" "worse" "differs" "unknown" */

enum compare_test {
	COMPARE_PAIRS,
	COMPARE_ROUNDS,
	COMPARE_SAMPLES,
	COMPARE_OF_RUNS,
	COMPARE_TESTS,
};
extern const char *const compare_test_names[COMPARE_TESTS]; /* "pairs" "rounds" "samples" "runs" */

/* What one run knows of a row. Lists are owned by the caller, in the order taken. */
struct compare_samples {
	const double *value, *round, *quiet; /* quiet: NULL where not known (base/quiet.h) */
	size_t count; /* 0: the run has no such point, or did not keep its samples */
	struct interval told; /* the point's median and interval; NaN: not told, computed from the samples */
};

struct compare_row {
	size_t group; /* rows of one bench, metric and other side: a table, with its A/A in common */
	size_t family; /* rows of a group that were measured in one setting and pass have luck in common, and may change alike */
	size_t side; /* groups of one other side */
	enum better better;
	bool paired;
	struct compare_samples *base,
		*other; /* of each run of the side, in the same order in all rows of a group; the caller's */
	size_t bases, others;

	/* Filled by compare_judge(). */
	enum compare_verdict verdict;
	const char *reason; /* why it is unknown; static */
	bool few; /* it is unknown because so few samples could not pass, whatever they are */
	enum compare_test test;
	struct interval base_told, other_told; /* of several runs: of their medians */
	struct interval ratio; /* other to base, with its 95 % interval; NaN where a median is not above 0 */
	size_t base_count, other_count; /* samples, pairs or runs that were tested */
	double p; /* corrected; NaN: there was no test */
	double luck; /* standard deviation of the logarithm, assumed for two runs; NaN where it was not needed */
	double control; /* the factor that the host differs from itself by; NaN where not known */
};

/* The host against itself at one point: a pair of the control. */
struct compare_control {
	size_t group;
	double cost; /* the host's median */
	double ratio; /* of the control to the host */
};

/* Judge all rows of a comparison together. 0, or -ENOMEM. */
int compare_judge(struct compare_row *rows, size_t count, const struct compare_control *controls, size_t control_count);

/* The ratio of the medians of pairs of samples of one round, `over` to `under`; NaN where there are no pairs. */
double compare_ratio_of_pairs(const struct compare_samples *over, const struct compare_samples *under);

/* The factor that 99 % of pairs of the control differ by less than; NaN where there are none. */
double compare_control_factor(const struct compare_control *controls, size_t count);

/* By which share a row's other side is worse: 0.05 is 5 % more time, or 5 % less of what is better more. 0 unless it is worse. */
double compare_worsening(const struct compare_row *row);

#endif
