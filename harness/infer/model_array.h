/*
 * A set-associative array as hardware has it: a TLB level, a cache of upper table entries, or a cache of lines. What it
 * holds are dense keys (model_ids.h), so that a look-up is one load however many ways there are. Pure.
 */
#ifndef NESTWALK_INFER_MODEL_ARRAY_H
#define NESTWALK_INFER_MODEL_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_replacement {
	MODEL_LRU,
	MODEL_PLRU, /* a tree of bits, each of which points to the half that was not used last */
	MODEL_RANDOM,
	MODEL_REPLACEMENTS,
};
extern const char *const model_replacement_names[MODEL_REPLACEMENTS]; /* "lru" "plru" "random" */

/* 2^24 lines are a cache of 1 GiB; the arrays for them take some 300 MiB. */
#define MODEL_INDEX_BITS 24
#define MODEL_ENTRIES_MOST (UINT32_C(1) << MODEL_INDEX_BITS)
#define MODEL_WAYS_MOST UINT32_C(65536)

/* Which set a number (of a page, of a line) belongs to. */
struct model_index {
	unsigned bits; /* 0: the number modulo the sets */
	uint64_t mask[MODEL_INDEX_BITS]; /* bit i of the set is the parity of the number's bits under mask[i] */
};

struct model_shape {
	uint32_t sets, ways; /* ways 0: there is no such array; up to MODEL_ENTRIES_MOST together */
	enum model_replacement replacement;
	struct model_index index; /* of 2^bits sets, where it has bits */
};

/* The set of a number. */
uint32_t model_shape_set(const struct model_shape *shape, uint64_t number);

#define MODEL_NONE UINT32_MAX

struct model_array {
	struct model_shape shape;
	uint32_t *set; /* by key; NULL: there is one set */
	uint32_t *slot; /* by key: where it is held; MODEL_NONE: nowhere */
	uint32_t *key; /* by slot; a set's slots are neighbours; MODEL_NONE: empty */
	/* LRU: the slots of a set as a ring, from the newest to the oldest; empty ones are the oldest. */
	uint32_t *next, *previous, *newest;
	unsigned char *tree; /* pseudo-LRU: the bits of a set by node, the root is 1 */
	uint32_t *used; /* slots of a set that are not empty; not for LRU */
	uint64_t random; /* state of a xorshift64* generator */
};

/*
 * Make an empty array for keys 0 .. keys-1, of which number[] is what chooses the set. 0, or -ENOMEM. An array of no ways
 * takes no memory, and holds nothing. model_array_free() is due in any case.
 */
int model_array_open(struct model_array *array, const struct model_shape *shape, const uint64_t *number, uint32_t keys,
	uint64_t seed);
void model_array_free(struct model_array *array);

/* The slot of a set that the next key takes, its use noted; replacements other than LRU. */
uint32_t model_array_take(struct model_array *array, uint32_t set);
/* Point the bits on the way to a slot away from it. */
void model_array_tree_use(struct model_array *array, uint32_t set, uint32_t slot);

static inline uint32_t model_array_set(const struct model_array *array, uint32_t key)
{
	return array->set ? array->set[key] : 0;
}

static inline bool model_array_holds(const struct model_array *array, uint32_t key)
{
	return array->shape.ways && array->slot[key] != MODEL_NONE;
}

/* Put a slot between the oldest and the newest of its ring: it is then either, by what `newest` says. */
static inline void model_array_relink(struct model_array *array, uint32_t slot, uint32_t newest)
{
	uint32_t oldest;

	array->next[array->previous[slot]] = array->next[slot];
	array->previous[array->next[slot]] = array->previous[slot];
	oldest = array->previous[newest];
	array->next[oldest] = slot;
	array->previous[slot] = oldest;
	array->next[slot] = newest;
	array->previous[newest] = slot;
}

/* Note the use of a key that is held. */
static inline void model_array_use(struct model_array *array, uint32_t key)
{
	uint32_t slot = array->slot[key], *newest;

	if (array->shape.replacement == MODEL_PLRU)
		model_array_tree_use(array, model_array_set(array, key), slot);
	if (array->shape.replacement != MODEL_LRU)
		return;
	newest = &array->newest[model_array_set(array, key)];
	if (slot == *newest)
		return;
	model_array_relink(array, slot, *newest);
	*newest = slot;
}

/* Put in a key that is not held. Returns the key that had to leave, or MODEL_NONE. */
static inline uint32_t model_array_put(struct model_array *array, uint32_t key)
{
	uint32_t set = model_array_set(array, key), slot, left;

	if (array->shape.replacement == MODEL_LRU) {
		/* The oldest of a ring becomes its newest by turning the ring. */
		slot = array->previous[array->newest[set]];
		array->newest[set] = slot;
	} else {
		slot = model_array_take(array, set);
	}
	left = array->key[slot];
	if (left != MODEL_NONE)
		array->slot[left] = MODEL_NONE;
	array->key[slot] = key;
	array->slot[key] = slot;
	return left;
}

/* Take out a key, if it is held. */
void model_array_drop(struct model_array *array, uint32_t key);

#endif
