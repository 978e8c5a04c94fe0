#include "record/database_schema.h"

/*
 * Tables by (point, name) have no row id: their primary key is what every query looks up. `line` holds the parts of some
 * thousand points, as JSON, while their rows are made.
 */
const char database_schema[] =
	"CREATE TABLE run (run INTEGER PRIMARY KEY, path TEXT, host TEXT, cpu TEXT, outer TEXT, place TEXT,"
	" started_utc TEXT, duration_s REAL, version TEXT, effort TEXT, seed INTEGER, state TEXT, reason TEXT,"
	" tsc_hz REAL, cycles_per_tsc REAL, cycles_per_tsc_lo REAL, cycles_per_tsc_hi REAL, ghz REAL,"
	" truncated INTEGER DEFAULT 0);"
	"CREATE TABLE fact (run INTEGER, path TEXT, value, PRIMARY KEY (run, path)) WITHOUT ROWID;"
	"CREATE TABLE trait (run INTEGER, bench TEXT, metric TEXT, unit TEXT, per TEXT, better TEXT, signed INTEGER,"
	" time INTEGER, PRIMARY KEY (run, bench, metric)) WITHOUT ROWID;"
	"CREATE TABLE axis (run INTEGER, bench TEXT, parameter TEXT, kind TEXT, help TEXT,"
	" PRIMARY KEY (run, bench, parameter)) WITHOUT ROWID;"
	"CREATE TABLE tlb_advertised (run INTEGER, level INTEGER, kind TEXT, page_size_bytes INTEGER, entries INTEGER);"
	"CREATE TABLE point (point INTEGER PRIMARY KEY, run INTEGER, identity TEXT, joined INTEGER, bench TEXT,"
	" setting TEXT, paging TEXT, place TEXT, place_rank INTEGER, series TEXT, outer TEXT, accel TEXT, pass TEXT,"
	" status TEXT, reason TEXT, samples INTEGER, discarded INTEGER, contaminated INTEGER, interpreted INTEGER,"
	" emulated INTEGER, UNIQUE (run, identity));"
	"CREATE TABLE parameter (point INTEGER, name TEXT, value, PRIMARY KEY (point, name)) WITHOUT ROWID;"
	"CREATE TABLE metric (point INTEGER, name TEXT, median REAL, lo REAL, hi REAL, unit TEXT, reason TEXT,"
	" PRIMARY KEY (point, name)) WITHOUT ROWID;"
	"CREATE TABLE sample (point INTEGER, name TEXT, number INTEGER, round INTEGER, value REAL,"
	" PRIMARY KEY (point, name, number)) WITHOUT ROWID;"
	"CREATE TABLE latency (point INTEGER, from_ns INTEGER, to_ns INTEGER, count INTEGER,"
	" PRIMARY KEY (point, from_ns)) WITHOUT ROWID;"
	"CREATE TABLE counter (point INTEGER, source TEXT, name TEXT, value,"
	" PRIMARY KEY (point, source, name)) WITHOUT ROWID;"
	"CREATE TABLE hardware (point INTEGER, name TEXT, median REAL, lo REAL, hi REAL, unit TEXT, samples INTEGER,"
	" scaled INTEGER, generic INTEGER, reason TEXT, PRIMARY KEY (point, name)) WITHOUT ROWID;"
	"CREATE TEMP TABLE line (point INTEGER PRIMARY KEY, params TEXT, metrics TEXT, counters TEXT, kvm TEXT, memory TEXT,"
	" hardware TEXT, samples TEXT, latencies TEXT);";
