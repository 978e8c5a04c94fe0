/* A comparison for other programs and for pages: JSON, CSV and Markdown. */
#include "cmd/compare_print.h"

#include "base/member.h"
#include "base/text.h"
#include "record/database.h"
#include "report/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	json_t *value = copy ? json_string(text_clean(copy)) : json_null();

	free(copy);
	return value;
}

static void interval_set(json_t *object, const char *name, const struct interval *told)
{
	static const char *const ends[] = { "", "_lo", "_hi" };
	const double number[] = { told->median, told->lo, told->hi };
	char key[32];

	for (size_t i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "%s%s", name, ends[i]);
		json_object_set_new(object, key, number_or_null(number[i]));
	}
}

/* An object of names and values, of which texts may be a stranger's. */
static json_t *object_of(const char *text)
{
	json_t *all = json_loads(text, 0, NULL), *clean = json_object(), *value;
	const char *name;

	json_object_foreach (all, name, value) {
		char *copy = strdup(name);

		if (copy)
			json_object_set_new(clean, text_clean(copy),
				json_is_string(value) ? text_or_null(json_string_value(value)) : json_incref(value));
		free(copy);
	}
	json_decref(all);
	return clean;
}

/* What readers see: what sides have in common, and what is extra, as one object. */
static json_t *parameters_of(const struct compare_label *label)
{
	json_t *all = object_of(label->parameters), *extra = object_of(label->extra);

	json_object_update(all, extra);
	json_decref(extra);
	return all;
}

static json_t *row_object(const struct compare_output *output, size_t at)
{
	const struct compare_row *row = &output->found->row[at];
	const struct compare_label *label = &output->found->label[at];
	json_t *object = json_object();

	json_object_set_new(object, "base", text_or_null(output->side[0]));
	json_object_set_new(object, "other", text_or_null(output->side[row->side]));
	json_object_set_new(object, "bench", text_or_null(label->bench));
	json_object_set_new(object, "metric", text_or_null(label->metric));
	json_object_set_new(object, "unit", text_or_null(label->unit));
	json_object_set_new(object, "better", text_or_null(label->better));
	json_object_set_new(object, "parameters", object_of(label->raw));
	interval_set(object, "base_median", &row->base_told);
	interval_set(object, "other_median", &row->other_told);
	interval_set(object, "ratio", &row->ratio);
	json_object_set_new(object, "verdict", json_string(compare_verdict_names[row->verdict]));
	json_object_set_new(object, "reason", text_or_null(row->verdict == COMPARE_UNKNOWN ? row->reason : NULL));
	json_object_set_new(object, "test", json_string(compare_test_names[row->test]));
	json_object_set_new(object, "base_count", json_integer((json_int_t)row->base_count));
	json_object_set_new(object, "other_count", json_integer((json_int_t)row->other_count));
	json_object_set_new(object, "p", number_or_null(row->p));
	json_object_set_new(object, "luck", number_or_null(row->luck));
	json_object_set_new(object, "control", number_or_null(row->control));
	return object;
}

int compare_print_json(const struct compare_output *output, struct reason *why)
{
	const struct comparison *found = output->found;
	struct compare_tally tally = compare_tally_of(found);
	json_t *all = json_object(), *sides = json_array(), *warnings = json_array(), *rows = json_array();
	int rc;

	for (size_t i = 0; i < found->sides; i++)
		json_array_append_new(sides, text_or_null(output->side[i]));
	for (size_t i = 0; i < output->warnings->lines; i++)
		json_array_append_new(warnings, text_or_null(output->warnings->line[i]));
	for (size_t i = 0; i < found->rows; i++)
		json_array_append_new(rows, row_object(output, i));
	json_object_set_new(all, "compared", json_integer((json_int_t)found->rows));
	for (size_t i = 0; i < COMPARE_VERDICTS; i++)
		json_object_set_new(all, compare_verdict_names[i], json_integer((json_int_t)tally.of[i]));
	json_object_set_new(all, "level", json_real(COMPARE_LEVEL));
	json_object_set_new(all, "sides", sides);
	json_object_set_new(all, "warnings", warnings);
	json_object_set_new(all, "rows", rows);
	rc = json_dumpf(all, output->out, JSON_INDENT(1) | JSON_REAL_PRECISION(12))
		     ? fail(why, EIO, "cannot write JSON")
		     : 0;
	fputc('\n', output->out);
	json_decref(all);
	return rc;
}

