/* Intel Nehalem to Ivy Bridge: one page walker; few events distinguish page sizes. */
#include "counters/rows.h"

#define D "DTLB_LOAD_MISSES:"
#define S "DTLB_STORE_MISSES:"
#define N "DTLB_MISSES:" /* Nehalem and Westmere: loads and stores */

#define NO_HIT_SIZES "hits of the second TLB level are not told apart by page size"
#define NO_SIZES "walks are not told apart by page size"
#define NO_LARGE_SIZES "walks to pages larger than 4K are counted together, whatever the size"
#define LARGE_PROXY "dtlb_load_walks - dtlb_load_walks_4k: pages larger than 4K"
#define NO_1G "this CPU has no 1G pages"
#define NO_LOADS "this PMU does not count loads of the page walker"
#define LLC_PROXY "event PAGE_WALKS:LLC_MISS: walks (not loads) in which a load missed the last cache"
#define LOADS_PROXY "dtlb_walk_cycles per walk: the farther away the tables lie, the more cycles"
#define NO_CYCLES "Nehalem does not count the time of page walks; Westmere does"
#define NET_PROXY "on a dependent chase, net cycles divided by counted walks; an estimate"
#define MAY_BE_IN "; Intel does not say whether this includes the second dimension"

#define CYCLES_ROWS \
	ROW(CYCLES, "core cycles in which the thread was not halted", PLUS("UNHALTED_CORE_CYCLES")), \
		ROW(INSTRUCTIONS, "instructions retired", PLUS("INSTRUCTION_RETIRED")), PAGE_FAULTS_ROW

