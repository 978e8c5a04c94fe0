#include "infer/page_reach_tables.h"

#include "infer/page_reach.h"
#include "record/database.h"

#include <errno.h>
#include <stdlib.h>

/* Numbers of lines a page that differ: powers of two up to a page's lines (1G) are 25. More are left out. */
#define REACHES_MOST 32

static const char schema[] =
	"CREATE TABLE page_reach (reach INTEGER PRIMARY KEY, run INTEGER, setting TEXT, paging TEXT, place TEXT,"
	" place_rank INTEGER, series TEXT, page_size_bytes INTEGER, backing TEXT, others TEXT, lines_per_page INTEGER,"
	" apart_bytes INTEGER, lines REAL, lines_lo INTEGER, lines_hi INTEGER, reach_bytes REAL, reach_bytes_lo INTEGER,"
	" reach_bytes_hi INTEGER, reason TEXT);"
	"CREATE TABLE page_leaf (run INTEGER, setting TEXT, paging TEXT, place TEXT, place_rank INTEGER,"
	" page_size_bytes INTEGER, backing TEXT, leaf_bytes INTEGER, told_by TEXT, reason TEXT);";

/*
 * A curve's points differ in `lines` only: so many, evenly apart, so many in each page. Of each point the least cost counts,
 * gross less baseline, each the least of its own; a point whose samples were not kept has its median. An emulator's times
 * tell nothing about a TLB, and the control is no place.
 */
#define LEAST(name) \
	"(SELECT MIN(g.atom) FROM json_each(lists, '$." name \
	"') g WHERE COALESCE(json_extract(lists, '$.contaminated[' ||" \
	" g.key || ']'), 0) = 0)"
/* The next is laid out by hand: clang-format takes text between two macros for their arguments. */
/* clang-format off */
static const char find_reach[] =
	"CREATE TEMP TABLE lined AS SELECT p.*, json_extract(params, '$.lines') AS lines,"
	" json_extract(params, '$.lines_per_page') AS lines_per_page,"
	" json_extract(params, '$.page_size_bytes') AS page_size_bytes, json_extract(params, '$.backing') AS backing,"
	" (SELECT group_concat(key || ' ' || atom, ', ') FROM (SELECT key, atom FROM json_each(params) WHERE key NOT IN"
	" ('lines', 'lines_per_page', 'page_size_bytes', 'backing') ORDER BY key)) AS others,"
	" COALESCE(" LEAST("gross_cycles") " - " LEAST("baseline_cycles") ","
	" json_extract(metrics, '$.net_cycles.median')) AS net_cycles"
	" FROM point p JOIN part USING (point) WHERE p.status = 'ok' AND NOT emulated AND NOT control"
	" AND json_type(params, '$.lines') = 'integer' AND json_type(params, '$.lines_per_page') = 'integer'"
	" AND json_type(params, '$.page_size_bytes') = 'integer' AND json_type(params, '$.backing') = 'text'"
	" AND json_extract(params, '$.lines_per_page') >= 1"
	" AND json_extract(params, '$.page_size_bytes') >= json_extract(params, '$.lines_per_page');"
	"INSERT INTO page_reach SELECT NULL, run, setting, paging, place, place_rank, series, page_size_bytes, backing, others,"
	" lines_per_page, page_size_bytes / lines_per_page, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
	" FROM (SELECT *, MIN(point) AS first FROM lined GROUP BY run, setting, paging, page_size_bytes, backing, others,"
	" lines_per_page) ORDER BY run, place_rank, page_size_bytes, backing, others, lines_per_page;";
/* clang-format on */

static const char select_curve[] =
	"SELECT p.lines, p.net_cycles FROM lined p JOIN page_reach r ON r.reach = ?1 AND p.run = r.run AND p.setting IS r.setting"
	" AND p.paging IS r.paging AND p.page_size_bytes = r.page_size_bytes AND p.backing IS r.backing"
	" AND p.others IS r.others AND p.lines_per_page = r.lines_per_page WHERE p.net_cycles IS NOT NULL ORDER BY p.lines";

