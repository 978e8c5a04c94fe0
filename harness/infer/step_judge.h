/* Which of a curve's candidates are TLB levels, and why the others are not. */
#ifndef NESTWALK_INFER_STEP_JUDGE_H
#define NESTWALK_INFER_STEP_JUDGE_H

#include "base/statistics.h"
#include "infer/capacity.h"
#include "infer/curve.h"
#include "infer/step_scan.h"

/* How much equals differ: odd and even rounds of a point, its two passes. Net cycles. */
struct null_differences {
	double median, most; /* the median and the 95 % quantile */
	size_t comparisons;
};

enum verdict {
	STEP_LEVEL, /* a TLB level */
	STEP_REJECTED, /* something else, or nothing */
	STEP_UNRESOLVED, /* the data ends or is too thin to tell */
};

struct judged_step {
	struct step step;
	enum verdict verdict;
	char reason[320]; /* unless STEP_LEVEL: one clause, lower case */
	bool confirmed; /* seen again in the independent pass */
	struct capacity capacity; /* of a level */
	struct interval added_cycles, added_ns; /* NaN where not known */
};

struct judged_curve {
	const struct curve *curve; /* borrowed */
	struct judged_step step[STEPS_MAX];
	size_t count;
	bool walks_grow; /* beyond the last level, cost was seen to grow without any plateau a TLB would have */
	struct null_differences null;
};

/* Fewer page counts than this show no plateau, step and plateau. */
#define CURVE_LEAST_POINTS 6

/*
 * More than this is no hit in a further TLB level: two and a half times the dearest published one (9 core cycles, Skylake's
 * second level). What follows such a step is walks. At twice as much the costs of half of the walks
 * are not told.
 */
#define DEAR_CYCLES TUNED(DEAR_CYCLES, 25)

/* 0, or -ENOMEM. Deterministic in `seed`. */
int curve_judge(const struct curve *curve, uint64_t seed, struct judged_curve *out);

#endif
