#include "counters/fit.h"

#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/*
 * How long a group that takes turns is waited for: the kernel rotates every few ms (perf_event_mux_interval_ms, 4 as a
 * rule), so it has had its turn by then, if it can.
 */
#define TURN_NS (20 * NS_PER_MS)

/* The events of a group to be. */
struct draft {
	struct perf_event_attr event[GROUP_EVENTS_MAX];
	size_t events;
	struct fitted_metric metric[COUNT_METRICS];
	size_t metrics;
};

static bool same_event(const struct perf_event_attr *a, const struct perf_event_attr *b)
{
	return a->type == b->type && a->config == b->config && a->config1 == b->config1;
}

/* Add a metric; what it shares with the others is counted once. False where there is no room in any PMU. */
static bool draft_add(struct draft *draft, const struct encoded_metric *metric)
{
	struct fitted_metric *fitted = &draft->metric[draft->metrics];

	*fitted = (struct fitted_metric){ .metric = metric->metric, .terms = metric->terms };
	for (size_t term = 0; term < metric->terms; term++) {
		size_t at = 0;

		while (at < draft->events && !same_event(&draft->event[at], &metric->event[term]))
			at++;
		if (at == GROUP_EVENTS_MAX)
			return false;
		if (at == draft->events)
			draft->event[draft->events++] = metric->event[term];
		fitted->place[term] = at;
		fitted->sign[term] = metric->sign[term];
	}
	draft->metrics++;
	return true;
}

/* @for_good: not for a trial. */
static int draft_open(
	const struct draft *draft, const struct fit_plan *plan, bool pinned, bool for_good, struct event_group *group)
{
	size_t refused;

	return group_open(group,
		&(struct group_plan){
			.event = draft->event,
			.count = draft->events,
			.thread = for_good ? plan->thread : 0,
			.guest_only = plan->guest_only,
			.pinned = pinned,
			.by_rdpmc = for_good && pinned,
			.calls = plan->calls,
		},
		&refused);
}

/*
 * Whether the group gets its counters: 0, or a negative errno. Another thread may not run now, and its events then wait;
 * this one does. With exclude_host they count nothing here, but they take their counters all the same.
 */
static int draft_try(const struct draft *draft, const struct fit_plan *plan, bool pinned)
{
	struct counted counted[GROUP_EVENTS_MAX];
	struct event_group group;
	int error = draft_open(draft, plan, pinned, false, &group);

	if (error)
		return error;
	error = group_begin(&group, NULL);
	if (!error) {
		uint64_t end_ns = now_ns() + (pinned ? 0 : TURN_NS);

		while (now_ns() < end_ns)
			;
		error = group_end(&group, counted, NULL);
	}
	if (!error && isnan(counted[0].count))
		error = -EBUSY;
	group_close(&group);
	return error;
}

/* Open for good what was tried. */
static void keep(const struct draft *draft, const struct fit_plan *plan, bool pinned, struct fit *out)
{
	struct fitted_group *fitted = &out->group[out->groups];
	int error = draft_open(draft, plan, pinned, true, &fitted->group);

	if (error) {
		for (size_t i = 0; i < draft->metrics; i++)
			out->refused[draft->metric[i].metric] = -error;
		return;
	}
	fitted->metrics = draft->metrics;
	memcpy(fitted->metric, draft->metric, sizeof(fitted->metric));
	out->groups++;
}

/* One that goes into no group with others, nor alone: 0 where it is counted in turns. */
static int keep_in_turns(const struct encoded_metric *metric, const struct fit_plan *plan, struct fit *out)
{
	struct draft alone = { .events = 0 };
	int error;

	draft_add(&alone, metric);
	error = draft_try(&alone, plan, false);
	if (!error)
		keep(&alone, plan, false, out);
	return error;
}

void fit_groups(const struct fit_plan *plan, struct fit *out)
{
	struct draft draft = { .events = 0 };

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < plan->count; i++) {
		const struct encoded_metric *metric = &plan->metric[i];
		struct draft larger = draft;
		int error = draft_add(&larger, metric) ? draft_try(&larger, plan, true) : -EBUSY;

		if (!error) {
			draft = larger;
			continue;
		}
		/* It begins a group of its own, if it goes in alone. What is no question of room needs no second try. */
		if (draft.events && (error == -EINVAL || error == -EBUSY)) {
			struct draft alone = { .events = 0 };

			draft_add(&alone, metric);
			error = draft_try(&alone, plan, true);
			if (!error) {
				keep(&draft, plan, true, out);
				draft = alone;
				continue;
			}
		}
		if (error == -EBUSY)
			error = keep_in_turns(metric, plan, out);
		if (error)
			out->refused[metric->metric] = -error;
	}
	if (draft.events)
		keep(&draft, plan, true, out);
}

void fit_close(struct fit *fit)
{
	while (fit->groups)
		group_close(&fit->group[--fit->groups].group);
}
