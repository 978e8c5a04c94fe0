#include "measure/benches.h"

#include <stdlib.h>
#include <string.h>

#define BENCHES_MOST 64

static const struct bench *sorted[BENCHES_MOST];
static size_t count;

static int bench_compare(const void *a, const void *b)
{
	return strcmp((*(const struct bench *const *)a)->name, (*(const struct bench *const *)b)->name);
}

size_t benches_count(void)
{
	if (count)
		return count;
	for (const struct bench *const *at = __start_nestwalk_benches;
		at < __stop_nestwalk_benches && count < BENCHES_MOST; at++)
		sorted[count++] = *at;
	qsort(sorted, count, sizeof(struct bench *), bench_compare);
	return count;
}

const struct bench *benches_at(size_t index)
{
	return index < benches_count() ? sorted[index] : NULL;
}

const struct bench *benches_find(const char *name)
{
	for (size_t i = 0; i < benches_count(); i++)
		if (!strcmp(sorted[i]->name, name))
			return sorted[i];
	return NULL;
}
