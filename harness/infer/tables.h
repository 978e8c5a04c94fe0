/*
 * Derived tables: what follows from the samples of a database of runs (record/database.h). docs/RESULTS.md describes them.
 *
 *   curve, curve_point             the cost of an access against the number of pages: which points make a curve
 *   tlb_level, tlb_walk            the levels inferred from each curve; the cost of a walk beyond the last
 *   tlb_unresolved, tlb_noise      what a curve does not tell, and why; how much equals differ
 *   tlb_counted                    what hardware counted at the points of curves; whether that agrees with the clock
 *   tlb_clear                      which numbers of pages are surely within the first or second level, or beyond all, in
 *                                  every curve of a page size and stride: first_to, second_from, second_to, beyond_from
 *   geometry, geometry_capacity,   sets, ways and index of levels; how many pages they hold by stride; what each point
 *   geometry_point                 of a map costs
 *   page_reach                     how much memory the first level reaches, by how many lines of each page are used
 *   page_leaf                      the pieces in which each place holds its pages, by how far they reach or by the probe
 *   alike (base, point)            points of one run and bench that were measured in the same way in different places:
 *                                  `point` has all parameters of `base`, and may have more; times of processors only
 *   control_pair (base, point)     a point of the host, and the same of the control (A/A)
 *   null_pair, null_ratio          how far the host is from itself, by point, and by bench and metric
 *   walk_ratio                     curves held against the host's where walks are read; whether they differ beyond the control
 *   baseline                       whether the first level holds the packed lines of a chase's point: net is a lower bound if not
 *   crossover_cost                 by panel (what a change of a page table is) and place: the points that tell what a change
 *                                  and a miss cost
 *   crossover                      slowdown against the base at `misses` for each change; 0: changes alone, Inf: misses
 *   crossover_equal                where nested and shadow paging cost the same, or which costs less at every mix
 *   walk_overlap                   how many walks are under way at a time
 *   walk_cache_level               how many upper entries of page tables the CPU keeps
 *   walk_line, walk_line_point     what each further reference of a walk costs, and the points that tell
 *
 * SQL functions (aggregates over pairs of points, which are given by their numbers):
 *   ratio_of_pairs(over, under, metric)   '[ratio, lo, hi, pairs, sure_lo, sure_hi]', JSON: how many times as much the
 *                                         metric is in the points `over` as in the points `under`, with its 95 %
 *                                         interval, and the 99 % interval that a difference is claimed by
 */
#ifndef NESTWALK_INFER_TABLES_H
#define NESTWALK_INFER_TABLES_H

#include "base/reason.h"

#include <sqlite3.h>

/* All of them; ended by NULL. */
extern const char *const infer_table_names[];

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
