/*
 * tlb-reach: how many pages do this CPU's TLB levels hold, and what does missing each of them cost?
 *
 * What is measured: the latency of one dependent load, against the number of pages the loads are spread over, one line
 * a page. Beside it, as the baseline, the same number of lines packed into as few huge pages as possible. The
 * difference is the net cost of translation; it steps up where a TLB level overflows.
 *
 * What could confound it: entries that cover several pages (AMD coalesces four 4K pages that are contiguous virtually
 * and physically), seen by comparing strides 1 and 4; but a stride also uses fewer sets of a set-associative TLB that
 * indexes by plain low bits. Physical placement decides which lines of a large set of 4K pages meet in the L2 cache:
 * hence many placements. Page-table entries compete with the data for cache, which is part of a walk's true cost.
 *
 * What would falsify it: a step that moves when the lines move within their pages (then it is a cache, not a TLB); a
 * packed baseline with a step at the same place; a huge-page curve that steps at the same number of bytes rather than
 * of pages; host and vcpu differing before the first step, where no translation is missing.
 */
#include "bench.h"

#define STRIDE_ONE 1
#define STRIDE_COALESCED 4 /* AMD's coalesced entry covers four 4K pages: APM vol. 2 5.4 */

enum { PAGE_SIZE, BACKING, STRIDE, FRAMES, LEVELS, SIBLING, PAGES, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS_WITH_MTHP,
	[BACKING] = BACKING_AXIS_WITH_MTHP(BACKING_4K, BACKING_2M_THP, BACKING_2M_HUGETLB, BACKING_1G_HUGETLB),
	[STRIDE] = { .name = "stride",
		.key = "stride_pages",
		.kind = AXIS_COUNT,
		VALUES(STRIDE_ONE, STRIDE_COALESCED),
		BRIEF(STRIDE_ONE),
		.least = 1,
		.most = 1 << 18,
		.settings = EVERYWHERE,
		.help = "distance of the pages touched; 4 shows entries that cover several pages" },
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[SIBLING] = SIBLING_AXIS,
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		/*
		 * 8 an octave where levels of these CPUs end, 4 where they do not: a second pass bisects any step, and time
		 * goes where the curve moves.
		 */
		VALUES(8, 10, 11, 13, 16, 19, 23, 27, 32, 35, 38, 41, 45, 49, 54, 59, 64, 70, 76, 83, 91, 99, 108, 117,
			128, 140, 152, 166, 181, 197, 215, 235, 256, 304, 362, 431, 512, 609, 724, 861, 1024, 1117,
			1218, 1328, 1448, 1579, 1722, 1878, 2048, 2233, 2435, 2656, 2896, 3158, 3444, 3756, 4096, 4467,
			4871, 5312, 5793, 6317, 6889, 7512, 8192, 9742, 11585, 13777, 16384, 19484, 23170, 27554, 32768,
			38968, 46341, 55109, 65536),
		/* Closer around the first levels of these CPUs, 64 to 96 entries. */
		BRIEF(8, 16, 32, 48, 56, 64, 72, 80, 88, 96, 112, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072,
			4096, 6144, 8192, 12288, 16384),
		.least = 2,
		.most = 1 << 24,
		.settings = EVERYWHERE,
		.help = "number of pages the chase visits" },
};

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	*out = (struct chase){
		.page_bytes = value[PAGE_SIZE],
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.sibling = (enum sibling)value[SIBLING],
		.count = value[PAGES],
		.distance_bytes = value[STRIDE] * value[PAGE_SIZE],
	};
	if (setting != SETTING_HOST && page_is_mthp(out->page_bytes))
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) == out->page_bytes)
		return FIT_ALWAYS;
	/*
	 * On a host a page is its own backing; in a guest the sizes may differ, which is another bench's main question.
	 */
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static const struct bench tlb_reach = {
	.name = "tlb-reach",
	.question = "how many pages do the TLB levels hold, and what does missing each cost?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = PAGES,
	.find_steps = true,
	.seconds = 52,
};

NESTWALK_BENCH(tlb_reach);
