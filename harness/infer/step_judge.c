#include "infer/step_judge.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HALVES_LEAST 4 /* samples of a point whose odd and even rounds are compared: two each */
#define OFTEN 0.95 /* the quantile of the differences between equals that is told */
/* Of a step, what the baseline may rise by: beyond it a data cache overflows. Twice as much invents 3 more levels of 237. */
#define OF_BASELINE TUNED(OF_BASELINE, 0.5)
/*
 * Of the step in the sweep, what the second pass must show: placements do not halve a real one. At twice as much, where
 * noise decides, half of all levels are missed.
 */
#define SEEN_AGAIN TUNED(SEEN_AGAIN, 0.5)
/* Times the saturation before it: nearer, no further level begins, as each is several times larger than the last. */
#define NEXT_LEVEL TUNED(NEXT_LEVEL, 2)
/*
 * Of the step an octave: a TLB hit costs the same however many pages there are, a walk does not. Twice as much invents 1
 * more level of 237; without this test it was 9.
 */
#define GROWS TUNED(GROWS, 0.15)
#define SLOPE_POINTS 4 /* two either side of the middle */

static void say(struct judged_step *judged, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct judged_step *judged, enum verdict verdict, const char *format, ...)
{
	va_list args;

	judged->verdict = verdict;
	va_start(args, format);
	vsnprintf(judged->reason, sizeof(judged->reason), format, args);
	va_end(args);
}

/* A reading of a point, by its offset in struct curve_point. */
static double reading(const struct curve_point *point, size_t offset)
{
	return *(const double *)(const void *)((const char *)point + offset);
}

#define NET offsetof(struct curve_point, net)
#define NET_NS offsetof(struct curve_point, net_ns)
#define LOW offsetof(struct curve_point, low)
#define BASELINE offsetof(struct curve_point, baseline)

/* A range of page counts, both ends included. */
struct range {
	double from, to;
};

static bool within(const struct curve_point *point, struct range range)
{
	return point->pages >= range.from && point->pages <= range.to;
}

static size_t count_in(const struct curve_series *series, struct range range)
{
	size_t n = 0;

	for (size_t i = 0; i < series->count; i++)
		n += within(&series->at[i], range) ? 1 : 0;
	return n;
}

/* Median of a reading over the points in a range; NaN where there is none (or no memory). */
static double median_in(const struct curve_series *series, struct range range, size_t offset)
{
	double *x = malloc((series->count + 1) * sizeof(*x)), result = NAN;
	size_t n = 0;

	for (size_t i = 0; x && i < series->count; i++)
		if (within(&series->at[i], range))
			x[n++] = reading(&series->at[i], offset);
	if (x)
		result = statistics_median(x, n);
	free(x);
	return result;
}

/* The plateaus to either side of a step, as the sweep (or, once fitted, the capacity) delimits them. */
struct sides {
	struct range lower, upper;
};

static struct sides sides_of(const struct step *step, double clean, double saturated)
{
	return (struct sides){
		.lower = { fmax(step->from, clean / 2), clean },
		.upper = { saturated, fmax(saturated, fmin(step->to, saturated * PLATEAU_WIDTH)) },
	};
}

/* Median net cost of the samples of one parity of rounds. */
static double half_median(const struct curve_point *point, int parity, double *x)
{
	size_t n = 0;

	for (size_t i = 0; i < point->count; i++)
		if ((fmod(fabs(point->sample[i].round), 2) >= 1) == (parity == 1))
			x[n++] = point->sample[i].net;
	return n >= HALVES_LEAST / 2 ? statistics_median(x, n) : NAN;
}

/* Differences between equals, into found[], which has room for three a point. Returns how many. */
static size_t null_find(const struct curve *curve, double *found, double *x)
{
	const struct curve_series *sweep = &curve->pass[CURVE_SWEEP], *refine = &curve->pass[CURVE_REFINE];
	size_t count = 0;

	for (int pass = CURVE_SWEEP; pass <= CURVE_REFINE; pass++)
		for (size_t i = 0; i < curve->pass[pass].count; i++) {
			const struct curve_point *point = &curve->pass[pass].at[i];

			if (point->count >= HALVES_LEAST)
				found[count++] = fabs(half_median(point, 0, x) - half_median(point, 1, x));
		}
	for (size_t i = 0, k = 0; i < sweep->count; i++) {
		while (k < refine->count && refine->at[k].pages < sweep->at[i].pages)
			k++;
		if (k < refine->count && refine->at[k].pages == sweep->at[i].pages)
			found[count++] = fabs(sweep->at[i].net - refine->at[k].net);
	}
	return count;
}

