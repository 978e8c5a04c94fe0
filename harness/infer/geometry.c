#include "infer/geometry.h"

#include "base/statistics.h"
#include "base/units.h"
#include "infer/geometry_internal.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Published hits of a second level cost 7 to 9 cycles, and a walk from the caches as much: half of that is no miss. */
#define MISS_LEAST_CYCLES 3

/* A hit of the second level costs the same with pages of any size, a walk at least three times as much. */
#define WALKS_AT_ONCE 2

/*
 * A neighbour adds misses and removes none, so that structure is read from the least disturbed samples. The least of all
 * would be that in which the clock was calibrated worst: one sample in ten is left below.
 */
#define LOW_SHARE 0.1

/* The cost that only the least disturbed samples stay below. */
static double low_of(const double *x, size_t n)
{
	return statistics_quantile(x, n, LOW_SHARE);
}

static double net_low(const struct geometry_point *point)
{
	return low_of(point->gross, point->samples) - low_of(point->baseline, point->samples);
}

static int by_place(const void *left, const void *right)
{
	const struct geometry_reading *a = left, *b = right;
	const struct placement *p = &a->point->placement, *q = &b->point->placement;

	if (a->stride != b->stride)
		return a->stride < b->stride ? -1 : 1;
	if (p->flip_pages != q->flip_pages)
		return p->flip_pages < q->flip_pages ? -1 : 1;
	return (p->targets > q->targets) - (p->targets < q->targets);
}

/* What an access costs that misses the first level: the low cost of chases with fillers, of which few miss more. */
static double first_miss_cycles(const struct geometry_input *input)
{
	double *net = malloc((input->points ? input->points : 1) * sizeof(*net)), cycles;
	size_t count = 0;

	if (!net)
		return NAN;
	for (size_t i = 0; i < input->points; i++)
		if (input->point[i].placement.fillers)
			net[count++] = net_low(&input->point[i]);
	cycles = low_of(net, count);
	free(net);
	return cycles;
}

/* Whether a point tells about a level: fillers keep the first level full, and so do many pages side by side. */
static bool tells_about(const struct geometry_point *point, unsigned level, double first_entries)
{
	const struct placement *placement = &point->placement;

	if (!level)
		return !placement->fillers && !placement->flip_pages;
	return placement->fillers || (placement->stride_pages == 1 && (double)placement->targets > 2 * first_entries);
}

static int view_make(
	const struct geometry_input *input, unsigned level, double first_entries, struct geometry_view *view)
{
	double most = level ? INFINITY : first_miss_cycles(input);

	view->at = malloc((input->points ? input->points : 1) * sizeof(*view->at));
	if (!view->at)
		return -ENOMEM;
	for (size_t i = 0; i < input->points; i++) {
		const struct geometry_point *point = &input->point[i];
		double targets = (double)point->placement.targets, all = targets + (double)point->placement.fillers;

		if (!point->samples || !targets || !tells_about(point, level, first_entries))
			continue;
		view->at[view->count++] = (struct geometry_reading){
			.point = point,
			.stride = (unsigned)__builtin_ctzll(point->placement.stride_pages),
			.baseline = low_of(point->baseline, point->samples),
			/* A first level's miss may miss the second, too, which is not its own cost. */
			.excess = fmin((net_low(point) - view->hit_cycles) * all / targets, most),
		};
	}
	qsort(view->at, view->count, sizeof(*view->at), by_place);
	return 0;
}

/* Half of the least that any stride at which the level overflows comes to: NaN where it does not overflow. */
static double second_step_cycles(const struct geometry_view *view)
{
	double least = NAN;

	for (unsigned k = 0; k < GEOMETRY_STRIDES; k++) {
		double most = NAN;

		for (size_t i = 0; i < view->count; i++)
			if (view->at[i].stride == k && !view->at[i].point->placement.flip_pages)
				most = fmax(most, view->at[i].excess);
		if (most > MISS_LEAST_CYCLES)
			least = fmin(least, most);
	}
	return least / 2;
}

static void level_free(struct geometry_level *level)
{
	free(level->view.at);
	free(level->occupancy);
}

static struct inferred_geometry nothing_inferred(void)
{
	struct inferred_geometry nothing = {
		.sets = NAN,
		.ways = NAN,
		.usable_ways = NAN,
		.entries = NAN,
		.entries_lo = NAN,
		.entries_hi = NAN,
		.full_pages = NAN,
	};

