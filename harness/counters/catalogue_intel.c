/*
 * Intel Haswell to Sapphire Rapids. The unit masks of these events do not combine, so a sum is a sum of several events.
 */
#include "counters/rows.h"

#define D "DTLB_LOAD_MISSES:"
#define S "DTLB_STORE_MISSES:"
#define W "PAGE_WALKER_LOADS:"

#define NO_HIT_SIZES "hits of the second TLB level are not told apart by page size"
#define NO_1G_HITS "the second TLB level of this CPU holds no 1G pages, or does not count them apart"
#define NO_LOADS "this PMU no longer counts loads of the page walker; Haswell and Broadwell did"
#define LOADS_PROXY "dtlb_walk_cycles per walk: the farther away the tables lie, the more cycles"
#define NO_EPT "since Ice Lake no event counts the second dimension of a walk"
#define EPT_PROXY "the net cycles of a guest less those of its host"
#define MAY_BE_IN "; Intel does not say whether this includes the second dimension"

#define HIT_ROW ROW(DTLB_LOAD_MISSES_L1, "loads that miss the first TLB level and hit the second", PLUS(D "STLB_HIT"))

#define NO_HIT_SIZE_ROWS \
	NO_ROW(DTLB_LOAD_MISSES_L1_4K, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 4K"), \
		NO_ROW(DTLB_LOAD_MISSES_L1_2M, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 2M"), \
		NO_ROW(DTLB_LOAD_MISSES_L1_1G, NO_HIT_SIZES, "dtlb_load_misses_l1, where all pages are 1G")

#define HIT_SIZE_ROWS \
	ROW(DTLB_LOAD_MISSES_L1_4K, "loads of 4K pages that miss the first TLB level and hit the second", \
		PLUS(D "STLB_HIT_4K")), \
		ROW(DTLB_LOAD_MISSES_L1_2M, "loads of 2M pages that miss the first TLB level and hit the second", \
			PLUS(D "STLB_HIT_2M")), \
		NO_ROW(DTLB_LOAD_MISSES_L1_1G, NO_1G_HITS, NULL)

/* All rows of a table, except `marks` and `note`. */
#define WALK_ROWS(marks, note) \
	ROW_WITH(DTLB_LOAD_WALKS, marks, "completed page walks for loads, of every page size" note, \
		PLUS(D "WALK_COMPLETED")), \
		ROW_WITH(DTLB_LOAD_WALKS_4K, marks, "completed page walks for loads to 4K pages" note, \
			PLUS(D "WALK_COMPLETED_4K")), \
		ROW_WITH(DTLB_LOAD_WALKS_2M, marks, "completed page walks for loads to 2M (4M) pages" note, \
			PLUS(D "WALK_COMPLETED_2M_4M")), \
		ROW_WITH(DTLB_STORE_WALKS, marks, "completed page walks for stores, of every page size" note, \
			PLUS(S "WALK_COMPLETED")), \
		ROW_WITH(DTLB_STORE_WALKS_4K, marks, "completed page walks for stores to 4K pages" note, \
			PLUS(S "WALK_COMPLETED_4K")), \
		ROW_WITH(DTLB_STORE_WALKS_2M, marks, "completed page walks for stores to 2M (4M) pages" note, \
			PLUS(S "WALK_COMPLETED_2M_4M")), \
		ROW_WITH(ITLB_WALKS, marks, "completed page walks for instruction fetches" note, \
			PLUS("ITLB_MISSES:WALK_COMPLETED")), \
		ROW(CYCLES, "core cycles in which the thread was not halted", PLUS("UNHALTED_CORE_CYCLES")), \
		ROW(INSTRUCTIONS, "instructions retired", PLUS("INSTRUCTION_RETIRED")), PAGE_FAULTS_ROW

#define WALK_1G_ROWS(marks, note) \
	ROW_WITH(DTLB_LOAD_WALKS_1G, marks, "completed page walks for loads to 1G pages" note, \
		PLUS(D "WALK_COMPLETED_1G")), \
		ROW_WITH(DTLB_STORE_WALKS_1G, marks, "completed page walks for stores to 1G pages" note, \
			PLUS(S "WALK_COMPLETED_1G"))

