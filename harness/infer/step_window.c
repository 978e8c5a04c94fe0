#include "infer/step_window.h"

#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define CLEAN 0.05 /* of the step: below what one notices beside the spread of placements */
#define SATURATED 0.9 /* of the step */
#define HALF 0.5 /* of the step */
#define SIGMAS 4.0 /* as in step_scan.c */
#define WINDOW_BELOW 4.0 /* fit from a quarter of the onset: hashed sets of four ways miss 2 % there */
#define WINDOW_ABOVE 2.0 /* to twice the saturation, 5 C of random replacement; beyond, walks get dearer */
#define NORMAL_OF_MAD 1.4826 /* standard deviation over median absolute deviation, normal distribution */

static double median_between(const struct window *window, double from, double to, bool deviation, double centre)
{
	double *x = malloc((window->count + 1) * sizeof(*x)), result;
	size_t n = 0;

	if (!x)
		return NAN;
	for (size_t i = 0; i < window->count; i++)
		if (window->at[i]->pages >= from && window->at[i]->pages <= to)
			x[n++] = deviation ? fabs(window->low[i] - centre) : window->low[i];
	result = statistics_median(x, n);
	free(x);
	return result;
}

void window_free(struct window *window)
{
	free(window->at);
	free(window->low);
	free(window->weight);
}

int window_make(const struct curve *curve, const struct step *step, struct window *window)
{
	const struct curve_series *series = &curve->pass[CURVE_BOTH];
	double from = fmax(step->from, step->onset / WINDOW_BELOW),
	       to = fmin(step->to, step->saturation * WINDOW_ABOVE), noise;

	*window = (struct window){
		.at = malloc((series->count + 1) * sizeof(*window->at)),
		.low = malloc((series->count + 1) * sizeof(*window->low)),
		.weight = malloc((series->count + 1) * sizeof(*window->weight)),
	};
	if (!window->at || !window->low || !window->weight)
		return -ENOMEM;
	for (size_t i = 0; i < series->count; i++)
		if (series->at[i].pages >= from && series->at[i].pages <= to && isfinite(series->at[i].low)) {
			window->at[window->count] = &series->at[i];
			window->low[window->count++] = series->at[i].low;
		}
	window->lower = median_between(window, step->onset / 2, step->onset, false, 0);
	window->height =
		median_between(window, step->saturation, step->saturation * PLATEAU_WIDTH, false, 0) - window->lower;
	if (!(window->height > 0))
		return -ENODATA;
	noise = NORMAL_OF_MAD * median_between(window, step->onset / 2, step->onset, true, window->lower);
	window->clean = fmax(CLEAN, SIGMAS * noise / window->height);
	for (size_t i = 0; i < window->count; i++) {
		const struct curve_point *point = window->at[i];
		double own = isfinite(point->spread) ? point->spread * CURVE_LOW_DEVIATION : 0;
		double sigma = fmax(noise, own);

		window->weight[i] = 1 / (sigma * sigma + pow(LAW_MISFIT * window->height, 2));
	}
	return 0;
}

static double miss(const struct window *window, size_t i)
{
	return (window->low[i] - window->lower) / window->height;
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

/* Where the miss ratio passes a half, between the point it is reached at and the one before, in ln N. */
static double where_half(const struct window *window, size_t half)
{
	double left = log(window->at[half - 1]->pages), right = log(window->at[half]->pages);
	double below = fmin(miss(window, half - 1), HALF), above = miss(window, half);

	return exp(left + (right - left) * (HALF - below) / fmax(above - below, HALF / 100));
}

bool window_read(const struct window *window, struct readings *out)
{
	size_t half = first_above(window, 0, HALF), saturated = first_above(window, half, SATURATED);
	size_t clean = half;

	if (half == 0 || half == window->count || saturated == window->count)
		return false;
	while (clean && miss(window, clean - 1) > window->clean)
		clean--;
	if (!clean)
		return false;
	out->clean_index = clean - 1;
	out->clean = window->at[clean - 1]->pages;
	out->half = window->at[half]->pages;
	out->middle = where_half(window, half);
	out->saturated = window->at[saturated]->pages;
	return true;
}
