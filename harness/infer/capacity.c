#include "infer/capacity.h"

#include "base/statistics.h"
#include "infer/law_grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/*
 * From none to nearly all misses within a fifth: of the laws in miss_law.h only plain sets of five and more ways, and
 * no sets at all, are as steep; hashed sets of 128 ways take 1.3, random replacement 2.6.
 */
#define SHARP_RATIO 1.2
#define NO_LAW 0.015 /* above this no law is near enough to choose its C: laws differ by 10 % of C for as much */
#define NARROW 1.4 /* from clean to saturated: hashed sets of 64 ways, or a sharp step that something else blurs */
#define WIDE 1.8 /* hashed sets of 16 ways, and any randomness in replacement */
#define NOT_WORSE 1.5 /* a law whose root mean square misfit is within this factor of the best one's is not excluded */
#define NEAR 0.95 /* of the capacity: there disturbance shows as it does at capacity */
#define RESAMPLES 80 /* their 2.5 % quantiles are the second from either end; a whole run is to take well under 1 s */
#define TAIL 0.025

static void include(struct capacity *out, double entries)
{
	out->lo = fmin(out->lo, entries);
	out->hi = fmax(out->hi, entries);
}

/* The sum of squares that the spread of the samples alone leaves; what window_make() put into a weight besides is not. */
static double noise_x2(const struct window *window, double *weights)
{
	*weights = 0;
	for (size_t i = 0; i < window->count; i++)
		*weights += window->weight[i];
	return (double)window->count - pow(LAW_MISFIT * window->height, 2) * *weights;
}

/* Root mean square misfit as a part of the step, beyond what noise leaves. */
static double misfit(const struct window *window, double x2)
{
	double weights, noise = noise_x2(window, &weights);

	return sqrt(fmax(x2 - noise, 0) / weights) / window->height;
}

/*
 * How little the laws are to be believed, 0 to 1: a half where the best one's misfit is what a law may have, or what
 * noise may hide. Gradual, so that two runs on either side of a limit do not give different answers.
 */
static double disbelief(const struct window *window, double misfit_of_best)
{
	double weights, noise = noise_x2(window, &weights);
	double limit = fmax(NO_LAW, sqrt(fmax(noise, 0) / weights) / window->height);

	return misfit_of_best * misfit_of_best / (misfit_of_best * misfit_of_best + limit * limit);
}

/* The law that fits best, and the answers of those that fit nearly as well. */
static void include_laws(
	const struct grid *grid, const struct law_table *laws, const struct window *window, struct capacity *out)
{
	double least[LAWS], best = INFINITY;
	size_t where[LAWS] = { 0 };

	for (int law = 0; law < LAWS; law++)
		least[law] = INFINITY;
	for (size_t cell = 0; cell < grid->cells; cell++) {
		enum law law = laws->shape[cell / C_STEPS].law;

		if (grid->x2[cell] < least[law]) {
			least[law] = grid->x2[cell];
			where[law] = cell;
		}
		if (grid->x2[cell] < best) {
			best = grid->x2[cell];
			out->law = law;
			out->reached = law_miss(laws, cell / C_STEPS,
				log(out->read.saturated * sqrt(PLATEAU_WIDTH)) - grid->ln_cell[cell]);
		}
	}
	out->misfit = misfit(window, best);
	out->disbelief = disbelief(window, out->misfit);
	out->reached += out->disbelief * (1 - out->reached);
	if (out->disbelief > 0.5)
		out->law = LAW_NONE;
	for (int law = 0; law < LAW_NONE; law++)
		if (least[law] < INFINITY && misfit(window, least[law]) <= fmax(NOT_WORSE * out->misfit, LAW_MISFIT))
			include(out, exp(grid->ln_cell[where[law]]));
}

static void include_posterior(const struct grid *grid, struct capacity *out)
{
	double below = 0;

	for (size_t c = 0; c < C_STEPS; c++) {
		double above = below + grid->posterior[c];

		if (above > TAIL && below < 1 - TAIL)
			include(out, exp(grid->ln_c[c]));
		below = above;
	}
}

/* What every resample is fitted with. */
struct refit {
	const struct window *window;
	const struct law_table *laws;
	struct grid *grid; /* NULL: read off, not fitted */
	double disbelief; /* of the laws */
	double *low; /* of the resample, one a point */
};

/*
 * ln C without a law. Half of the accesses miss at C in all that is as steep as NARROW; what is WIDE may also be random
 * replacement, which is clean up to C: the middle between both. In between, gradually.
 */
static double lawless(const struct readings *read)
{
	double width = log(read->saturated / read->clean / NARROW) / log(WIDE / NARROW);
	double half = log(read->middle), clean = fmin(log(read->clean), half);

	return half + fmin(fmax(width, 0), 1) * (clean - half) / 2;
}

/* Between what the laws make of it and what can be told without, by how far the laws are to be believed. */
static double blend(double ln_c, const struct readings *read, double disbelief_in_laws)
{
	return exp((1 - disbelief_in_laws) * ln_c + disbelief_in_laws * lawless(read));
}

