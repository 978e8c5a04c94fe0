#include "base/statistics.h"
#include "infer/geometry_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Most samples tell what a program can use. */
#define CLEAN_MOSTLY 0.5
/* A clean sample differs from a hit by less than half a miss in the whole cycle, or by less than clocks are read. */
#define CLOCK_NOISE 0.01
/* Clocks are off by less than that, and a neighbour costs more. */
#define QUIET_BASELINE 0.05
/* Targets may hit a first level in which they share one set: up to 8, the most ways of a first level with sets. */
#define FIRST_WAYS_MOST 8

/* All miss where the cost of a miss is reached, but for the noise of the low quantile. */
#define ALL_MISS 0.9
/* LRU misses all pages at once; so does a tree of pseudo-LRU bits, as each cycle visits the pages in one order. */
#define LRU_AT_ONCE 0.9
/* Shares of misses agree with the law of random replacement within this on average. */
#define RANDOM_OFF 0.1

/* Whether a reading asks one set for all of its targets. */
static bool asks_one_set(const struct geometry_level *level, const struct geometry_reading *reading)
{
	return !reading->point->placement.flip_pages && level->ranks.rank[reading->stride] == 0;
}

/*
 * The cost of a page where all miss: the upper quartile of counts well beyond the capacity, as random replacement needs
 * them to miss always, up to four times, beyond which walks get dearer. Where there are none, the most of all.
 */
static double miss_cycles(const struct geometry_level *level)
{
	double *excess = malloc((level->view.count ? level->view.count : 1) * sizeof(*excess)), cycles = NAN;
	double capacity = level->ranks.capacity[level->ranks.farthest];
	size_t count = 0;

	if (!excess)
		return NAN;
	for (size_t i = 0; i < level->view.count; i++) {
		const struct geometry_reading *reading = &level->view.at[i];
		double pages = (double)reading->point->placement.targets / capacity;

		if (!asks_one_set(level, reading) || pages > 4)
			continue;
		cycles = fmax(cycles, reading->excess);
		if (pages > 1.5)
			excess[count++] = reading->excess;
	}
	if (count)
		cycles = statistics_quantile(excess, count, 0.75);
	free(excess);
	return cycles;
}

/*
 * What a baseline costs: chains over one set are short, so that their lines cost the same in all of them. The median, as
 * most chains have a quiet sample among theirs.
 */
static double baseline_cycles(const struct geometry_level *level)
{
	double *baseline = malloc((level->view.count ? level->view.count : 1) * sizeof(*baseline)), cycles;
	size_t count = 0;

	if (!baseline)
		return NAN;
	for (size_t i = 0; i < level->view.count; i++)
		if (asks_one_set(level, &level->view.at[i]))
			baseline[count++] = level->view.at[i].baseline;
	cycles = statistics_median(baseline, count);
	free(baseline);
	return cycles;
}

/*
 * Count the samples of a reading, and the clean ones. A baseline of other than its usual cost tells of a disturbed sample,
 * which is left out; within that, it tells how far off the clock was.
 */
static void samples_count(
	const struct geometry_level *level, const struct geometry_reading *reading, struct geometry_occupancy *into)
{
	const struct geometry_point *point = reading->point;
	double hit = level->baseline_cycles + level->view.hit_cycles;
	double all = (double)(point->placement.targets + point->placement.fillers);
	double within = fmax(level->miss_cycles / 2 / all, CLOCK_NOISE * hit);
	bool hits_before = point->placement.targets <= FIRST_WAYS_MOST && reading->excess < -level->view.hit_cycles / 2;

	for (size_t i = 0; i < point->samples; i++) {
		double clock = level->baseline_cycles / point->baseline[i];

		if (!(fabs(clock - 1) < QUIET_BASELINE))
			continue;
		into->samples++;
		into->clean += hits_before || fabs(point->gross[i] * clock - hit) < within;
	}
}

/* The pages of a reading that ask for the targets' set: all targets, and the fillers that cannot keep out of it. */
static double pages_in_set(const struct geometry_level *level, const struct placement *placement)
{
	uint64_t pages = placement->targets, target = geometry_set(&level->ranks, 0);

	for (uint64_t i = 0; level->ranks.index_bits && i < placement->fillers; i++)
		pages += geometry_set(&level->ranks, placement_page(placement, placement->targets + i)) == target;
	return (double)pages;
}

static int occupancies_make(struct geometry_level *level)
{
	const struct geometry_view *view = &level->view;

	level->occupancy = calloc(view->count ? view->count : 1, sizeof(*level->occupancy));
	if (!level->occupancy)
		return -ENOMEM;
	for (size_t i = 0; i < view->count; i++) {
		size_t at = level->occupancies;
		double pages;

		if (!asks_one_set(level, &view->at[i]))
			continue;
		pages = pages_in_set(level, &view->at[i].point->placement);
		while (at > 0 && level->occupancy[at - 1].pages > pages)
			at--;
		if (!at || level->occupancy[at - 1].pages < pages) {
			memmove(&level->occupancy[at + 1], &level->occupancy[at],
				(level->occupancies++ - at) * sizeof(*level->occupancy));
			level->occupancy[at++] =
				(struct geometry_occupancy){ .pages = pages, .excess = view->at[i].excess };
		}
		samples_count(level, &view->at[i], &level->occupancy[at - 1]);
		level->occupancy[at - 1].excess = fmin(level->occupancy[at - 1].excess, view->at[i].excess);
	}
	return 0;
}

int geometry_set_read(struct geometry_level *level)
{
	level->miss_cycles = miss_cycles(level);
	level->baseline_cycles = baseline_cycles(level);
	return occupancies_make(level);
}

double geometry_usable_ways(const struct geometry_level *level)
{
	double pages = NAN;

	for (size_t i = 0; i < level->occupancies; i++) {
		const struct geometry_occupancy *at = &level->occupancy[i];

		if (!at->clean || (double)at->clean < CLEAN_MOSTLY * (double)at->samples)
			break;
		pages = at->pages;
	}
	return pages;
}

double geometry_full_pages(const struct geometry_level *level)
{
	double pages = NAN;

	for (size_t i = level->occupancies; i-- > 0 && level->occupancy[i].excess >= ALL_MISS * level->miss_cycles;)
		pages = level->occupancy[i].pages;
	return pages;
}

/* Random replacement: a page is gone unless each miss since its last visit took another way. */
static double random_share(double ways, double pages)
{
	double share = 1;

	for (unsigned i = 0; i < 200; i++)
		share = 1 - pow(1 - 1 / ways, share * (pages - 1));
	return share;
}

const char *geometry_replacement(const struct geometry_level *level, double ways)
{
	double off = 0, count = 0;

	for (size_t i = 0; i < level->occupancies; i++) {
		const struct geometry_occupancy *at = &level->occupancy[i];
		double share = at->excess / level->miss_cycles;

		if (at->pages <= ways || at->pages > 2 * ways)
			continue;
		if (!count && at->pages < 1.2 * ways + 1 && share > LRU_AT_ONCE)
			return "LRU-like";
		off += fabs(share - random_share(ways, at->pages));
		count++;
	}
	if (!count)
		return NULL;
	return off / count < RANDOM_OFF ? "random" : "pseudo-LRU";
}
