/*
 * Random orders: cycles for chains, shuffles for frames and for points. They come from a seeded GSL generator, so they
 * are repeatable.
 */
#ifndef NESTWALK_PERMUTATION_H
#define NESTWALK_PERMUTATION_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

/* A generator with that seed (all 64 bits of it count); freed with gsl_rng_free(). NULL where memory is short. */
gsl_rng *random_new(uint64_t seed);

/*
 * A random cyclic order of 0 .. count-1: order[k] is the k-th element visited, order[0] is 0, and every element comes
 * once before order[0] comes again. Each of the (count-1)! cycles is equally likely, as in Sattolo's algorithm (1986).
 */
void permutation_cycle(uint32_t *order, uint32_t count, const gsl_rng *random);

/*
 * Numbers that spread: first + i * multiplier mod 2^k, for i = 0, 1, 2 ..., with an odd multiplier uses each residue of
 * every smaller power of two equally often: sets of a cache or a TLB are filled evenly. The golden ratio also leaves no wide
 * gaps among the first numbers (Knuth, TAOCP vol. 3, 6.4). 2^32 / golden ratio, made odd.
 */
#define SPREAD_GOLDEN_32 UINT64_C(2654435769)

/* 0 .. count-1 shuffled; the caller frees it; NULL where memory is short. */
uint32_t *permutation_shuffled(uint32_t count, uint64_t seed);

#endif