#define NO_HIT_SIZE_ROWS \
	NO_ROW(DTLB_LOAD_MISSES_L1_4K, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 4K"), \
		NO_ROW(DTLB_LOAD_MISSES_L1_2M, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 2M"), \
		NO_ROW(DTLB_LOAD_MISSES_L1_1G, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 1G")

/* The events count completed walks of loads, and of loads and stores together. Walks of stores are the difference. */
#define NEHALEM_ROWS \
	ROW(DTLB_LOAD_MISSES_L1, "loads that miss the first TLB level and hit the second", PLUS(D "STLB_HIT")), \
		NO_HIT_SIZE_ROWS, \
		ROW(DTLB_LOAD_WALKS, "completed page walks for loads, of every page size", PLUS(D "WALK_COMPLETED")), \
		ROW_WITH(DTLB_LOAD_WALKS_4K, COUNT_DIFFERENCE, \
			"completed page walks for loads less those to larger pages", PLUS(D "WALK_COMPLETED"), \
			MINUS(D "LARGE_WALK_COMPLETED")), \
		ROW_WITH(DTLB_STORE_WALKS, COUNT_DIFFERENCE, \
			"completed page walks for loads and stores less those for loads", PLUS(N "WALK_COMPLETED"), \
			MINUS(D "WALK_COMPLETED")), \
		NO_ROW(DTLB_STORE_WALKS_4K, NO_SIZES, "dtlb_store_walks, where all pages are 4K"), \
		NO_ROW(DTLB_STORE_WALKS_2M, NO_SIZES, "dtlb_store_walks, where all pages are 2M"), \
		NO_ROW(WALKER_LOADS_L1, NO_LOADS, NET_PROXY), NO_ROW(WALKER_LOADS_L2, NO_LOADS, NET_PROXY), \
		NO_ROW(WALKER_LOADS_L3, NO_LOADS, NET_PROXY), NO_ROW(WALKER_LOADS_MEMORY, NO_LOADS, NET_PROXY), \
		ROW(ITLB_WALKS, "completed page walks for instruction fetches", PLUS("ITLB_MISSES:WALK_COMPLETED")), \
		CYCLES_ROWS

static const struct count_row rows_nhm[COUNT_METRICS] = {
	NEHALEM_ROWS,
	ROW(DTLB_LOAD_WALKS_2M, "completed page walks for loads to large pages, which are 2M (4M) here",
		PLUS(D "LARGE_WALK_COMPLETED")),
	NO_ROW(DTLB_LOAD_WALKS_1G, NO_1G, NULL),
	NO_ROW(DTLB_STORE_WALKS_1G, NO_1G, NULL),
	NO_ROW(DTLB_WALK_CYCLES, NO_CYCLES, NET_PROXY),
	NO_ROW(DTLB_WALK_PENDING, NO_CYCLES, NET_PROXY),
	NO_ROW(EPT_WALK_CYCLES, "Nehalem counts misses of its EPT caches only, not the time",
		"events EPT:EPDE_MISS and EPT:EPDPE_MISS: misses of the caches of the second dimension"),
};

static const struct count_row rows_wsm[COUNT_METRICS] = {
	NEHALEM_ROWS,
	NO_ROW(DTLB_LOAD_WALKS_2M, NO_LARGE_SIZES, LARGE_PROXY),
	NO_ROW(DTLB_LOAD_WALKS_1G, NO_LARGE_SIZES, LARGE_PROXY),
	NO_ROW(DTLB_STORE_WALKS_1G, NO_SIZES, "dtlb_store_walks, where all pages are 1G"),
	ROW(DTLB_WALK_CYCLES, "cycles in which the page walker is busy with a walk for a load" MAY_BE_IN,
		PLUS(D "WALK_CYCLES:c=1")),
	ROW(DTLB_WALK_PENDING,
		"page walks for loads under way, added up over cycles: at most one, as there is one page walker" MAY_BE_IN,
		PLUS(D "WALK_CYCLES")),
	ROW(EPT_WALK_CYCLES, "cycles of extended page table walks, for any access", PLUS("EPT:WALK_CYCLES")),
};

#define BRIDGE_ROWS \
	ROW(DTLB_LOAD_MISSES_L1, "loads that miss the first TLB level and hit the second", PLUS(D "STLB_HIT")), \
		NO_HIT_SIZE_ROWS, \
		ROW(DTLB_LOAD_WALKS, "completed page walks for loads, of every page size", PLUS(D "WALK_COMPLETED")), \
		ROW(DTLB_STORE_WALKS, "completed page walks for stores, of every page size", \
			PLUS(S "WALK_COMPLETED")), \
		NO_ROW(DTLB_STORE_WALKS_4K, NO_SIZES, "dtlb_store_walks, where all pages are 4K"), \
		NO_ROW(DTLB_STORE_WALKS_2M, NO_SIZES, "dtlb_store_walks, where all pages are 2M"), \
		NO_ROW(DTLB_STORE_WALKS_1G, NO_SIZES, "dtlb_store_walks, where all pages are 1G"), \
		ROW(DTLB_WALK_CYCLES, "cycles in which the page walker is busy with a walk for a load" MAY_BE_IN, \
			PLUS(D "WALK_DURATION:c=1")), \
		ROW(DTLB_WALK_PENDING, \
			"page walks for loads under way, added up over cycles: at most one, as there is one page walker" MAY_BE_IN, \
			PLUS(D "WALK_DURATION")), \
		NO_ROW(WALKER_LOADS_L1, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_L2, NO_LOADS, LOADS_PROXY), \
		NO_ROW(WALKER_LOADS_L3, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_MEMORY, NO_LOADS, LLC_PROXY), \
		ROW(EPT_WALK_CYCLES, "cycles of extended page table walks, for any access", PLUS("EPT:WALK_CYCLES")), \
		ROW(ITLB_WALKS, "completed page walks for instruction fetches", PLUS("ITLB_MISSES:WALK_COMPLETED")), \
		CYCLES_ROWS

static const struct count_row rows_snb[COUNT_METRICS] = {
	BRIDGE_ROWS,
	NO_ROW(DTLB_LOAD_WALKS_4K, NO_SIZES, "dtlb_load_walks, where all pages are 4K"),
	NO_ROW(DTLB_LOAD_WALKS_2M, NO_SIZES, "dtlb_load_walks, where all pages are 2M"),
	NO_ROW(DTLB_LOAD_WALKS_1G, NO_SIZES, "dtlb_load_walks, where all pages are 1G"),
};

static const struct count_row rows_ivb[COUNT_METRICS] = {
	BRIDGE_ROWS,
	ROW_WITH(DTLB_LOAD_WALKS_4K, COUNT_DIFFERENCE, "completed page walks for loads less those to larger pages",
		PLUS(D "WALK_COMPLETED"), MINUS(D "LARGE_WALK_COMPLETED")),
	NO_ROW(DTLB_LOAD_WALKS_2M, NO_LARGE_SIZES, LARGE_PROXY),
	NO_ROW(DTLB_LOAD_WALKS_1G, NO_LARGE_SIZES, LARGE_PROXY),
};

#define NHM_MANUAL "Intel SDM vol. 3B, events of Nehalem"
#define WSM_MANUAL "Intel SDM vol. 3B, events of Westmere"
#define SNB_MANUAL "Intel SDM vol. 3B and perfmon event list, Sandy Bridge"
#define IVB_MANUAL "Intel SDM vol. 3B and perfmon event list, Ivy Bridge"

static const struct microarch microarchs[] = {
	{ "nhm", "Intel Nehalem", NHM_MANUAL, rows_nhm, FALLBACK_NO },
	{ "nhm_ex", "Intel Nehalem-EX", NHM_MANUAL, rows_nhm, FALLBACK_NO },
	{ "wsm", "Intel Westmere", WSM_MANUAL, rows_wsm, FALLBACK_NO },
	{ "wsm_dp", "Intel Westmere-EP", WSM_MANUAL, rows_wsm, FALLBACK_NO },
	{ "snb", "Intel Sandy Bridge", SNB_MANUAL, rows_snb, FALLBACK_NO },
	{ "snb_ep", "Intel Sandy Bridge-EP", SNB_MANUAL, rows_snb, FALLBACK_NO },
	{ "ivb", "Intel Ivy Bridge", IVB_MANUAL, rows_ivb, FALLBACK_NO },
	{ "ivb_ep", "Intel Ivy Bridge-EP", IVB_MANUAL, rows_ivb, FALLBACK_NO },
};

MICROARCH_LIST(catalogue_intel_early, microarchs);
