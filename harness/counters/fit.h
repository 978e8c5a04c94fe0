/*
 * Which metrics can be counted at the same time. PMUs have 4 to 8 counters, not every event goes into each, and others
 * hold some (the NMI watchdog); so it is found out by trying: a group that is refused is too large.
 */
#ifndef NESTWALK_FIT_H
#define NESTWALK_FIT_H

#include "counters/catalogue.h"
#include "counters/group.h"

/* A metric with its events encoded. */
struct encoded_metric {
	enum count_metric metric;
	size_t terms;
	struct perf_event_attr event[COUNT_TERMS_MAX];
	int sign[COUNT_TERMS_MAX];
};

/* A metric in a group: the index of each of its terms among the group's events. */
struct fitted_metric {
	enum count_metric metric;
	size_t terms;
	size_t place[COUNT_TERMS_MAX];
	int sign[COUNT_TERMS_MAX];
};

struct fitted_group {
	struct event_group group;
	struct fitted_metric metric[COUNT_METRICS];
	size_t metrics;
};

struct fit_plan {
	const struct encoded_metric *metric;
	size_t count;
	pid_t thread; /* 0: the caller's own */
	bool guest_only;
	const struct perf_calls *calls;
};

struct fit {
	struct fitted_group group[COUNT_METRICS];
	size_t groups;
	int refused
		[COUNT_METRICS]; /* by metric: errno of perf_event_open(2), EBUSY where no counter is free; 0: it fits */
};

/*
 * Split into groups, each as large as goes in together; *out wants fit_close(). Pinned, so that what is counted is
 * counted all the time; a metric that is refused even alone because its counters are taken gets a group that takes
 * turns with others, and is scaled. Tried on the calling thread, some 20 us an event. Never fails.
 */
void fit_groups(const struct fit_plan *plan, struct fit *out);
void fit_close(struct fit *fit);

#endif
