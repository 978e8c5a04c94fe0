/* The points around one step: what a capacity is fitted to, and what can be read off without any law. */
#ifndef NESTWALK_INFER_STEP_WINDOW_H
#define NESTWALK_INFER_STEP_WINDOW_H

#include "infer/curve.h"
#include "infer/step_scan.h"

#include <stdbool.h>
#include <stddef.h>

/* An upper plateau is read from the saturation to so many times that: an octave further walks may be much dearer. */
#define PLATEAU_WIDTH 1.5

/* No law is truer than this part of the step to a real TLB; put into the weights beside the samples' spread. */
#define LAW_MISFIT 0.03

/* The points of the window around one step, as the fit sees them. */
struct window {
	const struct curve_point **at;
	size_t count;
	double *low; /* of the samples as they are, or of a resample */
	double *weight; /* 1 / cycles^2 */
	double lower, height;
	double clean; /* miss ratio up to which a point counts as clean */
};

/* Page counts. */
struct readings {
	double clean; /* the most without misses, as far as the noise lets one see */
	double half; /* the fewest of which half of the accesses miss */
	double middle; /* where half of them miss, interpolated */
	double saturated; /* the fewest of which nearly all miss */
	size_t clean_index; /* of `clean` in the window */
};

/* 0; -ENOMEM; -ENODATA where the plateaus are empty or not apart. window_free() is due in any case. Borrows points. */
int window_make(const struct curve *curve, const struct step *step, struct window *window);
void window_free(struct window *window);

/* False where the window does not hold all three. */
bool window_read(const struct window *window, struct readings *out);

#endif
