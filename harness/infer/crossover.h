/* The tables crossover and crossover_equal (infer/tables.h): which paging mode is cheaper, by what a program does. */
#ifndef NESTWALK_INFER_CROSSOVER_H
#define NESTWALK_INFER_CROSSOVER_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the tables, empty. 0, or a negative errno with *why. */
int infer_crossover_add(sqlite3 *db, struct reason *why);

/* Fill them. The table alike is filled already. 0, or a negative errno with *why. */
int infer_crossover_fill(sqlite3 *db, struct reason *why);

#endif
