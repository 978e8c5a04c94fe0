/* Whether a count is plausible, judged by what must have happened and by the clock. */
#ifndef NESTWALK_JUDGE_H
#define NESTWALK_JUDGE_H

#include "base/reason.h"
#include "counters/catalogue.h"

#include <stdbool.h>

struct count_expectation {
	double accesses; /* accesses that the counted code made; 0: not known, so nothing is judged per access */
	double walks_least; /* page walks that must have happened at least: accesses beyond the reach of every TLB level; 0 */
};

/*
 * 0: plausible. -ERANGE with *why: outside the bounds of an access, or (next to) nothing although pages were walked for,
 * as with a virtual PMU that hides the event, or a guest that never enters the CPU's guest mode. NAN is plausible.
 */
int judge_count(
	enum count_metric metric, double value, const struct count_expectation *expectation, struct reason *why);

/* Counters against each other and against time, for a chase of one point. What is not known is NAN. */
struct cross_check_input {
	double accesses;
	double walks; /* dtlb_load_walks */
	double walk_cycles; /* dtlb_walk_cycles */
	double net_cycles; /* per access, by time: what translation adds */
	bool beyond_last_level; /* every access must walk */
};

enum cross_check_verdict {
	CROSS_NOT_CHECKED, /* .why says why not */
	CROSS_AGREES,
	CROSS_DIFFERS, /* .why says what was found */
};

struct cross_check {
	double walks_per_access, cycles_per_walk; /* NAN where not known */
	struct {
		enum cross_check_verdict verdict;
		struct reason why; /* a sentence for the report, whatever the verdict */
	} walks, time; /* one walk an access; cycles of walks against net cycles */
};

void cross_check(const struct cross_check_input *input, struct cross_check *out);

#endif
