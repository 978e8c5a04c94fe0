#include "infer/geometry_internal.h"

#include <math.h>
#include <stdio.h>

/*
 * A few clean samples show that a set holds so many pages, as nothing makes a page hit that the set does not hold: one
 * in thirty of all places, and not a single one, which may be a clock's.
 */
#define CLEAN_SHOWN 0.03
#define CLEAN_LEAST 2
/* One in ten was clean where it was hardest to see. Of so many samples two are then clean nine times of ten. */
#define SAMPLES_TELL 36

/* The samples of all inputs with the same page size and sets that ask one set for so many pages. */
static struct geometry_occupancy samples_of_all(
	const struct geometry_all *all, size_t one, unsigned number, double pages)
{
	struct geometry_occupancy sum = { .pages = pages };

	for (size_t other = 0; other < all->inputs; other++) {
		const struct geometry_level *level = &all->level[other][number];

		if (all->input[one].page_bytes != all->input[other].page_bytes ||
			all->out[one][number].sets != all->out[other][number].sets)
			continue;
		for (size_t i = 0; i < level->occupancies; i++)
			if (level->occupancy[i].pages == pages) {
				sum.samples += level->occupancy[i].samples;
				sum.clean += level->occupancy[i].clean;
			}
	}
	return sum;
}

static bool is_shown(const struct geometry_occupancy *at)
{
	return at->clean >= CLEAN_LEAST && (double)at->clean >= CLEAN_SHOWN * (double)at->samples;
}

/*
 * The most pages shown to be held, and the most that may be: up to the first count of which half of the accesses miss in the
 * least disturbed samples, or of which so many samples are not clean that this tells. Fewer of which every sample was
 * disturbed are between them now and then.
 */
static void ways_find(const struct geometry_all *all, size_t one, unsigned number, double *shown, double *most)
{
	const struct geometry_level *level = &all->level[one][number];

	*shown = *most = NAN;
	for (size_t i = 0; i < level->occupancies; i++) {
		const struct geometry_occupancy at = samples_of_all(all, one, number, level->occupancy[i].pages);

		if (is_shown(&at)) {
			*shown = at.pages;
			*most = NAN;
		} else if (isnan(*most) &&
			   (at.samples >= SAMPLES_TELL || level->occupancy[i].excess > level->miss_cycles / 2)) {
			*most = at.pages - 1;
		}
	}
}

void geometry_ways_settle(const struct geometry_all *all, size_t one, unsigned number)
{
	struct inferred_geometry *out = &all->out[one][number];
	double most;

	if (isnan(out->sets))
		return;
	ways_find(all, one, number, &out->ways, &most);
	if (isnan(out->ways)) {
		snprintf(out->reason, sizeof(out->reason),
			"even the fewest pages in one set missed: too busy a neighbour");
		return;
	}
	out->entries = out->sets * out->ways;
	out->entries_lo = out->sets * fmin(isnan(out->usable_ways) ? 1 : out->usable_ways, out->ways);
	out->entries_hi = out->sets * most;
	out->replacement = geometry_replacement(&all->level[one][number], out->ways);
	if (isnan(most) && !out->reason[0])
		snprintf(out->reason, sizeof(out->reason), "no count was measured at which a set surely overflows");
}
