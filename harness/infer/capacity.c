#include "infer/capacity.h"

#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Parts of a step, at which accesses count as clean, half of them as missing, and nearly all. At twice
 * CLEAN 97 % of the intervals hold the truth instead of 99 %, and at half of SATURATED 94 %.
 */
#define CLEAN TUNED(CLEAN, 0.05)
#define HALF 0.5
#define SATURATED TUNED(SATURATED, 0.9)
/*
 * From none to nearly all misses within a third: only plain sets of four and more ways, and no sets at all, are as steep.
 * At half the ratio, where all steps are fitted, intervals are half as wide again; at twice the ratio only 91 % of the
 * intervals hold the truth.
 */
#define SHARP_RATIO TUNED(SHARP_RATIO, 1.3)
/*
 * Of the step: what the law may differ by from a real TLB. It is put into the weights, as otherwise the few quietest points
 * decide alone, and it is the misfit at which the law is believed by half. At half of it entries are off by 3.0 % instead
 * of 2.2 %; at twice as much the law is believed on the reference run, too, whose second level does not follow it.
 */
#define LAW_MISFIT TUNED(LAW_MISFIT, 0.03)
#define INDEPENDENT 1e-9 /* a determinant smaller than this part of its diagonal is nothing but rounding */
#define GRID 96 /* candidates for C, spaced evenly in ln C: 2 % apart where the bracket is widest */
#define NORMAL_OF_MAD 1.4826 /* standard deviation over median absolute deviation, normal distribution */

/* The points around one step, as the fit sees them. */
struct window {
	const struct curve_point **at;
	double *weight; /* 1 / cycles^2 */
	size_t count;
	double lower, height, noise; /* cycles */
	size_t clean_index; /* the last clean point */
	double middle; /* pages: where half of the accesses miss, interpolated */
};

static double miss(const struct window *window, size_t i)
{
	return (window->at[i]->low - window->lower) / window->height;
}

/* Median of the cost between two page counts; of its distance from `centre` unless that is NaN. */
static double median_between(const struct window *window, double from, double to, double centre)
{
	double *x = malloc((window->count + 1) * sizeof(*x)), result;
	size_t n = 0;

	if (!x)
		return NAN;
	for (size_t i = 0; i < window->count; i++)
		if (window->at[i]->pages >= from && window->at[i]->pages <= to)
			x[n++] = isnan(centre) ? window->at[i]->low : fabs(window->at[i]->low - centre);
	result = statistics_median(x, n);
	free(x);
	return result;
}

static int window_make(const struct curve *curve, const struct step *step, struct window *window)
{
	const struct curve_series *series = &curve->pass[CURVE_BOTH];
	double from = fmax(step->from, step->onset / 2), to = fmin(step->to, step->saturation * PLATEAU_WIDTH);

	*window = (struct window){
		.at = malloc((series->count + 1) * sizeof(*window->at)),
		.weight = malloc((series->count + 1) * sizeof(*window->weight)),
	};
	if (!window->at || !window->weight)
		return -ENOMEM;
	for (size_t i = 0; i < series->count; i++)
		if (series->at[i].pages >= from && series->at[i].pages <= to && isfinite(series->at[i].low))
			window->at[window->count++] = &series->at[i];
	window->lower = median_between(window, step->onset / 2, step->onset, NAN);
	window->height =
		median_between(window, step->saturation, step->saturation * PLATEAU_WIDTH, NAN) - window->lower;
	if (!(window->height > 0))
		return -ENODATA;
	window->noise = NORMAL_OF_MAD * median_between(window, step->onset / 2, step->onset, window->lower);
	for (size_t i = 0; i < window->count; i++) {
		double spread = window->at[i]->spread, own = isfinite(spread) ? spread * CURVE_LOW_DEVIATION : 0;

		window->weight[i] = 1 / (pow(fmax(window->noise, own), 2) + pow(LAW_MISFIT * window->height, 2));
	}
	return 0;
}

/* The first point from `start` at least `height` high, with its next two neighbours so on median; count if none. */
static size_t first_above(const struct window *window, size_t start, double height)
{
	for (size_t i = start; i < window->count; i++) {
		double near[3];
		size_t n = 0;

		for (size_t k = i; k < window->count && n < 3; k++)
			near[n++] = miss(window, k);
		if (near[0] >= height && statistics_median(near, n) >= height)
			return i;
	}
	return window->count;
}

/* What can be read off without any law. False where the window does not hold both plateaus and the rise. */
static bool window_read(struct window *window, struct capacity *out)
{
	size_t half = first_above(window, 0, HALF), saturated = first_above(window, half, SATURATED), clean = half;
	double left, right, below, above;

	if (half == 0 || half == window->count || saturated == window->count)
		return false;
	while (clean && miss(window, clean - 1) > CLEAN)
		clean--;
	if (!clean)
		return false;
	window->clean_index = clean - 1;
	out->clean = window->at[clean - 1]->pages;
	out->half = window->at[half]->pages;
	out->saturated = window->at[saturated]->pages;
	left = log(window->at[half - 1]->pages);
	right = log(window->at[half]->pages);
	below = fmin(miss(window, half - 1), HALF);
	above = miss(window, half);
	window->middle = exp(left + (right - left) * (HALF - below) / fmax(above - below, HALF / 100));
	return true;
}

static void include(struct capacity *out, double entries)
{
	out->lo = fmin(out->lo, entries);
	out->hi = fmax(out->hi, entries);
}

/*
 * The greatest clean N; up to the next measured one, nothing tells values apart: the geometric middle. Half of the
 * accesses cannot miss before the capacity is exceeded, whatever the policy.
 */
