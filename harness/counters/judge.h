/* Whether a count is plausible, compared with what must have happened. */
#ifndef NESTWALK_JUDGE_H
#define NESTWALK_JUDGE_H

#include "base/reason.h"
#include "counters/catalogue.h"

#include <stdbool.h>

struct count_expectation {
	double accesses; /* accesses of the counted code; 0: not known, so nothing is judged per access */
	/*
	 * the least number of page walks that must have happened: the accesses beyond the reach of every TLB level, or
	 * 0
	 */
	double walks_least;
};

/*
 * 0: the count is plausible. -ERANGE with *why: it is outside of the bounds per access, or it is (nearly) 0 although
 * there were page walks. A virtual PMU that hides the event shows that, and so does a guest that never enters the CPU's
 * guest mode. NAN is plausible.
 */
int judge_count(
	enum count_metric metric, double value, const struct count_expectation *expectation, struct reason *why);

#endif
