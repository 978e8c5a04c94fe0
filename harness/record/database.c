#include "record/database.h"

#include "base/text.h"
#include "base/units.h"
#include "base/vocabulary.h"
#include "record/database_schema.h"
#include "record/load.h"
#include "record/sql_functions.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A database in memory is lost with the process anyway: journals and locks would only cost time. */
static const char pragmas[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY;";

/* Everything about a run that stands in run.json (?1); ?2 is the run's path, ?3 the ns of a second. */
static const char insert_run[] =
	"INSERT INTO run (path, host, cpu, outer, started_utc, duration_s, version, effort, seed, state, reason,"
	" tsc_hz, cycles_per_tsc, cycles_per_tsc_lo, cycles_per_tsc_hi, ghz)"
	" SELECT ?2, json_extract(?1, '$.host'), COALESCE(json_extract(?1, '$.machine.cpu.name'),"
	" json_extract(?1, '$.machine.cpu.model_name'), json_extract(?1, '$.machine.cpu.brand')),"
	" json_extract(?1, '$.machine.outer.name'), json_extract(?1, '$.started_utc'),"
	" json_extract(?1, '$.duration_s'), json_extract(?1, '$.version'), json_extract(?1, '$.effort'),"
	" json_extract(?1, '$.seed'), json_extract(?1, '$.state'), json_extract(?1, '$.reason'),"
	" json_extract(?1, '$.clock.tsc_hz'), json_extract(?1, '$.clock.cycles_per_tsc.median'),"
	" json_extract(?1, '$.clock.cycles_per_tsc.lo'), json_extract(?1, '$.clock.cycles_per_tsc.hi'),"
	" json_extract(?1, '$.clock.tsc_hz') / ?3 * json_extract(?1, '$.clock.cycles_per_tsc.median')";

/* Tables that follow from run.json (?1) of the run ?2. */
static const char *const insert_of_run[] = {
	"INSERT OR REPLACE INTO fact SELECT ?2, replace(substr(fullkey, 3), '\"', ''), atom FROM json_tree(?1) WHERE type NOT IN ('object', 'array')",
	"INSERT INTO trait SELECT ?2, b.key, m.key, json_extract(m.value, '$.unit'), json_extract(m.value, '$.per'),"
	" json_extract(m.value, '$.better'), json_extract(m.value, '$.signed'), json_extract(m.value, '$.time')"
	" FROM json_each(?1, '$.metrics') b, json_each(b.value) m",
	"INSERT INTO axis SELECT ?2, b.key, p.key, json_extract(p.value, '$.kind'), json_extract(p.value, '$.help')"
	" FROM json_each(?1, '$.axes') b, json_each(b.value) p",
	/* A machine with two kinds of cores has two caches of a level: the lesser is what surely holds. */
	"INSERT INTO cache SELECT ?2, json_extract(c.value, '$.level'), MIN(json_extract(c.value, '$.size_bytes'))"
	" FROM json_each(?1, '$.machine.topology.caches') c WHERE json_extract(c.value, '$.type') IN ('data', 'unified')"
	" AND json_extract(c.value, '$.level') > 0 AND json_extract(c.value, '$.size_bytes') > 0 GROUP BY 2",
	/* A chase loads data: what holds instructions or stores only has no part in it. */
	"INSERT INTO tlb_advertised SELECT ?2, json_extract(t.value, '$.level'), json_extract(t.value, '$.kind'), s.value,"
	" json_extract(t.value, '$.entries') FROM json_each(CASE json_type(?1, '$.machine.tlbs_advertised') WHEN 'array'"
	" THEN json_extract(?1, '$.machine.tlbs_advertised') ELSE json_extract(?1, '$.machine.tlbs_advertised.entries') END)"
	" t, json_each(t.value, '$.page_sizes_bytes') s WHERE json_extract(t.value, '$.kind') NOT IN ('instruction', 'store')",
	"INSERT INTO effective_leaf SELECT ?2, key, json_extract(value, '$.page_size_bytes'),"
	" json_extract(value, '$.leaf_bytes'), json_extract(value, '$.reason'), json_extract(value, '$.proof.lines'),"
	" json_extract(value, '$.proof.apart_bytes'), json_extract(value, '$.proof.cycles'),"
	" json_extract(value, '$.proof.packed_cycles'), json_extract(value, '$.proof.control_cycles')"
	" FROM json_each(?1, '$.machine.effective_leaf') WHERE type = 'object'",
};

/*
 * What a line (?1) says about its point: 14 values for its row (`params` in the order of their names, as the point is known
 * by them), and then its parts, the long ones of which are only wanted with samples (?2). A line may come from anybody: a
 * part that is not of the kind that it should be is left out.
 */
#define OBJECT(name) "CASE json_type(?1, '$." name "') WHEN 'object' THEN json_extract(?1, '$." name "') END"
/* The next is laid out by hand: clang-format takes text between two macros for their arguments. */
/* clang-format off */
static const char select_point[] =
	"SELECT json_extract(?1, '$.bench'), json_extract(?1, '$.setting'), json_extract(?1, '$.paging'),"
	" json_extract(?1, '$.outer'), json_extract(?1, '$.accel'), json_extract(?1, '$.pass'),"
	" json_extract(?1, '$.status'), COALESCE(json_extract(?1, '$.reason'), json_extract(?1, '$.stopped')),"
	" json_extract(?1, '$.joined'),"
	" json_array_length(?1, '$.samples.round'), json_extract(?1, '$.discarded'),"
	" json_extract(?1, '$.contaminated'), COALESCE(json_extract(?1, '$.interpreted'), 0),"
	" (SELECT group_concat(key || '=' || quote(atom)) FROM"
	" (SELECT key, atom FROM json_each(" OBJECT("params") ") ORDER BY key)),"
	" " OBJECT("params") ","
	" " OBJECT("metrics") ","
	" CASE WHEN ?2 THEN " OBJECT("counters") " END,"
	" CASE WHEN ?2 THEN " OBJECT("kvm") " END,"
	" CASE WHEN ?2 THEN " OBJECT("memory") " END,"
	" CASE WHEN ?2 THEN " OBJECT("hardware") " END,"
	" CASE WHEN ?2 THEN " OBJECT("samples") " END,"
	" CASE WHEN ?2 AND json_type(?1, '$.latencies.buckets') = 'array'"
	" THEN json_extract(?1, '$.latencies.buckets') END";
/* clang-format on */
#define POINT_VALUES 14

/*
 * The point's row: ?1 to ?14 are the above, ?15 is the run, ?16 the setting that is the control. A point whose times are an
 * emulator's says so by its paging mode, its accelerator, or by what its Linux ran on. Its series is what a legend calls it.
 * A control was measured to be held against the host, which it is once more.
 */
#define EMULATED "(?3 IS 'software' OR ?5 IS 'tcg' OR COALESCE(?4 LIKE '%TCG%' OR ?4 LIKE '%emulat%', 0))"
static const char insert_point[] =
	"INSERT INTO point (bench, setting, paging, outer, accel, pass, status, reason, joined, samples, discarded,"
	" contaminated, interpreted, identity, run, place, place_rank, emulated, control, series)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, json_array(?1, ?2, ?3, ?5, ?6, ?14), ?15,"
	" place_label(?2, ?3), place_rank(?2, ?3), " EMULATED ", ?2 IS ?16, place_label(?2, ?3) ||"
	" CASE WHEN " EMULATED
	" THEN ', emulated machine' ELSE '' END || CASE WHEN ?13 THEN ', interpreted' ELSE '' END)"
	" ON CONFLICT (run, identity) DO UPDATE SET joined = excluded.joined, outer = excluded.outer,"
	" status = excluded.status, reason = excluded.reason, samples = excluded.samples, discarded = excluded.discarded,"
	" contaminated = excluded.contaminated, interpreted = excluded.interpreted, emulated = excluded.emulated,"
	" series = excluded.series RETURNING point";

/*
 * Where the measured Linux ran, as every title says, once the points of the run ?2 are there: a run that does not tell (?1
 * is the word for it) has what its first own point says.
 */
static const char *const place_run[] = {
	"UPDATE run SET outer = COALESCE(NULLIF(outer, ?1), (SELECT outer FROM point WHERE run = ?2 AND joined IS NULL"
	" AND outer IS NOT NULL ORDER BY point LIMIT 1), outer) WHERE run = ?2",
	"UPDATE run SET place = CASE COALESCE(outer, ?1) WHEN ?1 THEN 'unknown whether this host is itself a guest'"
	" WHEN 'bare-metal' THEN 'host on bare metal' ELSE 'this host is itself a ' || outer || ' guest' END WHERE run = ?2",
};

/* The parts of a point: its number is ?1, and they are in the order of select_point. */
static const char insert_part[] = "INSERT OR REPLACE INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

int database_run(sqlite3 *db, const char *sql, struct reason *why)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail(why, EIO, "%s", sqlite3_errmsg(db));
}

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql, struct reason *why)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail(why, EIO, "%s", sqlite3_errmsg(db));
	return statement;
}

