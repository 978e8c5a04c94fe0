#include "infer/tables.h"

#include "base/number.h"
#include "base/quiet.h"
#include "base/units.h"
#include "base/vocabulary.h"
#include "infer/alike.h"
#include "infer/baseline.h"
#include "infer/claims.h"
#include "infer/crossover.h"
#include "infer/geometry_table.h"
#include "infer/levels.h"
#include "infer/page_reach_tables.h"
#include "infer/walks.h"
#include "record/database.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const infer_table_names[] = { "curve", "curve_point", "tlb_level", "tlb_walk", "tlb_unresolved",
	"tlb_noise", "tlb_counted", "tlb_clear", "geometry", "geometry_capacity", "geometry_point", "alike",
	"alike_runs", "control_pair", "null_pair", "null_ratio", "walk_ratio", "baseline", "crossover_cost",
	"crossover", "crossover_equal", "page_reach", "page_leaf", "walk_overlap", "walk_cache_level", "walk_line",
	"walk_line_point", NULL };

static const char schema[] =
	"CREATE TABLE curve (curve INTEGER PRIMARY KEY, run INTEGER, bench TEXT, setting TEXT, paging TEXT, place TEXT,"
	" place_rank INTEGER, series TEXT, outer TEXT, emulated INTEGER, page_size_bytes INTEGER, backing TEXT,"
	" stride_pages INTEGER, pages_label TEXT, others TEXT, parameters TEXT, family TEXT, reason TEXT,"
	" measured INTEGER DEFAULT 0, leaf_bytes INTEGER);"
	"CREATE TABLE curve_point (point INTEGER PRIMARY KEY, curve INTEGER, pass TEXT, pages INTEGER);"
	"CREATE INDEX curve_point_by_curve ON curve_point (curve, pages);"
	"CREATE TABLE tlb_level (curve INTEGER, level INTEGER, entries INTEGER, entries_lo INTEGER, entries_hi INTEGER,"
	" added_cycles REAL, added_cycles_lo REAL, added_cycles_hi REAL, added_ns REAL, added_ns_lo REAL, added_ns_hi REAL,"
	" law_misfit REAL, clean_pages INTEGER, half_pages INTEGER, saturated_pages INTEGER, noise_cycles REAL,"
	" confirmed INTEGER, law TEXT, note TEXT, PRIMARY KEY (curve, level)) WITHOUT ROWID;"
	"CREATE TABLE tlb_walk (curve INTEGER PRIMARY KEY, cycles REAL, cycles_lo REAL, cycles_hi REAL, ns REAL, ns_lo REAL,"
	" ns_hi REAL, pages_from INTEGER, pages_to INTEGER, grows INTEGER, last_pages INTEGER, last_cycles REAL, last_ns REAL,"
	" last_low_cycles REAL, last_low_ns REAL);"
	"CREATE TABLE tlb_unresolved (curve INTEGER, pages_from INTEGER, pages_to INTEGER, effect_cycles REAL,"
	" noise_cycles REAL, kind TEXT, reason TEXT);"
	"CREATE TABLE tlb_noise (curve INTEGER PRIMARY KEY, null_cycles REAL, null_cycles_p95 REAL, comparisons INTEGER);"
	"CREATE TABLE tlb_counted (point INTEGER PRIMARY KEY, curve INTEGER, pass TEXT, pages INTEGER, misses REAL,"
	" misses_lo REAL, misses_hi REAL, walks REAL, walks_lo REAL, walks_hi REAL, walk_cycles REAL, walk_cycles_lo REAL,"
	" walk_cycles_hi REAL, cycles_per_walk REAL, cycles_per_walk_lo REAL, cycles_per_walk_hi REAL, net_cycles REAL,"
	" beyond_pages INTEGER, walks_agree INTEGER, time_agrees INTEGER);"
	"CREATE INDEX tlb_counted_by_curve ON tlb_counted (curve, pages);";

