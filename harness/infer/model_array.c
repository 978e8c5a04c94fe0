#include "infer/model_array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const model_replacement_names[MODEL_REPLACEMENTS] = {
	[MODEL_LRU] = "lru",
	[MODEL_PLRU] = "plru",
	[MODEL_RANDOM] = "random",
};

uint32_t model_shape_set(const struct model_shape *shape, uint64_t number)
{
	uint32_t set = 0;

	if (!shape->index.bits)
		return (uint32_t)(number % shape->sets);
	for (unsigned bit = 0; bit < shape->index.bits; bit++)
		set |= (uint32_t)__builtin_parityll(number & shape->index.mask[bit]) << bit;
	return set;
}

static uint32_t *numbers_new(size_t count, unsigned char byte)
{
	uint32_t *numbers = malloc((count ? count : 1) * sizeof(*numbers));

	if (numbers)
		memset(numbers, byte, count * sizeof(*numbers));
	return numbers;
}

/* Make a ring of each set's slots. */
static int rings_make(struct model_array *array)
{
	uint32_t ways = array->shape.ways;
	size_t slots = (size_t)array->shape.sets * ways;

	array->next = numbers_new(slots, 0);
	array->previous = numbers_new(slots, 0);
	array->newest = numbers_new(array->shape.sets, 0);
	if (!array->next || !array->previous || !array->newest)
		return -ENOMEM;
	for (uint32_t set = 0; set < array->shape.sets; set++) {
		uint32_t first = set * ways;

		array->newest[set] = first;
		for (uint32_t way = 0; way < ways; way++) {
			array->next[first + way] = first + (way + 1) % ways;
			array->previous[first + way] = first + (way + ways - 1) % ways;
		}
	}
	return 0;
}

int model_array_open(struct model_array *array, const struct model_shape *shape, const uint64_t *number, uint32_t keys,
	uint64_t seed)
{
	size_t slots = (size_t)shape->sets * shape->ways;

	*array = (struct model_array){ .shape = *shape, .random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	if (!shape->ways)
		return 0;
	/* All bytes of MODEL_NONE are 0xff. */
	array->slot = numbers_new(keys, 0xff);
	array->key = numbers_new(slots, 0xff);
	if (shape->sets > 1)
		array->set = numbers_new(keys, 0);
	if (!array->slot || !array->key || (shape->sets > 1 && !array->set))
		return -ENOMEM;
	for (uint32_t key = 0; array->set && key < keys; key++)
		array->set[key] = model_shape_set(shape, number[key]);
	if (shape->replacement == MODEL_LRU)
		return rings_make(array);
	array->used = numbers_new(shape->sets, 0);
	array->tree = calloc(slots, 1);
	return array->used && array->tree ? 0 : -ENOMEM;
}

void model_array_free(struct model_array *array)
{
	free(array->set);
	free(array->slot);
	free(array->key);
	free(array->next);
	free(array->previous);
	free(array->newest);
	free(array->tree);
	free(array->used);
	*array = (struct model_array){ 0 };
}

/*
 * The tree is a heap: node n has the children 2n and 2n + 1, and way w is the node ways + w. This is a tree of any number
 * of ways; where it is no power of two, some leaves lie a level higher.
 */
void model_array_tree_use(struct model_array *array, uint32_t set, uint32_t slot)
{
	uint32_t ways = array->shape.ways, first = set * ways;
	unsigned char *tree = array->tree + first;

	for (uint32_t node = ways + slot - first; node > 1; node /= 2)
		tree[node / 2] = !(node & 1);
}

/* Follow the bits to a way, and point each of them away from it. */
static uint32_t tree_take(struct model_array *array, uint32_t first)
{
	uint32_t ways = array->shape.ways, node = 1;
	unsigned char *tree = array->tree + first;

	while (node < ways) {
		unsigned char half = tree[node];

		tree[node] = !half;
		node = 2 * node + half;
	}
	return first + node - ways;
}

static uint32_t random_below(struct model_array *array, uint32_t end)
{
	array->random ^= array->random >> 12;
	array->random ^= array->random << 25;
	array->random ^= array->random >> 27;
	return (uint32_t)((array->random * UINT64_C(0x2545f4914f6cdd1d) >> 32) * end >> 32);
}

uint32_t model_array_take(struct model_array *array, uint32_t set)
{
	uint32_t ways = array->shape.ways, first = set * ways, slot = first;

	if (array->used[set] == ways)
		return array->shape.replacement == MODEL_RANDOM ? first + random_below(array, ways)
								: tree_take(array, first);
	array->used[set]++;
	while (array->key[slot] != MODEL_NONE)
		slot++;
	if (array->shape.replacement == MODEL_PLRU)
		model_array_tree_use(array, set, slot);
	return slot;
}

void model_array_drop(struct model_array *array, uint32_t key)
{
	uint32_t slot, set;

	if (!model_array_holds(array, key))
		return;
	slot = array->slot[key];
	set = model_array_set(array, key);
	array->slot[key] = MODEL_NONE;
	array->key[slot] = MODEL_NONE;
	if (array->shape.replacement != MODEL_LRU)
		array->used[set]--;
	else if (slot == array->newest[set])
		array->newest[set] = array->next[slot];
	else
		model_array_relink(array, slot, array->newest[set]);
}
