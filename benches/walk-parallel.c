/*
 * walk-parallel: how many page walks does a core carry out at a time?
 *
 * What is measured: the time of one load, where K independent chains of dependent loads are followed at once. Each load
 * goes to a 4K piece of memory of its own, and there are so many that none of them finds its translation in a TLB: each
 * takes a page walk. One chain waits for each walk. With more, walks overlap, as many as the core has page walkers (or
 * room for misses); from there on, more chains do not make a load cheaper. Beside it K chains over the same number of
 * packed lines, which take no walks: what they gain is the overlap of the data's own cache misses.
 *
 * What could confound it: the data's misses, which K chains overlap, too. Where the packed chains are hardly cheaper than
 * those that walk, it is the data that limits both. Walks of 2M pages: a CPU that holds such a page in one entry takes no
 * walks here at all, as 32 MiB are few 2M pages. They are measured for machines whose hypervisor holds a 2M page in
 * 4K pieces, where each of these loads walks, although the kernel gave huge pages.
 *
 * What would falsify it: a load that gets dearer with more chains; one chain that costs something else than the same chase
 * of another bench; more chains than one that gain nothing while the packed ones do, on a CPU with several walkers.
 */
#include "bench.h"
#include "space/kernels.h"

/*
 * 8192 pieces of 4K are twice as many as any L2 TLB of today holds. Their lines (512 KiB) and PTEs (64 KiB) fit most L2 caches.
 * With more, the cost is mostly that of data and tables which come from further away.
 */
#define PIECES_BEYOND_TLBS 8192

enum { PAGE_SIZE, BACKING, FRAMES, LEVELS, LINES, CHAINS, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M),
	[BACKING] = BACKING_AXIS(BACKING_4K, BACKING_2M_THP),
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[LINES] = { .name = "lines",
		.key = "lines",
		.kind = AXIS_COUNT,
		VALUES(PIECES_BEYOND_TLBS),
		.least = 16,
		.most = 1 << 20,
		.settings = EVERYWHERE,
		.help = "cache lines that the chains visit together, each in a 4K piece of memory of its own" },
	/* The numbers that there are kernels for: registers hold no more than 12 chains. */
	[CHAINS] = { .name = "chains",
		.key = "chains",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 3, 4, 6, 8, 12),
		BRIEF(1, 8, 12),
		.least = 1,
		.most = 12,
		.settings = EVERYWHERE,
		.help = "independent chains that are followed at once: 1, 2, 3, 4, 6, 8 or 12" },
};

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	*out = (struct chase){
		.page_bytes = value[PAGE_SIZE],
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.count = value[LINES],
		.distance_bytes = PAGE_4K,
		.chains = (unsigned)value[CHAINS],
	};
	/* 5, 7, 9, 10 and 11 chains have no kernel. */
	if (kernel_of_chains((unsigned)value[CHAINS]) == KERNEL_COUNT || value[CHAINS] > value[LINES])
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) == out->page_bytes)
		return FIT_ALWAYS;
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static const struct bench walk_parallel = {
	.name = "walk-parallel",
	.question = "how many page walks does a core carry out at a time?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = CHAINS,
	.seconds = 7,
};

NESTWALK_BENCH(walk_parallel);