/* What hardware counted at a point, as a column and those of its interval. */
#define HARDWARE(column, name) \
	"json_extract(hardware, '$." name ".median') AS " column ", json_extract(hardware, '$." name \
	".lo') AS " column "_lo, json_extract(hardware, '$." name ".hi') AS " column "_hi"

/*
 * Every access walks from four times the last level's entries on: there, random replacement finds 2 % of the pages again,
 * LRU none. An advertised number counts entries, and one of AMD's may cover four neighbouring pages. Some accesses still
 * hit there (a random cycle comes back early) and some walks are done twice, so that walks agree with accesses within 5 %;
 * a count that means something else is off by far more. Net cycles by time are the walk and the look-up of the second
 * level before it (7 to 9 cycles on published cores), less what the core does meanwhile: 12 cycles or a quarter.
 */
/* The next is laid out by hand: clang-format takes text between two macros for their arguments. */
/* clang-format off */
static const char find_counted[] =
	"INSERT INTO tlb_counted WITH advertised AS (SELECT run, page_size_bytes, MAX(level), entries FROM"
	" (SELECT run, page_size_bytes, level, SUM(entries) AS entries FROM tlb_advertised"
	" GROUP BY run, page_size_bytes, level) GROUP BY run, page_size_bytes),"
	" last AS (SELECT curve, MAX(level), COALESCE(entries_hi, entries) AS entries FROM tlb_level GROUP BY curve),"
	" open AS (SELECT DISTINCT curve FROM tlb_unresolved WHERE kind = 'not resolved' AND reason NOT LIKE 'level %'),"
	" reach AS (SELECT c.curve, CASE WHEN w.curve IS NULL OR l.curve IS NULL OR u.curve IS NOT NULL THEN 4 * 4 * a.entries"
	" ELSE 4 * MAX(l.entries, COALESCE(a.entries, 0)) END AS beyond_pages FROM curve c"
	" LEFT JOIN open u USING (curve) LEFT JOIN tlb_walk w USING (curve) LEFT JOIN last l USING (curve) LEFT JOIN advertised a USING (run, page_size_bytes)"
	" WHERE c.measured),"
	" told AS (SELECT p.point, curve, pass, pages, " HARDWARE("misses", "dtlb_load_misses_l1_per_access") ","
	" " HARDWARE("walks", "dtlb_load_walks_per_access") ","
	" " HARDWARE("walk_cycles", "dtlb_walk_cycles_per_access") ","
	" " HARDWARE("each", "walk_cycles_per_walk") ","
	" json_extract(metrics, '$.net_cycles.median') AS net_cycles, beyond_pages"
	" FROM reach JOIN curve_point p USING (curve) JOIN part ON part.point = p.point)"
	" SELECT point, curve, pass, pages, misses, misses_lo, misses_hi, walks, walks_lo, walks_hi,"
	" walk_cycles, walk_cycles_lo, walk_cycles_hi, COALESCE(each, walk_cycles / NULLIF(walks, 0)), each_lo, each_hi,"
	" net_cycles, beyond_pages, CASE WHEN pages >= beyond_pages THEN ABS(walks - 1) <= 0.05 END,"
	" CASE WHEN pages >= beyond_pages AND walks > 0"
	" THEN ABS(walk_cycles - net_cycles) <= MAX(12, 0.25 * net_cycles) END"
	" FROM told WHERE COALESCE(misses, walks, walk_cycles, each) IS NOT NULL;";
/* clang-format on */

/*
 * A curve's points differ in `pages` only. Pages a distance apart are another question, whose steps are no TLB levels;
 * other benches take so many pages away, and have no page size. A group that could not be measured is one point without
 * `pages`: a curve with no points, but a reason. family: the same for curves that differ in their stride only. measured:
 * its times were taken, and are not an emulator's. The control has no curve, as it is no place.
 */
