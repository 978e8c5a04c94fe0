/*
 * A guest's hardware events, counted from outside on its vCPUs' threads while its job runs: what its user code does, and
 * nothing of the host's or of QEMU's (exclude_host). No virtual PMU is needed.
 */
#ifndef NESTWALK_GUEST_COUNTED_H
#define NESTWALK_GUEST_COUNTED_H

#include "counters/counters.h"

#include <jansson.h>

/*
 * Of a run as a whole one group of events can be counted, as nothing is multiplexed. These take four counters at most, which
 * every PMU of the catalogue has: on Skylake walk cycles are two events, as those of EPT walks are counted apart.
 */
#define GUEST_COUNTED (COUNT_BIT(COUNT_DTLB_LOAD_WALKS) | COUNT_BIT(COUNT_DTLB_WALK_CYCLES) | COUNT_BIT(COUNT_CYCLES))

struct guest_counted {
	struct counting **of_vcpu; /* owned */
	unsigned vcpus;
	struct reason why; /* nothing is counted */
};

struct guest_counted_plan {
	const int *threads; /* of the vCPUs */
	unsigned vcpus;
	enum count_scope scope; /* count_scope_of_vcpu() */
	const struct microarch *microarch; /* NULL: this CPU's */
	const struct perf_calls *calls; /* NULL: Linux's */
};

/* Begin to count. Where nothing can be counted the reason is kept, and nothing else happens. */
void guest_counted_begin(struct guest_counted *counted, const struct guest_counted_plan *plan);

/*
 * End, and what was counted, summed over all vCPUs: {"<metric>": count or null, "<metric>_reason": ..., "scaled": whether any
 * of them had a counter for part of the time only}. New reference; NULL with *why: none is known. Frees everything.
 */
json_t *guest_counted_end(struct guest_counted *counted, struct reason *why);

#endif
