#include "infer/walks.h"

#include "base/quiet.h"
#include "infer/walks_model.h"
#include "record/database.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* What every table of walks begins with: what its points have in common. */
#define GROUP \
	"run INTEGER, bench TEXT, setting TEXT, paging TEXT, outer TEXT, place TEXT, place_rank INTEGER, series TEXT," \
	" parameters TEXT"

static const char schema[] =
	"CREATE TABLE walk_overlap (" GROUP ", page_size_bytes INTEGER, backing TEXT, lines INTEGER, one_cycles REAL,"
	" one_cycles_lo REAL, one_cycles_hi REAL, one_net_cycles REAL, one_net_cycles_lo REAL, one_net_cycles_hi REAL,"
	" most_cycles REAL, most_cycles_lo REAL, most_cycles_hi REAL, most_net_cycles REAL, most_net_cycles_lo REAL,"
	" most_net_cycles_hi REAL, most_baseline_cycles REAL, chains_most INTEGER, saturated_chains INTEGER, gain REAL,"
	" gain_lo REAL, gain_hi REAL, walks REAL, walks_lo REAL, walks_hi REAL, reason TEXT);"
	"CREATE TABLE walk_cache_level (" GROUP ", level TEXT, entries INTEGER, entries_lo INTEGER, entries_hi INTEGER,"
	" added_cycles REAL, walk_cycles REAL, reason TEXT);"
	"CREATE TABLE walk_line (" GROUP ", line INTEGER, points INTEGER, base_cycles REAL, base_cycles_lo REAL,"
	" base_cycles_hi REAL, reference_cycles REAL, reference_cycles_lo REAL, reference_cycles_hi REAL,"
	" residual_cycles REAL, reason TEXT);"
	"CREATE TABLE walk_line_point (line INTEGER, point INTEGER, page_size_bytes INTEGER, distance_bytes INTEGER,"
	" pages INTEGER, \"references\" INTEGER, fetched TEXT, bare_references INTEGER, outer_references INTEGER,"
	" PRIMARY KEY (line, point)) WITHOUT ROWID;";

/*
 * Points belong together that differ in one parameter only: the chains, the entries. `rest` are the others as JSON. An
 * emulator's times, and points without a cost, say nothing; the control is no place.
 */
#define MEASURED \
	"FROM point p JOIN part USING (point) WHERE p.status = 'ok' AND NOT p.emulated AND NOT p.control AND COALESCE(p.pass, 'sweep') = 'sweep'" \
	" AND EXISTS (SELECT 1 FROM metric m WHERE m.point = p.point AND m.name = 'net_cycles' AND m.median IS NOT NULL)" \
	" AND EXISTS (SELECT 1 FROM metric m WHERE m.point = p.point AND m.name = 'gross_cycles' AND m.median IS NOT NULL)"
#define REST(without) \
	"(SELECT json_group_object(key, atom) FROM (SELECT key, atom FROM json_each(params) WHERE key NOT IN (" without \
	") ORDER BY key))"

/* The next is laid out by hand: clang-format takes text between two macros for their arguments. */
/* clang-format off */
static const char find_groups[] =
	"CREATE TEMP TABLE walk_point AS"
	" SELECT 'overlap' AS kind, p.*, json_extract(params, '$.chains') AS x, " REST("'chains'") " AS rest " MEASURED
	" AND json_type(params, '$.chains') = 'integer'"
	" UNION ALL SELECT 'cache', p.*, json_extract(params, '$.entries'), " REST("'entries'") " " MEASURED
	" AND json_type(params, '$.entries') = 'integer' AND json_type(params, '$.entry') = 'text'"
	" UNION ALL SELECT 'line', p.*, NULL,"
	" " REST("'page_size_bytes', 'backing', 'distance_bytes', 'placement', 'pages'") " " MEASURED
	" AND json_extract(params, '$.placement') IN ('scattered', 'shared')"
	" AND json_type(params, '$.distance_bytes') = 'integer' AND json_type(params, '$.pages') = 'integer'"
	" AND json_type(params, '$.page_size_bytes') = 'integer';"
	"CREATE TEMP TABLE walk_group AS SELECT ROW_NUMBER() OVER (ORDER BY run, first) AS id, * FROM"
	" (SELECT kind, run, bench, setting, paging, outer, place, place_rank, series, rest AS parameters, MIN(point) AS first"
	" FROM walk_point GROUP BY kind, run, bench, setting, paging, outer, rest);"
	"CREATE TEMP TABLE walk_member AS SELECT g.id, g.kind, w.point, w.x FROM walk_point w JOIN walk_group g"
	" ON g.kind = w.kind AND g.run = w.run AND g.bench IS w.bench AND g.setting IS w.setting AND g.paging IS w.paging"
	" AND g.outer IS w.outer AND g.parameters IS w.rest;"
	"DROP TABLE walk_point;";