/* The rows as JSON go into a table of the database, so that rows_write() can write them in its formats. */
static int table_make(const struct compare_output *output, struct reason *why)
{
	sqlite3_stmt *insert;
	int rc = database_run(output->db,
		"DROP TABLE IF EXISTS temp.compare_result; CREATE TEMP TABLE compare_result (row INTEGER PRIMARY KEY,"
		" \"group\" INTEGER, shown INTEGER, told TEXT, label TEXT)",
		why);

	if (rc)
		return rc;
	insert = database_prepare(output->db, "INSERT INTO compare_result VALUES (?1, ?2, ?3, ?4, ?5)", why);
	for (size_t i = 0; insert && i < output->found->rows && !rc; i++) {
		json_t *object = row_object(output, i), *parameters = parameters_of(&output->found->label[i]);
		char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
		char *label = json_dumps(parameters, JSON_COMPACT);

		json_decref(object);
		json_decref(parameters);
		if (!text || !label)
			rc = fail(why, ENOMEM, "out of memory");
		sqlite3_bind_int64(insert, 1, (sqlite3_int64)i);
		sqlite3_bind_int64(insert, 2, (sqlite3_int64)output->found->row[i].group);
		sqlite3_bind_int(insert, 3, compare_shows(output, i));
		sqlite3_bind_text(insert, 4, text, -1, free);
		sqlite3_bind_text(insert, 5, label, -1, free);
		if (!rc)
			rc = database_step(insert, why);
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	return insert ? rc : -EIO;
}

static int query_write(
	const struct compare_output *output, const char *sql, enum rows_format format, size_t group, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(output->db, sql, why);
	int rc = -EIO;

	if (rows) {
		sqlite3_bind_int64(rows, 1, (sqlite3_int64)group);
		rc = rows_write(rows, format, output->out, NULL, why);
	}
	sqlite3_finalize(rows);
	return rc;
}

#define TOLD(name) "told ->> '" name "' AS " name

int compare_print_csv(const struct compare_output *output, struct reason *why)
{
	int rc = table_make(output, why);

	return rc
		       ? rc
		       : query_write(output,
				 "SELECT " TOLD("base") ", " TOLD("other") ", " TOLD("bench") ", " TOLD("metric") ", " TOLD("unit") ", " TOLD("better") ", told -> 'parameters' AS parameters, " TOLD(
					 "base_median") ", " TOLD("base_median_lo") ", " TOLD("base_median_hi") ", " TOLD("other_median") ", " TOLD("other_median_lo") ", " TOLD("other_median_hi") ", " TOLD("ratio") ", " TOLD("ratio_lo") ", " TOLD("ratio_hi") ", " TOLD("verdict") ", " TOLD("reason") ", " TOLD("test") ", " TOLD("base_count") ", " TOLD("other_count") ", " TOLD("p") ", " TOLD("luck") ", " TOLD("control") " FROM compare_result ORDER BY row",
				 ROWS_CSV, 0, why);
}

/* What differs between rows of a table is in its first column, as parameters that all have in common need no repeating. */
static const char markdown_rows[] =
	"WITH field AS MATERIALIZED (SELECT row, shown, told, f.key AS name, f.atom AS value, f.id FROM compare_result,"
	" json_each(label) f WHERE \"group\" = ?1), varying AS (SELECT name FROM field GROUP BY name"
	" HAVING COUNT(DISTINCT value) > 1 OR COUNT(*) < (SELECT COUNT(*) FROM compare_result WHERE \"group\" = ?1))"
	" SELECT COALESCE((SELECT group_concat(name || ' ' || value, ', ') FROM (SELECT name, value FROM field f WHERE f.row = r.row"
	" AND name IN (SELECT name FROM varying) ORDER BY id)), '') AS row, cell(told ->> 'base_median', told ->> 'base_median_lo',"
	" told ->> 'base_median_hi') AS base, cell(told ->> 'other_median', told ->> 'other_median_lo',"
	" told ->> 'other_median_hi') AS other, ratio(told ->> 'ratio', told ->> 'ratio_lo', told ->> 'ratio_hi') AS ratio,"
	" CASE told ->> 'verdict' WHEN 'alike' THEN '~' WHEN 'unknown' THEN '?' ELSE told ->> 'verdict' END AS verdict"
	" FROM compare_result r WHERE \"group\" = ?1 AND shown ORDER BY r.row";

static void markdown_line(FILE *out, const char *before, const char *text, const char *after)
{
	char *copy = strdup(text);

	fputs(before, out);
	if (copy)
		rows_write_markdown(text_clean(copy), out);
	fputs(after, out);
	free(copy);
}

/* The heading of a table, and what its rows have in common. */
static void markdown_heading(const struct compare_output *output, size_t from, size_t to)
{
	const struct compare_label *label = &output->found->label[from];
	const char *name, *between = "In all: ";
	json_t *common = parameters_of(label), *value;
	void *next;

	markdown_line(output->out, "\n## ", label->bench, ", ");
	markdown_line(output->out, "", label->metric, "");
	if (output->found->sides > 2)
		markdown_line(output->out, ": ", output->side[output->found->row[from].side], "");
	fputs("\n\n", output->out);
	for (size_t i = from + 1; i < to; i++) {
		json_t *other = parameters_of(&output->found->label[i]);

		json_object_foreach_safe(common, next, name,
			value) if (!json_equal(value, json_object_get(other, name))) json_object_del(common, name);
		json_decref(other);
	}
	json_object_foreach (common, name, value) {
		char *text =
			json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);

		markdown_line(output->out, between, name, " ");
		markdown_line(output->out, "", text ? text : "?", "");
		between = ", ";
		free(text);
	}
	if (json_object_size(common))
		fputs(".\n\n", output->out);
	json_decref(common);
}

int compare_print_markdown(const struct compare_output *output, struct reason *why)
{
	const struct comparison *found = output->found;
	char *overview = compare_overview(found);
	int rc = overview ? table_make(output, why) : fail(why, ENOMEM, "out of memory");

	fprintf(output->out, "%s.\n\n", overview ? overview : "");
	free(overview);
	markdown_line(output->out, "- base: ", output->side[0], "\n");
	for (size_t i = 1; i < found->sides; i++)
		markdown_line(output->out, "- other: ", output->side[i], "\n");
	for (size_t i = 0; i < output->warnings->lines; i++)
		markdown_line(output->out, "- warning: ", output->warnings->line[i], "\n");
	for (size_t from = 0, to; from < found->rows && !rc; from = to) {
		size_t shown = 0;

		for (to = from; to < found->rows && found->row[to].group == found->row[from].group; to++)
			shown += compare_shows(output, to);
		if (!shown)
			continue;
		markdown_heading(output, from, to);
		rc = query_write(output, markdown_rows, ROWS_MARKDOWN, found->row[from].group, why);
	}
	return rc;
}
