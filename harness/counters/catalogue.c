#include "counters/catalogue.h"

#include <assert.h>
#include <string.h>

/* One bit each in an unsigned mask of wanted metrics. */
static_assert(COUNT_METRICS < 32, "a mask of metrics has 32 bits");

/*
 * Bounds per access of a chase. One access misses a TLB level at most once and is walked for at most once; a replay, or
 * a prefetcher that walks for the next page (Ivy Bridge and later), may add another: 2. The longest walk is 35
 * references (5 levels of guest tables over 5 of the hypervisor's: 6 * 6 - 1), each of at most some 1000 core cycles
 * (memory of another socket, loaded): 35,000. The chase itself costs at least one cycle an access, and 16 of them share
 * two more instructions, so 1 to 1.125 instructions; calls and the clock around laps add less than a half. Its code is
 * one page, fetched again after a VM exit at most. Timed pages are present, so there are no page faults; on a first
 * touch there is one page fault per access.
 */
#define MISSES_PER_ACCESS \
	{ \
		0, 2 \
	}
#define CYCLES_OF_WALKS_PER_ACCESS \
	{ \
		0, 35000 \
	}
#define LOADS_PER_ACCESS \
	{ \
		0, 2 * 35 \
	}

const struct count_meaning count_meanings[COUNT_METRICS] = {
	[COUNT_DTLB_LOAD_MISSES_L1] = { "dtlb_load_misses_l1", "loads that miss the first TLB level and hit the second",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_MISSES_L1_4K] = { "dtlb_load_misses_l1_4k",
		"loads of 4K pages that miss the first TLB level and hit the second", MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_MISSES_L1_2M] = { "dtlb_load_misses_l1_2m",
		"loads of 2M pages that miss the first TLB level and hit the second", MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_MISSES_L1_1G] = { "dtlb_load_misses_l1_1g",
		"loads of 1G pages that miss the first TLB level and hit the second", MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_WALKS] = { "dtlb_load_walks", "page walks for loads", MISSES_PER_ACCESS, true },
	[COUNT_DTLB_LOAD_WALKS_4K] = { "dtlb_load_walks_4k", "page walks for loads that found a 4K page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_WALKS_2M] = { "dtlb_load_walks_2m", "page walks for loads that found a 2M page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_LOAD_WALKS_1G] = { "dtlb_load_walks_1g", "page walks for loads that found a 1G page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_STORE_WALKS] = { "dtlb_store_walks", "page walks for stores", MISSES_PER_ACCESS, false },
	[COUNT_DTLB_STORE_WALKS_4K] = { "dtlb_store_walks_4k", "page walks for stores that found a 4K page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_STORE_WALKS_2M] = { "dtlb_store_walks_2m", "page walks for stores that found a 2M page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_STORE_WALKS_1G] = { "dtlb_store_walks_1g", "page walks for stores that found a 1G page",
		MISSES_PER_ACCESS, false },
	[COUNT_DTLB_WALK_CYCLES] = { "dtlb_walk_cycles", "core cycles in which a page walk for a load is under way",
		CYCLES_OF_WALKS_PER_ACCESS, true },
	[COUNT_DTLB_WALK_PENDING] = { "dtlb_walk_pending", "page walks for loads under way, added up over cycles",
		CYCLES_OF_WALKS_PER_ACCESS, true },
	[COUNT_WALKER_LOADS_L1] = { "walker_loads_l1", "loads of the page walker that hit the L1 data cache",
		LOADS_PER_ACCESS, false },
	[COUNT_WALKER_LOADS_L2] = { "walker_loads_l2", "loads of the page walker that hit the L2 cache",
		LOADS_PER_ACCESS, false },
	[COUNT_WALKER_LOADS_L3] = { "walker_loads_l3", "loads of the page walker that hit the L3 cache",
		LOADS_PER_ACCESS, false },
	[COUNT_WALKER_LOADS_MEMORY] = { "walker_loads_memory", "loads of the page walker that went to memory",
		LOADS_PER_ACCESS, false },
	[COUNT_EPT_WALK_CYCLES] = { "ept_walk_cycles",
		"core cycles in which the hypervisor's tables (the second dimension) are walked",
		CYCLES_OF_WALKS_PER_ACCESS, false },
	[COUNT_ITLB_WALKS] = { "itlb_walks", "page walks for instruction fetches", { 0, 0.1 }, false },
	[COUNT_PAGE_FAULTS] = { "page_faults", "page faults that the kernel handled", { 0, 1.1 }, false },
	[COUNT_CYCLES] = { "cycles", "core cycles in which the thread ran", { 1, 100000 }, false },
	[COUNT_INSTRUCTIONS] = { "instructions", "instructions retired", { 1, 1.625 }, false },
};

static const struct microarch_list *const lists[] = { &catalogue_intel_early, &catalogue_intel, &catalogue_amd,
	&catalogue_generic };

#define LISTS (sizeof(lists) / sizeof(lists[0]))

const struct microarch *catalogue_at(size_t index)
{
	for (size_t i = 0; i < LISTS; i++) {
		if (index < lists[i]->count)
			return &lists[i]->microarch[index];
		index -= lists[i]->count;
	}
	return NULL;
}

const struct microarch *catalogue_fallback(enum count_fallback which)
{
	const struct microarch *found;

	for (size_t i = 0; (found = catalogue_at(i)); i++) {
		if (found->fallback == which)
			return found;
	}
	return NULL;
}

size_t count_terms(const struct count_row *row)
{
	size_t count = 0;

	while (count < COUNT_TERMS_MAX && row->term[count].event)
		count++;
	return count;
}
