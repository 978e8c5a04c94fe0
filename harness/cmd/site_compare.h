/* What `nestwalk compare` says of runs that a site compares. */
#ifndef NESTWALK_CMD_SITE_COMPARE_H
#define NESTWALK_CMD_SITE_COMPARE_H

#include "base/reason.h"

#include <sqlite3.h>

/*
 * The comparison of all runs in a database, which were labelled (report/labels.h), as Markdown under a heading of its own. Each
 * run is a side, the first the base. The caller frees it; NULL with *why.
 */
char *site_compare_text(sqlite3 *db, struct reason *why);

#endif
