/*
 * walk-depth: what does a page walk cost, against how many of its levels have to be fetched?
 *
 * What is measured: the latency of one dependent load over pages that lie 4K to 512G apart. The farther apart, the more
 * of each walk is the walk's own: from 32K on each access needs a cache line of PTEs to itself, from 2M on a page table,
 * from 1G a page directory, from 512G a PDPT. How many pages there are decides what of that the paging-structure caches
 * and the data caches still hold. Leaves of 2M and 1G save a level each. Only the pages visited have memory: far apart,
 * each has a frame of its own (one frame mapped many times would trip AMD's linear-address way predictor).
 *
 * What could confound it: pages at one place of each unit share the low bits of their page numbers, and fight for one
 * set of the L2 TLB and of the paging-structure caches: hence a random page of each unit (placement scattered). The
 * placement aligned shows that conflict on purpose. Data lines are spread over cache sets as in tlb-reach; page-table
 * entries are not in our hands: entries for index 0 of many tables meet in one L1 set.
 *
 * What would falsify it: a cost that does not grow with distance at a fixed number of pages beyond the TLBs; a 2M leaf at
 * 1G distance that costs more than a 4K leaf there; a count small enough for the first TLB level at which distance
 * matters at all.
 */
#include "bench.h"

/* Distances at which a walk comes to need a line, or a table, of its own: 8 entries share a line, 512 a table. */
static const uint64_t distances[] = { 4 * KIB, 32 * KIB, 2 * MIB, 16 * MIB, 1 * GIB, 512 * GIB };
static const uint64_t page_sizes[] = { PAGE_4K, PAGE_2M, PAGE_1G };
static const uint64_t backings[] = { BACKING_4K, BACKING_2M_THP, BACKING_1G_HUGETLB };
static const uint64_t frame_orders[] = { FRAMES_CONTIGUOUS };
static const uint64_t guest_levels[] = { 4 };
static const char *const placement_names[] = { "scattered", "aligned" };
static const uint64_t placements[] = { 0, 1 };

#define ADDRESSES_MOST (UINT64_C(1) << 46) /* half of a process's with 4 levels: SPARSE_BYTES_MAX */

enum { PAGE_SIZE, BACKING, DISTANCE, PLACEMENT, FRAMES, LEVELS, PAGES, AXES };

#define EVERYWHERE (SETTING_BIT(SETTING_HOST) | SETTING_BIT(SETTING_VCPU))
#define GUESTS SETTING_BIT(SETTING_VCPU)
#define VALUES(array) .values = (array), .count = sizeof(array) / sizeof((array)[0])

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = { .name = "page_size",
		.key = "page_size_bytes",
		.kind = AXIS_PAGE_SIZE,
		VALUES(page_sizes),
		.least = PAGE_4K,
		.most = PAGE_1G,
		.settings = EVERYWHERE,
		.help = "leaf size in the space under test: 4K, 2M, 1G" },
	[BACKING] = { .name = "backing",
		.key = "backing",
		.kind = AXIS_CHOICE,
		.choices = backing_names,
		VALUES(backings),
		.most = BACKING_COUNT - 1,
		.settings = EVERYWHERE,
		.unusual = true,
		.help = "host memory behind it; unless asked for, of the same size as the page" },
	[DISTANCE] = { .name = "distance",
		.key = "distance_bytes",
		.kind = AXIS_BYTES,
		VALUES(distances),
		.least = PAGE_4K,
		.most = 512 * GIB,
		.settings = EVERYWHERE,
		.help = "how far apart the pages lie, a power of two" },
	[PLACEMENT] = { .name = "placement",
		.key = "placement",
		.kind = AXIS_CHOICE,
		.choices = placement_names,
		VALUES(placements),
		.most = 1,
		.settings = EVERYWHERE,
		.help = "scattered: a random page of each unit; aligned: the first, so that all meet in one TLB set" },
	[FRAMES] = { .name = "frames",
		.key = "frames",
		.kind = AXIS_CHOICE,
		.choices = frames_names,
		VALUES(frame_orders),
		.most = FRAMES_COUNT - 1,
		.settings = GUESTS,
		.help = "order of guest-physical pages: contiguous, shuffled" },
	[LEVELS] = { .name = "levels",
		.key = "guest_levels",
		.kind = AXIS_COUNT,
		VALUES(guest_levels),
		.least = 4,
		.most = 5,
		.settings = GUESTS,
		.help = "levels of the guest's page tables: 4, or 5 where CPU and KVM have LA57" },
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		.ladder = { 16, 4096, 1 },
		.least = 2,
		.most = 1 << 15,
		.settings = EVERYWHERE,
		.help = "number of pages the chase visits" },
};

static bool is_power_of_two(uint64_t value)
{
	return !(value & (value - 1));
}

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	*out = (struct chase){
		.page_bytes = value[PAGE_SIZE],
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.count = value[PAGES],
		.distance_bytes = value[DISTANCE],
		.sparse = true,
		.scattered = value[PLACEMENT] == 0,
	};
	if (value[DISTANCE] < value[PAGE_SIZE] || !is_power_of_two(value[DISTANCE]) ||
		value[DISTANCE] > ADDRESSES_MOST / value[PAGES])
		return FIT_NEVER;
	/* Side by side there is one page in a unit: nothing to scatter. */
	if (value[DISTANCE] == value[PAGE_SIZE] && !out->scattered)
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) == out->page_bytes)
		return FIT_ALWAYS;
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static const struct bench walk_depth = {
	.name = "walk-depth",
	.question = "what does a page walk cost, by how many of its levels have to be fetched?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = PAGES,
	.seconds = 60,
};

NESTWALK_BENCH(walk_depth);
