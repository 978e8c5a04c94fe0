/*
 * Levels of arrays, the smallest first: the TLB levels of a core with pages as keys, or its caches with lines. Pure.
 */
#ifndef NESTWALK_INFER_MODEL_LEVELS_H
#define NESTWALK_INFER_MODEL_LEVELS_H

#include "infer/model_array.h"

#define MODEL_LEVELS 4

/* What a level holds of that which the levels before it hold. */
enum model_inclusion {
	MODEL_NEITHER, /* it is filled with them, and each evicts on its own */
	MODEL_INCLUSIVE, /* ... all: what leaves this level leaves them, too */
	MODEL_EXCLUSIVE, /* ... nothing: it is filled with what leaves the level before, and gives back what hits */
	MODEL_INCLUSIONS,
};
extern const char *const model_inclusion_names[MODEL_INCLUSIONS]; /* "neither" "inclusive" "exclusive" */

struct model_level {
	struct model_shape shape;
	enum model_inclusion inclusion; /* neither for the first level */
	/*
	 * Core cycles; NaN: unknown. Of a TLB level: what a hit here adds to one in the level before. Of a cache: the
	 * latency of a load that hits here.
	 */
	double cycles;
};

struct model_levels {
	struct model_array level[MODEL_LEVELS];
	enum model_inclusion inclusion[MODEL_LEVELS];
	unsigned count;
};

/* Empty levels for keys 0 .. keys-1 (model_array_open()). 0, or -ENOMEM; model_levels_free() is due in any case. */
struct model_levels_spec {
	const struct model_level *level;
	unsigned count; /* up to MODEL_LEVELS */
	const uint64_t *number; /* by key */
	uint32_t keys;
	uint64_t seed;
};
int model_levels_open(struct model_levels *levels, const struct model_levels_spec *spec);
void model_levels_free(struct model_levels *levels);

/* Put a key into the levels from `first` up to, not including, `end`, none of which holds it. */
void model_levels_fill(struct model_levels *levels, uint32_t key, unsigned first, unsigned end);

/*
 * Look a key up, from level `first` on (levels before it take no part), and put it in where it is missing. Returns the
 * number of the level that had it; levels->count: none.
 */
static inline unsigned model_levels_access(struct model_levels *levels, uint32_t key, unsigned first)
{
	unsigned hit = first;

	while (hit < levels->count && levels->level[hit].slot[key] == MODEL_NONE)
		hit++;
	if (hit < levels->count && (hit == first || levels->inclusion[hit] != MODEL_EXCLUSIVE))
		model_array_use(&levels->level[hit], key);
	else if (hit < levels->count)
		model_array_drop(&levels->level[hit], key);
	if (hit > first)
		model_levels_fill(levels, key, first, hit);
	return hit;
}

/* Accesses to keys one after the other: hits[i] grows by those that level i had, hits[count] by those that none had. */
void model_levels_run(struct model_levels *levels, const uint32_t *key, size_t accesses, uint64_t *hits);

#endif
