#include "report/figure.h"

#include "base/new_file.h"
#include "record/database.h"
#include "report/files.h"
#include "report/gnuplot.h"
#include "report/picture.h"
#include "report/rows.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- tables --- */

/* The comment at the head of a query is that of the table. */
static void head_write(const char *sql, FILE *out)
{
	while (!strncmp(sql, "--", 2)) {
		size_t length = strcspn(sql, "\n");

		fprintf(out, "#%.*s\n", (int)length - 2, sql + 2);
		sql += length + (sql[length] == '\n');
	}
}

/* A query with the values of the block around its figure. NULL with *why. */
static sqlite3_stmt *bound_prepare(
	struct report *report, const char *sql, const struct template_scope *scope, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(report->db, sql, why);

	if (!statement || !template_bind(statement, scope, why))
		return statement;
	sqlite3_finalize(statement);
	return NULL;
}

/* Keep the rows of table.sql as the temporary table `drawn`, for the queries of the text. 0, or a negative errno with *why. */
static int drawn_make(struct report *report, const char *sql, const struct template_scope *scope, struct reason *why)
{
	int rc = database_run(report->db, "DROP TABLE IF EXISTS temp.drawn", why);
	char *create = sqlite3_mprintf("CREATE TEMP TABLE drawn AS\n%s", sql);
	sqlite3_stmt *statement = NULL;

	if (!rc && create)
		statement = bound_prepare(report, create, scope, why);
	rc = statement ? database_step(statement, why) : -EIO;
	report->drawn_is_bound = statement && sqlite3_bind_parameter_count(statement) > 0;
	sqlite3_finalize(statement);
	sqlite3_free(create);
	return rc;
}

/*
 * The rows that go into SCRATCH/STEM.tsv. Those of a table.sql without parameters are there already, as `drawn`, unless
 * that failed. NULL with *why.
 */
static sqlite3_stmt *table_select(struct report *report, const char *stem, const char *sql,
	const struct template_scope *scope, struct reason *why)
{
	static const char drawn[] = "SELECT * FROM temp.drawn";
	sqlite3_stmt *there;

	if (strcmp(stem, "table"))
		return bound_prepare(report, sql, scope, why);
	there = report->drawn_is_bound ? NULL : database_prepare(report->db, drawn, why);
	if (there)
		return there;
	return drawn_make(report, sql, scope, why) ? NULL : database_prepare(report->db, drawn, why);
}

/* Run FOLDER/STEM.sql and write SCRATCH/STEM.tsv; *rows of them. */
static int table_write(
	struct report *report, const char *stem, const struct template_scope *scope, size_t *rows, struct reason *why)
{
	char *file = NULL, *target = NULL, *sql = NULL;
	sqlite3_stmt *statement = NULL;
	FILE *out = NULL;
	int rc = -EIO;

	if (asprintf(&file, "%s.sql", stem) < 0 || asprintf(&target, "%s/%s.tsv", report->scratch, stem) < 0)
		return fail(why, ENOMEM, "out of memory");
	sql = file_read(report->folder, file, why);
	if (sql)
		statement = table_select(report, stem, sql, scope, why);
	if (statement)
		out = fopen(target, "we");
	if (out) {
		head_write(sql, out);
		rc = rows_write(statement, ROWS_TSV, out, rows, why);
		if (fclose(out) && !rc)
			rc = fail(why, errno, "cannot write %s: %s", target, strerror(errno));
	}
	if (rc) {
		struct reason told = *why;

		fail(why, -rc, "%s: %s", file, told.text);
	}
	sqlite3_finalize(statement);
	free(sql);
	free(file);
	free(target);
	return rc;
}

/* The path of what a table or its query is published as: NAME.tsv of table.sql, NAME.STEM.tsv of others. The caller frees. */
static char *published_path(const struct report *report, const char *figure, const char *stem, const char *suffix)
{
	bool first = !strcmp(stem, "table");
	char *path;

	if (asprintf(&path, "%s/%s%s%s.%s", report->directory, figure, first ? "" : ".", first ? "" : stem, suffix) < 0)
		return NULL;
	return path;
}

/* Publish a query with the values that it was asked with, so that whoever asks it again gets the same rows. */
static int query_publish(struct report *report, const char *path, const char *stem, const struct template_scope *scope,
	struct reason *why)
{
	char *file = NULL, *sql = NULL, *asked = NULL;
	sqlite3_stmt *statement = NULL;
	struct new_file published;
	int rc = -EIO;