/* What lies between the two ends of an interval on a scale of ratios is in the middle of their logarithms. */
static const char store_reach[] =
	"UPDATE page_reach SET lines_lo = ?2, lines_hi = ?3, lines = SQRT(?2 * ?3), reason = ?4,"
	" reach_bytes_lo = ?2 * apart_bytes, reach_bytes_hi = ?3 * apart_bytes, reach_bytes = SQRT(?2 * ?3) * apart_bytes"
	" WHERE reach = ?1";

/* One curve for each page size and backing of a place. */
static const char select_pages[] =
	"SELECT MIN(reach), page_size_bytes FROM page_reach GROUP BY run, setting, paging, page_size_bytes, backing";

/* The curves of the same pages as that curve, of the same other parameters. */
static const char select_reach[] =
	"SELECT o.apart_bytes, o.lines_lo, o.lines_hi FROM page_reach r JOIN page_reach o ON o.run = r.run"
	" AND o.setting IS r.setting AND o.paging IS r.paging AND o.page_size_bytes = r.page_size_bytes"
	" AND o.backing IS r.backing AND o.others IS r.others WHERE r.reach = ?1";

static const char store_leaf[] =
	"INSERT INTO temp.leaf_by_reach SELECT run, setting, paging, page_size_bytes, backing, ?2, ?3 FROM page_reach"
	" WHERE reach = ?1";

/*
 * Every page size and backing of a place. No page is smaller than 4K. A guest's entries are for the smaller of its page and
 * of what the host's TLB holds of the backing. Where both ways tell, they must agree.
 */
static const char find_leaves[] =
	"INSERT INTO page_leaf WITH used AS (SELECT DISTINCT run, setting, paging, place, place_rank, emulated,"
	" json_extract(params, '$.page_size_bytes') AS page_size_bytes, json_extract(params, '$.backing') AS backing"
	" FROM point JOIN part USING (point) WHERE NOT control AND json_type(params, '$.page_size_bytes') = 'integer'"
	" AND json_type(params, '$.backing') = 'text'),"
	" told AS (SELECT u.*, r.leaf AS reached, r.reason AS reach_reason, e.reason AS probe_reason, CASE"
	" WHEN u.setting <> 'guest' THEN MIN(u.page_size_bytes, e.leaf_bytes) END AS probed FROM used u"
	" LEFT JOIN effective_leaf e ON e.run = u.run AND e.backing = u.backing"
	" LEFT JOIN temp.leaf_by_reach r ON r.run = u.run AND r.setting IS u.setting AND r.paging IS u.paging"
	" AND r.page_size_bytes = u.page_size_bytes AND r.backing IS u.backing),"
	" judged AS (SELECT *, CASE WHEN emulated THEN NULL WHEN page_size_bytes = 4096 THEN 4096"
	" WHEN reached <> probed THEN NULL ELSE COALESCE(reached, probed) END AS leaf FROM told)"
	" SELECT run, setting, paging, place, place_rank, page_size_bytes, backing, leaf,"
	" CASE WHEN leaf IS NULL THEN NULL WHEN page_size_bytes = 4096 THEN 'size' WHEN reached IS NOT NULL THEN 'reach'"
	" ELSE 'probe' END, CASE WHEN leaf IS NOT NULL THEN NULL"
	" WHEN emulated THEN 'an emulator''s times tell nothing about a TLB'"
	" WHEN reached <> probed THEN 'the probe found ' || size(probed) || ', how far the pages reach tells ' || size(reached)"
	" WHEN page_size_bytes > 4096 AND page_size_bytes < 2097152"
	" THEN 'it is entries of 4K in a page table, of which a TLB may hold several as one'"
	" ELSE COALESCE(reach_reason, probe_reason, 'the run did not find out') END FROM judged"
	" ORDER BY run, place_rank, page_size_bytes, backing;"
	"UPDATE curve SET leaf_bytes = (SELECT l.leaf_bytes FROM page_leaf l WHERE l.run = curve.run"
	" AND l.setting IS curve.setting AND l.paging IS curve.paging AND l.page_size_bytes = curve.page_size_bytes"
	" AND l.backing IS curve.backing);"
	"DROP TABLE lined; DROP TABLE temp.leaf_by_reach;";

int infer_page_reach_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

