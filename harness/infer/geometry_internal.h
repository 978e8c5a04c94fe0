/* What the parts of geometry inference share. */
#ifndef NESTWALK_INFER_GEOMETRY_INTERNAL_H
#define NESTWALK_INFER_GEOMETRY_INTERNAL_H

#include "infer/geometry.h"

#include <stdbool.h>

/* One point as a level sees it. */
struct geometry_reading {
	const struct geometry_point *point;
	unsigned stride; /* log2 of the pages */
	double baseline; /* low */
	double excess; /* what a target costs, by low samples, beyond a hit of this level */
};

/* All points that tell about a level, by stride, flip and targets. */
struct geometry_view {
	struct geometry_reading *at;
	size_t count;
	double hit_cycles; /* net cost of a hit of this level: 0 for the first */
	double step_cycles; /* an excess of more is a level that overflows */
};

/* How many targets a level holds at each stride, and the sets they reach. NaN: not seen. */
struct geometry_ranks {
	double capacity[GEOMETRY_STRIDES];
	double rank[GEOMETRY_STRIDES]; /* log2 of the sets that pages at this stride reach */
	unsigned farthest; /* the largest stride with a capacity */
	double sets;
	uint64_t index_bits; /* page-number bits that choose the set; 0: not known, or one set */
	unsigned fold; /* ... each together with the bit so far below it; 0: alone */
};

/*
 * Targets at which the excess comes to stay above the view's step, between the last count below and the next, at the
 * mean of their logarithms by their costs. NaN: it does not, or it is above it from the first count on.
 */
double geometry_capacity(const struct geometry_view *view, unsigned stride, uint64_t flip_pages);

/* Find capacities and ranks. false with the reason where they are those of no linear index, or are incomplete. */
bool geometry_ranks_find(const struct geometry_view *view, struct geometry_ranks *ranks, char *reason, size_t room);

/* Say which bits choose the set. false with the reason where that is not known. */
bool geometry_index_find(const struct geometry_view *view, struct geometry_ranks *ranks, char *index, size_t index_room,
	char *reason, size_t room);

/* A number that pages of one set share, once the index is known; 0 where it is not. */
uint64_t geometry_set(const struct geometry_ranks *ranks, uint64_t page);

/* Samples of all points that ask one set for so many pages. */
struct geometry_occupancy {
	double pages;
	size_t samples, clean;
	double excess; /* the least of the points' */
};

/* One level of one input. */
struct geometry_level {
	struct geometry_view view;
	struct geometry_ranks ranks;
	struct geometry_occupancy *occupancy; /* ascending */
	size_t occupancies;
	double baseline_cycles; /* of chains over one set */
	double miss_cycles; /* what a miss adds */
};

/* Read the pages that share one set, once ranks and index are found: costs, and samples by count. 0; -ENOMEM. */
int geometry_set_read(struct geometry_level *level);

/* The most pages up to which most samples are clean. NaN: of the fewest pages they are not. */
double geometry_usable_ways(const struct geometry_level *level);

/* The least count from which on all pages miss. NaN: none was measured. */
double geometry_full_pages(const struct geometry_level *level);

/* How a set of so many ways behaves that overflows; a constant string. NULL: no count was measured at which it does. */
const char *geometry_replacement(const struct geometry_level *level, double ways);

/* The levels of all inputs, and what was inferred of them so far. */
struct geometry_all {
	const struct geometry_input *input;
	const struct geometry_level (*level)[GEOMETRY_LEVELS];
	struct inferred_geometry (*out)[GEOMETRY_LEVELS];
	size_t inputs;
};

/* Ways of one level of one input, by all inputs that show the same sets, and what follows from them. */
void geometry_ways_settle(const struct geometry_all *all, size_t one, unsigned number);

#endif
