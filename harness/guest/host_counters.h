/*
 * Hardware events of a guest, counted by the host on the threads of the vCPUs while the guest's job runs. Only the
 * guest's user code counts: neither the host's code nor QEMU's does (exclude_host). The guest needs no virtual PMU.
 */
#ifndef NESTWALK_HOST_COUNTERS_H
#define NESTWALK_HOST_COUNTERS_H

#include "counters/counters.h"

#include <jansson.h>

/*
 * Nothing is multiplexed, so one group of events is counted over the whole job. These metrics take four counters at
 * most, which every PMU of the catalogue has. (On Skylake walk cycles are two events, because cycles of EPT walks are
 * counted apart.)
 */
#define HOST_COUNTERS (COUNT_BIT(COUNT_DTLB_LOAD_WALKS) | COUNT_BIT(COUNT_DTLB_WALK_CYCLES) | COUNT_BIT(COUNT_CYCLES))

struct host_counters {
	struct counting **of_vcpu; /* owned */
	unsigned vcpus;
	struct reason why; /* why nothing is counted; "" where something is */
};

struct host_counters_plan {
	const int *threads; /* of the vCPUs */
	unsigned vcpus;
	enum count_scope scope; /* count_scope_of_vcpu() */
	const struct microarch *microarch; /* NULL: this CPU's */
	const struct perf_calls *calls; /* NULL: Linux's */
};

/* Begin to count. Where nothing can be counted, the reason is kept and host_counters_end() tells it. */
void host_counters_begin(struct host_counters *counters, const struct host_counters_plan *plan);

/*
 * End counting, and return the sums over all vCPUs: {"<metric>": count or null, "<metric>_reason": ..., "scaled":
 * whether a vCPU had a counter for part of the time only}. New reference; NULL with *why where no metric is known.
 * Frees everything.
 */
json_t *host_counters_end(struct host_counters *counters, struct reason *why);

#endif
