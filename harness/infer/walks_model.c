#include "infer/walks_model.h"

#include "infer/step_judge.h"
#include "infer/step_scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * More chains gain nothing where the load is within this share of the cheapest. From eight chains to twelve, loads that
 * overlap fully get cheaper by a third.
 */
#define SATURATED_WITHIN 0.1

/* Where the packed lines take more than this share of the time, their misses limit the loads, too. */
#define DATA_LIMITS 0.5

/* --- walks that overlap --- */

/* What a resample of two points works on: the samples of `one` stand before those of `most`. */
struct overlap_draw {
	const struct walk_samples *one, *most;
	const double *over; /* of `one`: gross or net */
	double *drawn; /* room for the samples of both */
};

static double ratio_drawn(const unsigned *times, size_t n, void *context)
{
	const struct overlap_draw *draw = context;
	size_t one = draw->one->count;

	return statistics_drawn_median(draw->over, times, one, draw->drawn) /
	       statistics_drawn_median(draw->most->gross, times + one, n - one, draw->drawn);
}

static int ratio_interval(const struct overlap_draw *draw, uint64_t seed, struct interval *out)
{
	const size_t stratum[] = { draw->one->count, draw->most->count };
	double *values = calloc(STATISTICS_RESAMPLES, sizeof(*values));
	const struct resampling resampling = {
		.stratum = stratum,
		.strata = 2,
		.resamples = STATISTICS_RESAMPLES,
		.statistic = ratio_drawn,
		.context = (void *)(uintptr_t)draw,
		.seed = seed,
	};
	int error = values ? 0 : -ENOMEM;

	*out = (struct interval){ statistics_median(draw->over, draw->one->count) /
					  statistics_median(draw->most->gross, draw->most->count),
		NAN, NAN };
	if (!error && draw->one->count > 1 && draw->most->count > 1) {
		error = statistics_resample(&resampling, values);
		if (!error)
			statistics_middle(values, STATISTICS_RESAMPLES, &out->lo, &out->hi);
	}
	free(values);
	return error;
}

static double gross_of(const struct walk_samples *point)
{
	return statistics_median(point->gross, point->count);
}

/* Which point costs least; `from`: the fewest chains from which more gain nothing, or the count of points. */
static size_t cheapest_find(const struct walk_samples *points, size_t count, size_t *from)
{
	size_t best = 0;

	for (size_t i = 1; i < count; i++)
		if (gross_of(&points[i]) < gross_of(&points[best]))
			best = i;
	*from = 0;
	while (gross_of(&points[*from]) > (1 + SATURATED_WITHIN) * gross_of(&points[best]))
		++*from;
	if (*from == count - 1)
		*from = count;
	return best;
}

/* What the cost of walks does not tell here. `walks`: whether it tells how many are under way at all. */
static const char *overlap_doubt(const struct walk_overlap *overlap, bool *walks)
{
	*walks = false;
	if (!(overlap->one_net.median > DEAR_CYCLES))
		return "a load costs no more than a hit in a further TLB level: these loads take no walks";
	if (overlap->baseline > DATA_LIMITS * overlap->most.median)
		return "the packed lines cost more than half as much: misses of the data limit the loads, too";
	*walks = true;
	return isnan(overlap->chains) ? "the most chains still gained: there may be more walks under way" : NULL;
}

int walk_overlap_infer(const struct walk_samples *points, size_t count, uint64_t seed, struct walk_overlap *out)
{
	struct overlap_draw draw = { .one = points };
	size_t from, best;
	bool walks;
	int error;

	*out = (struct walk_overlap){ 0 };
	if (count < 2 || points[0].x != 1 || !points[0].count || !isfinite(gross_of(&points[0])))
		return -ENODATA;
	best = cheapest_find(points, count, &from);
	draw.most = &points[best];
	draw.drawn = calloc(points[0].count + points[best].count, sizeof(*draw.drawn));
	if (!draw.drawn)
		return -ENOMEM;
	out->one = statistics_median_interval(points[0].gross, points[0].count, seed);
	out->one_net = statistics_median_interval(points[0].net, points[0].count, seed);
	out->most = statistics_median_interval(points[best].gross, points[best].count, seed);
	out->most_net = statistics_median_interval(points[best].net, points[best].count, seed);
	out->baseline = statistics_median(points[best].baseline, points[best].count);
	out->chains_most = points[count - 1].x;
	out->chains = from < count ? points[from].x : NAN;
	out->reason = overlap_doubt(out, &walks);
	draw.over = points[0].gross;
	error = ratio_interval(&draw, seed, &out->gain);
	draw.over = points[0].net;
	if (!error)
		error = ratio_interval(&draw, seed, &out->walks);
	free(draw.drawn);
	if (!walks)
		out->walks = (struct interval){ NAN, NAN, NAN };
	else if (out->reason)
		out->walks.hi = NAN;
	return error;
}

/* --- upper entries that are held --- */

/*
 * Whether no point beyond the step comes back to less than half of it. Frames and tables of a point are the same for the whole
 * run, so that a point may be dearer than its neighbours in all of its samples.
 */
static bool stays_above(const struct curve_series *series, const struct step *step)
{
	bool above = true;

	for (size_t i = 0; i < series->count; i++)
		if (series->at[i].pages >= step->saturation)
			above = above && series->at[i].low > (step->lower + step->upper) / 2;
	return above;
}