static const char find_curves[] =
	"CREATE TEMP TABLE reach AS SELECT p.*, json_extract(params, '$.pages') AS pages,"
	" json_extract(params, '$.page_size_bytes') AS page_size_bytes, json_extract(params, '$.backing') AS backing,"
	" COALESCE(json_extract(params, '$.stride_pages'), 1) AS stride_pages,"
	" (SELECT json_group_object(key, atom) FROM (SELECT key, atom FROM json_each(params) WHERE key <> 'pages' ORDER BY key))"
	" AS parameters,"
	" (SELECT group_concat(key || ' ' || atom, ', ') FROM (SELECT key, atom FROM json_each(params) WHERE key NOT IN"
	" ('pages', 'page_size_bytes', 'backing', 'stride_pages') ORDER BY key)) AS others"
	" FROM point p JOIN part USING (point) WHERE NOT control AND json_type(params, '$.page_size_bytes') = 'integer'"
	" AND json_type(params, '$.distance_bytes') IS NULL AND (json_type(params, '$.pages') = 'integer' AND"
	" json_extract(params, '$.pages') >= 1 OR json_type(params, '$.pages') IS NULL AND p.status <> 'ok' AND"
	" json_type(params, '$.stride_pages') IS NOT NULL);"
	/* With MIN(), SQLite takes the other columns from the row that has the least: the curve's first point. */
	"INSERT INTO curve SELECT NULL, run, bench, setting, paging, place, place_rank, series, outer, emulated,"
	" page_size_bytes, backing, stride_pages,"
	" CASE WHEN backing LIKE size(page_size_bytes) || '%' THEN backing || ' pages'"
	" ELSE size(page_size_bytes) || ' pages' || COALESCE(' on ' || backing, '') END ||"
	" CASE WHEN stride_pages > 1 THEN ', every ' || ordinal(stride_pages) || ' page' ELSE '' END, others,"
	" parameters, json_array(bench, setting, paging, outer, json_remove(parameters, '$.stride_pages')), reason, 0, NULL"
	" FROM (SELECT *, MIN(point) AS first FROM reach GROUP BY run, bench, setting, paging, outer, parameters)"
	" ORDER BY run, first;"
	/* All at once: a curve that was named is still like the others of its place. */
	"UPDATE curve SET series = series || ', ' || others WHERE others IS NOT NULL AND curve IN (SELECT curve FROM"
	" (SELECT curve, COUNT(*) OVER (PARTITION BY run, bench, series, pages_label) AS alike FROM curve) WHERE alike > 1);"
	"INSERT INTO curve_point SELECT r.point, c.curve, r.pass, r.pages FROM reach r JOIN curve c ON c.run = r.run"
	" AND c.bench = r.bench AND c.setting = r.setting AND c.paging IS r.paging AND c.outer IS r.outer"
	" AND c.parameters IS r.parameters WHERE r.status = 'ok';"
	"UPDATE curve SET measured = 1 WHERE NOT emulated AND curve IN (SELECT curve FROM curve_point p"
	" JOIN metric n ON n.point = p.point AND n.name = 'net_cycles' AND n.median IS NOT NULL"
	" JOIN metric g ON g.point = p.point AND g.name = 'gross_cycles' AND g.median IS NOT NULL);"
	"DROP TABLE reach;";

/*
 * The samples of a curve (?1); a point whose samples were not kept has its medians as one sample. The lists are read from
 * the JSON in place: joining the view `sample` with itself would take each list apart as often as it has samples.
 * Where enough samples are quiet, the others are left out (base/quiet.h).
 */
