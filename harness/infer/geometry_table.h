/* Derived tables of what TLB levels are made of: geometry, geometry_capacity and geometry_point (infer/tables.h). */
#ifndef NESTWALK_INFER_GEOMETRY_TABLE_H
#define NESTWALK_INFER_GEOMETRY_TABLE_H

#include "base/reason.h"

#include <sqlite3.h>

/* Make the tables, empty. 0, or a negative errno with *why. */
int infer_geometry_add(sqlite3 *db, struct reason *why);

/* Fill them from all points that have the parameters of a placement (base/placement.h). 0, or a negative errno with *why. */
int infer_geometry_fill(sqlite3 *db, struct reason *why);

#endif