	if (asprintf(&file, "%s.sql", stem) < 0)
		return fail(why, ENOMEM, "out of memory");
	sql = file_read(report->folder, file, why);
	if (sql)
		statement = bound_prepare(report, sql, scope, why);
	if (statement)
		asked = sqlite3_expanded_sql(statement);
	if (asked)
		rc = new_file_open(&published, path, why);
	else if (statement)
		rc = fail(why, ENOMEM, "out of memory");
	if (!rc) {
		fprintf(published.out, "%s\n", asked);
		rc = new_file_put(&published, why);
	}
	sqlite3_free(asked);
	sqlite3_finalize(statement);
	free(sql);
	free(file);
	return rc;
}

/* Publish a table in the scratch directory, and its query. */
static int table_publish(struct report *report, const char *figure, const char *stem,
	const struct template_scope *scope, struct reason *why)
{
	char *from = NULL, *table = published_path(report, figure, stem, "tsv"),
	     *query = published_path(report, figure, stem, "sql");
	int rc = table && query && asprintf(&from, "%s.tsv", stem) >= 0 ? 0 : fail(why, ENOMEM, "out of memory");

	if (!rc)
		rc = file_copy(report->scratch, from, report->directory, strrchr(table, '/') + 1, why);
	if (!rc)
		rc = query_publish(report, query, stem, scope, why);
	free(from);
	free(table);
	free(query);
	return rc;
}

/*
 * All tables of the folder; one without rows is for gnuplot only. *rows: those of table.sql; of none, the others are not
 * made.
 */
static int tables_write(
	struct report *report, const char *figure, const struct template_scope *scope, size_t *rows, struct reason *why)
{
	char *pattern;
	glob_t found;
	int rc = table_write(report, "table", scope, rows, why);

	if (rc || !*rows)
		return rc;
	rc = table_publish(report, figure, "table", scope, why);
	if (!rc)
		rc = gnuplot_table_prepare(report->scratch, "table", why);
	if (asprintf(&pattern, "%s/*.sql", report->folder) < 0)
		return fail(why, ENOMEM, "out of memory");
	if (!rc && !glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
			char *stem = strrchr(found.gl_pathv[i], '/') + 1;
			size_t more;

			stem[strlen(stem) - strlen(".sql")] = '\0';
			if (!strcmp(stem, "table"))
				continue;
			rc = table_write(report, stem, scope, &more, why);
			if (!rc && more)
				rc = table_publish(report, figure, stem, scope, why);
			if (!rc && more)
				rc = gnuplot_table_prepare(report->scratch, stem, why);
		}
		globfree(&found);
	}
	free(pattern);
	return rc;
}

/* --- figures --- */

#define FIGURE_NAME_MOST 120

/* A figure's file has the name of its folder, or the value of the column `figure` of a surrounding block. */
static char *figure_name(const struct report *report, const struct template_scope *scope)
{
	sqlite3_value *value = template_value(scope, "figure");
	const char *given = value ? (const char *)sqlite3_value_text(value) : NULL;
	char *name = strdup(given ? given : report->name);

	/* A file's name has 255 bytes at most, its ending included. */
	if (name && strlen(name) > FIGURE_NAME_MOST)
		name[FIGURE_NAME_MOST] = '\0';
	for (char *c = name; c && *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			*c = '-';
	return name;
}

/* Between two points every line is straight: a picture of fewer values than these says no more than two rows of a table. */
#define VALUES_TO_DRAW 3

/* Whether the table `drawn` has enough to draw along a column. A negative errno with *why. */
static int is_worth_drawing(struct report *report, const char *along, struct reason *why)
{
	char *sql;
	sqlite3_stmt *values;
	int rc;

	if (!along)
		return true;
	/* Quotes of SQLite's own make an unknown name a string; brackets make it an error. */
	sql = sqlite3_mprintf("SELECT COUNT(DISTINCT [%s]) FROM temp.drawn", along);
	values = sql ? database_prepare(report->db, sql, why) : NULL;
	rc = values ? database_step(values, why) : -EIO;
	if (rc > 0)
		rc = sqlite3_column_int64(values, 0) >= VALUES_TO_DRAW;
	sqlite3_finalize(values);
	sqlite3_free(sql);
	return rc;
}

/* The picture's line of Markdown, or the reason why there is none. */
static int picture_write(struct report *report, const char *figure, const struct figure_words *words, FILE *out)
{
	struct reason undrawn;
	char *line = NULL;
	size_t size;
	FILE *text = open_memstream(&line, &size);
	int rc = text ? 0 : fail(&undrawn, ENOMEM, "out of memory");

	if (text) {
		fputs("![", text);
		rows_write_markdown(words->alt, text);
		fprintf(text, "](%s.svg)\n", figure);
		rc = fclose(text) ? fail(&undrawn, ENOMEM, "out of memory") : 0;
	}
	if (!rc)
		rc = picture_start(report, &(struct picture_request){ figure, words->title, line }, &undrawn);
	if (!rc)
		fputs(line, out);
	else
		picture_write_undrawn(&undrawn, out);
	free(line);
	return 0;
}

/* Where no picture is worth its place, a link to the table holds it. */
static int table_link_write(
	struct report *report, const char *figure, const struct figure_words *words, FILE *out, struct reason *why)
{
	fputc('[', out);
	rows_write_markdown(words->alt, out);
	fprintf(out, "](%s.tsv)\n", figure);
	return names_add(&report->pictures, figure) ? fail(why, ENOMEM, "out of memory") : 0;
}

int figure_write(void *context, const struct figure_words *words, const struct template_scope *scope, FILE *out,
	struct reason *why)
{
	struct report *report = context;
	char *figure = figure_name(report, scope);
	size_t rows = 0;
	int rc = figure ? 0 : fail(why, ENOMEM, "out of memory"), worth = true;

	/* The picture before this one has taken its directory with it. */
	if (!rc && !report->scratch)
		report->scratch = scratch_make(report->plots, why);
	if (!rc)
		rc = report->scratch ? tables_write(report, figure, scope, &rows, why) : -EIO;
	if (!rc && report->stop && report->stop())
		rc = fail(why, EINTR, "interrupted: the report is not finished");
	if (!rc && rows) {
		report->shown++;
		worth = is_worth_drawing(report, words->along, why);
		rc = worth < 0 ? worth
		     : worth   ? picture_write(report, figure, words, out)
			       : table_link_write(report, figure, words, out, why);
	}
	if (report->scratch) {
		scratch_empty(report->scratch, "*.tsv");
		scratch_empty(report->scratch, "figure.*");
	}
	free(figure);
	return rc;
}

/* --- folders --- */

/* The folder of a figure, which the caller frees; NULL with *why. A name is no path. */
static char *folder_find(const struct report *report, const char *name, struct reason *why)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
			fail(why, EINVAL, "'%s' is no name of a figure", name);
			return NULL;
		}
	for (const char *const *plots = report->plots; *plots; plots++) {
		char *text, *folder = NULL;
		bool there;

		if (asprintf(&text, "%s/%s/text.md", *plots, name) < 0)
			break;
		there = !access(text, R_OK);
		if (there && asprintf(&folder, "%s/%s", *plots, name) < 0)
			folder = NULL;
		free(text);
		if (there)
			return folder;
	}
	fail(why, ENOENT, "there is no figure '%s', which would have a text.md", name);
	return NULL;
}

