/* Where a curve of cost against pages leaves one plateau for a higher one: candidates for TLB levels, not yet judged. */
#ifndef NESTWALK_INFER_STEP_SCAN_H
#define NESTWALK_INFER_STEP_SCAN_H

#include "infer/curve.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A TLB penalty is a whole number of core cycles, so a rise of less than one is none; half of it is where a point no
 * longer counts as lying on the plateau.
 */
#define STEP_LEAST_CYCLES TUNED(STEP_LEAST_CYCLES, 1)

/* Candidates kept of one curve. Three TLB levels and a handful of caches fit many times over. */
#define STEPS_MAX 16

enum step_shape {
	STEP_LEVELS_OFF, /* a plateau, a rise, a plateau */
	STEP_OPEN, /* the sweep ends before the rise levels off */
	STEP_FADES, /* the cost comes back to the lower plateau */
};

struct step {
	enum step_shape shape;
	double from; /* pages: where the plateau before begins */
	double onset, rise; /* pages of the last point on the plateau before, and of the first above it */
	double saturation; /* pages of the first point of the plateau after; of the last point where open */
	double to; /* pages: where the plateau after ends, that is, the last point before the next candidate */
	double lower, upper; /* cycles, of the least disturbed samples: the plateaus */
	double tolerance; /* cycles by which a point had to exceed the plateau */
};

/* Candidates of a series by ascending pages, at most STEPS_MAX. Returns how many. */
size_t step_scan(const struct curve_series *series, struct step *out);

#endif
