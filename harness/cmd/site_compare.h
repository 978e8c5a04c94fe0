/* What `nestwalk compare` says of runs that a site compares. */
#ifndef NESTWALK_CMD_SITE_COMPARE_H
#define NESTWALK_CMD_SITE_COMPARE_H

#include "base/reason.h"
#include "report/files.h"

#include <sqlite3.h>

/*
 * The comparison of all runs in a database, each of them a side, the first the base, as Markdown under a heading of its own.
 * `labels` are what they are called, in their order. The caller frees it; NULL with *why.
 */
char *site_compare_text(sqlite3 *db, const struct names *labels, struct reason *why);

#endif