int database_step(sqlite3_stmt *statement, struct reason *why)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(why, EIO, "%s", sqlite3_errmsg(sqlite3_db_handle(statement)));
	}
}

double database_number(sqlite3_stmt *statement, int column)
{
	int type = sqlite3_column_type(statement, column);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT ? sqlite3_column_double(statement, column) : NAN;
}

void database_bind_number(sqlite3_stmt *statement, int parameter, double number)
{
	if (isfinite(number))
		sqlite3_bind_double(statement, parameter, number);
	else
		sqlite3_bind_null(statement, parameter);
}

int database_open(sqlite3 **db, struct reason *why)
{
	int rc;

	/* One thread uses SQLite, and nobody asks how much memory it has: each allocation would take locks for both. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK) {
		rc = fail(why, ENOMEM, "cannot open a database in memory");
		goto out;
	}
	rc = database_run(*db, pragmas, why);
	if (!rc)
		rc = sql_functions_add(*db, why);
	if (!rc)
		rc = database_run(*db, database_schema, why);
out:
	if (rc) {
		sqlite3_close(*db);
		*db = NULL;
	}
	return rc;
}

/* Run one statement with a text ?1 and, where `value` is not negative, an integer ?2. */
static int run_with(sqlite3 *db, const char *sql, const char *text, sqlite3_int64 value, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, sql, why);
	int rc;

	if (!statement)
		return -EIO;
	sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (value >= 0)
		sqlite3_bind_int64(statement, 2, value);
	rc = database_step(statement, why);
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

static int run_insert(sqlite3 *db, const char *path, const char *about, sqlite3_int64 *run, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, insert_run, why);
	int rc;

	if (!statement)
		return -EIO;
	sqlite3_bind_text(statement, 1, about, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC);
	sqlite3_bind_double(statement, 3, (double)NS_PER_S);
	rc = database_step(statement, why);
	sqlite3_finalize(statement);
	*run = sqlite3_last_insert_rowid(db);
	for (size_t i = 0; rc >= 0 && i < sizeof(insert_of_run) / sizeof(insert_of_run[0]); i++)
		rc = run_with(db, insert_of_run[i], about, *run, why);
	return rc < 0 ? rc : 0;
}