static int statement_end(sqlite3_stmt *statement, int rc)
{
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

/* Read the points of a curve, which the caller frees. */
static int points_read(sqlite3 *db, sqlite3_int64 reach, struct reach_point **point, size_t *count, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db, select_curve, why);
	int rc = rows ? 1 : -EIO;

	if (rows)
		sqlite3_bind_int64(rows, 1, reach);
	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		struct reach_point *grown = reallocarray(*point, *count + 1, sizeof(*grown));

		if (!grown) {
			rc = fail(why, ENOMEM, "out of memory");
			break;
		}
		*point = grown;
		grown[(*count)++] = (struct reach_point){ database_number(rows, 0), database_number(rows, 1) };
	}
	return statement_end(rows, rc);
}

static int reach_infer(sqlite3 *db, sqlite3_int64 number, sqlite3_stmt *row, struct reason *why)
{
	struct reach_point *point = NULL;
	struct reach reach = { 0 };
	size_t count = 0;
	sqlite3_stmt *store = NULL;
	int rc = points_read(db, number, &point, &count, why);

	(void)row;
	if (!rc) {
		reach_find(point, count, &reach);
		store = database_prepare(db, store_reach, why);
		rc = store ? 0 : -EIO;
	}
	if (!rc) {
		sqlite3_bind_int64(store, 1, number);
		database_bind_number(store, 2, reach.lines_lo);
		database_bind_number(store, 3, reach.lines_hi);
		if (reach.reason.text[0])
			sqlite3_bind_text(store, 4, reach.reason.text, -1, SQLITE_STATIC);
		rc = database_step(store, why);
	}
	free(point);
	return statement_end(store, rc);
}

/* Call `infer` for the rows of a query: for its first column, and the others as `row`. */
static int each_row(sqlite3 *db, const char *sql,
	int (*infer)(sqlite3 *db, sqlite3_int64 number, sqlite3_stmt *row, struct reason *why), struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db, sql, why);
	int rc = rows ? 1 : -EIO;

	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		int error = infer(db, sqlite3_column_int64(rows, 0), rows, why);

		rc = error ? error : rc;
	}
	return statement_end(rows, rc);
}

/* Read the curves of the same pages as that one. */
static int reach_read(sqlite3 *db, sqlite3_int64 number, struct reach *reach, size_t *count, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db, select_reach, why);
	int rc = rows ? 1 : -EIO;

	*count = 0;
	if (rows)
		sqlite3_bind_int64(rows, 1, number);
	while (rc > 0 && *count < REACHES_MOST && (rc = database_step(rows, why)) > 0)
		reach[(*count)++] = (struct reach){
			.apart_bytes = (uint64_t)sqlite3_column_int64(rows, 0),
			.lines_lo = database_number(rows, 1),
			.lines_hi = database_number(rows, 2),
		};
	return statement_end(rows, rc);
}

static int leaf_infer(sqlite3 *db, sqlite3_int64 number, sqlite3_stmt *row, struct reason *why)
{
	struct reach reach[REACHES_MOST];
	struct reason unknown = { "" };
	sqlite3_stmt *store = NULL;
	uint64_t leaf_bytes;
	size_t count;
	int rc = reach_read(db, number, reach, &count, why);

	if (!rc) {
		store = database_prepare(db, store_leaf, why);
		rc = store ? 0 : -EIO;
	}
	if (!rc) {
		leaf_bytes = page_leaf_find((uint64_t)sqlite3_column_int64(row, 1), reach, count, &unknown);
		sqlite3_bind_int64(store, 1, number);
		if (leaf_bytes)
			sqlite3_bind_int64(store, 2, (sqlite3_int64)leaf_bytes);
		else
			sqlite3_bind_text(store, 3, unknown.text, -1, SQLITE_STATIC);
		rc = database_step(store, why);
	}
	return statement_end(store, rc);
}

int infer_page_reach_fill(sqlite3 *db, struct reason *why)
{
	int rc = database_run(db, find_reach, why);

	if (!rc)
		rc = each_row(db, "SELECT reach FROM page_reach", reach_infer, why);
	if (!rc)
		rc = database_run(db,
			"CREATE TEMP TABLE leaf_by_reach (run INTEGER, setting TEXT, paging TEXT, page_size_bytes INTEGER,"
			" backing TEXT, leaf INTEGER, reason TEXT);",
			why);
	if (!rc)
		rc = each_row(db, select_pages, leaf_infer, why);
	return rc ? rc : database_run(db, find_leaves, why);
}
