/*
 * The tables of benches: a row a point, with a column for each parameter and three for each metric. Points of the control
 * are in `point` alone: it is no place of its own, and a figure that asks a bench's table for places shall not get it.
 */
#include "record/database.h"
#include "record/database_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tables that are not filled yet, with the statement that fills them; and the names that points have. */
static const char find_names[] =
	"CREATE TEMP TABLE IF NOT EXISTS unfilled (name TEXT PRIMARY KEY, bench TEXT, fill TEXT);"
	"CREATE TEMP TABLE found_name AS"
	" SELECT DISTINCT bench, 0 AS is_metric, key AS name FROM point JOIN part USING (point), json_each(params) UNION ALL"
	" SELECT DISTINCT bench, 1, key FROM point JOIN part USING (point), json_each(metrics)";

/* A column of a bench's table; for a metric, the first of three. */
struct column {
	char *name; /* as in results; owned */
	char *sql; /* as in the table; owned */
	bool is_metric;
};

struct bench_table {
	char *bench, *sql; /* owned: the bench's name, and the table's */
	struct column *column; /* owned */
	size_t columns;
};

static void table_free(struct bench_table *table)
{
	for (size_t i = 0; i < table->columns; i++) {
		free(table->column[i].name);
		free(table->column[i].sql);
	}
	free(table->column);
	free(table->bench);
	free(table->sql);
}

/* Names become identifiers, which are put into quotes: a name may hold anything but a quote or a NUL. */
static char *identifier(const char *name, const char *suffix)
{
	char *sql;

	if (asprintf(&sql, "%s%s", name, suffix) < 0)
		return NULL;
	for (char *c = sql; *c; c++) {
		if (*c == '-')
			*c = '_';
		if (*c == '"')
			*c = '\'';
	}
	return sql;
}

/* Whether a table has a column of that name already; SQLite takes no notice of case. */
static bool has_column(const struct bench_table *table, const char *name)
{
	static const char fixed[] = ", " POINT_COLUMNS ",";
	char *among;
	bool found = false;

	if (asprintf(&among, ", %s,", name) < 0)
		return true;
	found = strcasestr(fixed, among);
	free(among);
	for (size_t i = 0; i < table->columns && !found; i++) {
		const char *column = table->column[i].sql;
		size_t length = strlen(column);

		found = !strcasecmp(column, name);
		if (table->column[i].is_metric && !strncasecmp(column, name, length))
			found = found || !strcasecmp(name + length, "_lo") || !strcasecmp(name + length, "_hi");
	}
	return found;
}

static int column_add(struct bench_table *table, const char *name, bool is_metric)
{
	struct column *grown;

	for (size_t i = 0; i < table->columns; i++)
		if (table->column[i].is_metric == is_metric && !strcmp(table->column[i].name, name))
			return 0;
	grown = reallocarray(table->column, table->columns + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->column = grown;
	grown += table->columns;
	*grown = (struct column){ strdup(name), identifier(name, ""), is_metric };
	if (grown->sql && has_column(table, grown->sql)) {
		free(grown->sql);
		grown->sql = identifier(name, is_metric ? "_metric" : "_parameter");
	}
	table->columns++;
	return grown->name && grown->sql ? 0 : -ENOMEM;
}

static int known_columns_add(struct bench_table *table, const struct database_bench *known, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(known[i].name, table->bench))
			continue;
		for (const char *const *name = known[i].parameters; *name && !rc; name++)
			rc = column_add(table, *name, false);
		for (const char *const *name = known[i].metrics; *name && !rc; name++)
			rc = column_add(table, *name, true);
	}
	return rc;
}

/* What is there: parameters first, each in the order of the alphabet. The names were gathered once for all benches. */
static int found_columns_add(sqlite3 *db, struct bench_table *table, struct reason *why)
{
	sqlite3_stmt *names = database_prepare(
		db, "SELECT is_metric, name FROM found_name WHERE bench = ?1 ORDER BY is_metric, name", why);
	int rc = names ? 1 : -EIO;

	if (names)
		sqlite3_bind_text(names, 1, table->bench, -1, SQLITE_STATIC);
	while (rc > 0 && (rc = database_step(names, why)) > 0) {
		const char *name = (const char *)sqlite3_column_text(names, 1);

		if (name && column_add(table, name, sqlite3_column_int(names, 0)))
			rc = -ENOMEM;
	}
	sqlite3_finalize(names);
	return rc;
}

/* The caller frees the text; NULL where memory is short. */
static char *create_text(const struct bench_table *table)
{
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	fprintf(out, "CREATE TABLE \"%s\" (%s", table->sql, POINT_COLUMNS);
	for (size_t i = 0; i < table->columns; i++) {
		const char *name = table->column[i].sql;

		if (table->column[i].is_metric)
			fprintf(out, ", \"%s\" REAL, \"%s_lo\" REAL, \"%s_hi\" REAL", name, name, name);
		else
			fprintf(out, ", \"%s\"", name);
	}
	fprintf(out, ", PRIMARY KEY (point))");
	return fclose(out) ? NULL : sql;
}

/*
 * What fills a column: one of the parts of a metric, or a parameter (part NULL). SQLite's JSON paths cannot name a member
 * with a quote in its name, which is looked for instead. To be freed by sqlite3_free(); NULL where memory is short.
 */