/* Loading the points of one run. */
struct loading {
	sqlite3 *db;
	const char *directory;
	const char *path; /* of points.jsonl, for messages */
	sqlite3_int64 run;
	enum database_depth depth;
	sqlite3_stmt *told, *point, *part;
	bool truncated;
	struct reason *why;
};

/* The point's number, which is that of an earlier line where that had the same identity. 0 with *why. */
static sqlite3_int64 point_insert(struct loading *loading)
{
	sqlite3_int64 point = 0;

	for (int i = 0; i < POINT_VALUES; i++)
		sqlite3_bind_value(loading->point, i + 1, sqlite3_column_value(loading->told, i));
	/* A statement that returns rows is done only when it was stepped to its end. */
	while (database_step(loading->point, loading->why) > 0)
		point = sqlite3_column_int64(loading->point, 0);
	sqlite3_reset(loading->point);
	return point;
}

static int part_insert(struct loading *loading, sqlite3_int64 point)
{
	int rc;

	sqlite3_bind_int64(loading->part, 1, point);
	for (int i = POINT_VALUES; i < sqlite3_column_count(loading->told); i++)
		sqlite3_bind_value(loading->part, i - POINT_VALUES + 2, sqlite3_column_value(loading->told, i));
	rc = database_step(loading->part, loading->why);
	sqlite3_reset(loading->part);
	return rc;
}

