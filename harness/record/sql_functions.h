/*
 * SQL functions for results. A function of a NULL is NULL, so that a sentence about an unknown number is unknown, too.
 *
 * Statistics (aggregates; values that are not numbers are left out):
 *   median(x)              the median
 *   quantile(x, q)         the q-quantile, 0 <= q <= 1, interpolated between order statistics
 *   spread(x)              the standard deviation of a normal sample with the same quartiles
 *   interval(x)            '[median, lo, hi, n]', JSON: the median and its 95 % bootstrap interval, with a fixed seed
 *   interval(x, seed)      the same with that seed
 *
 * Formatting (text for readers):
 *   number(x)              6.92, 113, 0.0041: three significant digits
 *   thousands(x)           65 536
 *   bytes(x)               288 KiB, 11.3 MiB
 *   size(x)                4K, 2M, 1536: as on the command line
 *   cell(x, lo, hi)        54.2 [53.1, 55.0]; 54.2 where lo is hi
 *   count_cell(x, lo, hi)  3599 [2435, 4467]
 *   ratio(x, lo, hi)       1.003 [0.998, 1.007]
 *   ordinal(n)             4th
 *
 * Vocabulary (base/vocabulary.h):
 *   place_label(setting, paging), place_rank(setting, paging), place_colour(setting, paging), paging_colour(paging)
 */
#ifndef NESTWALK_RECORD_SQL_FUNCTIONS_H
#define NESTWALK_RECORD_SQL_FUNCTIONS_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stddef.h>

/* Register all of the above. 0, or -ENOMEM with *why. */
int sql_functions_add(sqlite3 *db, struct reason *why);

/* What the rows of an aggregate have in common: a list of numbers that grows. */
struct sql_numbers {
	double *number;
	size_t count, room;
};

/* Append a number that is finite. 0, or -ENOMEM. */
int sql_numbers_add(struct sql_numbers *numbers, double number);

/* Return '[v0, v1, ...]' from an SQL function, with null for values that are not finite. */
void sql_result_numbers(sqlite3_context *context, const double *values, size_t count);

#endif
