/*
 * Whether hardware event counters can be used here, and the reason where they cannot. The catalogue says which events
 * there are.
 */
#ifndef NESTWALK_PERF_H
#define NESTWALK_PERF_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>

enum perf_access {
	PERF_AVAILABLE, /* the cycles event can be opened for this process's user code */
	PERF_UNAVAILABLE, /* the event cannot be opened: .reason says why, and what to do */
	PERF_NOT_TRIED, /* a recorded machine that has a PMU */
};

struct perf_state {
	enum perf_access access;
	struct reason reason;
	bool kernel_available; /* kernel code may be counted too; only where access is PERF_AVAILABLE */
};

/* Live: opens the hardware cycles event (perf_event_open(2)) and closes it. Never fails. */
void machine_perf(const struct machine_source *source, struct perf_state *out);

/* A request to perf_event_open(2) that was refused. */
struct perf_refusal {
	int error; /* errno */
	bool software; /* an event that the kernel counts itself, without a PMU */
	bool guest_only; /* exclude_host: only what a guest of this Linux does */
	bool other_thread; /* the thread is not the caller's own */
};

/*
 * Write to *why what prevents the event (no PMU, perf_event_paranoid, seccomp, lockdown, a hypervisor, a PMU that lacks
 * the event) and the command that helps, where there is one. Returns -error. Reads a few files of `source`. What each
 * errno means: perf_event_open(2), Linux kernel/events/core.c and arch/x86/events/.
 */
int machine_perf_refused(const struct machine_source *source, const struct perf_refusal *refusal, struct reason *why);

#endif
