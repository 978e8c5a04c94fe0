/*
 * The structure of TLB levels from chases over pages at chosen page numbers (base/placement.h): sets, ways, the bits of
 * the page number that choose the set, and how a set behaves that overflows. Pure: knows no database.
 *
 * A level takes the set from the page number by a linear function (bits, or exclusive ors of bits). Pages a stride of 2^k
 * apart then reach 2^r(k) of its sets, and the level holds 2^r(k) x ways of them. r falls by one from k to k + 1 where
 * bit k chooses a set that no higher bit does, and by none elsewhere: capacities at all strides tell r, and r tells sets
 * and index.
 */
#ifndef NESTWALK_INFER_GEOMETRY_H
#define NESTWALK_INFER_GEOMETRY_H

#include "base/placement.h"

#include <stddef.h>
#include <stdint.h>

#define GEOMETRY_LEVELS 2

/* Strides are powers of two of pages, up to 2^31: 8 TiB of 4K pages. */
#define GEOMETRY_STRIDES 32

/* All samples of one chase, core cycles per access. */
struct geometry_point {
	int64_t id; /* the caller's */
	struct placement placement;
	const double *gross, *baseline; /* borrowed */
	size_t samples;
};

/* What was measured in one place with one page size. */
struct geometry_input {
	uint64_t page_bytes;
	const struct geometry_point *point; /* borrowed; in any order */
	size_t points;
};

/* One level. Unknown numbers are NaN, unknown texts NULL or "", and then `reason` says why. */
struct inferred_geometry {
	double sets;
	double ways; /* the most pages in one set that never miss: the most that any of the inputs of this page size shows */
	double usable_ways; /* ... that do not miss in most samples here */
	double entries, entries_lo,
		entries_hi; /* sets x ways; from what is usable here to the first count that misses */
	double full_pages; /* in one set, of which all miss */
	char index[96];
	/* By the logarithm of the stride: at which count of pages it overflows, and how many of its sets they reach. */
	double capacity[GEOMETRY_STRIDES], sets_reached[GEOMETRY_STRIDES];
	const char *replacement; /* "LRU-like", "pseudo-LRU", "random"; a constant string */
	char reason[320];
};

/*
 * Infer the levels of all inputs of one machine: out[input][level]. What one place shows, another has too: it is the same
 * processor. Returns 0, or -ENOMEM.
 */
int geometry_infer(const struct geometry_input *input, size_t inputs, struct inferred_geometry (*out)[GEOMETRY_LEVELS]);

/*
 * What one page under test costs beyond its line at a point, core cycles, by the least disturbed samples: the fillers'
 * share, a miss of the first level each, is taken off. NaN: not known.
 */
void geometry_target_cycles(const struct geometry_input *input, double *cycles);

#endif
