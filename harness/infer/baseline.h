/* Whether the packed baseline of a chase may miss the TLB itself, so that net is no more than a lower bound. */
#ifndef NESTWALK_INFER_BASELINE_H
#define NESTWALK_INFER_BASELINE_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the table baseline, empty. 0, or a negative errno with *why. */
int infer_baseline_add(sqlite3 *db, struct reason *why);

/* Fill it, once tlb_level is there. 0, or a negative errno with *why. */
int infer_baseline_fill(sqlite3 *db, struct reason *why);

#endif
