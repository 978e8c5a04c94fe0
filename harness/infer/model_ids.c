#include "infer/model_ids.h"

#include <stdbool.h>
#include <stdlib.h>

#define PLACES_LEAST 64u

void model_ids_free(struct model_ids *ids)
{
	free(ids->number);
	free(ids->table);
	*ids = (struct model_ids){ 0 };
}

/* The place of a number, or the free one where it belongs. */
static size_t place_of(const struct model_ids *ids, uint64_t number)
{
	/* The upper half of a product with an odd number depends on all lower bits (Knuth, TAOCP vol. 3, 6.4). */
	size_t at = number * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (ids->places - 1);

	while (ids->table[at] && ids->number[ids->table[at] - 1] != number)
		at = (at + 1) & (ids->places - 1);
	return at;
}

/* A table that is at most half full needs few looks. */
static bool grow(struct model_ids *ids)
{
	size_t places = ids->places ? 2 * ids->places : PLACES_LEAST;
	uint64_t *number = realloc(ids->number, places / 2 * sizeof(*number));
	uint32_t *table;

	if (!number)
		return false;
	ids->number = number;
	table = calloc(places, sizeof(*table));
	if (!table)
		return false;
	free(ids->table);
	ids->table = table;
	ids->places = places;
	for (uint32_t key = 0; key < ids->count; key++)
		ids->table[place_of(ids, ids->number[key])] = key + 1;
	return true;
}

uint32_t model_ids_key(struct model_ids *ids, uint64_t number)
{
	size_t at;

	if (ids->places) {
		at = place_of(ids, number);
		if (ids->table[at])
			return ids->table[at] - 1;
	}
	if (ids->count == ids->places / 2 && !grow(ids))
		return UINT32_MAX;
	ids->table[place_of(ids, number)] = ids->count + 1;
	ids->number[ids->count] = number;
	return ids->count++;
}
