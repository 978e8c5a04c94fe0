#include "counters/judge.h"

#include <errno.h>
#include <math.h>

/* Slack of counts per access for the code around the chase: calls, the clock around laps, a VM exit. */
#define BOUNDS_SLACK 0.01

/* Fewer than this share of the walks that must have been is no count of them. */
#define WALKS_LEAST_SHARE 0.01

/*
 * Walks per access beyond the last TLB level. Some accesses still hit (a random cycle comes back early), some walks are
 * done twice; a count that means something else is off by far more.
 */
#define WALKS_TOLERANCE 0.05

/*
 * Net cycles by time are the walk and the look-up of the second level before it (7 to 9 cycles on published cores), less
 * what the core does meanwhile: 12 cycles or a quarter.
 */
#define TIME_SLACK_CYCLES 12
#define TIME_TOLERANCE 0.25

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

static void check_walks(const struct cross_check_input *input, struct cross_check *out)
{
	out->walks.verdict = CROSS_NOT_CHECKED;
	if (isnan(out->walks_per_access)) {
		fail(&out->walks.why, ENODATA, "walks were not counted");
		return;
	}
	if (!input->beyond_last_level) {
		fail(&out->walks.why, ENODATA,
			"%.3f walks an access; within the reach of a TLB level any number is right",
			out->walks_per_access);
		return;
	}
	out->walks.verdict = fabs(out->walks_per_access - 1) <= WALKS_TOLERANCE ? CROSS_AGREES : CROSS_DIFFERS;
	fail(&out->walks.why, 0, "%.3f walks an access beyond the last TLB level, where one is expected",
		out->walks_per_access);
}

static void check_time(const struct cross_check_input *input, struct cross_check *out)
{
	double counted = input->walk_cycles / input->accesses;
	double slack = fmax(TIME_SLACK_CYCLES, TIME_TOLERANCE * input->net_cycles);

	out->time.verdict = CROSS_NOT_CHECKED;
	if (isnan(out->cycles_per_walk) || isnan(input->net_cycles)) {
		fail(&out->time.why, ENODATA, "cycles of walks, or net cycles by time, are not known");
		return;
	}
	if (!input->beyond_last_level) {
		fail(&out->time.why, ENODATA,
			"%.1f cycles a walk; net cycles by time are compared where every access walks",
			out->cycles_per_walk);
		return;
	}
	out->time.verdict = fabs(counted - input->net_cycles) <= slack ? CROSS_AGREES : CROSS_DIFFERS;
	fail(&out->time.why, 0,
		"%.1f cycles of walks an access by the counter, %.1f net cycles an access by time (%.1f cycles a walk)",
		counted, input->net_cycles, out->cycles_per_walk);
}

void cross_check(const struct cross_check_input *input, struct cross_check *out)
{
	*out = (struct cross_check){ .walks_per_access = NAN, .cycles_per_walk = NAN };
	if (input->accesses > 0) {
		out->walks_per_access = input->walks / input->accesses;
		/* Without walks there are no cycles per walk. */
		if (input->walks > 0)
			out->cycles_per_walk = input->walk_cycles / input->walks;
	}
	check_walks(input, out);
	check_time(input, out);
}
