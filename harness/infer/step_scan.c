#include "infer/step_scan.h"

#include "base/statistics.h"

#include <math.h>

#define TRAIL_LEAST 3 /* points a plateau needs before anything can be said to leave it */
#define TRAIL_MOST 8 /* points it is judged by: an octave of the usual sweep, so that gentle slopes are followed */
#define SIGMAS \
	TUNED(SIGMAS, 4) /* one of 16 000 normal deviates is further off; at 8, 5 more levels of 237 are missed */
/* A next level costs at least about as much as the last: smaller rises are its tail. At half as much 3 more levels of 237 are invented. */
#define OF_LAST_RISE TUNED(OF_LAST_RISE, 0.25)
/*
 * Levelled off is where what lies AHEAD_OCTAVES ahead brings less than this part of the rise so far. At half as much, and
 * where one looks twice as far, 6 and 5 more levels of 237 are missed, as the rise merges with walks that get dearer.
 */
#define LEVELLED TUNED(LEVELLED, 0.15)
#define AHEAD_OCTAVES TUNED(AHEAD_OCTAVES, 0.5)
#define FADED TUNED(FADED, 0.5) /* a rise of which less than this part is left is no step */
#define NORMAL_OF_MAD 1.4826 /* standard deviation over median absolute deviation, normal distribution */

struct plateau {
	double low, tolerance;
};

/* The plateau that the points [start, end) end with. @last_rise: cycles of the candidate before, 0 for none. */
static struct plateau plateau_before(const struct curve_series *series, size_t start, size_t end, double last_rise)
{
	size_t first = end > start + TRAIL_MOST ? end - TRAIL_MOST : start, count = end - first;
	double low[TRAIL_MOST], deviation[TRAIL_MOST], spread[TRAIL_MOST], noise, least;
	struct plateau plateau;

	for (size_t i = 0; i < count; i++) {
		low[i] = series->at[first + i].low;
		spread[i] = series->at[first + i].spread * CURVE_LOW_DEVIATION;
	}
	plateau.low = statistics_median(low, count);
	for (size_t i = 0; i < count; i++)
		deviation[i] = fabs(low[i] - plateau.low);
	/* fmax() leaves out a NaN: the spread of points with one sample each. */
	noise = fmax(NORMAL_OF_MAD * statistics_median(deviation, count), statistics_median(spread, count));
	least = fmax(STEP_LEAST_CYCLES / 2, OF_LAST_RISE * last_rise);
	plateau.tolerance = fmax(SIGMAS * noise, least);
	return plateau;
}

/* Median of what lies just above point i; NaN with fewer than two points there. */
static double level_ahead(const struct curve_series *series, size_t i)
{
	double x[64];
	size_t n = 0;

	for (size_t k = i + 1; k < series->count && n < 64; k++) {
		if (series->at[k].log2_pages > series->at[i].log2_pages + AHEAD_OCTAVES + 1e-9 && n >= TRAIL_LEAST)
			break;
		x[n++] = series->at[k].low;
	}
	return n >= 2 ? statistics_median(x, n) : NAN;
}

/* The first point at or after i from which the rise has levelled off; series->count if none. */
static size_t level_off(const struct curve_series *series, size_t i, const struct plateau *before, double *upper)
{
	for (; i < series->count; i++) {
		double rise = series->at[i].low - before->low;

		*upper = level_ahead(series, i);
		if (!isfinite(*upper))
			break;
		if (rise > 0 && *upper - series->at[i].low <= fmax(before->tolerance / 2, LEVELLED * rise))
			return i;
	}
	return series->count;
}

static size_t first_back(const struct curve_series *series, size_t i, double limit)
{
	while (i < series->count && series->at[i].low > limit)
		i++;
	return i;
}

/* Describe the candidate whose first risen point is i. Returns the index the scan goes on at. */
static size_t describe(
	const struct curve_series *series, size_t start, size_t i, const struct plateau *before, struct step *step)
{
	const struct curve_point *at = series->at;
	double peak = at[i].low, upper = NAN;
	size_t end = level_off(series, i, before, &upper);

	*step = (struct step){
		.from = at[start].pages,
		.onset = at[i - 1].pages,
		.rise = at[i].pages,
		.lower = before->low,
		.tolerance = before->tolerance,
	};
	if (end == series->count) {
		step->shape = STEP_OPEN;
		step->saturation = at[end - 1].pages;
		step->upper = at[end - 1].low;
		return end;
	}
	for (size_t k = i; k <= end; k++)
		peak = fmax(peak, at[k].low);
	step->saturation = at[end].pages;
	step->upper = upper;
	if (upper - before->low >= FADED * (peak - before->low))
		return end;
	step->shape = STEP_FADES;
	step->upper = peak;
	return first_back(series, i, before->low + before->tolerance);
}

size_t step_scan(const struct curve_series *series, struct step *out)
{
	double last_rise = 0;
	size_t start = 0, count = 0, i = TRAIL_LEAST;

	while (i < series->count && count < STEPS_MAX) {
		struct plateau before = plateau_before(series, start, i, last_rise);
		struct step *step = &out[count];

		if (series->at[i].low <= before.low + before.tolerance) {
			i++;
			continue;
		}
		i = describe(series, start, i, &before, step);
		count++;
		if (step->shape == STEP_LEVELS_OFF) {
			start = i;
			i += TRAIL_LEAST;
			last_rise = step->upper - step->lower;
		}
	}
	for (size_t k = 0; k < count; k++) {
		size_t after = k + 1; /* a rise that fades does not end a plateau */

		while (after < count && out[after].shape == STEP_FADES)
			after++;
		out[k].to = after < count ? out[after].onset : series->at[series->count - 1].pages;
	}
	return count;
}