/* The count of every size includes 1G pages (unit mask 0x0e), for which libpfm4 has no name of their own here. */
#define WALK_1G_DIFFERENCE_ROWS \
	ROW_WITH(DTLB_LOAD_WALKS_1G, COUNT_DIFFERENCE, \
		"completed page walks for loads of every page size less those to 4K and 2M (4M) pages", \
		PLUS(D "WALK_COMPLETED"), MINUS(D "WALK_COMPLETED_4K"), MINUS(D "WALK_COMPLETED_2M_4M")), \
		ROW_WITH(DTLB_STORE_WALKS_1G, COUNT_DIFFERENCE, \
			"completed page walks for stores of every page size less those to 4K and 2M (4M) pages", \
			PLUS(S "WALK_COMPLETED"), MINUS(S "WALK_COMPLETED_4K"), MINUS(S "WALK_COMPLETED_2M_4M"))

#define DURATION_ROWS(marks, note) \
	ROW_WITH(DTLB_WALK_CYCLES, marks, \
		"cycles in which a page walker is busy with a walk for a load" note MAY_BE_IN, \
		PLUS(D "WALK_DURATION:c=1")), \
		ROW_WITH(DTLB_WALK_PENDING, marks, \
			"page walkers busy with walks for loads, added up over cycles" note MAY_BE_IN, \
			PLUS(D "WALK_DURATION")), \
		ROW(EPT_WALK_CYCLES, "cycles of extended page table walks, for any access", PLUS("EPT:WALK_CYCLES"))

#define ACTIVE_ROWS \
	ROW(DTLB_WALK_CYCLES, "cycles in which at least one page walker is busy with a walk for a load", \
		PLUS(D "WALK_ACTIVE")), \
		ROW(DTLB_WALK_PENDING, "page walks under way for loads, added up over cycles", \
			PLUS(D "WALK_PENDING")), \
		NO_ROW(EPT_WALK_CYCLES, NO_EPT, EPT_PROXY)

#define NO_LOADS_ROWS \
	NO_ROW(WALKER_LOADS_L1, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_L2, NO_LOADS, LOADS_PROXY), \
		NO_ROW(WALKER_LOADS_L3, NO_LOADS, LOADS_PROXY), NO_ROW(WALKER_LOADS_MEMORY, NO_LOADS, LOADS_PROXY)

/* Erratum HSD25: of these two, DTLB_L3 and DTLB_MEMORY may count wrongly. */
#define HSD25 " (erratum HSD25: may be wrong)"

static const struct count_row rows_hsw[COUNT_METRICS] = {
	HIT_ROW,
	HIT_SIZE_ROWS,
	WALK_ROWS(0, ""),
	WALK_1G_DIFFERENCE_ROWS,
	DURATION_ROWS(0, ""),
	ROW_WITH(WALKER_LOADS_L1, COUNT_ADDS_EPT,
		"loads of the page walker, in both dimensions, that hit the L1 data cache or a line on its way there",
		PLUS(W "DTLB_L1"), PLUS(W "EPT_DTLB_L1")),
	ROW_WITH(WALKER_LOADS_L2, COUNT_ADDS_EPT, "loads of the page walker, in both dimensions, that hit the L2 cache",
		PLUS(W "DTLB_L2"), PLUS(W "EPT_DTLB_L2")),
	ROW_WITH(WALKER_LOADS_L3, COUNT_ADDS_EPT | COUNT_ERRATUM,
		"loads of the page walker, in both dimensions, that hit the L3 cache" HSD25, PLUS(W "DTLB_L3"),
		PLUS(W "EPT_DTLB_L3")),
	ROW_WITH(WALKER_LOADS_MEMORY, COUNT_ADDS_EPT | COUNT_ERRATUM,
		"loads of the page walker, in both dimensions, that went to memory" HSD25, PLUS(W "DTLB_MEMORY"),
		PLUS(W "EPT_DTLB_MEMORY")),
};

/* Errata BDM69 (walks and their time) and BDM98 (walker loads): may count wrongly. */
#define BDM69 " (erratum BDM69: may be wrong)"
#define BDM98 " (errata BDM69, BDM98: may be wrong); loads in the second dimension are not counted"

