/*
 * Traits of metrics as run.json has them (docs/RESULTS.md, "metrics" and "axes"): looking one up, joining those of
 * runs.
 */
#ifndef NESTWALK_RECORD_TRAITS_H
#define NESTWALK_RECORD_TRAITS_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>

struct metric_traits {
	bool known; /* false: the run was written before runs had traits, and the other fields say nothing */
	const char *unit; /* borrowed from `about` */
	bool time, signed_value;
};

/* What run.json says of a metric of a bench. */
struct metric_traits traits_find(const json_t *about, const char *bench, const char *metric);

/*
 * Add to `about`, a run.json, the traits that only `other` has. A metric that both have must have the same unit, as the
 * points of both runs stand side by side. The objects are copied before they change. 0; -EINVAL with *why: a metric has
 * two units; -ENOMEM.
 */
int traits_unite(json_t *about, const json_t *other, struct reason *why);

#endif
