/* The tables of walks (infer/tables.h): how many overlap, which entries are held, what each reference costs. */
#ifndef NESTWALK_INFER_WALKS_H
#define NESTWALK_INFER_WALKS_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the tables, empty. 0, or a negative errno with *why. */
int infer_walks_add(sqlite3 *db, struct reason *why);

/* Fill them. The table tlb_clear is filled already. 0, or a negative errno with *why. */
int infer_walks_fill(sqlite3 *db, struct reason *why);

#endif
