/* For tests of counters: a microarchitecture by its name. */
#ifndef NESTWALK_TEST_COUNTERS_NAMED_H
#define NESTWALK_TEST_COUNTERS_NAMED_H

#include "counters/catalogue.h"

#include <string.h>

/* NULL where the catalogue has none of that name (libpfm4's). */
static inline const struct microarch *microarch_named(const char *pmu)
{
	const struct microarch *found;

	for (size_t i = 0; (found = catalogue_at(i)); i++)
		if (!strcmp(found->pmu, pmu))
			return found;
	return NULL;
}

#endif
