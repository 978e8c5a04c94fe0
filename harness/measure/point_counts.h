/* The counts of hardware in the samples of a point, per access, and their form in points.jsonl. */
#ifndef NESTWALK_POINT_COUNTS_H
#define NESTWALK_POINT_COUNTS_H

#include "measure/hardware.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct point_counts;

/*
 * Keep the counts of sample `index` of a point, which made `accesses` accesses. Earlier counts of that sample are
 * replaced. The first call makes *counts; the caller frees it with point_counts_free(). 0, or -ENOMEM.
 */
int point_counts_add(struct point_counts **counts, size_t index, const struct count_sample *sample, double accesses);
void point_counts_free(struct point_counts *counts);

/* The point and the run that the counts belong to. */
struct counts_context {
	const struct hardware *hardware; /* NULL: no counters were asked for */
	enum setting setting;
	size_t samples; /* the point's number of samples; samples that were added beyond it are ignored */
	uint64_t seed; /* of the bootstrap */
};

/*
 * Put "hardware" and "hardware_samples", or "hardware": null and "hardware_reason", into a point's object
 * (docs/RESULTS.md). `counts` is NULL where nothing was added. 0, or -ENOMEM.
 */
int point_counts_json(const struct point_counts *counts, const struct counts_context *context, json_t *point);

#endif