static int folder_text(struct report *report, FILE *out, struct reason *why)
{
	const struct template_hooks hooks = { figure_write, figure_include, report, NULL };
	char *text = file_read(report->folder, "text.md", why), *written = NULL;
	size_t size;
	FILE *buffer = text ? open_memstream(&written, &size) : NULL;
	int rc = buffer ? template_write(report->db, text, &hooks, buffer, why) : -EIO;

	if (buffer && fclose(buffer) && !rc)
		rc = fail(why, ENOMEM, "out of memory");
	if (rc) {
		struct reason told = *why;

		fail(why, -rc, "text.md: %s", told.text);
	} else if (!strstr(text, "{{figure:") || report->shown) {
		fputs(written, out);
	}
	free(written);
	free(text);
	return rc;
}

/* A table.sql that needs the block around its figure, or that fails, has no rows to tell of before the figure. */
static int folder_write(struct report *report, FILE *out, struct reason *why)
{
	struct reason own;
	char *sql = file_read(report->folder, "table.sql", &own);
	int rc;

	if (sql)
		drawn_make(report, sql, NULL, &own);
	rc = folder_text(report, out, why);
	if (database_run(report->db, "DROP TABLE IF EXISTS temp.drawn", &own) && !rc)
		rc = fail(why, EIO, "%s", own.text);
	free(sql);
	return rc;
}

int figure_include(void *context, const char *name, FILE *out, struct reason *why)
{
	struct report *report = context;
	struct report around = *report;
	struct reason own;
	char *folder = folder_find(report, name, &own);
	int rc = folder ? 0 : -ENOENT;

	if (names_has(&report->included, name)) {
		free(folder);
		return fail(why, EINVAL, "the figure '%s' is included twice", name);
	}
	if (names_add(&report->included, name)) {
		free(folder);
		return fail(why, ENOMEM, "out of memory");
	}
	report->folder = folder;
	report->name = name;
	report->shown = 0;
	if (!rc)
		rc = folder_write(report, out, &own);
	report->folder = around.folder;
	report->name = around.name;
	report->shown = around.shown;
	free(folder);
	if (rc == -EINTR)
		return fail(why, EINTR, "interrupted: the report is not finished");
	if (rc) {
		picture_problem_add(report, name, &own);
		fputs("\n*Not made: ", out);
		rows_write_markdown(name, out);
		fputs(": ", out);
		rows_write_markdown(own.text, out);
		fputs("*\n\n", out);
	}
	return 0;
}
