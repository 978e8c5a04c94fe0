/* A run that a test makes up, as a database with its derived tables. */
#ifndef NESTWALK_TEST_MADE_UP_RUN_H
#define NESTWALK_TEST_MADE_UP_RUN_H

#include <sqlite3.h>
#include <stdio.h>

/* What a test makes up. */
struct made_up_run {
	const char *about; /* run.json */
	void (*points_write)(FILE *out, const void *context); /* the lines of points.jsonl */
	const void *context;
	const char *more; /* SQL that is run once the points are loaded; NULL: none */
};

/* Load the run, with its samples and the tables of its benches, and infer. The caller closes the database. A failure fails the test. */
sqlite3 *made_up_inferred(const struct made_up_run *run);

/* The first column of a query's first row; NaN where there is none, or it is no number. */
double number(sqlite3 *db, const char *sql);

#endif
