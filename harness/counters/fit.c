#include "counters/fit.h"

#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/*
 * This is how long the code waits for a group that takes turns. The kernel rotates every few ms
 * (perf_event_mux_interval_ms, as a rule 4), so a group that can have its turn has had it by then.
 */
#define TURN_NS (20 * NS_PER_MS)

/* The events of a group that is being put together. */
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

/* Add a metric to the group; an event that it shares with others is counted once. False where no PMU has room. */
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

/* Open a group. @for_good: to count with; otherwise only to see whether it can be opened. */
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
 * Whether the group gets its counters: 0, or a negative errno. It is tried on the calling thread, because events of a
 * thread that does not run would wait. With exclude_host they count nothing here, but they take their counters all
 * the same.
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

/* Open the group that was tried, this time to count with it. */
static void draft_keep(const struct draft *draft, const struct fit_plan *plan, bool pinned, struct fit *out)
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

/* Open a metric that fits into no group, not even alone: 0 where it is counted in turns. */
static int metric_keep_in_turns(const struct encoded_metric *metric, const struct fit_plan *plan, struct fit *out)
{
	struct draft alone = { .events = 0 };
	int error;

	draft_add(&alone, metric);
	error = draft_try(&alone, plan, false);
	if (!error)
		draft_keep(&alone, plan, false, out);
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
		/*
		 * A metric begins a group of its own if it can be opened alone. An error other than a lack of
		 * counters needs no second try.
		 */
		if (draft.events && (error == -EINVAL || error == -EBUSY)) {
			struct draft alone = { .events = 0 };

			draft_add(&alone, metric);
			error = draft_try(&alone, plan, true);
			if (!error) {
				draft_keep(&draft, plan, true, out);
				draft = alone;
				continue;
			}
		}
		if (error == -EBUSY)
			error = metric_keep_in_turns(metric, plan, out);
		if (error)
			out->refused[metric->metric] = -error;
	}
	if (draft.events)
		draft_keep(&draft, plan, true, out);
}

void fit_close(struct fit *fit)
{
	while (fit->groups)
		group_close(&fit->group[--fit->groups].group);
}
