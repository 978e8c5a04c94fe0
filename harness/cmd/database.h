/* Runs named on the command line, as a database. */
#ifndef NESTWALK_CMD_DATABASE_H
#define NESTWALK_CMD_DATABASE_H

#include "base/reason.h"
#include "record/database.h"

#include <sqlite3.h>
#include <stdbool.h>

/*
 * Load runs, with a table for every bench of this program. The tables of benches and the derived tables are empty: filling
 * them is left to the caller. A file of `nestwalk export` may stand in
 * place of all runs: it is opened to be read, with all of its tables filled. 0 with *db, which the caller closes with
 * sqlite3_close(); a negative errno with *why.
 */
int cmd_database_open(
	const char *const *runs, size_t count, enum database_depth depth, sqlite3 **db, struct reason *why);

/* Fill the tables of all benches and the derived tables of runs that were loaded with their samples. 0, or an error. */
int cmd_database_fill(sqlite3 *db, struct reason *why);

/* Whether it is a file of `nestwalk export`, whose tables are filled and must stay as they are. */
bool cmd_database_is_exported(sqlite3 *db);

#endif