#define OF_SAMPLE(name) "json_extract(lists, '$." name "[' || g.key || ']')"
#define MEDIAN(name) "json_extract(metrics, '$." name ".median')"
/* clang-format off */
static const char select_samples[] =
	"SELECT c.pass, c.pages, g.atom, " OF_SAMPLE("baseline_cycles") ", " OF_SAMPLE("net_cycles") ","
	" " OF_SAMPLE("net_ns") ", COALESCE(" OF_SAMPLE("round") ", g.key)"
	" FROM curve_point c CROSS JOIN part p ON p.point = c.point CROSS JOIN json_each(p.lists, '$.gross_cycles') g"
	" WHERE c.curve = ?1 AND COALESCE(" OF_SAMPLE("contaminated") ", 0) = 0 AND (COALESCE(" OF_SAMPLE("quiet") ", 1) > 0"
	" OR (SELECT TOTAL(atom > 0) FROM json_each(p.lists, '$.quiet')) < ?2)"
	" UNION ALL SELECT c.pass, c.pages, " MEDIAN("gross_cycles") ", " MEDIAN("baseline_cycles") ","
	" " MEDIAN("net_cycles") ", " MEDIAN("net_ns") ", 0"
	" FROM curve_point c CROSS JOIN part p ON p.point = c.point"
	" WHERE c.curve = ?1 AND json_type(metrics, '$.net_cycles') IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM sample WHERE point = c.point)";
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A row of a derived table: its numbers come before its texts. */
struct row {
	const char *table;
	const double *number;
	size_t numbers;
	const char *const *text;
	size_t texts;
};

static int row_insert(sqlite3 *db, const struct row *row, struct reason *why)
{
	char *sql = sqlite3_mprintf("INSERT INTO %s VALUES (?", row->table);
	sqlite3_stmt *statement = NULL;
	int rc;

	for (size_t i = 1; sql && i < row->numbers + row->texts; i++)
		sql = sqlite3_mprintf("%z, ?", sql);
	sql = sql ? sqlite3_mprintf("%z)", sql) : NULL;
	if (sql)
		statement = database_prepare(db, sql, why);
	sqlite3_free(sql);
	if (!statement)
		return -EIO;
	for (size_t i = 0; i < row->numbers; i++)
		database_bind_number(statement, (int)i + 1, row->number[i]);
	for (size_t i = 0; i < row->texts; i++)
		sqlite3_bind_text(statement, (int)(row->numbers + i) + 1, row->text[i], -1, SQLITE_STATIC);
	rc = database_step(statement, why);
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

static int levels_store(
	sqlite3 *db, const struct inferred_levels *levels, const struct curve *curves, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < levels->levels && !rc; i++) {
		const struct inferred_level *level = &levels->level[i];
		const double number[] = { (double)curves[level->curve].id, level->level, level->entries,
			level->entries_lo, level->entries_hi, level->added_cycles.median, level->added_cycles.lo,
			level->added_cycles.hi, level->added_ns.median, level->added_ns.lo, level->added_ns.hi,
			level->law_misfit, level->clean_pages, level->half_pages, level->saturated_pages,
			level->noise_cycles, level->confirmed };
		const char *text[] = { level->law, level->note[0] ? level->note : NULL };

		rc = row_insert(db, &(struct row){ "tlb_level", number, COUNT(number), text, COUNT(text) }, why);
	}
	for (size_t i = 0; i < levels->walks && !rc; i++) {
		const struct inferred_walk *walk = &levels->walk[i];
		const double number[] = { (double)curves[walk->curve].id, walk->cycles.median, walk->cycles.lo,
			walk->cycles.hi, walk->ns.median, walk->ns.lo, walk->ns.hi, walk->pages_from, walk->pages_to,
			walk->grows, walk->last_pages, walk->last_cycles, walk->last_ns, walk->last_low_cycles,
			walk->last_low_ns };

		rc = row_insert(db, &(struct row){ "tlb_walk", number, COUNT(number), NULL, 0 }, why);
	}
	return rc;
}

