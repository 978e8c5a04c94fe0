/* The tables of how much memory the first TLB level reaches and of what pages are held as (infer/tables.h). */
#ifndef NESTWALK_INFER_PAGE_REACH_TABLES_H
#define NESTWALK_INFER_PAGE_REACH_TABLES_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make page_reach and page_leaf, empty. 0, or a negative errno with *why. */
int infer_page_reach_add(sqlite3 *db, struct reason *why);

/* Fill them, and curve.leaf_bytes. The table of curves is filled already. 0, or a negative errno with *why. */
int infer_page_reach_fill(sqlite3 *db, struct reason *why);

#endif
