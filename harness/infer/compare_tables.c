#include "infer/compare_tables.h"

#include "base/text.h"
#include "infer/compare_read.h"
#include "record/database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Dropping them first lets a database answer several questions. */
static const char make_tables[] =
	"DROP TABLE IF EXISTS temp.compare_value; DROP TABLE IF EXISTS temp.compare_point; DROP TABLE IF EXISTS"
	" temp.compare_key; DROP TABLE IF EXISTS temp.compare_metric; DROP TABLE IF EXISTS temp.compare_control;"
	" DROP TABLE IF EXISTS temp.compare_sample; DROP TABLE IF EXISTS temp.compare_wanted;"
	" DROP TABLE IF EXISTS temp.compare_measured; DROP TABLE IF EXISTS temp.compare_field;"
	"CREATE TEMP TABLE compare_wanted (kind TEXT, number INTEGER, text TEXT);"
	"CREATE TEMP TABLE compare_value (side INTEGER PRIMARY KEY, text TEXT, value);"
	"CREATE TEMP TABLE compare_measured (point INTEGER PRIMARY KEY, run INTEGER, bench TEXT, value, place_rank INTEGER);"
	"CREATE TEMP TABLE compare_point (point INTEGER PRIMARY KEY, run INTEGER, side INTEGER, bench TEXT, emulated INTEGER,"
	" family TEXT);"
	"CREATE TEMP TABLE compare_field (id INTEGER PRIMARY KEY, point INTEGER, name TEXT, value, text, is_extra INTEGER);"
	"CREATE TEMP TABLE compare_key (point INTEGER PRIMARY KEY, key TEXT, extra TEXT, common_text TEXT, extra_text TEXT, raw TEXT);"
	"CREATE TEMP TABLE compare_metric (id INTEGER PRIMARY KEY, point INTEGER, name TEXT, median REAL, lo REAL, hi REAL,"
	" unit TEXT, better TEXT, rank INTEGER, chosen INTEGER DEFAULT 0);"
	"CREATE TEMP TABLE compare_control (point INTEGER PRIMARY KEY, base INTEGER, run INTEGER, bench TEXT);"
	"CREATE TEMP TABLE compare_sample (point INTEGER, name TEXT, number INTEGER, round REAL, value REAL,"
	" PRIMARY KEY (point, name, number)) WITHOUT ROWID;";

/*
 * What sides can be told by. `sql` is the value of a point (p) or of its run; `follows` are fields that differ between sides
 * because the value does. Parameters of points and dotted paths of run.json are found by their names, beside these.
 */
static const struct dimension {
	const char *name, *sql;
	const char *follows; /* names with commas around them */
} dimensions[] = {
	{ "setting", "p.setting", ",setting,paging,accel," },
	{ "paging", "p.paging", ",paging,accel," },
	{ "accel", "p.accel", ",accel,paging," },
	{ "place", "p.place", ",place,setting,paging,accel," },
	{ "outer", "p.outer", "," },
	{ "pass", "p.pass", ",pass," },
	{ "host", "(SELECT host FROM run r WHERE r.run = p.run)", "," },
	{ "cpu", "(SELECT cpu FROM run r WHERE r.run = p.run)", "," },
	{ "version", "(SELECT version FROM run r WHERE r.run = p.run)", "," },
	{ "effort", "(SELECT effort FROM run r WHERE r.run = p.run)", "," },
	{ "run", "(SELECT path FROM run r WHERE r.run = p.run)", "," },
	{ "kernel", "(SELECT value FROM fact f WHERE f.run = p.run AND f.path = 'machine.kernel.release')", "," },
	{ "microcode", "(SELECT value FROM fact f WHERE f.run = p.run AND f.path = 'machine.cpu.microcode')", "," },
	{ "thp", "(SELECT value FROM fact f WHERE f.run = p.run AND f.path = 'machine.page_sizes.thp.mode')", "," },
};

/* A page size and what it is backed by are two words for one choice. */
static const char page_size[] = "page_size_bytes", backing[] = "backing";

/* Parameters, run.json: whether a name is one. */
static int exists(sqlite3 *db, const char *sql, const char *name, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, sql, why);
	int rc = statement ? 0 : -EIO;

	if (statement) {
		sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
		rc = database_step(statement, why);
	}
	sqlite3_finalize(statement);
	return rc;
}