static int null_make(const struct curve *curve, struct null_differences *out)
{
	const struct curve_series *both = &curve->pass[CURVE_BOTH];
	size_t most = 1, count;
	double *x, *found = malloc((3 * both->count + 1) * sizeof(*found));

	for (size_t i = 0; i < both->count; i++)
		most = both->at[i].count > most ? both->at[i].count : most;
	x = malloc(most * sizeof(*x));
	if (!x || !found) {
		free(x);
		free(found);
		return -ENOMEM;
	}
	count = null_find(curve, found, x);
	*out = (struct null_differences){
		.median = statistics_median(found, count),
		.most = statistics_quantile(found, count, OFTEN),
	};
	for (size_t i = 0; i < count; i++)
		out->comparisons += isfinite(found[i]) ? 1 : 0;
	free(x);
	free(found);
	return 0;
}

/* Medians of a reading in two ranges, and what is made of them under resampling of the points. */
struct contrast {
	double *x;
	size_t lower, upper; /* points in each range; lower ones first */
	double *resample; /* room for as many as both have: a resample may draw all from one range */
};

static double contrast_value(const unsigned *drawn, size_t n, void *context)
{
	const struct contrast *contrast = context;
	size_t lower = contrast->lower;
	double upper = statistics_drawn_median(contrast->x + lower, drawn + lower, n - lower, contrast->resample);

	return upper - statistics_drawn_median(contrast->x, drawn, lower, contrast->resample);
}

/* Median of a reading in `upper`, less that in `lower`, with its interval over the points. */
static int contrast_of(const struct curve_series *series, const struct range *lower, const struct range *upper,
	size_t offset, uint64_t seed, struct interval *out)
{
	size_t most = 2 * series->count + 1;
	struct contrast contrast = { .x = malloc(2 * most * sizeof(double)) };

	if (!contrast.x)
		return -ENOMEM;
	contrast.resample = contrast.x + most;
	for (size_t i = 0; i < series->count; i++)
		if (within(&series->at[i], *lower) && isfinite(reading(&series->at[i], offset)))
			contrast.x[contrast.lower++] = reading(&series->at[i], offset);
	for (size_t i = 0; i < series->count; i++)
		if (within(&series->at[i], *upper) && isfinite(reading(&series->at[i], offset)))
			contrast.x[contrast.lower + contrast.upper++] = reading(&series->at[i], offset);
	*out = (struct interval){ NAN, NAN, NAN };
	if (contrast.upper && contrast.lower)
		*out = statistics_bootstrap(contrast.lower + contrast.upper, contrast_value, &contrast, seed);
	free(contrast.x);
	return 0;
}

/* By how much cost grows an octave between two page counts, cycles; NaN where too little lies between to say. */
static double slope_between(const struct curve_series *series, struct range range)
{
	double middle = sqrt(range.from * range.to), left, right;
	struct range below = { range.from, middle }, above = { nextafter(middle, INFINITY), range.to };

	if (count_in(series, range) < SLOPE_POINTS)
		return NAN;
	left = median_in(series, below, offsetof(struct curve_point, log2_pages));
	right = median_in(series, above, offsetof(struct curve_point, log2_pages));
	return (median_in(series, above, LOW) - median_in(series, below, LOW)) / (right - left);
}

/* Beyond the last level, is what rises here the cost of walks, rather than one more level? Says so if it is. */
static bool is_walk_growth(const struct judged_curve *curve, const struct judged_step *last, struct judged_step *judged)
{
	const struct curve_series *series = &curve->curve->pass[CURVE_SWEEP];
	const struct step *step = &judged->step;
	struct range between;
	double slope, rise;

	if (!last)
		return false;
	between = (struct range){ last->capacity.saturated, step->onset };
	if (between.to < NEXT_LEVEL * between.from) {
		say(judged, STEP_REJECTED,
			"begins at %.0f pages, less than twice the pages at which the step before it ended (%.0f), and TLB levels differ by a factor of two or more: walks grow dearer as page tables leave the caches",
			between.to, between.from);
		return true;
	}
	slope = slope_between(series, between);
	rise = last->step.upper - last->step.lower;
	if (isfinite(slope) && slope > GROWS * rise && slope > last->step.tolerance) {
		say(judged, STEP_REJECTED,
			"the cost grew by %.1f cycles an octave before it, as walks do when page tables leave the caches; a TLB hit would cost the same throughout",
			slope);
		return true;
	}
	if (rise > DEAR_CYCLES) {
		say(judged, STEP_REJECTED,
			"the step before it added %.0f cycles, more than a TLB hit costs: walks grow dearer as page tables leave the caches",
			rise);
		return true;
	}
	return false;
}