static void read_sharp(const struct window *window, struct capacity *out)
{
	double next = fmax(window->at[window->clean_index + 1]->pages - 1, out->clean);

	out->law = "sharp";
	out->misfit = NAN;
	out->entries = sqrt(out->clean * next);
	out->lo = out->clean;
	out->hi = fmax(next, out->half - 1);
}

/*
 * How often a TLB with random replacement misses when r times as many pages as it has entries are visited in a cycle:
 * m = 1 - exp(-m r), as a page survives the m r C replacements of one turn, each of which spares it with 1 - 1/C. Below
 * r = 1 only m = 0 solves it; Newton from above, where the function is concave, converges.
 */
static double random_miss(double r)
{
	double m = 1;

	for (int i = 0; i < 60 && r > 1; i++) {
		double next = m - (1 - exp(-m * r) - m) / (r * exp(-m * r) - 1);

		if (fabs(next - m) < 1e-10)
			break;
		m = next;
	}
	return r > 1 ? fmax(m, 0) : 0;
}

/* The least weighted squares at C, over the step's height and its growth an octave above C, both not negative. */
static double squares(const struct window *window, double c)
{
	double aa = 0, ab = 0, bb = 0, ay = 0, by = 0, yy = 0, determinant, rise, growth;

	for (size_t i = 0; i < window->count; i++) {
		double w = window->weight[i], r = window->at[i]->pages / c, y = window->at[i]->low - window->lower;
		double a = random_miss(r), b = a * fmax(log2(r), 0);

		aa += w * a * a;
		ab += w * a * b;
		bb += w * b * b;
		ay += w * a * y;
		by += w * b * y;
		yy += w * y * y;
	}
	determinant = aa * bb - ab * ab;
	growth = determinant > INDEPENDENT * aa * bb ? fmax((aa * by - ab * ay) / determinant, 0) : 0;
	growth *= TUNED(walk_growth, 1);
	rise = aa > 0 ? fmax((ay - growth * ab) / aa, 0) : 0;
	return yy - 2 * (rise * ay + growth * by) + rise * rise * aa + 2 * rise * growth * ab + growth * growth * bb;
}

/* The C that fits best. All clean pages fit, so it is no less, but what passes for clean may hide a few misses. */
static double grid_fit(const struct window *window, const struct capacity *read, double *x2)
{
	double least = log(read->clean / (1 + CLEAN / 2)), most = log(read->saturated), best = read->clean;

	*x2 = INFINITY;
	for (int i = 0; i < GRID; i++) {
		double c = exp(least + (most - least) * i / (GRID - 1)), misfit = squares(window, c);

		if (misfit < *x2) {
			*x2 = misfit;
			best = c;
		}
	}
	return best;
}

/*
 * Between what the law makes of it and where half of the accesses miss, which is C for all that is steep. The law is
 * believed by half where its misfit is LAW_MISFIT, or what noise may hide, and gradually, so that two runs on either side
 * of a limit do not give different answers.
 */
static void blend(const struct window *window, double c, double x2, struct capacity *out)
{
	double weights = 0, noise, limit, disbelief;

	for (size_t i = 0; i < window->count; i++)
		weights += window->weight[i];
	noise = fmax((double)window->count - pow(LAW_MISFIT * window->height, 2) * weights, 0);
	out->misfit = sqrt(fmax(x2 - noise, 0) / weights) / window->height;
	limit = fmax(LAW_MISFIT, sqrt(noise / weights) / window->height);
	disbelief = out->misfit * out->misfit / (out->misfit * out->misfit + limit * limit);
	if (!(TUNED(law_random, 1) > 0))
		disbelief = 1;
	disbelief *= TUNED(without_law, 1);
	out->law = disbelief > 0.5 ? "none" : "random";
	out->entries = exp((1 - disbelief) * log(c) + disbelief * log(window->middle));
	/* A law that is not followed does not tell either what part of the accesses misses on the plateau. */
	if (disbelief <= 0.5)
		out->reached = random_miss(out->saturated * sqrt(PLATEAU_WIDTH) / c);
}

/*
 * The step between neighbouring points around the estimate, as nothing measured can be finer; and the neighbour below
 * the clean points, as a clean one may hide a few misses.
 */
static void include_neighbours(const struct window *window, struct capacity *out)
{
	double below = 0, above = 0, hidden = out->clean / (1 + CLEAN);

	for (size_t i = 0; i < window->count; i++) {
		double pages = window->at[i]->pages;

		if (pages <= fmin(out->entries, hidden))
			below = pages;
		if (pages > out->entries && above == 0)
			above = pages - 1;
	}
	if (below > 0)
		include(out, below);
	if (above > 0)
		include(out, fmax(above, out->entries));
}

/*
 * The interval holds the answer, the greatest clean N, where half of the accesses miss, what neighbouring points leave
 * open, and, where no law is followed, the end of the rise: only with that does it hold on the reference run what CPUID says
 * of the second level.
 */
static void read_smeared(const struct window *window, struct capacity *out)
{
	double x2, c = grid_fit(window, out, &x2);

	blend(window, c, x2, out);
	include(out, out->entries);
	include(out, out->clean);
	include(out, out->half);
	if (!strcmp(out->law, "none"))
		include(out, out->saturated);
	include_neighbours(window, out);
}

int capacity_fit(const struct curve *curve, const struct step *step, struct capacity *out)
{
	struct window window;
	int error = window_make(curve, step, &window);

	*out = (struct capacity){ .entries = NAN, .lo = INFINITY, .hi = 0, .reached = 1 };
	if (!error && !window_read(&window, out))
		error = -ENODATA;
	if (error)
		goto out;
	if (out->saturated <= SHARP_RATIO * out->clean)
		read_sharp(&window, out);
	else
		read_smeared(&window, out);
out:
	free(window.at);
	free(window.weight);
	return error;
}