/* What `by` means: *value and *follows are to be freed by sqlite3_free(). */
static int dimension_find(sqlite3 *db, const char *by, char **value, char **follows, struct reason *why)
{
	char *in_bytes = sqlite3_mprintf("%s_bytes", by);
	const char *names[] = { by, in_bytes };
	int found = 0;

	for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]) && !found; i++) {
		if (strcmp(dimensions[i].name, by))
			continue;
		*value = sqlite3_mprintf("%s", dimensions[i].sql);
		*follows = sqlite3_mprintf("%s", dimensions[i].follows);
		found = 1;
	}
	for (size_t i = 0; i < 2 && !found && in_bytes; i++) {
		found = exists(db, "SELECT 1 FROM parameter WHERE name = ?1 LIMIT 1", names[i], why);
		if (found <= 0)
			continue;
		*value = sqlite3_mprintf(
			"(SELECT value FROM parameter v WHERE v.point = p.point AND v.name = %Q)", names[i]);
		*follows = sqlite3_mprintf(",%s,%s", names[i],
			text_is(names[i], page_size) ? "backing,"
			: text_is(names[i], backing) ? "page_size_bytes,"
						     : "");
	}
	if (!found) {
		found = exists(db, "SELECT 1 FROM fact WHERE path = ?1 LIMIT 1", by, why);
		*value = sqlite3_mprintf("(SELECT value FROM fact f WHERE f.run = p.run AND f.path = %Q)", by);
		*follows = sqlite3_mprintf(",");
	}
	sqlite3_free(in_bytes);
	if (found < 0)
		return found;
	if (!found)
		return fail(why, EINVAL,
			"nothing is called '%s': --by takes setting, paging, host, kernel, version, effort, a parameter of a bench,"
			" or a path of run.json such as machine.cpu.microcode",
			by);
	return *value && *follows ? 0 : fail(why, ENOMEM, "out of memory");
}

/* Run statements made of a format of sqlite3_mprintf(), which has to be freed text. */
static int run_made(sqlite3 *db, char *sql, struct reason *why)
{
	int rc = sql ? database_run(db, sql, why) : fail(why, ENOMEM, "out of memory");

	sqlite3_free(sql);
	return rc;
}

/* Lists of names become rows, so that statements are constant. */
static int wanted_add(sqlite3 *db, const char *kind, const char *const *list, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; list && list[i] && !rc; i++)
		rc = run_made(db,
			sqlite3_mprintf("INSERT INTO compare_wanted VALUES (%Q, %d, %Q)", kind, (int)i, list[i]), why);
	return rc;
}

/* The control is the host once more, and no place of its own. */
#define MEASURED \
	"p.status = 'ok' AND NOT p.control AND (NOT EXISTS (SELECT 1 FROM compare_wanted WHERE kind = 'bench')" \
	" OR p.bench IN (SELECT text FROM compare_wanted WHERE kind = 'bench'))"

/* Sides by their values: those asked for, or all in the order of places, of numbers, of points. */
static const char sides_of_values[] =
	"INSERT INTO compare_value SELECT number, text, text FROM compare_wanted WHERE kind = 'value';"
	"INSERT INTO compare_value SELECT ROW_NUMBER() OVER (ORDER BY rank, number, first) - 1, value, value FROM"
	" (SELECT value, MIN(place_rank) AS rank, CASE WHEN typeof(value) IN ('integer', 'real') THEN value END AS number,"
	" MIN(point) AS first FROM compare_measured WHERE value IS NOT NULL GROUP BY value)"
	" WHERE NOT EXISTS (SELECT 1 FROM compare_wanted WHERE kind = 'value');"
	"INSERT OR IGNORE INTO compare_point SELECT m.point, m.run, v.side, m.bench, 0, NULL FROM compare_measured m JOIN"
	" compare_value v ON CAST(m.value AS TEXT) = v.text OR size(m.value) = v.text;";

static int sides_by_value(sqlite3 *db, const struct compare_question *question, char **follows, struct reason *why)
{
	char *value = NULL;
	int rc = dimension_find(db, question->by, &value, follows, why);

	if (!rc)
		rc = wanted_add(db, "value", question->values, why);
	if (!rc)
		rc = run_made(db,
			sqlite3_mprintf(
				"INSERT INTO compare_measured SELECT point, run, bench, %s, place_rank FROM point p WHERE %s",
				value, MEASURED),
			why);
	if (!rc)
		rc = database_run(db, sides_of_values, why);
	sqlite3_free(value);
	return rc;
}

