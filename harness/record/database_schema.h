/* The tables of the database that every run fills. docs/RESULTS.md explains each column. */
#ifndef NESTWALK_RECORD_DATABASE_SCHEMA_H
#define NESTWALK_RECORD_DATABASE_SCHEMA_H

/* Columns of point that a reader asks for: the table of each bench begins with them. */
#define POINT_COLUMNS \
	"point, run, joined, bench, setting, paging, place, place_rank, series, outer, accel, pass, status, reason, " \
	"samples, discarded, contaminated, interpreted, emulated"

extern const char database_schema[];

#endif
