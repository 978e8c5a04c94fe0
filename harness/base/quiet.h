/*
 * Which samples of a point its numbers are made of: those taken while nobody else used the core, where there are enough
 * of them; otherwise all. The rule is one for all that writes, checks and reads samples.
 */
#ifndef NESTWALK_BASE_QUIET_H
#define NESTWALK_BASE_QUIET_H

#include <stdbool.h>
#include <stddef.h>

/* As few samples make a median whose range covers it with 94 % (statistics.h). */
#define QUIET_LEAST 5

/* Whether numbers are made of quiet samples alone. @quiet: for each sample 1 or 0; NULL: not known. */
bool quiet_suffice(const double *quiet, size_t count);

/* Copy the values that numbers are made of, in their order. Returns how many; `selected` has room for `count`. */
size_t quiet_select(const double *values, const double *quiet, size_t count, double *selected);

#endif
