/*
 * Which metrics can be counted at the same time. PMUs have 4 to 8 counters, some events need certain counters, and
 * others hold some of them (the NMI watchdog). Trying is the only way to find out: a group that the kernel refuses is
 * too large.
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
 * Split metrics into groups, each as large as the PMU has room for. The caller closes *out with fit_close(). Groups are
 * pinned, so that they count all the time. A metric that is refused even alone, because its counters are taken, gets a
 * group that takes turns with other users of the PMU, and is scaled. Groups are tried on the calling thread, in some 20
 * us an event. Never fails.
 */
void fit_groups(const struct fit_plan *plan, struct fit *out);
void fit_close(struct fit *fit);

#endif