static char *value_text(const struct column *column, const char *part)
{
	bool quoted = strchr(column->name, '"');

	if (part && quoted)
		return sqlite3_mprintf("(SELECT json_extract(value, '$.%s') FROM json_each(metrics) WHERE key = %Q)",
			part, column->name);
	if (part)
		return sqlite3_mprintf("json_extract(metrics, '$.\"%q\".%s')", column->name, part);
	if (quoted)
		return sqlite3_mprintf("(SELECT atom FROM json_each(params) WHERE key = %Q)", column->name);
	return sqlite3_mprintf("json_extract(params, '$.\"%q\"')", column->name);
}

/* The statement that copies points into the table, with parameters and metrics by their names. */
static char *fill_text(const struct bench_table *table)
{
	static const char *const parts[] = { "median", "lo", "hi" };
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return NULL;
	fprintf(out, "INSERT INTO \"%s\" SELECT %s", table->sql, POINT_COLUMNS);
	for (size_t i = 0; i < table->columns; i++) {
		bool is_metric = table->column[i].is_metric;

		for (size_t part = 0; part < (is_metric ? sizeof(parts) / sizeof(parts[0]) : 1); part++) {
			char *value = value_text(&table->column[i], is_metric ? parts[part] : NULL);

			fprintf(out, ", %s", value ? value : "NULL");
			sqlite3_free(value);
		}
	}
	fputs(" FROM point JOIN part USING (point) WHERE bench = ?1 AND NOT control", out);
	return fclose(out) ? NULL : sql;
}

/* Make the table, empty, and note how it is filled. */
static int table_make(sqlite3 *db, struct bench_table *table, struct reason *why)
{
	char *create = create_text(table), *fill = fill_text(table);
	sqlite3_stmt *note = NULL;
	int rc = create && fill ? database_run(db, create, why) : fail(why, ENOMEM, "out of memory");

	if (!rc) {
		note = database_prepare(db, "INSERT INTO unfilled VALUES (?1, ?2, ?3)", why);
		rc = note ? 0 : -EIO;
	}
	if (!rc) {
		sqlite3_bind_text(note, 1, table->sql, -1, SQLITE_STATIC);
		sqlite3_bind_text(note, 2, table->bench, -1, SQLITE_STATIC);
		sqlite3_bind_text(note, 3, fill, -1, SQLITE_STATIC);
		rc = database_step(note, why);
	}
	sqlite3_finalize(note);
	free(create);
	free(fill);
	return rc;
}

static int table_fill(sqlite3 *db, const char *bench, const char *fill, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, fill, why);
	int rc = statement ? 0 : -EIO;

	if (!rc) {
		sqlite3_bind_text(statement, 1, bench, -1, SQLITE_STATIC);
		rc = database_step(statement, why);
	}
	sqlite3_finalize(statement);
	return rc;
}

int database_fill_bench_tables(sqlite3 *db, const char *mentioned, struct reason *why)
{
	sqlite3_stmt *unfilled = database_prepare(
		db, "SELECT bench, fill FROM unfilled WHERE ?1 IS NULL OR instr(lower(?1), lower(name))", why);
	int rc = unfilled ? 1 : -EIO;

	if (unfilled)
		sqlite3_bind_text(unfilled, 1, mentioned, -1, SQLITE_STATIC);
	while (rc > 0 && (rc = database_step(unfilled, why)) > 0) {
		int error = table_fill(db, (const char *)sqlite3_column_text(unfilled, 0),
			(const char *)sqlite3_column_text(unfilled, 1), why);

		rc = error ? error : rc;
	}
	sqlite3_finalize(unfilled);
	return rc;
}

/* A bench that has the name of another table gets a table of its own, whose name says so: a run may come from anybody. */
static char *table_name(sqlite3 *db, const char *bench)
{
	char *name = identifier(bench, "");

	if (name && sqlite3_table_column_metadata(db, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK) {
		free(name);
		name = identifier(bench, "_bench");
	}
	return name;
}

static int bench_table_make(
	sqlite3 *db, const char *bench, const struct database_bench *known, size_t count, struct reason *why)
{
	struct bench_table table = { .bench = strdup(bench), .sql = table_name(db, bench) };
	int rc = table.bench && table.sql ? 0 : -ENOMEM;

	if (!rc)
		rc = known_columns_add(&table, known, count);
	if (!rc)
		rc = found_columns_add(db, &table, why);
	if (rc == -ENOMEM)
		fail(why, ENOMEM, "out of memory");
	if (!rc)
		rc = table_make(db, &table, why);
	table_free(&table);
	return rc;
}

int database_make_bench_tables(sqlite3 *db, const struct database_bench *known, size_t count, struct reason *why)
{
	sqlite3_stmt *benches;
	int rc = database_run(db, find_names, why);

	for (size_t i = 0; i < count && !rc; i++)
		rc = bench_table_make(db, known[i].name, known, count, why);
	benches = rc ? NULL : database_prepare(db, "SELECT DISTINCT bench FROM point WHERE bench IS NOT NULL", why);
	if (!rc && !benches)
		rc = -EIO;
	while (!rc && (rc = database_step(benches, why)) > 0) {
		const char *bench = (const char *)sqlite3_column_text(benches, 0);
		bool is_known = false;

		rc = 0;
		for (size_t i = 0; i < count; i++)
			is_known = is_known || !strcmp(known[i].name, bench);
		if (!is_known)
			rc = bench_table_make(db, bench, known, count, why);
	}
	sqlite3_finalize(benches);
	return rc ? rc : database_run(db, "DROP TABLE found_name", why);
}
