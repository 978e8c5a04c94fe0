/*
 * huge-pages: what do huge pages save, by page size and by the size of what is behind them?
 *
 * What is measured: the latency of one dependent load at random over a working set of 1 MiB to half of memory, with
 * pages of 4K, 2M and 1G; in a guest for each size of its own pages and each size of the host pages behind them (3 x
 * 3). The lines visited lie at least 4K apart, evenly over the whole working set, at most 64 Ki of them: over 2 GiB
 * of 4K pages these need each line of page-table entries that there is, and over more memory a line each.
 *
 * What could confound it: at more than 256 MiB the lines lie farther apart than 4K, so that walks of 4K pages share no
 * line of PTEs, as random accesses over so much memory hardly do either. Huge pages also spread lines over cache sets
 * more evenly; the packed baseline, which is taken off in net, has none of that. Under nested paging the CPU caches
 * translations in the smaller of the two sizes: 2M on 4K costs as many TLB entries as 4K.
 *
 * What would falsify it: pages of 2M on 2M that cost more than 4K on 4K at a working set beyond the TLBs; a point whose
 * kvm counts show other leaves than its backing (then it is an error, not a number).
 */
#include "bench.h"

#define LINES_MOST (64 * KIB)

enum { PAGE_SIZE, BACKING, FRAMES, LEVELS, WORKING_SET, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS_WITH_MTHP,
	[BACKING] = BACKING_AXIS_WITH_MTHP(BACKING_4K, BACKING_2M_THP, BACKING_1G_HUGETLB),
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[WORKING_SET] = { .name = "working_set",
		.key = "working_set_bytes",
		.kind = AXIS_BYTES,
		.ladder = { 1 * MIB, 256 * GIB, 1 },
		BRIEF(1 * MIB, 16 * MIB, 256 * MIB),
		.least = 64 * KIB,
		.most = 1024 * GIB,
		.settings = EVERYWHERE,
		.help = "memory accessed at random, a power of two, as far as memory reaches" },
};

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	uint64_t lines = value[WORKING_SET] / PAGE_4K < LINES_MOST ? value[WORKING_SET] / PAGE_4K : LINES_MOST;

	*out = (struct chase){
		.page_bytes = value[PAGE_SIZE],
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.count = lines,
		.distance_bytes = lines ? value[WORKING_SET] / lines : 0,
	};
	if (value[WORKING_SET] & (value[WORKING_SET] - 1))
		return FIT_NEVER;
	if (setting == SETTING_HOST)
		return backing_page_bytes(out->backing) == out->page_bytes ? FIT_ALWAYS : FIT_NEVER;
	if (page_is_mthp(out->page_bytes))
		return FIT_NEVER;
	return backing_is_mthp(out->backing) ? FIT_IF_ASKED : FIT_ALWAYS;
}

static const struct bench huge_pages = {
	.name = "huge-pages",
	.question = "what do huge pages save, by page size and backing?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = WORKING_SET,
	.seconds = 62,
};

NESTWALK_BENCH(huge_pages);