/* clang-format on */

/* Which entries of an upper level a walk fetches: those of which more are needed than are known to be held. */
#define HELD(entry) \
	"(SELECT MIN(COALESCE(c.entries, c.entries_lo)) FROM walk_cache_level c WHERE c.run = g.run AND c.setting IS g.setting" \
	" AND c.paging IS g.paging AND c.outer IS g.outer AND c.level = '" entry "')"
/* Not known how many are held: those that no two pages share. */
#define FETCHED(span, held) \
	"(page_size_bytes < " span " AND MIN(pages, pages * (distance_bytes * 1. / " span ")) >" \
	" COALESCE(" held ", CASE WHEN distance_bytes >= " span " THEN 0 ELSE 1e300 END))"

/*
 * Points of the line: of each page size those with the most pages, where these are beyond all TLB levels, known ones or, where
 * none was resolved, all of today's (4096 entries; twice as many).
 */
#define BEYOND_TLBS "8192"

/* The next is laid out by hand: clang-format takes text between two macros for their arguments. */
/* clang-format off */
static const char find_line_points[] =
	"INSERT INTO walk_line_point WITH told AS (SELECT m.id, m.point, g.run, g.setting, g.paging, g.outer, g.parameters,"
	" json_extract(params, '$.page_size_bytes') AS page_size_bytes, json_extract(params, '$.distance_bytes') AS distance_bytes,"
	" json_extract(params, '$.pages') AS pages FROM walk_member m JOIN walk_group g USING (id) JOIN part USING (point)"
	" WHERE m.kind = 'line'),"
	" beyond AS (SELECT t.*, MAX(pages) OVER (PARTITION BY t.id, t.page_size_bytes) AS most FROM told t LEFT JOIN tlb_clear c"
	" ON c.run = t.run AND c.page_size_bytes = t.page_size_bytes AND c.stride_pages = 1"
	" WHERE pages >= MIN(" BEYOND_TLBS ", COALESCE(beyond_from, " BEYOND_TLBS "))),"
	" fetch AS (SELECT g.*, " FETCHED("2097152", HELD("PDE")) " AS pde, " FETCHED("1073741824", HELD("PDPTE")) " AS pdpte,"
	" " FETCHED("549755813888", "NULL") " AS pml4e, (page_size_bytes >= 2097152) + (page_size_bytes >= 1073741824) AS saved,"
	" COALESCE(json_extract(parameters, '$.guest_levels'), (SELECT value FROM fact f WHERE f.run = g.run"
	" AND path = 'machine.paging.levels_used'), 4) AS root FROM beyond g WHERE pages = most)"
	" SELECT id, point, page_size_bytes, distance_bytes, pages, 1 + pde + pdpte + pml4e,"
	" json_extract('[\"PTE\",\"PDE\",\"PDPTE\"]', '$[' || saved || ']') || CASE WHEN pde THEN ', PDE' ELSE '' END ||"
	" CASE WHEN pdpte THEN ', PDPTE' ELSE '' END || CASE WHEN pml4e THEN ', PML4E' ELSE '' END,"
	" root - saved, (root - saved + 1) * (root + 1) - 1 FROM fetch;"
	"UPDATE walk_member SET x = (SELECT \"references\" FROM walk_line_point l WHERE l.line = id AND l.point = walk_member.point)"
	" WHERE kind = 'line';"
	"DELETE FROM walk_member WHERE kind = 'line' AND x IS NULL;";
/* clang-format on */

