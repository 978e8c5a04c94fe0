/* Whether hardware event counters can be used here, and if not, why. Which events there are is the catalogue's business. */
#ifndef NESTWALK_PERF_H
#define NESTWALK_PERF_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>

enum perf_access {
	PERF_AVAILABLE, /* the cycles event can be opened for this process's user code */
	PERF_UNAVAILABLE, /* it cannot: .reason says why and what to do */
	PERF_NOT_TRIED, /* a recorded machine that has a PMU */
};

struct perf_state {
	enum perf_access access;
	struct reason reason;
	bool kernel_available; /* kernel code may be counted too; only where access is PERF_AVAILABLE */
};

/* Live: opens the hardware cycles event (perf_event_open(2)) and closes it. Never fails. */
void machine_perf(const struct machine_source *source, struct perf_state *out);

#endif
