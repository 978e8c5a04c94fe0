/*
 * Which samples of a point its numbers are made of: those taken while nobody else used the core, where there are enough
 * of them; otherwise all. The rule is one for all that writes, checks and reads samples.
 */
#ifndef NESTWALK_BASE_QUIET_H
#define NESTWALK_BASE_QUIET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* As few samples make a median whose range covers it with 94 % (statistics.h). */
#define QUIET_LEAST 5

/* Whether numbers are made of quiet samples alone. @quiet: for each sample 1 or 0; NULL: not known. */
bool quiet_suffice(const double *quiet, size_t count);

/* Copy the values that numbers are made of, in their order. Returns how many; `selected` has room for `count`. */
size_t quiet_select(const double *values, const double *quiet, size_t count, double *selected);

/*
 * The samples of a metric that its numbers are made of, from the lists of a point's line, in memory that the caller frees.
 * What is no number is NaN. @quiet: as above; of another length than `samples`: not known. NULL with *count 0 where there
 * are no samples; NULL with another *count where memory is short.
 */
double *quiet_samples(const json_t *samples, const json_t *quiet, size_t *count);

#endif
