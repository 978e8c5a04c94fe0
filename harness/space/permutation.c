#include "space/permutation.h"

#include <gsl/gsl_randist.h>
#include <stdlib.h>

gsl_rng *random_new(uint64_t seed)
{
	gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);

	if (!random)
		return NULL;
	/* mt19937 looks at 32 bits of a seed: fold, so that seeds that differ in the upper half differ. */
	gsl_rng_set(random, (unsigned long)((seed ^ seed >> 32) & UINT32_MAX));
	return random;
}

void permutation_cycle(uint32_t *order, uint32_t count, const gsl_rng *random)
{
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	/*
	 * A cycle through all elements is a random order of all but the first: fixing that one picks each cycle once.
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
