#include "infer/step_scan.h"

#include "base/statistics.h"

#include <math.h>

#define TRAIL_LEAST 3 /* points a plateau needs before anything can be said to leave it */
#define TRAIL_MOST 8 /* points it is judged by: an octave of the usual sweep, so that gentle slopes are followed */
#define LOOK_AHEAD 4 /* points that must stay above; three of four, so that one lucky sample does not veto */
#define SIGMAS 4.0 /* one of 16 000 normal deviates is further off; a sweep has some hundred points */
#define OF_GROSS 0.05 /* and a twentieth of the gross cost: placements differ by that without any TLB's doing */
#define OF_LAST_RISE 0.15 /* a next level costs at least about as much as the last: smaller rises are its tail */
#define LEVELLED 0.15 /* levelled off: what lies just ahead brings less than this part of the rise so far */
#define PLATEAU_OCTAVES 0.5 /* how far ahead to look for that: walks may get dearer soon after, which is not the rise */
#define SAME_STEP 1.35 /* a rise that begins nearer than this to where the last one levelled off, */
#define SAME_RISE 0.6 /* and is so much smaller, is its tail: random replacement has 30 % of its own, and noise */
#define FADED 0.5 /* less than half of the rise left */
#define NORMAL_OF_MAD 1.4826 /* standard deviation over median absolute deviation, normal distribution */

static double median_low(const struct curve_point *at, size_t count)
{
	double x[TRAIL_MOST] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < count && n < TRAIL_MOST; i++)
		x[n++] = at[i].low;
	return statistics_median(x, n);
}

struct plateau {
	double low, tolerance;
};

/* The plateau that the points [start, end) end with. @last_rise: cycles of the candidate before, 0 for none. */
static struct plateau plateau_before(const struct curve_series *series, size_t start, size_t end, double last_rise)
{
	size_t first = end > start + TRAIL_MOST ? end - TRAIL_MOST : start, count = end - first;
	const struct curve_point *at = &series->at[first];
	double deviation[TRAIL_MOST], spread[TRAIL_MOST], gross[TRAIL_MOST], noise, standard;
	struct plateau plateau = { .low = median_low(at, count) };

	for (size_t i = 0; i < count; i++) {
		deviation[i] = fabs(at[i].low - plateau.low);
		spread[i] = at[i].spread * CURVE_LOW_DEVIATION;
		gross[i] = at[i].gross;
	}
	noise = NORMAL_OF_MAD * statistics_median(deviation, count);
	standard = statistics_median(spread, count);
	plateau.tolerance = STEP_LEAST_CYCLES / 2;
	plateau.tolerance = fmax(plateau.tolerance, SIGMAS * fmax(noise, isfinite(standard) ? standard : 0));
	plateau.tolerance = fmax(plateau.tolerance, OF_LAST_RISE * last_rise);
	plateau.tolerance = fmax(plateau.tolerance, OF_GROSS * statistics_median(gross, count)); /* fmax drops a NaN */
	return plateau;
}

/* Whether the points from i on stay above: neither a blip nor the last word of the sweep. */
static bool stays_above(const struct curve_series *series, size_t i, double limit)
{
	size_t ahead = 0, above = 0;

	for (size_t k = i + 1; k < series->count && ahead < LOOK_AHEAD; k++, ahead++)
		above += series->at[k].low > limit ? 1 : 0;
	return 4 * above >= 3 * ahead;
}

/* Median of what lies just above point i; NaN with fewer than two points there. */
static double level_ahead(const struct curve_series *series, size_t i)
{
	double x[64];
	size_t n = 0;

	for (size_t k = i + 1; k < series->count && n < 64; k++) {
		if (series->at[k].log2_pages > series->at[i].log2_pages + PLATEAU_OCTAVES + 1e-9 && n >= TRAIL_LEAST)
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
	double limit = before->low + before->tolerance, peak = at[i].low;
	size_t end;

	*step = (struct step){
		.from = at[start].pages,
		.onset = at[i - 1].pages,
		.rise = at[i].pages,
		.lower = before->low,
		.tolerance = before->tolerance,
	};
	if (!stays_above(series, i, before->low + before->tolerance / 2)) {
		end = first_back(series, i, limit);
		step->shape = STEP_FADES;
		step->upper = at[i].low;
		step->saturation = end < series->count ? at[end].pages : at[series->count - 1].pages;
		return end;
	}
	end = level_off(series, i, before, &step->upper);
	if (end == series->count) {
		step->shape = STEP_OPEN;
		step->saturation = at[end - 1].pages;
		step->upper = at[end - 1].low;
		return end;
	}
	for (size_t k = i; k <= end; k++)
		peak = fmax(peak, at[k].low);
	step->saturation = at[end].pages;
	step->shape = STEP_LEVELS_OFF;
	if (step->upper - before->low >= FADED * (peak - before->low))
		return end;
	step->shape = STEP_FADES;
	step->upper = peak;
	return first_back(series, i, limit);
}

/* A smaller rise right behind another is its tail, which noise made look level for a moment: make them one. */
static bool merge_tail(struct step *last, const struct step *step)
{
	if (!last || last->shape != STEP_LEVELS_OFF || step->shape != STEP_LEVELS_OFF)
		return false;
	if (step->onset >= SAME_STEP * last->saturation ||
		step->upper - step->lower >= SAME_RISE * (last->upper - last->lower))
		return false;
	last->saturation = step->saturation;
	last->upper = step->upper;
	return true;
}

size_t steps_scan(const struct curve_series *series, struct step *out)
{
	double last_rise = 0;
	size_t start = 0, count = 0, i = TRAIL_LEAST;

	while (i < series->count && count < STEPS_MAX) {
		struct plateau before = plateau_before(series, start, i, last_rise);
		size_t next;

		if (series->at[i].low <= before.low + before.tolerance) {
			i++;
			continue;
		}
		next = describe(series, start, i, &before, &out[count]);
		if (out[count].shape == STEP_LEVELS_OFF) {
			start = next;
			next += TRAIL_LEAST;
		}
		i = next;
		if (!merge_tail(count ? &out[count - 1] : NULL, &out[count]))
			count++;
		if (out[count - 1].shape == STEP_LEVELS_OFF)
			last_rise = out[count - 1].upper - out[count - 1].lower;
	}
	for (size_t k = 0; k < count; k++) {
		size_t after = k + 1; /* a rise that fades does not end a plateau */

		while (after < count && out[after].shape == STEP_FADES)
			after++;
		out[k].to = after < count ? out[after].onset : series->at[series->count - 1].pages;
	}
	return count;
}
