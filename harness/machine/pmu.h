/* The PMUs of a machine's cores: one, or one for each kind of core of a hybrid CPU. */
#ifndef NESTWALK_PMU_H
#define NESTWALK_PMU_H

#include "machine/source.h"

#include <stdbool.h>
#include <stdint.h>

/* No x86 CPU has more kinds of cores: performance, efficiency, and the low-power ones of Meteor Lake are cpu_atom, too. */
#define CORE_PMUS_MOST 4

struct core_pmu {
	char name
		[16]; /* of its directory in /sys/bus/event_source/devices: "cpu"; on hybrid CPUs "cpu_core", "cpu_atom" */
	uint32_t type; /* for perf_event_open(2) */
	char *cpus; /* the list of its CPUs, "0-15"; NULL where there is one PMU for all; core_pmus_free() */
};

/*
 * All PMUs of cores. Returns their number, 0 where there is none or none can be seen. More than one: a hybrid CPU
 * (Linux arch/x86/events/intel/core.c, intel_pmu_init_hybrid()). The caller frees with core_pmus_free().
 */
size_t machine_core_pmus(const struct machine_source *source, struct core_pmu pmus[CORE_PMUS_MOST]);
void core_pmus_free(struct core_pmu *pmus, size_t count);

/* The one among them that counts on a CPU; NULL where none does, or it is not known. */
const struct core_pmu *core_pmu_of(const struct core_pmu *pmus, size_t count, int cpu);

#endif
