/* Which points were measured in the same way in different places, and which numbers of pages are clear of TLB levels' edges. */
#ifndef NESTWALK_INFER_ALIKE_H
#define NESTWALK_INFER_ALIKE_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the tables alike, control_pair and tlb_clear (infer/tables.h), empty. 0, or a negative errno with *why. */
int infer_alike_add(sqlite3 *db, struct reason *why);

/* Fill them. The tables of curves and of levels are filled already. 0, or a negative errno with *why. */
int infer_alike_fill(sqlite3 *db, struct reason *why);

#endif
