/* AMD Zen. Event 0x45 distinguishes page sizes and hits in the second level, but counts loads and stores together. */
#include "counters/rows.h"

#define MISS "L1_DTLB_MISS:"
#define NO_STORES "AMD's PMU counts loads and stores together: dtlb_load_walks includes walks for stores"
#define NO_CYCLES "AMD has no event for the time of page walks"
#define CYCLES_PROXY \
	"on a dependent chase, net cycles divided by counted walks: (cycles of 4K pages - cycles of huge pages) / " \
	"walks; " \
	"an estimate"
#define NO_LOADS "AMD has no event for loads of the page walker"
#define LOADS_PROXY "net cycles per walk: the farther away the tables lie, the more cycles; an estimate"
#define NO_NPT "AMD has no event for the second dimension of a walk"
#define NPT_PROXY "the net cycles of a guest less those of its host"
#define COALESCED "; this includes neighbouring pages that share one entry (coalesced)"

/* Zen 1 and 2 have no coalesced instruction entries; Zen 3 and 4 do. */
#define ZEN_ROWS(itlb_masks) \
	ROW_WITH(DTLB_LOAD_MISSES_L1, COUNT_STORES_TOO, \
		"accesses (loads and stores) that miss the first TLB level and hit the second, of every page size", \
		PLUS(MISS "TLB_RELOAD_4K_L2_HIT:TLB_RELOAD_COALESCED_PAGE_HIT:TLB_RELOAD_2M_L2_HIT:" \
			  "TLB_RELOAD_1G_L2_HIT")), \
		ROW_WITH(DTLB_LOAD_MISSES_L1_4K, COUNT_STORES_TOO, \
			"accesses to 4K pages that miss the first TLB level and hit the second" COALESCED, \
			PLUS(MISS "TLB_RELOAD_4K_L2_HIT:TLB_RELOAD_COALESCED_PAGE_HIT")), \
		ROW_WITH(DTLB_LOAD_MISSES_L1_2M, COUNT_STORES_TOO, \
			"accesses to 2M pages that miss the first TLB level and hit the second", \
			PLUS(MISS "TLB_RELOAD_2M_L2_HIT")), \
		ROW_WITH(DTLB_LOAD_MISSES_L1_1G, COUNT_STORES_TOO, \
			"accesses to 1G pages that miss the first TLB level and hit the second", \
			PLUS(MISS "TLB_RELOAD_1G_L2_HIT")), \
		ROW_WITH(DTLB_LOAD_WALKS, COUNT_STORES_TOO, \
			"accesses (loads and stores) that miss both TLB levels, so that a walk begins, of every page " \
			"size", \
			PLUS(MISS "TLB_RELOAD_4K_L2_MISS:TLB_RELOAD_COALESCED_PAGE_MISS:TLB_RELOAD_2M_L2_MISS:" \
				  "TLB_RELOAD_1G_L2_MISS")), \
		ROW_WITH(DTLB_LOAD_WALKS_4K, COUNT_STORES_TOO, \
			"accesses to 4K pages that miss both TLB levels" COALESCED, \
			PLUS(MISS "TLB_RELOAD_4K_L2_MISS:TLB_RELOAD_COALESCED_PAGE_MISS")), \
		ROW_WITH(DTLB_LOAD_WALKS_2M, COUNT_STORES_TOO, "accesses to 2M pages that miss both TLB levels", \
			PLUS(MISS "TLB_RELOAD_2M_L2_MISS")), \
		ROW_WITH(DTLB_LOAD_WALKS_1G, COUNT_STORES_TOO, "accesses to 1G pages that miss both TLB levels", \
			PLUS(MISS "TLB_RELOAD_1G_L2_MISS")), \
		NO_ROW(DTLB_STORE_WALKS, NO_STORES, "dtlb_load_walks, which counts both"), \
		NO_ROW(DTLB_STORE_WALKS_4K, NO_STORES, "dtlb_load_walks_4k, which counts both"), \
		NO_ROW(DTLB_STORE_WALKS_2M, NO_STORES, "dtlb_load_walks_2m, which counts both"), \
		NO_ROW(DTLB_STORE_WALKS_1G, NO_STORES, "dtlb_load_walks_1g, which counts both"), \
		NO_ROW(DTLB_WALK_CYCLES, NO_CYCLES, CYCLES_PROXY), NO_ROW(DTLB_WALK_PENDING, NO_CYCLES, CYCLES_PROXY), \
		NO_ROW(WALKER_LOADS_L1, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_L2, NO_LOADS, LOADS_PROXY), \
		NO_ROW(WALKER_LOADS_L3, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_MEMORY, NO_LOADS, LOADS_PROXY), \
		NO_ROW(EPT_WALK_CYCLES, NO_NPT, NPT_PROXY), \
		ROW(ITLB_WALKS, "instruction fetches that miss both TLB levels, of every page size", \
			PLUS("L1_ITLB_MISS_L2_ITLB_MISS:" itlb_masks)), \
		ROW(CYCLES, "core cycles in which the thread was not halted", PLUS("CYCLES_NOT_IN_HALT")), \
		ROW(INSTRUCTIONS, "instructions retired", PLUS("RETIRED_INSTRUCTIONS")), PAGE_FAULTS_ROW

static const struct count_row rows_zen[COUNT_METRICS] = { ZEN_ROWS("IF4K:IF2M:IF1G") };
static const struct count_row rows_zen3[COUNT_METRICS] = { ZEN_ROWS("IF4K:IF2M:IF1G:COALESCED4K") };

static const struct microarch microarchs[] = {
	{ "amd64_fam17h_zen1", "AMD Zen, Zen+", "AMD PPR for family 17h models 00h-2Fh, PMCx045", rows_zen,
		FALLBACK_NO },
	{ "amd64_fam17h_zen2", "AMD Zen 2", "AMD PPR for family 17h models 30h-7Fh, PMCx045", rows_zen, FALLBACK_NO },
	{ "amd64_fam19h_zen3", "AMD Zen 3", "AMD PPR for family 19h models 00h-0Fh, 20h-5Fh, PMCx045", rows_zen3,
		FALLBACK_NO },
	{ "amd64_fam19h_zen4", "AMD Zen 4", "AMD PPR for family 19h models 10h-1Fh, 60h-7Fh, PMCx045", rows_zen3,
		FALLBACK_NO },
};

MICROARCH_LIST(catalogue_amd, microarchs);
