/* Everything that is known about a machine, as one JSON object: `nestwalk env --json`, and "machine" in run.json. */
#ifndef NESTWALK_MACHINE_H
#define NESTWALK_MACHINE_H

#include "machine/source.h"

#include <jansson.h>

/*
 * Returns a new object, which the caller owns; NULL only where memory is short. An unknown fact is null, and
 * "KEY_reason" stands beside a KEY that is null. Objects always present (docs: see describe.h for each): source, cpu,
 * tlbs_advertised, paging, tsc, outer, topology, page_sizes, memory, kvm, counters, kernel, mitigations, noise,
 * allocator; for a bare register dump (SOURCE_CPUID) only the first six. On the live machine this opens /dev/kvm, tries
 * perf_event_open(2), and measures the TSC: about 30 ms. No privilege.
 */
json_t *machine_describe(const struct machine_source *source);

#endif
