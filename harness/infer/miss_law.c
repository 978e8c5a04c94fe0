#include "infer/miss_law.h"

#include <math.h>

static const char *const names[LAWS] = {
	[LAW_SHARP] = "sharp",
	[LAW_SETS] = "sets",
	[LAW_RANDOM] = "random",
	[LAW_HASHED] = "hashed",
	[LAW_HASHED_RANDOM] = "hashed-random",
	[LAW_NONE] = "none",
};

/* Ways from the fewest that TLBs of this century have to so many that sets no longer show. */
static const struct law_shape shapes[LAW_SHAPES] = {
	{ LAW_RANDOM, 0 },
	{ LAW_SETS, 4 },
	{ LAW_SETS, 5 },
	{ LAW_SETS, 6 },
	{ LAW_SETS, 7 },
	{ LAW_SETS, 8 },
	{ LAW_SETS, 9 },
	{ LAW_SETS, 10 },
	{ LAW_SETS, 12 },
	{ LAW_HASHED, 4 },
	{ LAW_HASHED, 8 },
	{ LAW_HASHED, 16 },
	{ LAW_HASHED, 32 },
	{ LAW_HASHED, 64 },
	{ LAW_HASHED, 128 },
	{ LAW_HASHED_RANDOM, 4 },
	{ LAW_HASHED_RANDOM, 8 },
	{ LAW_HASHED_RANDOM, 16 },
	{ LAW_HASHED_RANDOM, 32 },
};

const char *law_name(enum law law)
{
	return law < LAWS ? names[law] : "?";
}

/*
 * m = 1 - exp(-m r): a page survives the m r C replacements of one turn, each of which spares it with 1 - 1/C. Below
 * r = 1 only m = 0 solves it. Newton from above, where the function is concave, converges from any start.
 */
static double random_miss(double r)
{
	double m = 1;

	if (r <= 1)
		return 0;
	for (int i = 0; i < 60; i++) {
		double next = m - (1 - exp(-m * r) - m) / (r * exp(-m * r) - 1);

		if (fabs(next - m) < 1e-10)
			break;
		m = next;
	}
	return m > 0 ? m : 0;
}

/* N = S W + e pages in S sets of W ways: e sets hold W + 1 pages, and all of those miss. */
static double sets_miss(double r, unsigned ways)
{
	double m = (r - 1) / r * (ways + 1);

	return m < 0 ? 0 : m > 1 ? 1 : m;
}

/*
 * A page shares its set with a Poisson number of others. Of a set of k pages k misses follow where k > W (LRU), or
 * k times the random law's part; averaged over pages, not sets.
 */
static double hashed_miss(double r, unsigned ways, enum law law)
{
	double mean = r * ways, probability = exp(-mean), sum = 0, pages = 0;
	unsigned last = (unsigned)(mean + 12 * sqrt(mean) + 20); /* beyond twelve standard deviations nothing is left */

	if (mean > 600) /* exp(-mean) would vanish; so far above capacity every law has saturated */
		return 1;
	for (unsigned k = 1; k <= last; k++) {
		double miss = k > ways ? 1 : 0;

		probability *= mean / k;
		if (law == LAW_HASHED_RANDOM && miss > 0)
			miss = random_miss((double)k / ways);
		sum += probability * k * miss;
		pages += probability * k;
	}
	return pages > 0 ? sum / pages : 0;
}

void law_table_make(struct law_table *table)
{
	for (size_t i = 0; i < LAW_SHAPES; i++) {
		const struct law_shape *shape = &shapes[i];

		table->shape[i] = *shape;
		for (size_t cell = 0; cell < LAW_CELLS; cell++) {
			double r = exp((double)cell * LAW_STEP - LAW_REACH);

			table->miss[i][cell] = shape->law == LAW_RANDOM ? random_miss(r)
					       : shape->law == LAW_SETS ? sets_miss(r, shape->ways)
									: hashed_miss(r, shape->ways, shape->law);
		}
	}
}

double law_miss(const struct law_table *table, size_t shape, double log_ratio)
{
	double place = (log_ratio + LAW_REACH) / LAW_STEP;
	size_t cell;

	if (!(place > 0))
		return 0;
	if (place >= LAW_CELLS - 1)
		return 1;
	cell = (size_t)place;
	return table->miss[shape][cell] +
	       (place - (double)cell) * (table->miss[shape][cell + 1] - table->miss[shape][cell]);
}

double law_nearest(const struct law_table *table, size_t shape, double ln_c)
{
	const struct law_shape *of = &table->shape[shape];

	if (of->law != LAW_SETS)
		return ln_c;
	return log(of->ways) + M_LN2 * round((ln_c - log(of->ways)) / M_LN2);
}