/* Whether the step adds what a miss must cost, and more than the baseline does at the same pages. Says so if not. */
static bool has_effect(const struct curve_series *series, const struct sides *sides, struct judged_step *judged)
{
	double effect = median_in(series, sides->upper, NET) - median_in(series, sides->lower, NET);
	double baseline = median_in(series, sides->upper, BASELINE) - median_in(series, sides->lower, BASELINE);

	if (!(effect >= STEP_LEAST_CYCLES)) {
		say(judged, STEP_REJECTED, "adds %.1f cycles: less than the one core cycle a miss must cost", effect);
		return false;
	}
	if (isfinite(baseline) && baseline >= OF_BASELINE * effect) {
		say(judged, STEP_REJECTED,
			"the packed baseline rises by %.1f cycles at the same number of pages, this by %.1f: a data cache",
			baseline, effect);
		return false;
	}
	return true;
}

/* Is the step there in the second pass? False with the reason said where that pass contradicts the sweep. */
static bool is_seen_again(const struct curve *curve, struct judged_step *judged)
{
	const struct curve_series *refine = &curve->pass[CURVE_REFINE];
	const struct step *step = &judged->step;
	struct range lower = { fmin(step->from, step->onset / 2), step->onset };
	struct range upper = { step->saturation, fmax(step->saturation, fmin(step->to, step->saturation * 2)) };
	double rise = step->upper - step->lower, again;

	judged->confirmed = false;
	if (!count_in(refine, lower) || !count_in(refine, upper))
		return true;
	again = median_in(refine, upper, LOW) - median_in(refine, lower, LOW);
	if (!(again >= SEEN_AGAIN * rise)) {
		say(judged, STEP_REJECTED,
			"not seen again in the independent pass: %.1f cycles there, %.1f in the sweep", again, rise);
		return false;
	}
	judged->confirmed = true;
	return true;
}

static void scale(struct interval *interval, double factor)
{
	interval->median *= factor;
	interval->lo *= factor;
	interval->hi *= factor;
}

/*
 * Size and cost of what has passed every test. Where the law says that on the plateau a part of the accesses still hits
 * (random replacement: an eighth at 2.3 C), costs are those of an access that does miss.
 */
static int measure_level(const struct curve *curve, uint64_t seed, struct judged_step *judged)
{
	const struct curve_series *both = &curve->pass[CURVE_BOTH];
	struct capacity *capacity = &judged->capacity;
	struct sides sides;
	int error = capacity_fit(curve, &judged->step, capacity);

	if (error == -ENODATA) {
		say(judged, STEP_UNRESOLVED,
			"a step between %.0f and %.0f pages, but too few points around it to tell where it begins and ends",
			judged->step.onset, judged->step.saturation);
		return 0;
	}
	if (error)
		return error;
	sides = sides_of(&judged->step, capacity->clean, capacity->saturated);
	error = contrast_of(both, &sides.lower, &sides.upper, NET, statistics_seed(seed, 1), &judged->added_cycles);
	if (!error)
		error = contrast_of(
			both, &sides.lower, &sides.upper, NET_NS, statistics_seed(seed, 1), &judged->added_ns);
	scale(&judged->added_cycles, 1 / capacity->reached);
	scale(&judged->added_ns, 1 / capacity->reached);
	return error;
}

static int step_judge(
	struct judged_curve *curve, const struct judged_step *last, uint64_t seed, struct judged_step *judged)
{
	const struct curve_series *sweep = &curve->curve->pass[CURVE_SWEEP];
	const struct step *step = &judged->step;
	struct sides sides = sides_of(step, step->onset, step->saturation);

	if (step->shape == STEP_FADES) {
		say(judged, STEP_REJECTED, "does not persist: at %.0f pages the cost is back at the level before it",
			step->saturation);
		return 0;
	}
	if (is_walk_growth(curve, last, judged)) {
		curve->walks_grow = true;
		return 0;
	}
	if (step->shape == STEP_OPEN) {
		say(judged, STEP_UNRESOLVED,
			"the cost rises from %.0f pages on, and the sweep ends at %.0f before it levels off",
			step->onset, step->saturation);
		return 0;
	}
	if (!has_effect(sweep, &sides, judged) || !is_seen_again(curve->curve, judged))
		return 0;
	return measure_level(curve->curve, seed, judged);
}

int curve_judge(const struct curve *curve, uint64_t seed, struct judged_curve *out)
{
	struct step steps[STEPS_MAX];
	const struct judged_step *last = NULL;
	int error;

	*out = (struct judged_curve){ .curve = curve };
	error = null_make(curve, &out->null);
	if (error || curve->pass[CURVE_SWEEP].count < CURVE_LEAST_POINTS)
		return error;
	out->count = step_scan(&curve->pass[CURVE_SWEEP], steps);
	for (size_t i = 0; i < out->count && !error; i++) {
		struct judged_step *judged = &out->step[i];

		*judged = (struct judged_step){
			.step = steps[i],
			.added_cycles = { NAN, NAN, NAN },
			.added_ns = { NAN, NAN, NAN },
		};
		error = step_judge(out, last, statistics_seed(seed, i), judged);
		if (judged->verdict == STEP_LEVEL)
			last = judged;
	}
	return error;
}
