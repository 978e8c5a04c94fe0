#include "counters/judge.h"

#include <errno.h>
#include <math.h>

/* Slack in counts per access, for the code around the chase: calls, the clock around laps, a VM exit. */
#define BOUNDS_SLACK 0.01

/* A count below this share of the walks that must have happened is not believed. */
#define WALKS_LEAST_SHARE 0.01

int judge_count(enum count_metric metric, double value, const struct count_expectation *expectation, struct reason *why)
{
	const struct count_meaning *meaning = &count_meanings[metric];
	double each;

	if (isnan(value))
		return 0;
	if (meaning->needs_walks && expectation->walks_least > 0 &&
		value < WALKS_LEAST_SHARE * expectation->walks_least)
		return fail(why, ERANGE,
			"%s counted %.0f where at least %.0f page walks must have happened: the event does not count here (a virtual PMU that hides it, or a guest that runs without the CPU's guest mode)",
			meaning->name, value, expectation->walks_least);
	if (expectation->accesses <= 0)
		return 0;
	each = value / expectation->accesses;
	if (each < meaning->bounds.least - BOUNDS_SLACK || each > meaning->bounds.most + BOUNDS_SLACK)
		return fail(why, ERANGE,
			"%s counted %.4g an access, where %.4g to %.4g are possible: the event counts something else here",
			meaning->name, each, meaning->bounds.least, meaning->bounds.most);
	return 0;
}
