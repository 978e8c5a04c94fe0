/*
 * tlb-geometry: how many sets and ways do the TLB levels have, which bits of a page number choose the set, and how is a
 * way replaced?
 *
 * What is measured: the latency of one dependent load over pages that lie a power of two of pages apart (tlb-reach, at
 * many strides and at exact page numbers). The farther apart, the fewer sets of a TLB they can use: a level of S sets
 * and W ways that takes its set from low bits holds S/stride x W of them, and never less than W. So the stride from
 * which on the capacity no longer shrinks tells S, and the capacity there W. Filler pages push the pages under test out
 * of the first level, so that a few pages in one set of the second level show what that set does: no fillers for the
 * first level, fillers for the second. Pages that share one set get twins in which single bits
 * of the page number are flipped: bits that choose the set make room for twice as many.
 *
 * What could confound it: a neighbour on the core's other thread takes ways for seconds at a time (the inference uses the
 * least disturbed samples); walks get dearer as their table entries leave the caches, which goes on where all pages miss
 * already; where a hypervisor holds large pages in pieces, the TLB holds the pieces, whose numbers are those of the
 * lines touched, and a page's own number does not show.
 *
 * What would falsify it: pages that share a set at one stride and not at twice that stride; a capacity that grows with
 * the stride; host and vcpu with different sets or ways; fewer misses with fillers than without.
 */
#include "bench.h"

/*
 * More than the entries of the largest first level published (96): of a cycle over so many pages and those under test it
 * keeps none. More fillers would hide a single miss among their hits.
 */
#define FILLERS 128

/* The pages under test span up to 2^18 pages of 4K: 16 of the farthest. A GiB is touched in a second. */
#define SPAN_BYTES (1 * GIB)

/* The least and the most entries of a second level to look for: half of Haswell's, and twice Zen 5's. */
#define SECOND_LEAST 512
#define SECOND_MOST 8192
/* Larger pages may have few ways to themselves; and those that a hypervisor holds in pieces share one set, or two. */
#define SECOND_LEAST_LARGE 16
/* A set has 4 to 16 ways: what happens happens before 2 x 16 pages are in one set. */
#define SET_MOST 32
/* Pages that make each count worth measuring where they share one set, or a few. */
#define SET_STRIDE_PAGES 256
/* The most entries of a first level, and half as many again to see it overflow. */
#define FIRST_MOST 144

#define BIT(n) (UINT64_C(1) << (n))
/* Two bits at a time, as far apart as a set that is the exclusive or of two parts of the page number has them. */
#define FLIP_FOLDS \
	BIT(0) | BIT(4), BIT(0) | BIT(5), BIT(0) | BIT(6), BIT(0) | BIT(7), BIT(0) | BIT(8), BIT(1) | BIT(5), \
		BIT(1) | BIT(6), BIT(1) | BIT(7), BIT(1) | BIT(8), BIT(1) | BIT(9)
/* Flips are measured at one stride, which leaves room for 64 pages. */
#define FLIP_DISTANCE (16 * MIB)

/* 8 an octave, so that whole ways of 8 to 15 are met in any number of sets. */
#define OCTAVE(n) 8 * (n), 9 * (n), 10 * (n), 11 * (n), 12 * (n), 13 * (n), 14 * (n), 15 * (n)

enum { PAGE_SIZE, BACKING, DISTANCE, FLIP, FILLER_PAGES, FRAMES, LEVELS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M),
	[BACKING] = BACKING_AXIS(BACKING_4K, BACKING_2M_THP),
	[DISTANCE] = { .name = "distance",
		.key = "distance_bytes",
		.kind = AXIS_BYTES,
		VALUES(4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1 * MIB,
			2 * MIB, 4 * MIB, 8 * MIB, FLIP_DISTANCE, 32 * MIB, 64 * MIB),
		BRIEF(4 * KIB, 64 * KIB, 1 * MIB, FLIP_DISTANCE),
		.least = PAGE_4K,
		.most = 1 * GIB,
		.settings = EVERYWHERE,
		.help = "how far apart the pages lie, a power of two" },
	[FLIP] = { .name = "flip",
		.key = "flip_pages",
		.kind = AXIS_COUNT,
		VALUES(0, BIT(0), BIT(1), BIT(2), BIT(3), BIT(4), BIT(5), BIT(6), BIT(7), BIT(8), BIT(9), BIT(10),
			BIT(11), FLIP_FOLDS),
		BRIEF(0),
		.most = BIT(18) - 1,
		.settings = EVERYWHERE,
		.help = "bits of the page number in which every second page differs from the one before" },
	[FILLER_PAGES] = { .name = "fillers",
		.key = "fillers",
		.kind = AXIS_COUNT,
		VALUES(0, FILLERS),
		.most = 4096,
		.settings = EVERYWHERE,
		.help = "further pages, in other sets, that push the pages under test out of the first level" },
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		VALUES(4, 5, 6, 7, OCTAVE(1), 17, 19, OCTAVE(2), 33, OCTAVE(4), 49, 62, 63, OCTAVE(8), 65, 66, 68, 70,
			71, 73, 74, 75, 76, 95, 97, 98, OCTAVE(16), 129, OCTAVE(32), OCTAVE(64), OCTAVE(128),
			OCTAVE(256), OCTAVE(512), SECOND_MOST),
		BRIEF(8, 10, 12, 13, 14, 16, 18, 20, 24, 28, 32, 48, 64, 72, 73, 80, 96, 128, 160, 192, 224, 256, 384,
			2048, 2560, 3072, 3584, 4096, 6144),
		.least = 2,
		.most = SECOND_MOST,
		.settings = EVERYWHERE,
		.help = "pages under test" },
};

