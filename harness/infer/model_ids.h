/* Dense keys for numbers of any size: the first number is 0, the next one that differs 1, and so on. Pure. */
#ifndef NESTWALK_INFER_MODEL_IDS_H
#define NESTWALK_INFER_MODEL_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Starts as zeroes. */
struct model_ids {
	uint64_t *number; /* by key */
	uint32_t count; /* of keys */
	uint32_t *table; /* keys + 1 by hash; 0: free */
	size_t places; /* of the table, a power of two; numbers have half as many */
};

void model_ids_free(struct model_ids *ids);

/* The key of a number, which is added where it is new. UINT32_MAX: out of memory. */
uint32_t model_ids_key(struct model_ids *ids, uint64_t number);

#endif
