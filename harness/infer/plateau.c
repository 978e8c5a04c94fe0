#include "infer/plateau.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Half an octave holds enough points to pool, and walks grow little over it. */
#define WIDTH TUNED(PLATEAU_HALF_OCTAVE, M_SQRT2)
/* Below three points there is no slope to compare; a sparse sweep is read right beyond the last level. */
#define LEAST_POINTS 3
/*
 * How far beyond the last levels: an octave. Twice as far, what page tables cost that leave a cache passes for the cost of
 * walks in a tenth of the walks of `make ablation`.
 */
#define FARTHEST TUNED(PLATEAU_FARTHEST, 2)
/* Fewer rounds have a range and no bootstrap, like samples (base/statistics.h). */
#define FEW_ROUNDS 6

/* The walks of one question, by their index. */
struct group {
	size_t *walk;
	size_t count;
};

/*
 * Where the last level is known, walks are read at the sweep's numbers of pages, which are the same in every run. The second
 * pass has others in each run, near where a step seems to be.
 */
static const struct curve_series *series_of(const struct curve *curves, const struct inferred_walk *walk)
{
	const struct curve *curve = &curves[walk->curve];

	return &curve->pass[curve->entries_known > 0 ? CURVE_SWEEP : CURVE_BOTH];
}

static bool same_question(const struct curve *one, const struct curve *other)
{
	return one->question == other->question && one->page_bytes == other->page_bytes && one->stride == other->stride;
}

static const struct curve_point *point_at(const struct curve_series *series, double pages)
{
	for (size_t i = 0; i < series->count; i++)
		if (series->at[i].pages == pages)
			return &series->at[i];
	return NULL;
}

/* A number of pages that all curves have, and what an access costs there: the geometric mean of their medians. */
struct shared {
	double pages, net;
};

/*
 * The numbers of pages that all curves of a group have, beyond the last level, ascending. Where that ends is the geometric
 * mean of what the curves say, as it is one TLB that they tell of. The caller frees them.
 */
static struct shared *shared_find(
	const struct curve *curves, const struct inferred_levels *levels, const struct group *group, size_t *count)
{
	const struct curve_series *first = series_of(curves, &levels->walk[group->walk[0]]);
	struct shared *shared = malloc((first->count + 1) * sizeof(*shared));
	double from = 0;

	*count = 0;
	for (size_t i = 0; i < group->count; i++)
		from += log(levels->walk[group->walk[i]].pages_from) / (double)group->count;
	from = exp(from);
	for (size_t i = 0; shared && i < first->count; i++) {
		double sum = 0;

		if (first->at[i].pages < from)
			continue;
		for (size_t k = 0; k < group->count; k++) {
			const struct curve_point *point =
				point_at(series_of(curves, &levels->walk[group->walk[k]]), first->at[i].pages);

			sum += point && point->net > 0 ? log(point->net) : NAN;
		}
		if (isfinite(sum))
			shared[(*count)++] = (struct shared){ first->at[i].pages, exp(sum / (double)group->count) };
	}
	return shared;
}

/* By how much the cost grows between the halves of a window, as a share of the cost; infinite for too few points. */
static double growth_in(const struct shared *shared, size_t first, size_t end)
{
	double middle = sqrt(shared[first].pages * shared[end - 1].pages);
	double *net = malloc((end - first) * sizeof(*net)), growth = INFINITY;
	size_t split = first;

	while (split < end && shared[split].pages <= middle)
		split++;
	for (size_t i = first; net && i < end; i++)
		net[i - first] = shared[i].net;
	if (net && end - first >= LEAST_POINTS)
		growth = fabs(statistics_median(net + (split - first), end - split) -
				 statistics_median(net, split - first)) /
			 statistics_median(net, end - first);
	free(net);
	return growth;
}

/* The window that begins with the first number of pages. */
static size_t first_window(const struct shared *shared, size_t count)
{
	size_t end = 0;

	while (end < count && shared[end].pages <= shared[0].pages * WIDTH)
		end++;
	return end;
}

/* The flattest window, shared[*first] to shared[*end - 1]. Of equals the one with fewer pages stands. */
static void flattest_find(const struct shared *shared, size_t count, double most, size_t *first, size_t *end)
{
	double least = INFINITY;

	for (size_t i = 0, stop; i < count; i++) {
		double growth;

		for (stop = i; stop < count && shared[stop].pages <= shared[i].pages * WIDTH; stop++)
			;
		if (i && (shared[i].pages * WIDTH > most || stop == count))
			break;
		growth = growth_in(shared, i, stop);
		if (i && !(growth < least))
			continue;
		least = growth;
		*first = i;
		*end = stop;
	}
}

/* A sample of the plateau: its cost, and which of the rounds, counted from 0, it is of. */
struct pooled {
	double cost, round;
	size_t block;
};

static int by_pooled_round(const void *left, const void *right)
{
	const struct pooled *a = left, *b = right;

	return (a->round > b->round) - (a->round < b->round);
}

static int by_cost(const void *left, const void *right)
{
	const struct pooled *a = left, *b = right;

	return (a->cost > b->cost) - (a->cost < b->cost);
}

struct pool {
	struct pooled *sample; /* by cost; owned */
	size_t count, blocks;
};