/* What is not a level or a walk: rises that are no levels, what stays open, and how much equals differ. */
static int doubts_store(
	sqlite3 *db, const struct inferred_levels *levels, const struct curve *curves, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < levels->unresolveds && !rc; i++) {
		const struct inferred_unresolved *open = &levels->unresolved[i];
		const double number[] = { (double)curves[open->curve].id, NAN, NAN, NAN, NAN };
		const char *text[] = { "not resolved", open->reason };

		rc = row_insert(db, &(struct row){ "tlb_unresolved", number, COUNT(number), text, COUNT(text) }, why);
	}
	for (size_t i = 0; i < levels->rejecteds && !rc; i++) {
		const struct inferred_rejected *rise = &levels->rejected[i];
		const double number[] = { (double)curves[rise->curve].id, rise->pages_from, rise->pages_to,
			rise->effect_cycles, rise->noise_cycles };
		const char *text[] = { "rejected step", rise->reason };

		rc = row_insert(db, &(struct row){ "tlb_unresolved", number, COUNT(number), text, COUNT(text) }, why);
	}
	for (size_t i = 0; i < levels->noises && !rc; i++) {
		const struct inferred_noise *noise = &levels->noise[i];
		const double number[] = { (double)curves[noise->curve].id, noise->null_cycles, noise->null_cycles_p95,
			(double)noise->comparisons };

		rc = row_insert(db, &(struct row){ "tlb_noise", number, COUNT(number), NULL, 0 }, why);
	}
	return rc;
}

static int samples_read(sqlite3 *db, struct curve *curve, struct reason *why)
{
	sqlite3_stmt *samples = database_prepare(db, select_samples, why);
	int rc = samples ? 1 : -EIO;

	if (samples) {
		sqlite3_bind_int64(samples, 1, (sqlite3_int64)curve->id);
		sqlite3_bind_int(samples, 2, QUIET_LEAST);
	}
	while (rc > 0 && (rc = database_step(samples, why)) > 0) {
		const char *pass = (const char *)sqlite3_column_text(samples, 0);
		const struct curve_sample sample = {
			.gross = database_number(samples, 2),
			.baseline = database_number(samples, 3),
			.net = database_number(samples, 4),
			.net_ns = database_number(samples, 5),
			.round = database_number(samples, 6),
		};

		if (curve_add(curve, pass && !strcmp(pass, "refine") ? CURVE_REFINE : CURVE_SWEEP,
			    database_number(samples, 1), &sample))
			rc = fail(why, ENOMEM, "out of memory");
	}
	sqlite3_finalize(samples);
	if (!rc && curve_finish(curve))
		rc = fail(why, ENOMEM, "out of memory");
	return rc;
}

/* The curves of one run. Their texts are owned here. */
struct curves {
	struct curve *curve;
	size_t count;
};

static void curves_free(struct curves *curves)
{
	for (size_t i = 0; i < curves->count; i++) {
		curve_free(&curves->curve[i]);
		free((char *)curves->curve[i].backing);
		free((char *)curves->curve[i].reason);
	}
	free(curves->curve);
}

static char *column_copy(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? strdup(text) : NULL;
}

