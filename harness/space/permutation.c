#include "space/permutation.h"

#include <gsl/gsl_randist.h>
#include <stdlib.h>

gsl_rng *random_new(uint64_t seed)
{
	gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);

	if (!random)
		return NULL;
	/* mt19937 uses 32 bits of a seed. Folding makes seeds differ that differ in the upper half only. */
	gsl_rng_set(random, (unsigned long)((seed ^ seed >> 32) & UINT32_MAX));
	return random;
}

void permutation_cycle(uint32_t *order, uint32_t count, const gsl_rng *random)
{
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	/*
	 * A random order of all elements but the first is a random cycle: with the first element fixed, each cycle has
	 * one order.
	 */
	if (count > 2)
		gsl_ran_shuffle(random, order + 1, count - 1, sizeof(*order));
}

uint32_t *permutation_shuffled(uint32_t count, uint64_t seed)
{
	gsl_rng *random = random_new(seed);
	uint32_t *values = malloc((count ? count : 1) * sizeof(*values));

	if (random && values) {
		for (uint32_t i = 0; i < count; i++)
			values[i] = i;
		gsl_ran_shuffle(random, values, count, sizeof(*values));
	} else {
		free(values);
		values = NULL;
	}
	gsl_rng_free(random);
	return values;
}
