/* Runs named on the command line, as a database. */
#ifndef NESTWALK_CMD_DATABASE_H
#define NESTWALK_CMD_DATABASE_H

#include "base/reason.h"
#include "record/database.h"

#include <sqlite3.h>

/*
 * Load runs, with a table for every bench of this program. The tables of benches and the derived tables are empty: filling
 * them is left to the caller (database_fill_bench_tables(), infer_tables_fill()). 0 with *db, which the caller closes with
 * sqlite3_close(); a negative errno with *why.
 */
int cmd_database_open(
	const char *const *runs, size_t count, enum database_depth depth, sqlite3 **db, struct reason *why);

#endif
