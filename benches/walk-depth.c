/*
 * walk-depth: what does a page walk cost, against how many of its levels have to be fetched?
 *
 * What is measured: the latency of one dependent load over pages that lie 4K to 1G apart, or farther where one asks. The
 * farther apart, the more of each walk is the walk's own: from 32K on each access needs a cache line of PTEs to itself,
 * from 2M on a page table, from 1G a page directory, from 512G a PDPT (of which addresses have room for few). How many
 * pages there are decides what of that the paging-structure caches and the data caches still hold. Leaves of 2M and 1G save
 * a level each. Only the pages visited have memory: far apart, each 4K page has a frame of its own (a line mapped many times
 * would trip AMD's linear-address way predictor). As many large pages would take more memory than there is: in a vCPU, many
 * of them share a frame (placement shared), each with a line to itself.
 *
 * What could confound it: pages at one place of each unit share the low bits of their page numbers, and fight for one
 * set of the L2 TLB and of the paging-structure caches, and their entries at one index of many tables for one set of a
 * cache. Hence another page of each unit (placement scattered), so that page numbers and the indices into each level's
 * tables differ. The placement aligned shows that conflict on purpose. Data lines are spread over cache sets as in
 * tlb-reach.
 *
 * What would falsify it: a cost that does not grow with distance at a fixed number of pages beyond the TLBs; a 2M leaf
 * at 1G distance that costs more than a 4K leaf there; a count small enough for the first TLB level at which distance
 * matters at all.
 */
#include "bench.h"

/* Distances at which a walk comes to need a line, or a table, of its own: 8 entries share a line, 512 a table. */
#define DISTANCES 4 * KIB, 32 * KIB, 2 * MIB, 16 * MIB, 1 * GIB

/*
 * The first TLB level holds 64 pages. 1024 are held by a second level, unless they meet in one set of it. Of 8192, twice as
 * many as the largest TLB of today has entries, every access walks; as many pages of 2M are 16 GiB.
 */
#define PAGES_HELD 64, 1024
#define PAGES_BEYOND_TLBS 8192
#define BYTES_MOST (1 * GIB) /* hence more memory than this is taken only where one asks for it */
static const char *const placement_names[] = { "scattered", "aligned", "shared" };
enum { SCATTERED, ALIGNED, SHARED };

#define ADDRESSES_MOST (UINT64_C(1) << 46) /* half of a process's with 4 levels: SPARSE_BYTES_MAX */

enum { PAGE_SIZE, BACKING, DISTANCE, PLACEMENT, FRAMES, LEVELS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M, PAGE_1G),
	[BACKING] = BACKING_AXIS(BACKING_4K, BACKING_2M_THP, BACKING_1G_HUGETLB),
	[DISTANCE] = { .name = "distance",
		.key = "distance_bytes",
		.kind = AXIS_BYTES,
		VALUES(DISTANCES),
		BRIEF(4 * KIB, 2 * MIB, 1 * GIB),
		.least = PAGE_4K,
		.most = 512 * GIB,
		.settings = EVERYWHERE,
		.help = "how far apart the pages lie, a power of two" },
	[PLACEMENT] = { .name = "placement",
		.key = "placement",
		.kind = AXIS_CHOICE,
		.choices = placement_names,
		VALUES(SCATTERED, ALIGNED, SHARED),
		BRIEF(SCATTERED, SHARED),
		.most = SHARED,
		.settings = EVERYWHERE,
		.help = "scattered: another page of each unit; aligned: the first, so that all meet in one TLB set; shared: scattered large pages of a vCPU, many to a frame" },
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		VALUES(PAGES_HELD, PAGES_BEYOND_TLBS),
		BRIEF(PAGES_BEYOND_TLBS),
		.least = 2,
		.most = 1 << 15,
		.settings = EVERYWHERE,
		.help = "number of pages the chase visits" },
};

/* Large pages of which many share a frame: as many as all walk. Each has a line of the frame to itself. */
static bool shared_frames_fit(const uint64_t *value, enum setting setting)
{
	return setting == SETTING_VCPU && value[PAGE_SIZE] > PAGE_4K &&
	       backing_page_bytes((enum backing)value[BACKING]) == value[PAGE_SIZE] &&
	       value[PAGES] >= PAGES_BEYOND_TLBS && value[PAGES] <= value[PAGE_SIZE] / LINE_BYTES;
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
		.scattered = value[PLACEMENT] != ALIGNED,
		.shared_frames = value[PLACEMENT] == SHARED,
	};
	if (value[DISTANCE] < value[PAGE_SIZE] || !is_power_of_two(value[DISTANCE]) ||
		value[DISTANCE] > ADDRESSES_MOST / value[PAGES])
		return FIT_NEVER;
	/* Side by side there is one page in a unit: nothing to scatter. Beyond the TLBs there is no conflict to show. */
	if (!out->scattered && (value[DISTANCE] == value[PAGE_SIZE] || value[PAGES] >= PAGES_BEYOND_TLBS))
		return FIT_NEVER;
	if (out->shared_frames)
		return shared_frames_fit(value, setting) ? FIT_ALWAYS : FIT_NEVER;
	if (backing_page_bytes(out->backing) == out->page_bytes)
		return value[PAGES] * out->page_bytes > BYTES_MOST ? FIT_IF_ASKED : FIT_ALWAYS;
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
	.seconds = 25,
};

NESTWALK_BENCH(walk_depth);