/* The median of the samples of the rounds that were drawn. */
static double median_of_rounds(const unsigned *drawn, size_t n, void *context)
{
	const struct pool *pool = context;
	size_t total = 0, seen = 0;
	double sum = 0;

	(void)n;
	for (size_t i = 0; i < pool->count; i++)
		total += drawn[pool->sample[i].block];
	for (size_t i = 0; i < pool->count && total; i++) {
		size_t times = drawn[pool->sample[i].block];

		if (seen <= (total - 1) / 2 && (total - 1) / 2 < seen + times)
			sum += pool->sample[i].cost;
		if (seen <= total / 2 && total / 2 < seen + times)
			sum += pool->sample[i].cost;
		seen += times;
	}
	return total ? sum / 2 : NAN;
}

/* All samples of a reading (an offset in struct curve_sample) at the plateau's numbers of pages. 0, or -ENOMEM. */
static int pool_make(
	const struct curve_series *series, const struct shared *shared, size_t count, size_t offset, struct pool *pool)
{
	size_t most = 1;

	for (size_t i = 0; i < series->count; i++)
		most += series->at[i].count;
	*pool = (struct pool){ .sample = malloc(most * sizeof(*pool->sample)) };
	for (size_t i = 0; pool->sample && i < count; i++) {
		const struct curve_point *point = point_at(series, shared[i].pages);

		for (size_t k = 0; point && k < point->count; k++) {
			struct pooled sample = { .round = point->sample[k].round };

			memcpy(&sample.cost, (const char *)&point->sample[k] + offset, sizeof(double));
			if (isfinite(sample.cost))
				pool->sample[pool->count++] = sample;
		}
	}
	if (!pool->sample)
		return -ENOMEM;
	qsort(pool->sample, pool->count, sizeof(*pool->sample), by_pooled_round);
	for (size_t i = 0; i < pool->count; i++) {
		pool->blocks += !i || pool->sample[i].round != pool->sample[i - 1].round;
		pool->sample[i].block = pool->blocks - 1;
	}
	qsort(pool->sample, pool->count, sizeof(*pool->sample), by_cost);
	return 0;
}

/* The range of the rounds' medians. */
static int range_of_rounds(struct pool *pool, struct interval *out)
{
	unsigned *drawn = calloc(pool->blocks + 1, sizeof(*drawn));

	if (!drawn)
		return -ENOMEM;
	for (size_t i = 0; pool->blocks > 1 && i < pool->blocks; i++) {
		double median;

		drawn[i] = 1;
		median = median_of_rounds(drawn, pool->blocks, pool);
		drawn[i] = 0;
		out->lo = fmin(out->lo, median);
		out->hi = fmax(out->hi, median);
	}
	free(drawn);
	return 0;
}

/*
 * The median cost on the plateau, and its interval. Samples of one round were taken within seconds and saw the same
 * weather, so that rounds are drawn and not samples.
 */
static int plateau_cost(const struct curve_series *series, const struct shared *shared, size_t count, size_t offset,
	uint64_t seed, struct interval *out)
{
	struct pool pool;
	int error = pool_make(series, shared, count, offset, &pool);

	*out = (struct interval){ NAN, NAN, NAN };
	if (error)
		return error;
	if (pool.blocks >= FEW_ROUNDS) {
		*out = statistics_bootstrap(pool.blocks, median_of_rounds, &pool, seed);
	} else if (pool.count) {
		error = range_of_rounds(&pool, out);
		out->median = (pool.sample[(pool.count - 1) / 2].cost + pool.sample[pool.count / 2].cost) / 2;
	}
	free(pool.sample);
	return error;
}

static int group_read(
	const struct curve *curves, const struct group *group, uint64_t seed, struct inferred_levels *levels)
{
	size_t count, first = 0, end = 0;
	struct shared *shared = shared_find(curves, levels, group, &count);
	const struct curve *curve = &curves[levels->walk[group->walk[0]].curve];
	double cached = curve->cached_pages;
	int error = shared ? 0 : -ENOMEM;

	/* No window is chosen where the level is known: which one is flattest differs from run to run. */
	if (!error && curve->entries_known > 0) {
		end = first_window(shared, count);
	} else if (!error && count) {
		double most = shared[0].pages * FARTHEST;

		flattest_find(shared, count, cached > 0 ? fmin(most, cached) : most, &first, &end);
	}
	for (size_t i = 0; i < group->count && !error; i++) {
		struct inferred_walk *walk = &levels->walk[group->walk[i]];
		const struct curve_series *series = series_of(curves, walk);
		uint64_t own = statistics_seed(seed, walk->curve);

		walk->pages_from = count ? shared[first].pages : NAN;
		walk->pages_to = count ? shared[end - 1].pages : NAN;
		error = plateau_cost(
			series, shared + first, end - first, offsetof(struct curve_sample, net), own, &walk->cycles);
		if (!error)
			error = plateau_cost(series, shared + first, end - first, offsetof(struct curve_sample, net_ns),
				own, &walk->ns);
	}
	free(shared);
	return error;
}

int plateau_read(const struct curve *curves, uint64_t seed, struct inferred_levels *levels)
{
	struct group group = { .walk = malloc((levels->walks + 1) * sizeof(*group.walk)) };
	int error = group.walk ? 0 : -ENOMEM;

	for (size_t i = 0; i < levels->walks && !error; i++) {
		const struct curve *curve = &curves[levels->walk[i].curve];
		bool is_first = true;

		group.count = 0;
		for (size_t k = 0; k < levels->walks; k++)
			if (same_question(curve, &curves[levels->walk[k].curve])) {
				is_first = is_first && k >= i;
				group.walk[group.count++] = k;
			}
		if (is_first)
			error = group_read(curves, &group, seed, levels);
	}
	free(group.walk);
	return error;
}