/* What is no JSON object makes the statement fail, or gives it a row without a bench. */
static bool line_is_point(struct loading *loading, const struct text_line *line)
{
	sqlite3_bind_text64(loading->told, 1, line->text, line->length, SQLITE_STATIC, SQLITE_UTF8);
	return database_step(loading->told, loading->why) > 0 && sqlite3_column_type(loading->told, 0) == SQLITE_TEXT;
}

static int line_load(void *context, const struct text_line *line)
{
	struct loading *loading = context;
	sqlite3_int64 point = 0;
	bool sound = line_is_point(loading, line);
	int rc = 0;

	if (sound) {
		point = point_insert(loading);
		rc = point ? part_insert(loading, point) : -EIO;
	}
	sqlite3_reset(loading->told);
	if (!sound && !line->cut)
		return fail(loading->why, EINVAL, "%s:%zu: not a JSON object that describes a point", loading->path,
			line->number);
	loading->truncated = loading->truncated || !sound;
	return rc;
}

static int points_load(struct loading *loading)
{
	int rc = -EIO;

	loading->told = database_prepare(loading->db, select_point, loading->why);
	loading->point = database_prepare(loading->db, insert_point, loading->why);
	loading->part = database_prepare(loading->db, insert_part, loading->why);
	if (loading->told && loading->point && loading->part) {
		sqlite3_bind_int64(loading->point, POINT_VALUES + 1, loading->run);
		sqlite3_bind_text(
			loading->point, POINT_VALUES + 2, setting_name(SETTING_HOST_AGAIN), -1, SQLITE_STATIC);
		sqlite3_bind_int(loading->told, 2, loading->depth == DATABASE_SAMPLES);
		rc = run_each_line(loading->directory, line_load, loading, loading->why);
	}
	sqlite3_finalize(loading->told);
	sqlite3_finalize(loading->point);
	sqlite3_finalize(loading->part);
	return rc;
}

int database_load(sqlite3 *db, const char *path, enum database_depth depth, struct reason *why)
{
	struct loading loading = { .db = db, .directory = path, .depth = depth, .why = why };
	char *points = run_file(path, "points.jsonl"), *name = strdup(path), *text = NULL;
	json_t *about = NULL;
	int rc = points && name ? run_about_load(path, &about, why) : fail(why, ENOMEM, "out of memory");

	if (rc)
		goto out;
	text = json_dumps(about, JSON_COMPACT);
	loading.path = points;
	rc = text ? database_run(db, "BEGIN", why) : fail(why, ENOMEM, "out of memory");
	if (!rc)
		rc = run_insert(db, text_clean(name), text, &loading.run, why);
	if (!rc)
		rc = points_load(&loading);
	for (size_t i = 0; !rc && i < sizeof(place_run) / sizeof(place_run[0]); i++)
		rc = run_with(db, place_run[i], "unknown", loading.run, why);
	if (!rc && loading.truncated)
		rc = run_with(db, "UPDATE run SET truncated = ?1 WHERE run = ?2", "1", loading.run, why);
	if (!rc)
		rc = database_run(db, "COMMIT", why);
out:
	json_decref(about);
	free(text);
	free(name);
	free(points);
	return rc;
}
