/*
 * leaf-reach: how much memory does the first TLB level reach, by how many lines of each page are used?
 *
 * What is measured: the latency of one dependent load, against the number of lines visited, which lie evenly apart, so many
 * in each page. Where the first level overflows, the net cost leaves its floor; lines times distance are the bytes
 * reached there. A page that a TLB entry holds whole reaches as far with many lines as with one. A page that is held
 * in pieces, as under a hypervisor that maps a guest in 4K pages, reaches the less the more of its pieces are used. In
 * a guest, pages of 2M on backing of 4K are such splintering of our own making.
 *
 * What could confound it: many lines of few pages are more than the data caches hold. The packed baseline has as many
 * lines, and its own pages may be held in pieces, too: then it misses from 64 times the first level's entries on, far
 * beyond where pages in pieces overflow. A busy neighbour takes a part of the first level.
 *
 * What would falsify it: a guest's pages of 2M on 4K that reach farther with all their pieces used than pages of 4K do; a
 * page that reaches less far with more lines, but not in the ratio of two page sizes.
 */
#include "bench.h"

#define PAGES_MOST 128 /* the largest published first level has 96 entries for each page size */
#define PIECES 512 /* of 4K in a page of 2M, each with a line */

/*
 * Curves are measured finely where a first level may overflow: between fewer and more lines, and fewer and more pages, than
 * published ones have entries. Of long chains, whose samples take ten times as long, powers of two must do.
 */
#define LINES_LEAST 16
#define LINES_FINE 128
#define PAGES_FINE 16
#define LINES_LONG 8192

enum { PAGE_SIZE, BACKING, LINES_PER_PAGE, FRAMES, LEVELS, LINES, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M, PAGE_1G),
	[BACKING] = BACKING_AXIS(BACKING_4K, BACKING_2M_THP, BACKING_1G_HUGETLB),
	[LINES_PER_PAGE] = { .name = "lines_per_page",
		.key = "lines_per_page",
		.kind = AXIS_COUNT,
		VALUES(1, 8, 64, 512, 4096),
		BRIEF(1, 64, 512),
		.least = 1,
		.most = 1 << 18,
		.settings = EVERYWHERE,
		.help = "lines used of each page, evenly apart, a power of two" },
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[LINES] = { .name = "lines",
		.key = "lines",
		.kind = AXIS_COUNT,
		.ladder = { LINES_LEAST, PIECES *PAGES_MOST, 2 },
		BRIEF(16, 32, 64, 96, 128, 1024, 4096, 8192, 16384, 65536),
		.least = 2,
		.most = 1 << 20,
		.settings = EVERYWHERE,
		.help = "number of lines the chase visits" },
};

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	uint64_t page_bytes = value[PAGE_SIZE], lines = value[LINES], per_page = value[LINES_PER_PAGE];
	uint64_t apart = page_bytes / per_page;
	bool coarse;

	*out = (struct chase){
		.page_bytes = page_bytes,
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.count = lines,
		.distance_bytes = apart,
	};
	/* Lines closer than the smallest piece tell no more about pieces, and would not be spread over the cache's sets. */
	if (!is_power_of_two(per_page) || apart < PAGE_4K)
		return FIT_NEVER;
	coarse = lines > LINES_FINE && (lines < PAGES_FINE * per_page || lines > LINES_LONG);
	if (lines > PAGES_MOST * per_page || (coarse && !is_power_of_two(lines)))
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) == page_bytes)
		return FIT_ALWAYS;
	if (setting == SETTING_HOST)
		return FIT_NEVER;
	return page_bytes == PAGE_2M && out->backing == BACKING_4K ? FIT_ALWAYS : FIT_IF_ASKED;
}

static const struct bench leaf_reach = {
	.name = "leaf-reach",
	.question = "how much memory does the first TLB level reach, by how many lines of each page are used?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = LINES,
	.seconds = 12,
};

NESTWALK_BENCH(leaf_reach);