static int sides_by_run(sqlite3 *db, const struct compare_question *question, char **follows, struct reason *why)
{
	sqlite3_stmt *runs = database_prepare(db, "SELECT run FROM run ORDER BY run", why);
	size_t count = 0;
	int rc = runs ? 1 : -EIO;

	*follows = sqlite3_mprintf(",");
	while (rc > 0 && (rc = database_step(runs, why)) > 0) {
		int error = run_made(db,
			sqlite3_mprintf("INSERT INTO compare_point SELECT point, run, %d, bench, 0, NULL FROM point p"
					" WHERE run = %lld AND %s",
				(int)question->side_of_run[count++], sqlite3_column_int64(runs, 0), MEASURED),
			why);

		rc = error ? error : rc;
	}
	sqlite3_finalize(runs);
	return rc;
}

/*
 * What a row has in common: where it was measured, in which pass, at which parameters. Fields that follow from `by` (?1) are
 * extra; the first of them is what the sides are called, and is left out. A family is a bench in one
 * setting and one pass, unless these are compared.
 */
static const char find_fields[] =
	"UPDATE compare_point SET emulated = (SELECT emulated OR interpreted FROM point p WHERE p.point = compare_point.point),"
	" family = (SELECT json_array(bench, CASE WHEN NOT instr(?1, ',setting,') THEN setting END,"
	" CASE WHEN NOT instr(?1, ',pass,') THEN pass END) FROM point p WHERE p.point = compare_point.point);";
static const char *const insert_fields[] = {
	"INSERT INTO compare_field (point, name, value, text, is_extra) SELECT point, name, value, value,"
	" instr(?1, ',' || name || ',') > 0 FROM (SELECT c.point, 'setting' AS name, setting AS value, 1 AS at FROM"
	" compare_point c JOIN point p USING (point) UNION ALL SELECT c.point, 'paging', paging, 2 FROM compare_point c JOIN point p"
	" USING (point) UNION ALL SELECT c.point, 'accel', accel, 3 FROM compare_point c JOIN point p USING (point)"
	" UNION ALL SELECT c.point, 'pass', NULLIF(pass, 'sweep'), 4 FROM compare_point c JOIN point p USING (point))"
	" WHERE value IS NOT NULL"
	" AND instr(?1, ',' || name || ',') <> 1 ORDER BY point, at",
	"INSERT INTO compare_field (point, name, value, text, is_extra) SELECT c.point, q.name, q.value,"
	" CASE WHEN a.kind IN ('bytes', 'page_size') THEN COALESCE(size(q.value), q.value) ELSE q.value END,"
	" instr(?1, ',' || q.name || ',') > 0 FROM compare_point c CROSS JOIN parameter q ON q.point = c.point"
	" LEFT JOIN axis a ON a.run = c.run AND a.bench = c.bench AND a.parameter = q.name"
	" WHERE instr(?1, ',' || q.name || ',') <> 1",
};

/* A guest has parameters that a host does not, and a newer run may have more than an older one. */
static const char find_keys[] =
	"CREATE INDEX temp.compare_field_point ON compare_field (point);"
	"CREATE TEMP TABLE compare_common AS SELECT family, name FROM compare_point c JOIN compare_field f USING (point)"
	" WHERE NOT is_extra GROUP BY family, name HAVING COUNT(DISTINCT c.point) ="
	" (SELECT COUNT(*) FROM compare_point o WHERE o.family = c.family);"
	"UPDATE compare_field SET is_extra = 1 WHERE name NOT IN (SELECT k.name FROM compare_common k JOIN compare_point c"
	" ON c.family = k.family WHERE c.point = compare_field.point);"
	"DROP TABLE compare_common;"
	"INSERT INTO compare_key SELECT point, json_array(family, (SELECT group_concat(name || '=' || quote(value)) FROM"
	" (SELECT name, value FROM compare_field f WHERE f.point = c.point AND NOT is_extra ORDER BY name))),"
	" (SELECT group_concat(name || '=' || quote(value)) FROM"
	" (SELECT name, value FROM compare_field f WHERE f.point = c.point AND is_extra ORDER BY name)),"
	" (SELECT json_group_object(name, text) FROM (SELECT name, text FROM compare_field f WHERE f.point = c.point"
	" AND NOT is_extra ORDER BY id)),"
	" (SELECT json_group_object(name, text) FROM (SELECT name, text FROM compare_field f WHERE f.point = c.point"
	" AND is_extra ORDER BY id)),"
	" (SELECT json_group_object(name, value) FROM (SELECT name, value FROM compare_field f WHERE f.point = c.point"
	" ORDER BY id)) FROM compare_point c;"
	"CREATE INDEX temp.compare_key_key ON compare_key (key);";

