/*
 * The events that the kernel names for every CPU, for cores that libpfm4 does not know. Which hardware event stands
 * behind each name is in the kernel's tables (Linux arch/x86/events/intel/core.c *_hw_cache_event_ids,
 * arch/x86/events/amd/core.c amd_hw_cache_event_ids_f17h) and differs between CPUs.
 */
#include "counters/rows.h"

#define NOT_GENERIC \
	"libpfm4 does not know this CPU, and the kernel's generic events do not count this; a newer libpfm4 may know it"
#define DTLB "perf::PERF_COUNT_HW_CACHE_DTLB:"

/* A row whose event some PMUs name in /sys. Other generic events are the kernel's own numbers for them. */
#define KERNEL_ROW(metric, marks, name, sentence, ...) \
	[COUNT_##metric] = { .counts = (sentence), .flags = (marks), .kernel_event = (name), .term = { __VA_ARGS__ } }

#define GENERIC_ROWS \
	NO_ROW(DTLB_LOAD_MISSES_L1_4K, NOT_GENERIC, NULL), NO_ROW(DTLB_LOAD_MISSES_L1_2M, NOT_GENERIC, NULL), \
		NO_ROW(DTLB_LOAD_MISSES_L1_1G, NOT_GENERIC, NULL), NO_ROW(DTLB_LOAD_WALKS_4K, NOT_GENERIC, NULL), \
		NO_ROW(DTLB_LOAD_WALKS_2M, NOT_GENERIC, NULL), NO_ROW(DTLB_LOAD_WALKS_1G, NOT_GENERIC, NULL), \
		NO_ROW(DTLB_STORE_WALKS_4K, NOT_GENERIC, NULL), NO_ROW(DTLB_STORE_WALKS_2M, NOT_GENERIC, NULL), \
		NO_ROW(DTLB_STORE_WALKS_1G, NOT_GENERIC, NULL), NO_ROW(DTLB_WALK_CYCLES, NOT_GENERIC, NULL), \
		NO_ROW(DTLB_WALK_PENDING, NOT_GENERIC, NULL), NO_ROW(WALKER_LOADS_L1, NOT_GENERIC, NULL), \
		NO_ROW(WALKER_LOADS_L2, NOT_GENERIC, NULL), NO_ROW(WALKER_LOADS_L3, NOT_GENERIC, NULL), \
		NO_ROW(WALKER_LOADS_MEMORY, NOT_GENERIC, NULL), NO_ROW(EPT_WALK_CYCLES, NOT_GENERIC, NULL), \
		KERNEL_ROW(ITLB_WALKS, COUNT_GENERIC, "iTLB-load-misses", \
			"the kernel's event for iTLB-load-misses: instruction fetches that miss every TLB level", \
			PLUS("perf::PERF_COUNT_HW_CACHE_ITLB:READ:MISS")), \
		KERNEL_ROW(CYCLES, COUNT_GENERIC, "cpu-cycles", \
			"the kernel's event for cycles: core cycles in which the thread was not halted", \
			PLUS("perf::PERF_COUNT_HW_CPU_CYCLES")), \
		KERNEL_ROW(INSTRUCTIONS, COUNT_GENERIC, "instructions", \
			"the kernel's event for instructions: instructions retired", \
			PLUS("perf::PERF_COUNT_HW_INSTRUCTIONS")), \
		PAGE_FAULTS_ROW

static const struct count_row rows_any[COUNT_METRICS] = {
	NO_ROW(DTLB_LOAD_MISSES_L1, NOT_GENERIC, NULL),
	KERNEL_ROW(DTLB_LOAD_WALKS, COUNT_GENERIC, "dTLB-load-misses",
		"the kernel's event for dTLB-load-misses: loads that miss every TLB level, walks begun or completed",
		PLUS(DTLB "READ:MISS")),
	KERNEL_ROW(DTLB_STORE_WALKS, COUNT_GENERIC, "dTLB-store-misses",
		"the kernel's event for dTLB-store-misses: stores that miss every TLB level, walks begun or completed",
		PLUS(DTLB "WRITE:MISS")),
	GENERIC_ROWS,
};

/*
 * On every AMD core since Zen the kernel counts as dTLB-loads all misses of the first level (event 0x45, all unit
 * masks), and as dTLB-load-misses the misses of the second level too (unit masks 0xf0). The difference is the hits of
 * the second level.
 */
static const struct count_row rows_amd[COUNT_METRICS] = {
	ROW_WITH(DTLB_LOAD_MISSES_L1, COUNT_GENERIC | COUNT_STORES_TOO | COUNT_DIFFERENCE,
		"the kernel's event on AMD for dTLB-loads (misses of the first level) less dTLB-load-misses (of the second)",
		PLUS(DTLB "READ:ACCESS"), MINUS(DTLB "READ:MISS")),
	ROW_WITH(DTLB_LOAD_WALKS, COUNT_GENERIC | COUNT_STORES_TOO,
		"the kernel's event on AMD for dTLB-load-misses: accesses that miss both TLB levels",
		PLUS(DTLB "READ:MISS")),
	NO_ROW(DTLB_STORE_WALKS, "AMD's PMU counts loads and stores together", "dtlb_load_walks, which counts both"),
	GENERIC_ROWS,
};

static const struct microarch microarchs[] = {
	{ "generic-amd", "an AMD core that libpfm4 does not know", "Linux arch/x86/events/amd/core.c", rows_amd,
		FALLBACK_AMD },
	{ "generic", "a core that libpfm4 does not know", "Linux arch/x86/events", rows_any, FALLBACK_ANY },
};

MICROARCH_LIST(catalogue_generic, microarchs);
