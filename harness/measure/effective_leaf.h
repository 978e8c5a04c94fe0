/* What this machine's pages are worth: the effective leaf of each backing (space/leaf_probe.h), as "machine" tells it. */
#ifndef NESTWALK_EFFECTIVE_LEAF_H
#define NESTWALK_EFFECTIVE_LEAF_H

#include "machine/source.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Probe each backing on memory of its own and describe what was found: "effective_leaf" in docs/RESULTS.md. Less than 50 ms
 * without a page of 1G, for whose zeroing a caller must have the time (`may_take_1g`): up to seconds. Only for the live
 * machine. Returns a new object, which the caller owns; NULL where memory is short. No privilege.
 */
json_t *effective_leaf_json(const struct machine_source *source, bool may_take_1g);

#endif