/* Whether a count is one of `an_octave` (a power of two up to 8) equally spaced ones of its octave. */
static bool is_of_octave(uint64_t pages, uint64_t an_octave)
{
	uint64_t octave = BIT(63 - __builtin_clzll(pages));

	return octave < an_octave || !(pages % (octave / an_octave));
}

/*
 * The curves of the first level: side by side page by page where one may end. A few strides are enough to see whether the
 * level has sets: it has 16 at most, and more than one of them changes the capacity between two of these strides.
 */
static bool first_level_tells(uint64_t pages, uint64_t stride)
{
	if (stride == 1)
		return is_of_octave(pages, 8) || pages <= FIRST_MOST;
	return pages <= FIRST_MOST && is_of_octave(pages, pages < 64 ? 4 : 8) &&
	       (stride == 4 || stride == 16 || stride == 64 || stride == 1024);
}

/* The curves of the second level: between the least and the most that it may hold of pages so far apart. */
static bool second_level_tells(uint64_t pages, uint64_t stride)
{
	uint64_t plain_most = SECOND_MOST / stride > SET_MOST ? SECOND_MOST / stride : SET_MOST;

	if (pages < SECOND_LEAST / stride)
		return false;
	if (stride >= SET_STRIDE_PAGES && pages <= SET_MOST)
		return is_of_octave(pages, 8) || pages < 20;
	/* Where the set is no plain function of low bits, the level holds more: that need only be seen. */
	return is_of_octave(pages, pages <= plain_most ? 4 : 2);
}

/* Larger pages have few ways to themselves, or all; pieces of them share a set or two. Few counts tell which. */
static bool large_pages_tell(uint64_t pages, uint64_t stride, bool fillers)
{
	if (fillers)
		return is_of_octave(pages, 2) && pages >= SECOND_LEAST_LARGE / stride;
	return stride == 1 ? first_level_tells(pages, stride) : stride == 4 && is_of_octave(pages, 2);
}

/* Counts at which a set of 4, 8, 12 or 16 ways (or four of them) overflows, and two sets together do not. */
static bool flip_tells(uint64_t pages)
{
	return pages == 7 || pages == 13 || pages == 20 || pages == 28 || pages == 64;
}

static bool is_wanted(const uint64_t *value)
{
	uint64_t pages = value[PAGES], stride = value[DISTANCE] / value[PAGE_SIZE];

	if (pages > SPAN_BYTES / value[DISTANCE])
		return false;
	if (value[PAGE_SIZE] != PAGE_4K)
		return !value[FLIP] && large_pages_tell(pages, stride, value[FILLER_PAGES]);
	if (value[FLIP])
		return value[FILLER_PAGES] && value[DISTANCE] == FLIP_DISTANCE && flip_tells(pages);
	return value[FILLER_PAGES] ? second_level_tells(pages, stride) : first_level_tells(pages, stride);
}

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	uint64_t stride = value[DISTANCE] / value[PAGE_SIZE];

	*out = (struct chase){
		.page_bytes = value[PAGE_SIZE],
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.count = value[PAGES] + value[FILLER_PAGES],
		.distance_bytes = value[DISTANCE],
		.arranged = true,
		.fillers = value[FILLER_PAGES],
		.flip_pages = value[FLIP],
	};
	if (!is_power_of_two(stride) || value[FLIP] >= stride || (value[FILLER_PAGES] && stride == 1))
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) != out->page_bytes)
		return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
	return is_wanted(value) ? FIT_ALWAYS : FIT_NEVER;
}

static const struct bench tlb_geometry = {
	.name = "tlb-geometry",
	.question = "how many sets and ways do the TLB levels have, and which page-number bits choose the set?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = PAGES,
	.seconds = 33,
};

NESTWALK_BENCH(tlb_geometry);
