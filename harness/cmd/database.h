/* Runs named on the command line, as a database. */
#ifndef NESTWALK_CMD_DATABASE_H
#define NESTWALK_CMD_DATABASE_H

#include "base/reason.h"
#include "record/database.h"

#include <sqlite3.h>

/*
 * Load runs, with a table for every bench of this program, and fill the derived tables where samples were asked for. A file
 * of `nestwalk export` may stand in place of all runs: it is opened to be read, whatever the depth.
 * 0 with *db, which the caller closes with sqlite3_close(); a negative errno with *why.
 */
int cmd_database_open(
	const char *const *runs, size_t count, enum database_depth depth, sqlite3 **db, struct reason *why);

#endif
