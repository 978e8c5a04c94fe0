/* Whether a count can be what it says, against what must have happened. */
#ifndef NESTWALK_JUDGE_H
#define NESTWALK_JUDGE_H

#include "base/reason.h"
#include "counters/catalogue.h"

#include <stdbool.h>

struct count_expectation {
	double accesses; /* that the counted code made; 0: not known, so nothing is judged per access */
	double walks_least; /* page walks that must have happened at least: accesses beyond the reach of every TLB level; 0 */
};

/*
 * 0: plausible. -ERANGE with *why: outside the bounds of an access, or (next to) nothing although pages were walked for,
 * as with a virtual PMU that hides the event, or a guest that never enters the CPU's guest mode. NAN is plausible.
 */
int judge_count(
	enum count_metric metric, double value, const struct count_expectation *expectation, struct reason *why);

#endif
