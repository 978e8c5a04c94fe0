/* What may be claimed of differences between settings: the A/A control, and ratios of settings where walks are read. */
#ifndef NESTWALK_INFER_CLAIMS_H
#define NESTWALK_INFER_CLAIMS_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make null_pair, null_ratio and walk_ratio, empty. 0, or a negative errno with *why. */
int infer_claims_add(sqlite3 *db, struct reason *why);

/* Fill them, once control_pair and tlb_walk are there. 0, or a negative errno with *why. */
int infer_claims_fill(sqlite3 *db, struct reason *why);

#endif
