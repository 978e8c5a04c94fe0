/*
 * Results as a database: any number of runs in SQLite, in memory. docs/RESULTS.md describes the tables and their units.
 *
 *   run, fact                      a row a run; a row a value of its run.json, by its dotted path
 *   point                          a row a point: where it was measured, its status, its labels
 *   parameter, metric              the values that a point was measured at, and what it came to
 *   sample, latency                every sample of every metric; the latency histograms
 *   counter, hardware              what the kernel and KVM counted; what the CPU's PMU counted
 *   effective_leaf                 a row a backing: how its pages are held in the TLB
 *   trait, axis                    what a metric or a parameter is: unit, direction, help
 *   tlb_reach, fault_storm, ...    a table a bench, with a column for each parameter and three for each metric
 *
 * SQL functions for statistics and for the formatting of numbers are registered by sql_functions_add().
 */
#ifndef NESTWALK_RECORD_DATABASE_H
#define NESTWALK_RECORD_DATABASE_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* A bench that this program knows: its table exists also where no run has points of it. Lists end in NULL. */
struct database_bench {
	const char *name;
	const char *const *parameters; /* the keys that results use */
	const char *const *metrics;
};

/* How much of each point database_load() keeps. */
enum database_depth {
	DATABASE_POINTS, /* not sample, latency, counter and hardware, which stay empty: most questions do without them */
	DATABASE_SAMPLES, /* everything */
};

/*
 * An empty database in memory, with all tables but those of benches. 0 with *db, which the caller closes with
 * sqlite3_close(); -ENOMEM or -EIO with *why.
 */
int database_open(sqlite3 **db, struct reason *why);

/*
 * Load the run directory `path`; the run's number is one more than that of the run loaded before. Of lines with one
 * identity (docs/RESULTS.md) the last stands, in the place of the first. A cut last line of a killed run is left out,
 * and run.truncated is 1. 0, or a negative errno with *why naming file and line: -ENOENT no run there, -EINVAL not JSON,
 * or a schema that this version does not read. Needs no privilege.
 */
int database_load(sqlite3 *db, const char *path, enum database_depth depth, struct reason *why);

/*
 * Make the table of each bench, empty, for the points that were loaded and for `known`. The table of bench "tlb-reach" is
 * tlb_reach. Its columns are those of point, then each parameter under its own name, then NAME, NAME_lo and NAME_hi of
 * each metric. A parameter with the name of a column that is there already is called NAME_parameter. 0, or a negative
 * errno with *why.
 */
int database_make_bench_tables(sqlite3 *db, const struct database_bench *known, size_t count, struct reason *why);

/*
 * Fill the tables of the benches whose names stand in the text `mentioned`; NULL: the tables of all benches. To be called
 * once. 0, or a negative errno with *why.
 */
int database_fill_bench_tables(sqlite3 *db, const char *mentioned, struct reason *why);

/* Run statements that return no rows. 0, or -EIO with *why in SQLite's words. */
int database_run(sqlite3 *db, const char *sql, struct reason *why);

/* A prepared statement; the caller finalizes it. NULL with *why in SQLite's words. */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql, struct reason *why);

/* Step a statement: 1 a row, 0 no more rows, -EIO with *why. */
int database_step(sqlite3_stmt *statement, struct reason *why);

/* A number of a row's column; NAN where it is NULL or no number. */
double database_number(sqlite3_stmt *statement, int column);

/* Bind a number to a parameter, from 1; NULL where it is not finite. */
void database_bind_number(sqlite3_stmt *statement, int parameter, double number);

#endif
