#include "report/site_entry.h"

#include "base/member.h"
#include "base/plain_file.h"
#include "base/text.h"
#include "record/database.h"
#include "record/load.h"
#include "report/site_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW "row.json"

static char *started_read(const char *run)
{
	struct reason why;
	json_t *about = NULL;
	const char *text = run_about_load(run, &about, &why) ? NULL : member_text(about, "started_utc");
	char *started = strdup(text ? text : "");

	json_decref(about);
	return started;
}

int site_entry_make(struct site_entry *entry, struct names *runs, const char *label, struct reason *why)
{
	*entry = (struct site_entry){
		.runs = *runs,
		.kind = runs->count > 1 ? "compare" : "runs",
		.label = strdup(label),
		.name = site_name(label),
		.started = started_read(runs->name[0]),
	};
	*runs = (struct names){ 0 };
	return entry->label && entry->name && entry->started ? 0 : fail(why, ENOMEM, "out of memory");
}

void site_entry_free(struct site_entry *entry)
{
	names_free(&entry->runs);
	free(entry->label);
	free(entry->name);
	free(entry->started);
	json_decref(entry->row);
}

char *site_entry_directory(const struct site_entry *entry, const char *site, const char *prefix)
{
	char *path;

	return asprintf(&path, "%s/%s/%s%s", site, entry->kind, prefix, entry->name) < 0 ? NULL : path;
}

void site_entry_read(struct site_entry *entry, const char *site)
{
	char *directory = site_entry_directory(entry, site, "");
	FILE *file = directory ? plain_file_open(directory, ROW, PLAIN_FILE_DOCUMENT_MOST, NULL) : NULL;

	json_decref(entry->row);
	entry->row = file ? json_loadf(file, 0, NULL) : NULL;
	if (file)
		fclose(file);
	free(directory);
}

static void stamp_text(const struct site_entry *entry, char text[17])
{
	snprintf(text, 17, "%016" PRIx64, entry->stamp);
}

bool site_entry_is_current(const struct site_entry *entry, const char *const *formats)
{
	const json_t *drawn = json_object_get(entry->row, "formats");
	char stamp[17];

	stamp_text(entry, stamp);
	if (!member_is(entry->row, "stamp", stamp))
		return false;
	for (; *formats; formats++) {
		size_t i = 0;

		while (i < json_array_size(drawn) &&
			strcmp(json_string_value(json_array_get(drawn, i)) ?: "", *formats))
			i++;
		if (i == json_array_size(drawn))
			return false;
	}
	return true;
}

const char *site_entry_problem(const struct site_entry *entry)
{
	return entry->row ? member_text(entry->row, "problem") : "its pages were not made";
}

int site_row_write(
	const struct site_entry *entry, const char *directory, const struct site_outcome *outcome, struct reason *why)
{
	json_t *row = json_object(), *formats = json_array();
	char stamp[17], *path = NULL;
	int rc = 0;

	stamp_text(entry, stamp);
	for (size_t i = 0; outcome->formats[i]; i++)
		json_array_append_new(formats, json_string(outcome->formats[i]));
	json_object_set_new(row, "stamp", json_string(stamp));
	json_object_set_new(row, "formats", formats);
	json_object_set_new(row, "problem", outcome->problem ? text_json(outcome->problem) : json_null());
	json_object_set(row, "cells", outcome->cells ? outcome->cells : json_null());
	if (asprintf(&path, "%s/" ROW, directory) < 0)
		rc = fail(why, ENOMEM, "out of memory");
	else if (json_dump_file(row, path, JSON_INDENT(1)))
		rc = fail(why, EIO, "cannot write %s", path);
	free(path);
	json_decref(row);
	return rc;
}

static json_t *cell_json(sqlite3_stmt *row, int column)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(row, column));
	case SQLITE_FLOAT:
		return number_or_null(sqlite3_column_double(row, column));
	case SQLITE_NULL:
		return json_null();
	default:
		return text_json((const char *)sqlite3_column_text(row, column));
	}
}

json_t *site_cells_make(sqlite3 *db, const char *plots, struct reason *why)
{
	char *sql = file_read(plots, "index.sql", why);
	sqlite3_stmt *row = sql ? database_prepare(db, sql, why) : NULL;
	json_t *cells = NULL;

	if (row && database_step(row, why) > 0) {
		cells = json_object();
		for (int i = 0; i < sqlite3_column_count(row); i++)
			json_object_set_new(cells, sqlite3_column_name(row, i), cell_json(row, i));
	}
	sqlite3_finalize(row);
	free(sql);
	return cells;
}
