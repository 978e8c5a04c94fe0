/*
 * Derived tables: what follows from the samples of a database of runs (record/database.h). docs/RESULTS.md describes them.
 *
 *   curve, curve_point             the cost of an access against the number of pages: which points make a curve
 *   tlb_level, tlb_walk            the levels inferred from each curve; the cost of a walk beyond the last
 *   tlb_unresolved, tlb_noise      what a curve does not tell, and why; how much equals differ
 *
 * SQL functions (aggregates over pairs of points, which are given by their numbers):
 *   ratio_of_pairs(over, under, metric)   '[ratio, lo, hi, pairs]', JSON: how many times as much the metric is in the
 *                                         points `over` as in the points `under`, with its 95 % interval
 */
#ifndef NESTWALK_INFER_TABLES_H
#define NESTWALK_INFER_TABLES_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the derived tables, empty, and register the functions. 0, or a negative errno with *why. */
int infer_tables_add(sqlite3 *db, struct reason *why);

/*
 * Fill the derived tables from all runs of the database, which were loaded with their samples. Curves of an emulator's
 * times have rows in `curve` and none in the others. The seed of each run's bootstraps is the run's own. 0, or a negative
 * errno with *why.
 */
int infer_tables_fill(sqlite3 *db, struct reason *why);

/* Register ratio_of_pairs(). 0, or a negative errno with *why. */
int infer_ratio_add(sqlite3 *db, struct reason *why);

#endif