static const struct count_row rows_bdw[COUNT_METRICS] = {
	HIT_ROW,
	HIT_SIZE_ROWS,
	WALK_ROWS(COUNT_ERRATUM, BDM69),
	WALK_1G_ROWS(COUNT_ERRATUM, BDM69),
	DURATION_ROWS(COUNT_ERRATUM, BDM69),
	ROW_WITH(WALKER_LOADS_L1, COUNT_ERRATUM,
		"loads of the page walker that hit the L1 data cache or a line on its way there" BDM98,
		PLUS(W "DTLB_L1")),
	ROW_WITH(WALKER_LOADS_L2, COUNT_ERRATUM, "loads of the page walker that hit the L2 cache" BDM98,
		PLUS(W "DTLB_L2")),
	ROW_WITH(WALKER_LOADS_L3, COUNT_ERRATUM, "loads of the page walker that hit the L3 cache" BDM98,
		PLUS(W "DTLB_L3")),
	ROW_WITH(WALKER_LOADS_MEMORY, COUNT_ERRATUM, "loads of the page walker that went to memory" BDM98,
		PLUS(W "DTLB_MEMORY")),
};

/* Intel's event list: "EPT page walk duration are excluded in Skylake". Natively the added event counts nothing. */
static const struct count_row rows_skl[COUNT_METRICS] = {
	HIT_ROW,
	NO_HIT_SIZE_ROWS,
	WALK_ROWS(0, ""),
	WALK_1G_ROWS(0, ""),
	ROW_WITH(DTLB_WALK_CYCLES, COUNT_ADDS_EPT,
		"cycles in which a page walker is busy with a walk for a load, plus cycles of extended page table walks for any access, which the first event leaves out",
		PLUS(D "WALK_ACTIVE"), PLUS("EPT:WALK_PENDING:c=1")),
	ROW_WITH(DTLB_WALK_PENDING, COUNT_ADDS_EPT,
		"page walkers busy with walks for loads, or with extended page table walks for any access, added up over cycles",
		PLUS(D "WALK_PENDING"), PLUS("EPT:WALK_PENDING")),
	ROW(EPT_WALK_CYCLES, "cycles in which a page walker is busy with an extended page table walk, for any access",
		PLUS("EPT:WALK_PENDING:c=1")),
	NO_LOADS_ROWS,
};

static const struct count_row rows_icl[COUNT_METRICS] = {
	HIT_ROW,
	NO_HIT_SIZE_ROWS,
	WALK_ROWS(0, ""),
	WALK_1G_DIFFERENCE_ROWS,
	ACTIVE_ROWS,
	NO_LOADS_ROWS,
};

static const struct count_row rows_spr[COUNT_METRICS] = {
	HIT_ROW,
	NO_HIT_SIZE_ROWS,
	WALK_ROWS(0, ""),
	WALK_1G_ROWS(0, ""),
	ACTIVE_ROWS,
	NO_LOADS_ROWS,
};

#define MANUAL(core) "Intel SDM vol. 3B and perfmon event list, " core

static const struct microarch microarchs[] = {
	{ "hsw", "Intel Haswell", MANUAL("Haswell"), rows_hsw, FALLBACK_NO },
	{ "hsw_ep", "Intel Haswell-EP", MANUAL("Haswell-EP"), rows_hsw, FALLBACK_NO },
	{ "bdw", "Intel Broadwell", MANUAL("Broadwell"), rows_bdw, FALLBACK_NO },
	{ "bdw_ep", "Intel Broadwell-EP", MANUAL("Broadwell-EP"), rows_bdw, FALLBACK_NO },
	{ "skl", "Intel Skylake", MANUAL("Skylake"), rows_skl, FALLBACK_NO },
	{ "skx", "Intel Skylake-SP", MANUAL("Skylake-SP"), rows_skl, FALLBACK_NO },
	{ "clx", "Intel Cascade Lake", MANUAL("Cascade Lake"), rows_skl, FALLBACK_NO },
	{ "icl", "Intel Ice Lake", MANUAL("Ice Lake"), rows_icl, FALLBACK_NO },
	{ "icx", "Intel Ice Lake-SP", MANUAL("Ice Lake-SP"), rows_icl, FALLBACK_NO },
	{ "spr", "Intel Sapphire Rapids", MANUAL("Sapphire Rapids"), rows_spr, FALLBACK_NO },
};

MICROARCH_LIST(catalogue_intel, microarchs);