int walk_cache_infer(const struct curve *curve, struct walk_cache_level *out)
{
	const struct curve_series *series = &curve->pass[CURVE_SWEEP];
	struct step steps[STEPS_MAX];
	struct capacity capacity;
	size_t count, i = 0;
	int error;

	*out = (struct walk_cache_level){ NAN, NAN, NAN, NAN, NAN, NULL };
	if (series->count < CURVE_LEAST_POINTS) {
		out->reason = "too few numbers of entries were measured";
		return 0;
	}
	count = step_scan(series, steps);
	while (i < count && (steps[i].shape == STEP_FADES || steps[i].upper - steps[i].lower < STEP_LEAST_CYCLES))
		i++;
	if (i == count) {
		out->lo = series->at[series->count - 1].pages;
		out->reason =
			"the cost does not step up: the most entries that were measured are held, or fetching one costs nothing";
		return 0;
	}
	out->lo = steps[i].onset;
	out->walk_cycles = steps[i].lower;
	if (steps[i].shape == STEP_OPEN) {
		out->reason =
			"the cost rises to the end of the sweep: how many entries are held shows only where it levels off";
		return 0;
	}
	if (!stays_above(series, &steps[i])) {
		out->lo = NAN;
		out->reason =
			"the cost rises and falls with the number of entries: places of pages make more difference";
		return 0;
	}
	error = capacity_fit(curve, &steps[i], &capacity);
	if (error == -ENOMEM)
		return error;
	if (error || !strcmp(capacity.law, "none")) {
		out->reason = "the cost rises, but not as it does where a cache overflows";
		return 0;
	}
	out->added_cycles = steps[i].upper - steps[i].lower;
	out->entries = capacity.entries;
	out->lo = capacity.lo;
	out->hi = capacity.hi;
	return 0;
}

/* --- the line --- */

/* Sums of a least-squares fit. */
struct line_sums {
	double n, x, y, xx, xy;
};

static void sums_add(struct line_sums *sums, double x, double y)
{
	sums->n++;
	sums->x += x;
	sums->y += y;
	sums->xx += x * x;
	sums->xy += x * y;
}

static double sums_each(const struct line_sums *sums)
{
	double spread = sums->n * sums->xx - sums->x * sums->x;

	return spread > 0 ? (sums->n * sums->xy - sums->x * sums->y) / spread : NAN;
}

static double sums_base(const struct line_sums *sums)
{
	return (sums->y - sums_each(sums) * sums->x) / sums->n;
}

struct line_draw {
	const struct walk_samples *points;
	size_t count;
	double *drawn; /* room for the samples of the largest point */
	double (*of)(const struct line_sums *sums);
};

static double line_drawn(const unsigned *times, size_t n, void *context)
{
	const struct line_draw *draw = context;
	struct line_sums sums = { 0 };

	(void)n;
	for (size_t p = 0; p < draw->count; p++) {
		const struct walk_samples *point = &draw->points[p];

		sums_add(&sums, point->x, statistics_drawn_median(point->net, times, point->count, draw->drawn));
		times += point->count;
	}
	return draw->of(&sums);
}

/* Each point is resampled by itself. The same seed draws the same samples for both numbers of the line. */
static int line_interval(const struct line_draw *draw, const size_t *stratum, uint64_t seed, struct interval *out)
{
	double *values = calloc(STATISTICS_RESAMPLES, sizeof(*values));
	const struct resampling resampling = {
		.stratum = stratum,
		.strata = draw->count,
		.resamples = STATISTICS_RESAMPLES,
		.statistic = line_drawn,
		.context = (void *)(uintptr_t)draw,
		.seed = seed,
	};
	int error = values ? statistics_resample(&resampling, values) : -ENOMEM;

	if (!error)
		statistics_middle(values, STATISTICS_RESAMPLES, &out->lo, &out->hi);
	free(values);
	return error;
}

static int line_intervals(const struct walk_samples *points, size_t count, uint64_t seed, struct walk_line *out)
{
	struct line_draw draw = { .points = points, .count = count };
	size_t *stratum = calloc(count, sizeof(*stratum)), most = 0;
	int error;

	for (size_t p = 0; stratum && p < count; p++) {
		stratum[p] = points[p].count;
		if (points[p].count > most)
			most = points[p].count;
	}
	draw.drawn = calloc(most, sizeof(*draw.drawn));
	error = stratum && draw.drawn ? 0 : -ENOMEM;
	draw.of = sums_base;
	if (!error)
		error = line_interval(&draw, stratum, seed, &out->base);
	draw.of = sums_each;
	if (!error)
		error = line_interval(&draw, stratum, seed, &out->each);
	free(draw.drawn);
	free(stratum);
	return error;
}

int walk_line_fit(const struct walk_samples *points, size_t count, uint64_t seed, struct walk_line *out)
{
	struct line_sums sums = { 0 };
	double squares = 0;
	bool resample = true;

	*out = (struct walk_line){ .base = { NAN, NAN, NAN }, .each = { NAN, NAN, NAN }, .residual = NAN };
	for (size_t p = 0; p < count; p++) {
		sums_add(&sums, points[p].x, statistics_median(points[p].net, points[p].count));
		resample = resample && points[p].count > 1;
	}
	if (count < 3 || !isfinite(sums_each(&sums)))
		return -ENODATA;
	out->base.median = sums_base(&sums);
	out->each.median = sums_each(&sums);
	for (size_t p = 0; p < count; p++)
		squares += pow(statistics_median(points[p].net, points[p].count) - out->base.median -
				       out->each.median * points[p].x,
			2);
	out->residual = sqrt(squares / (double)count);
	return resample ? line_intervals(points, count, seed, out) : 0;
}
