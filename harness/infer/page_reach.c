#include "infer/page_reach.h"

#include "base/units.h"

#include <math.h>
#include <stdbool.h>

/*
 * A miss of the first level costs 6 to 9 cycles on published cores. Where several lines of a page are used, a level that
 * holds four fifths of the pages still finds four fifths of the lines: a quarter of a miss is where a curve leaves its floor.
 */
#define REACH_MISS_CYCLES 1.5

/* Points on the wrong side of the split, as a part of all: a few are a neighbour's, more mean that there is no split. */
#define REACH_WRONG_MOST 0.125

/* A curve of fewer points shows no split. */
#define REACH_POINTS_LEAST 4

/*
 * Predictions may be off by this factor, as sets fill unevenly and a level smaller than its pages holds a part of them. The
 * curves of different leaves are 8 and more apart.
 */
#define REACH_SLACK 2.0

/* What first levels for data hold where no curve shows it: 4 pages of 1G (Intel), up to 96 (Golden Cove, Zen 5). */
static const struct reach entries_published = { .lines_lo = 4, .lines_hi = 96 };

static bool is_held(const struct reach_point *point)
{
	return point->net_cycles < REACH_MISS_CYCLES;
}

void reach_find(const struct reach_point *point, size_t count, struct reach *out)
{
	size_t wrong = 0, least, split = 0;

	out->lines_lo = out->lines_hi = NAN;
	if (count < REACH_POINTS_LEAST) {
		fail(&out->reason, 0, "too few points: %zu", count);
		return;
	}
	/* All points from the split on should miss, all before it hit; the split moves up one point at a time. */
	for (size_t i = 0; i < count; i++)
		wrong += is_held(&point[i]);
	least = wrong;
	for (size_t i = 0; i < count; i++) {
		if (is_held(&point[i]))
			wrong--;
		else
			wrong++;
		if (wrong < least) {
			least = wrong;
			split = i + 1;
		}
	}
	if ((double)least > REACH_WRONG_MOST * (double)count) {
		fail(&out->reason, 0, "hits and misses are mixed: %zu of %zu points lie on the wrong side", least,
			count);
	} else if (!split) {
		fail(&out->reason, 0, "even %.0f lines miss", point[0].lines);
	} else {
		out->lines_lo = point[split - 1].lines;
		if (split < count)
			out->lines_hi = point[split].lines;
		else
			fail(&out->reason, 0, "all %.0f lines are held: the sweep ends too early", out->lines_lo);
	}
}

/* Whether pages held in pieces of `leaf_bytes` reach as far as a curve does. */
static bool is_explained(const struct reach *reach, const struct reach *entries, uint64_t leaf_bytes)
{
	double lines_of_entry = reach->apart_bytes < leaf_bytes ? (double)leaf_bytes / (double)reach->apart_bytes : 1;

	/* Nothing is less than an end that is not known. */
	return entries->lines_hi * lines_of_entry * REACH_SLACK > reach->lines_lo &&
	       !(reach->lines_hi * REACH_SLACK <= entries->lines_lo * lines_of_entry);
}

/*
 * Whether one leaf explains all curves. The entries for it show in the densest curve in which each line has a piece of that
 * size to itself.
 */
static bool explains_all(uint64_t leaf_bytes, const struct reach *reach, size_t count)
{
	const struct reach *entries = &entries_published;

	for (size_t i = 0; i < count; i++)
		if (reach[i].apart_bytes >= leaf_bytes && isfinite(reach[i].lines_lo) && isfinite(reach[i].lines_hi) &&
			(entries == &entries_published || reach[i].apart_bytes < entries->apart_bytes))
			entries = &reach[i];
	for (size_t i = 0; i < count; i++)
		if (isfinite(reach[i].lines_lo) && !is_explained(&reach[i], entries, leaf_bytes))
			return false;
	return true;
}

uint64_t page_leaf_find(uint64_t page_bytes, const struct reach *reach, size_t count, struct reason *why)
{
	static const uint64_t leaves[] = { PAGE_4K, PAGE_2M, PAGE_1G };
	uint64_t found = 0;
	unsigned explanations = 0;

	for (size_t k = 0; k < sizeof(leaves) / sizeof(leaves[0]) && leaves[k] <= page_bytes; k++)
		if (explains_all(leaves[k], reach, count)) {
			explanations++;
			found = leaves[k];
		}
	if (explanations == 1)
		return found;
	fail(why, 0,
		explanations ? "the curves that were measured do not tell the leaf sizes apart"
			     : "no leaf size explains how far all curves reach");
	return 0;
}
