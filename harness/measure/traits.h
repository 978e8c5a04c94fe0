/* The traits of metrics and axes that run.json records, so that readers guess nothing from names. */
#ifndef NESTWALK_MEASURE_TRAITS_H
#define NESTWALK_MEASURE_TRAITS_H

#include "bench.h"

#include <jansson.h>

/*
 * docs/RESULTS.md, "metrics" and "axes": an object for each bench, in it one for each metric or each key of params. New
 * references; NULL where memory is short.
 */
json_t *traits_of_metrics(const struct bench *const *benches, size_t count);
json_t *traits_of_axes(const struct bench *const *benches, size_t count);

#endif
