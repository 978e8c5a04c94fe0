/*
 * Several runs in one report: each gets a label, and a place of it is "place (LABEL)", so that no figure takes two runs for
 * one.
 */
#ifndef NESTWALK_REPORT_LABELS_H
#define NESTWALK_REPORT_LABELS_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stddef.h>

/*
 * Label the runs of a database, before its benches' and derived tables are filled (infer/tables.h): place and series of
 * every point end in the label of its run, and place_rank counts all places, those of one setting and paging mode side
 * by side. The temporary table run_label (run, label) tells them; of one run it is empty and nothing changes. `labels`
 * are the user's, in the order of the runs; where there are none (count 0), each run is called by what tells it from the
 * others: host, directory, kernel, effort or time. 0, or a negative errno with *why: -EINVAL labels that are not as many as
 * the runs, or not distinct.
 */
int labels_put(sqlite3 *db, const char *const *labels, size_t count, struct reason *why);

/* Make run_label, empty, where it is missing: the queries of figures ask it. 0, or a negative errno with *why. */
int labels_table_make(sqlite3 *db, struct reason *why);

#endif