/* The points of a group, with their samples. */
struct group {
	sqlite3_int64 id;
	uint64_t seed;
	struct walk_samples *point; /* owned, with its samples */
	size_t points;
};

static void group_free(struct group *group)
{
	for (size_t i = 0; i < group->points; i++) {
		free((double *)(uintptr_t)group->point[i].gross);
		free((double *)(uintptr_t)group->point[i].baseline);
		free((double *)(uintptr_t)group->point[i].net);
	}
	free(group->point);
}

/* Samples of a metric; where samples were not kept, the median stands for one. NULL where memory is short. */
static double *values_read(const json_t *lists, const json_t *metrics, const char *name, size_t *count)
{
	double *values = quiet_samples(json_object_get(lists, name), json_object_get(lists, "quiet"), count);
	const json_t *median = json_object_get(json_object_get(metrics, name), "median");

	if (*count)
		return values;
	values = malloc(sizeof(*values));
	if (values)
		values[(*count)++] = json_is_number(median) ? json_number_value(median) : NAN;
	return values;
}

static json_t *column_json(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return json_loads(text ? text : "{}", 0, NULL);
}

/* The samples of a row's point that its numbers are made of. */
static int samples_read(sqlite3_stmt *row, struct walk_samples *into, struct reason *why)
{
	json_t *lists = column_json(row, 1), *metrics = column_json(row, 2);
	size_t gross, baseline, net;

	into->gross = values_read(lists, metrics, "gross_cycles", &gross);
	into->baseline = values_read(lists, metrics, "baseline_cycles", &baseline);
	into->net = values_read(lists, metrics, "net_cycles", &net);
	json_decref(lists);
	json_decref(metrics);
	if (!into->gross || !into->baseline || !into->net)
		return fail(why, ENOMEM, "out of memory");
	/* All metrics of a chase have as many samples. A file that says otherwise is believed as far as all go. */
	into->count = gross < baseline ? gross : baseline;
	into->count = net < into->count ? net : into->count;
	return 0;
}

static int group_read(sqlite3 *db, struct group *group, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db,
		"SELECT x, lists, metrics FROM walk_member JOIN part USING (point) WHERE id = ?1 ORDER BY x, point",
		why);
	int rc = rows ? 1 : -EIO;

	if (rows)
		sqlite3_bind_int64(rows, 1, group->id);
	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		struct walk_samples *grown = reallocarray(group->point, group->points + 1, sizeof(*grown));
		int error;

		if (!grown) {
			rc = fail(why, ENOMEM, "out of memory");
			break;
		}
		group->point = grown;
		grown += group->points++;
		*grown = (struct walk_samples){ .x = database_number(rows, 0) };
		error = samples_read(rows, grown, why);
		rc = error ? error : rc;
	}
	sqlite3_finalize(rows);
	return rc;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Run an INSERT ... SELECT: ?1 the group, ?2 and on the numbers (NULL where not finite), then the reason. */
static int row_store(sqlite3 *db, const char *sql, const struct group *group, const double *number, size_t numbers,
	const char *reason, struct reason *why)
{
	sqlite3_stmt *insert = database_prepare(db, sql, why);
	int rc;

	if (!insert)
		return -EIO;
	sqlite3_bind_int64(insert, 1, group->id);
	for (size_t i = 0; i < numbers; i++)
		database_bind_number(insert, (int)i + 2, number[i]);
	sqlite3_bind_text(insert, (int)numbers + 2, reason, -1, SQLITE_STATIC);
	rc = database_step(insert, why);
	sqlite3_finalize(insert);
	return rc < 0 ? rc : 0;
}

#define SELECT_GROUP " SELECT run, bench, setting, paging, outer, place, place_rank, series, parameters"