/*
 * Metrics in the order of the bench. An emulator's times, and those of code that a hypervisor interpreted, compare with
 * nothing. Without a wish, the first plain time in ns that has a direction stands for a point, and where there is none,
 * the first metric with a direction: in chases the whole access, as in the figure "Settings compared". Runs of older versions
 * tell no direction: their first number in ns has to do.
 */
static const char find_metrics[] =
	"INSERT INTO compare_metric (point, name, median, lo, hi, unit, better, rank) SELECT c.point, m.name, m.median, m.lo,"
	" m.hi, m.unit, t.better, CASE WHEN t.better IS NOT NULL AND NOT COALESCE(t.signed, 0) THEN m.unit <> 'ns'"
	" WHEN t.unit IS NULL AND m.unit = 'ns' THEN 2 END"
	" FROM compare_point c CROSS JOIN metric m ON m.point = c.point LEFT JOIN trait t ON t.run = c.run AND t.bench = c.bench"
	" AND t.metric = m.name WHERE typeof(m.median) IN ('integer', 'real')"
	" AND NOT (c.emulated AND COALESCE(t.time, m.unit IN ('ns', 'cycles')));"
	"CREATE INDEX temp.compare_metric_point ON compare_metric (point, name);"
	"UPDATE compare_metric SET chosen = CASE"
	" WHEN EXISTS (SELECT 1 FROM compare_wanted WHERE kind = 'metric' AND text = 'all') THEN better IS NOT NULL OR rank = 2"
	" WHEN EXISTS (SELECT 1 FROM compare_wanted WHERE kind = 'metric')"
	" THEN name IN (SELECT text FROM compare_wanted WHERE kind = 'metric')"
	" ELSE id = (SELECT id FROM compare_metric o WHERE o.point = compare_metric.point AND rank IS NOT NULL"
	" ORDER BY rank, id LIMIT 1) END;";

static const char find_controls[] =
	"INSERT OR IGNORE INTO compare_control WITH shape AS MATERIALIZED (SELECT p.point, p.run, p.bench, p.setting, p.control,"
	" json_array(p.run, p.bench, p.pass, (SELECT group_concat(name || '=' || quote(value)) FROM (SELECT name, value FROM"
	" parameter q WHERE q.point = p.point ORDER BY name))) AS key FROM point p WHERE p.status = 'ok' AND NOT p.emulated"
	" AND (p.control OR p.setting = 'host') AND p.bench IN (SELECT bench FROM compare_point))"
	" SELECT c.point, h.point, c.run, c.bench FROM shape c JOIN shape h ON h.key = c.key WHERE c.control AND NOT h.control;"
	"INSERT OR IGNORE INTO compare_sample SELECT point, name, number, round, value FROM sample WHERE"
	" (name = 'quiet' OR name IN (SELECT name FROM compare_metric WHERE chosen))"
	" AND (point IN (SELECT point FROM compare_point) OR point IN (SELECT point FROM compare_control)"
	" OR point IN (SELECT base FROM compare_control))"
	" AND typeof(value) IN ('integer', 'real');";

/* Run a statement with the text ?1. */
static int run_with(sqlite3 *db, const char *sql, const char *text, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, sql, why);
	int rc = statement ? 0 : -EIO;

	if (statement) {
		sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
		rc = database_step(statement, why);
	}
	sqlite3_finalize(statement);
	return rc;
}

int compare_tables_fill(sqlite3 *db, const struct compare_question *question, struct reason *why)
{
	char *follows = NULL;
	int rc = database_run(db, make_tables, why);

	if (!rc)
		rc = wanted_add(db, "bench", question->benches, why);
	if (!rc)
		rc = wanted_add(db, "metric", question->metrics, why);
	if (!rc)
		rc = question->by ? sides_by_value(db, question, &follows, why)
				  : sides_by_run(db, question, &follows, why);
	if (!rc)
		rc = run_with(db, find_fields, follows, why);
	for (size_t i = 0; i < sizeof(insert_fields) / sizeof(insert_fields[0]) && !rc; i++)
		rc = run_with(db, insert_fields[i], follows, why);
	if (!rc)
		rc = database_run(db, find_keys, why);
	if (!rc)
		rc = database_run(db, find_metrics, why);
	if (!rc)
		rc = database_run(db, find_controls, why);
	sqlite3_free(follows);
	return rc;
}