/* The entries that a resample gives; the samples of the points stand one point after the other in drawn[]. */
static double refit(const unsigned *drawn, size_t n, void *context)
{
	const struct refit *refit = context;
	struct window window = *refit->window;
	struct readings read;
	double ln_c;

	(void)n;
	for (size_t i = 0; i < window.count; i++) {
		refit->low[i] = curve_low(window.at[i], drawn);
		if (!isfinite(refit->low[i]))
			refit->low[i] = window.at[i]->low;
		drawn += window.at[i]->count;
	}
	window.low = refit->low;
	if (!window_read(&window, &read))
		return NAN;
	if (!refit->grid)
		return read.clean;
	ln_c = grid_average(refit->grid, refit->laws, grid_fit(refit->grid, &window, window.low));
	return blend(ln_c, &read, refit->disbelief);
}

static int include_bootstrap(struct refit *with, uint64_t seed, struct capacity *out)
{
	size_t points = with->window->count, *samples = malloc(points * sizeof(*samples));
	double values[RESAMPLES], lo, hi;
	struct resampling resampling = { samples, points, RESAMPLES, refit, with, seed };
	int error = -ENOMEM;

	with->low = malloc(points * sizeof(*with->low));
	if (!samples || !with->low)
		goto out;
	for (size_t i = 0; i < points; i++)
		samples[i] = with->window->at[i]->count;
	error = statistics_resample(&resampling, values);
	if (error)
		goto out;
	statistics_middle(values, RESAMPLES, &lo, &hi);
	include(out, lo); /* fmin and fmax leave out a NaN */
	include(out, hi);
out:
	free(with->low);
	free(samples);
	return error;
}

/*
 * Where something else uses the TLB too (a sibling thread, a noisy neighbour), even the least disturbed sample of a
 * point may have missed although its pages fit. How far up that may have happened: as long as finding no clean sample
 * is no surprise, from the part of samples that were disturbed at page counts just below, which are known to fit.
 * Returns the index of the last such point; `clean` where nothing disturbs.
 */
static size_t hidden_until(const struct window *window, size_t clean)
{
	double limit = window->lower + window->clean * window->height, chance = 1;
	size_t dirty = 0, all = 0, last = clean;

	for (size_t i = 0; i <= clean; i++)
		for (size_t k = 0; k < window->at[i]->count && window->at[i]->pages > NEAR * window->at[clean]->pages;
			k++) {
			dirty += window->at[i]->sample[k].net > limit ? 1 : 0;
			all++;
		}
	while (last + 1 < window->count) {
		chance *= pow((double)dirty / (double)all, (double)window->at[last + 1]->count);
		if (!(chance > 2 * TAIL))
			break;
		last++;
	}
	return last;
}

/*
 * The greatest clean N; up to the next measured one, nothing tells values apart: the geometric middle. Half of the
 * accesses cannot miss before the capacity is exceeded, whatever the policy.
 */
static void sharp(const struct window *window, struct capacity *out)
{
	size_t clean = out->read.clean_index;
	double next = window->at[clean + 1]->pages - 1, hidden = window->at[hidden_until(window, clean)]->pages;

	out->law = LAW_SHARP;
	out->misfit = NAN;
	out->entries = sqrt(out->read.clean * fmax(next, out->read.clean));
	out->lo = out->read.clean;
	out->hi = fmax(fmax(next, out->read.half - 1), fmax(out->entries, hidden));
}

/*
 * The step between neighbouring points around the estimate, as nothing measured can be finer; and the neighbour below
 * the clean points, as a clean one may hide a few misses.
 */
static void include_neighbours(const struct window *window, struct capacity *out)
{
	double below = 0, above = 0, hidden = out->read.clean / (1 + window->clean);

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

int capacity_fit(const struct curve *curve, const struct step *step, const struct law_table *laws, uint64_t seed,
	struct capacity *out)
{
	struct refit with = { .laws = laws };
	struct window window;
	struct grid grid = { 0 };
	double ln_c;
	int error = window_make(curve, step, &window);

	*out = (struct capacity){ .entries = NAN, .lo = NAN, .hi = NAN, .reached = 1 };
	if (!error && !window_read(&window, &out->read))
		error = -ENODATA;
	if (error)
		goto out;
	with.window = &window;
	if (out->read.saturated <= SHARP_RATIO * out->read.clean) {
		sharp(&window, out);
	} else {
		error = grid_make(&window, laws, &out->read, &grid);
		if (error)
			goto out;
		ln_c = grid_average(&grid, laws, grid_fit(&grid, &window, window.low));
		out->entries = out->lo = out->hi = exp(ln_c);
		include_laws(&grid, laws, &window, out);
		include_posterior(&grid, out);
		out->entries = blend(ln_c, &out->read, out->disbelief);
		include(out, out->entries);
		include(out, out->read.clean);
		include(out, out->read.half);
		/* Misses that begin below C are conflicts in sets, or others' entries; then half misses below C too. */
		if (out->law >= LAW_HASHED && out->read.saturated <= WIDE * out->read.clean)
			include(out, out->read.saturated);
		with.grid = &grid;
		with.disbelief = out->disbelief;
		include_neighbours(&window, out);
	}
	error = include_bootstrap(&with, seed, out);
out:
	grid_free(&grid);
	window_free(&window);
	return error;
}