static int overlap_fill(sqlite3 *db, const struct group *group, struct reason *why)
{
	struct walk_overlap found;
	int error = walk_overlap_infer(group->point, group->points, group->seed, &found);
	const double number[] = { found.one.median, found.one.lo, found.one.hi, found.one_net.median, found.one_net.lo,
		found.one_net.hi, found.most.median, found.most.lo, found.most.hi, found.most_net.median,
		found.most_net.lo, found.most_net.hi, found.baseline, found.chains_most, found.chains,
		found.gain.median, found.gain.lo, found.gain.hi, found.walks.median, found.walks.lo, found.walks.hi };

	if (error == -ENOMEM)
		return fail(why, ENOMEM, "out of memory");
	/* Without one chain there is nothing to compare with. */
	if (error)
		return 0;
	return row_store(db,
		"INSERT INTO walk_overlap" SELECT_GROUP
		", json_extract(parameters, '$.page_size_bytes'), json_extract(parameters, '$.backing'),"
		" json_extract(parameters, '$.lines'), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
		" ?17, ?18, ?19, ?20, ?21, ?22, ?23 FROM walk_group WHERE id = ?1",
		group, number, COUNT(number), found.reason, why);
}

static int cache_fill(sqlite3 *db, const struct group *group, struct reason *why)
{
	struct curve curve = { 0 };
	struct walk_cache_level found;
	int error = 0;

	for (size_t p = 0; p < group->points && !error; p++)
		for (size_t i = 0; i < group->point[p].count && !error; i++)
			error = curve_add(&curve, CURVE_SWEEP, group->point[p].x,
				&(struct curve_sample){ .gross = group->point[p].gross[i],
					.baseline = group->point[p].baseline[i],
					.net = group->point[p].net[i],
					.net_ns = NAN,
					.round = (double)i });
	if (!error)
		error = curve_finish(&curve);
	if (!error)
		error = walk_cache_infer(&curve, &found);
	curve_free(&curve);
	if (error)
		return fail(why, ENOMEM, "out of memory");
	return row_store(db,
		"INSERT INTO walk_cache_level" SELECT_GROUP
		", json_extract(parameters, '$.entry'), ROUND(?2), ROUND(?3), ROUND(?4), ?5, ?6, ?7 FROM walk_group WHERE id = ?1",
		group, (const double[]){ found.entries, found.lo, found.hi, found.added_cycles, found.walk_cycles }, 5,
		found.reason, why);
}

static int line_fill(sqlite3 *db, const struct group *group, struct reason *why)
{
	struct walk_line line;
	int error = walk_line_fit(group->point, group->points, group->seed, &line);
	const double number[] = { (double)group->id, (double)group->points, line.base.median, line.base.lo,
		line.base.hi, line.each.median, line.each.lo, line.each.hi, line.residual };

	if (error == -ENOMEM)
		return fail(why, ENOMEM, "out of memory");
	return row_store(db,
		"INSERT INTO walk_line" SELECT_GROUP
		", ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM walk_group WHERE id = ?1",
		group, number, COUNT(number),
		error ? "fewer than three distances at which every access walks, or all with as many references" : NULL,
		why);
}

/* Infer from each group of one kind. */
static int kind_fill(sqlite3 *db, const char *kind,
	int (*fill)(sqlite3 *db, const struct group *group, struct reason *why), struct reason *why)
{
	sqlite3_stmt *groups = database_prepare(
		db, "SELECT id, r.seed FROM walk_group JOIN run r USING (run) WHERE kind = ?1 ORDER BY id", why);
	int rc = groups ? 1 : -EIO;

	if (groups)
		sqlite3_bind_text(groups, 1, kind, -1, SQLITE_STATIC);
	while (rc > 0 && (rc = database_step(groups, why)) > 0) {
		struct group group = { .id = sqlite3_column_int64(groups, 0) };
		int error;

		group.seed = statistics_seed((uint64_t)sqlite3_column_int64(groups, 1), (uint64_t)group.id);
		error = group_read(db, &group, why);
		if (!error)
			error = fill(db, &group, why);
		group_free(&group);
		rc = error ? error : rc;
	}
	sqlite3_finalize(groups);
	return rc;
}

int infer_walks_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_walks_fill(sqlite3 *db, struct reason *why)
{
	int rc = database_run(db, find_groups, why);

	if (!rc)
		rc = kind_fill(db, "overlap", overlap_fill, why);
	if (!rc)
		rc = kind_fill(db, "cache", cache_fill, why);
	if (!rc)
		rc = database_run(db, find_line_points, why);
	if (!rc)
		rc = kind_fill(db, "line", line_fill, why);
	return rc ? rc : database_run(db, "DROP TABLE walk_group; DROP TABLE walk_member;", why);
}