	for (unsigned k = 0; k < GEOMETRY_STRIDES; k++)
		nothing.capacity[k] = nothing.sets_reached[k] = NAN;
	return nothing;
}

/* Sets, index and what the pages in one set show. The ways are settled later, by all inputs together. */
static int level_infer(const struct geometry_input *input, unsigned number, double first_entries,
	struct geometry_level *level, struct inferred_geometry *out)
{
	double first_miss = first_miss_cycles(input);
	int error;

	*out = nothing_inferred();
	level->view.hit_cycles = number ? first_miss : 0;
	error = view_make(input, number, first_entries, &level->view);
	if (error)
		return error;
	level->view.step_cycles = number ? second_step_cycles(&level->view) : first_miss / 2;
	if (!(level->view.step_cycles > 0)) {
		snprintf(out->reason, sizeof(out->reason), "%s",
			number && !isnan(first_miss)
				? "no set was seen to overflow"
				: "no chase with fillers tells what a miss of the first level costs");
		return 0;
	}
	if (!geometry_ranks_find(&level->view, &level->ranks, out->reason, sizeof(out->reason)))
		return 0;
	geometry_index_find(
		&level->view, &level->ranks, out->index, sizeof(out->index), out->reason, sizeof(out->reason));
	error = geometry_set_read(level);
	if (error)
		return error;
	out->sets = level->ranks.sets;
	for (unsigned k = 0; k < GEOMETRY_STRIDES; k++) {
		out->capacity[k] = level->ranks.capacity[k];
		out->sets_reached[k] = exp2(level->ranks.rank[k]);
	}
	out->usable_ways = geometry_usable_ways(level);
	out->full_pages = geometry_full_pages(level);
	return 0;
}

/*
 * Large pages that walk as soon as they leave the first level. Where a hypervisor holds them in pieces, those of the first
 * 4K of each page, which are the ones visited, have numbers that are multiples of 512 and meet in a few sets.
 */
static void walking_refuse(
	const struct geometry_input *input, size_t inputs, struct inferred_geometry (*out)[GEOMETRY_LEVELS])
{
	for (size_t i = 0; i < inputs; i++)
		for (size_t k = 0; k < inputs && input[i].page_bytes > PAGE_4K; k++) {
			double large = first_miss_cycles(&input[i]), small = first_miss_cycles(&input[k]);

			if (input[k].page_bytes != PAGE_4K || !(large > WALKS_AT_ONCE * small))
				continue;
			out[i][1] = nothing_inferred();
			snprintf(out[i][1].reason, sizeof(out[i][1].reason),
				"a page that left the first level costs %.1f cycles, a 4K page %.1f: the second level has no room for these pages, or a hypervisor holds them in 4K pieces, which meet in a few sets",
				large, small);
		}
}

void geometry_target_cycles(const struct geometry_input *input, double *cycles)
{
	double first_miss = first_miss_cycles(input);

	for (size_t i = 0; i < input->points; i++) {
		const struct geometry_point *point = &input->point[i];
		double targets = (double)point->placement.targets, fillers = (double)point->placement.fillers;

		cycles[i] = net_low(point);
		if (fillers > 0)
			cycles[i] = ((targets + fillers) * cycles[i] - fillers * first_miss) / targets;
	}
}

int geometry_infer(const struct geometry_input *input, size_t inputs, struct inferred_geometry (*out)[GEOMETRY_LEVELS])
{
	struct geometry_level(*level)[GEOMETRY_LEVELS] = calloc(inputs ? inputs : 1, sizeof(*level));
	int error = level ? 0 : -ENOMEM;

	for (size_t i = 0; i < inputs && !error; i++) {
		error = level_infer(&input[i], 0, 0, &level[i][0], &out[i][0]);
		if (!error)
			error = level_infer(&input[i], 1, isnan(out[i][0].sets) ? 0 : level[i][0].ranks.capacity[0],
				&level[i][1], &out[i][1]);
	}
	if (!error) {
		walking_refuse(input, inputs, out);
		for (size_t i = 0; i < inputs; i++)
			for (unsigned number = 0; number < GEOMETRY_LEVELS; number++)
				geometry_ways_settle(&(struct geometry_all){ input, level, out, inputs }, i, number);
	}
	for (size_t i = 0; level && i < inputs; i++)
		for (unsigned number = 0; number < GEOMETRY_LEVELS; number++)
			level_free(&level[i][number]);
	free(level);
	return error;
}