static int curves_read(sqlite3 *db, sqlite3_int64 run, struct curves *curves, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db,
		"SELECT curve, setting, backing, page_size_bytes, stride_pages, reason, (SELECT MIN(curve) FROM curve o"
		" WHERE o.run = c.run AND o.family = c.family), (SELECT MIN(curve) FROM curve o WHERE o.run = c.run"
		" AND o.bench = c.bench AND o.page_size_bytes = c.page_size_bytes AND o.stride_pages = c.stride_pages),"
		" (SELECT size_bytes / (2 * ?2) FROM cache WHERE cache.run = c.run AND level = 2),"
		" (SELECT MAX(entries) FROM geometry g WHERE g.run = c.run AND g.page_size_bytes = c.page_size_bytes"
		" AND c.stride_pages = 1 AND g.level > 1)"
		" FROM curve c WHERE run = ?1 AND NOT emulated ORDER BY curve",
		why);
	int rc = rows ? 1 : -EIO;

	if (rows) {
		sqlite3_bind_int64(rows, 1, run);
		sqlite3_bind_int64(rows, 2, LINE_BYTES);
	}
	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		struct curve *grown = reallocarray(curves->curve, curves->count + 1, sizeof(*grown));
		int setting = setting_find((const char *)sqlite3_column_text(rows, 1));
		uint64_t page_bytes = 0, stride = 1;

		if (!grown) {
			rc = fail(why, ENOMEM, "out of memory");
			break;
		}
		curves->curve = grown;
		number_whole(database_number(rows, 3), INT64_MAX, &page_bytes);
		number_whole(database_number(rows, 4), INT64_MAX, &stride);
		grown[curves->count++] = (struct curve){
			.id = (size_t)sqlite3_column_int64(rows, 0),
			.family = (size_t)sqlite3_column_int64(rows, 6),
			.question = (size_t)sqlite3_column_int64(rows, 7),
			.cached_pages = sqlite3_column_double(rows, 8),
			.entries_known = sqlite3_column_double(rows, 9),
			.setting = setting < 0 ? SETTING_COUNT : setting,
			.backing = column_copy(rows, 2),
			.reason = column_copy(rows, 5),
			.page_bytes = page_bytes,
			.stride = stride ? stride : 1,
		};
	}
	sqlite3_finalize(rows);
	for (size_t i = 0; i < curves->count && !rc; i++)
		rc = samples_read(db, &curves->curve[i], why);
	return rc;
}

static int run_infer(sqlite3 *db, sqlite3_int64 run, uint64_t seed, struct reason *why)
{
	struct curves curves = { 0 };
	struct inferred_levels levels = { 0 };
	int rc = curves_read(db, run, &curves, why);

	if (!rc && curves.count) {
		qsort(curves.curve, curves.count, sizeof(*curves.curve), curve_compare);
		if (levels_infer(curves.curve, curves.count, seed, &levels))
			rc = fail(why, ENOMEM, "out of memory");
	}
	if (!rc)
		rc = levels_store(db, &levels, curves.curve, why);
	if (!rc)
		rc = doubts_store(db, &levels, curves.curve, why);
	levels_free(&levels);
	curves_free(&curves);
	return rc;
}

static int levels_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

static int curves_fill(sqlite3 *db, struct reason *why)
{
	return database_run(db, find_curves, why);
}

static int levels_fill(sqlite3 *db, struct reason *why)
{
	sqlite3_stmt *runs = database_prepare(db, "SELECT run, seed FROM run", why);
	int rc = runs ? 1 : -EIO;

	while (rc > 0 && (rc = database_step(runs, why)) > 0) {
		int error = run_infer(db, sqlite3_column_int64(runs, 0), (uint64_t)sqlite3_column_int64(runs, 1), why);

		rc = error ? error : rc;
	}
	sqlite3_finalize(runs);
	return rc ? rc : database_run(db, find_counted, why);
}

typedef int (*infer_step)(sqlite3 *db, struct reason *why);

/* In an order in which each finds the tables filled that it reads. */
static const infer_step adds[] = { levels_add, infer_geometry_add, infer_alike_add, infer_claims_add,
	infer_baseline_add, infer_crossover_add, infer_page_reach_add, infer_walks_add, infer_ratio_add };
static const infer_step fills[] = { curves_fill, infer_geometry_fill, levels_fill, infer_alike_fill, infer_claims_fill,
	infer_baseline_fill, infer_crossover_fill, infer_page_reach_fill, infer_walks_fill };

static int steps_take(const infer_step *step, size_t steps, sqlite3 *db, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < steps && !rc; i++)
		rc = step[i](db, why);
	return rc;
}

int infer_tables_add(sqlite3 *db, struct reason *why)
{
	return steps_take(adds, COUNT(adds), db, why);
}

int infer_tables_fill(sqlite3 *db, struct reason *why)
{
	return steps_take(fills, COUNT(fills), db, why);
}
