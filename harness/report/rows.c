#include "report/rows.h"

#include "base/text.h"
#include "record/database.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Seven digits are more than any measurement here has. */
#define NUMBER "%.7g"

const char *const rows_format_names[ROWS_FORMATS] = { "table", "csv", "tsv", "json", "markdown" };

/* People read no cell to its end that is longer: the longest reason has 480 bytes. */
#define CELL_CHARACTERS_MOST 500

/*
 * A text of the database, cleaned, but in as many lines as it has: it is from a run, or from an exported file, either of which may be anybody's. Valid until
 * the next call. Without memory there is none.
 */
static const char *cleaned(const char *text)
{
	static char *copy;

	free(copy);
	copy = strdup(text ? text : "");
	return copy ? text_clean_lines(copy) : "";
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
	return cleaned((const char *)sqlite3_column_text(statement, column));
}

static const char *name_of(sqlite3_stmt *statement, int column)
{
	return cleaned(sqlite3_column_name(statement, column));
}

void rows_write_value(sqlite3_stmt *statement, int column, FILE *out)
{
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		break;
	case SQLITE_FLOAT:
		fprintf(out, NUMBER, sqlite3_column_double(statement, column));
		break;
	default:
		fputs(text_of(statement, column), out);
	}
}

/*
 * Whether a character would be markup where it stands. Brackets make a link only in front of another bracket or a colon,
 * an underscore or a tilde emphasises only at the border of a word; elsewhere they are left as they are, so that the text
 * can be read without Markdown, too.
 */
static bool is_markup(char before, char c, char after)
{
	switch (c) {
	case ']':
		return after == '(' || after == '[' || after == ':';
	case '_':
		return !isalnum((unsigned char)before) || !isalnum((unsigned char)after);
	case '~':
		return after == '~' || (after && after != ' ');
	default:
		return c && strchr("\\`*<>&|", c);
	}
}

void rows_write_markdown(const char *text, FILE *out)
{
	char before = ' ';

	char *copy = strdup(text);

	if (!copy)
		return;
	text = text_shorten(text_clean(copy), CELL_CHARACTERS_MOST);
	for (; *text; before = *text++) {
		if (is_markup(before, *text, text[1]))
			fputc('\\', out);
		fputc(*text, out);
	}
	free(copy);
}

static void csv_field(const char *text, FILE *out)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void csv_header(sqlite3_stmt *statement, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		fputs(i ? "," : "", out);
		csv_field(name_of(statement, i), out);
	}
	fputs("\r\n", out);
}

/* Numbers for other programs keep all their digits. */
static void csv_row(sqlite3_stmt *statement, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		fputs(i ? "," : "", out);
		if (sqlite3_column_type(statement, i) == SQLITE_FLOAT)
			fprintf(out, "%.15g", sqlite3_column_double(statement, i));
		else
			csv_field(text_of(statement, i), out);
	}
	fputs("\r\n", out);
}

static void tsv_header(sqlite3_stmt *statement, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++)
		fprintf(out, "%s%s", i ? "\t" : "", name_of(statement, i));
	fputc('\n', out);
}

/* No tabs, line ends or quotes within a field, since gnuplot gives them a meaning. */
static void tsv_row(sqlite3_stmt *statement, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		int type = sqlite3_column_type(statement, i);

		fputs(i ? "\t" : "", out);
		if (type == SQLITE_NULL)
			fputs("NA", out);
		else if (type != SQLITE_TEXT)
			rows_write_value(statement, i, out);
		else
			for (const char *text = text_of(statement, i); *text; text++)
				fputc(*text == '\n' || *text == '"' ? ' ' : *text, out);
	}
	fputc('\n', out);
}

static void json_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void json_row(sqlite3_stmt *statement, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		fputs(i ? ", " : "{", out);
		json_string(name_of(statement, i), out);
		fputs(": ", out);
		switch (sqlite3_column_type(statement, i)) {
		case SQLITE_NULL:
			fputs("null", out);
			break;
		case SQLITE_FLOAT:
			/* JSON has no word for infinity, but numbers that are read as such. */
			if (isfinite(sqlite3_column_double(statement, i)))
				fprintf(out, "%.15g", sqlite3_column_double(statement, i));
			else
				fputs(sqlite3_column_double(statement, i) > 0 ? "9e999" : "-9e999", out);
			break;
		case SQLITE_INTEGER:
			fputs(text_of(statement, i), out);
			break;
		default:
			json_string(text_of(statement, i), out);
		}
	}
	fputc('}', out);
}

/* Whether a value is a number, or text that is made of one and its unit: such columns are aligned to the right. */
static bool is_numeric(sqlite3_stmt *statement, int column)
{
	const char *text = text_of(statement, column);

	if (sqlite3_column_type(statement, column) != SQLITE_TEXT)
		return sqlite3_column_type(statement, column) != SQLITE_NULL;
	return strpbrk(text, "0123456789?") && strspn(text, "0123456789.+-[], %~?×KMGTiBbytes") == strlen(text);
}

/* All cells of a table, the header's first, before it is known how its columns are aligned and how wide they are. */
struct cells {
	char **cell;
	size_t count, room;
	enum { UNKNOWN, NUMBERS, WORDS } * kind; /* of each column: what it holds so far */
};

static int cell_add(struct cells *cells, char *cell)
{
	if (cells->count == cells->room) {
		size_t room = cells->room ? 2 * cells->room : 256;
		char **grown = reallocarray(cells->cell, room, sizeof(*grown));

		if (!grown) {
			free(cell);
			return -ENOMEM;
		}
		cells->cell = grown;
		cells->room = room;
	}
	cells->cell[cells->count++] = cell;
	return cell ? 0 : -ENOMEM;
}

/* A value as a cell, which the caller frees. */
static char *cell_of(sqlite3_stmt *statement, int column, enum rows_format format)
{
	bool is_text = sqlite3_column_type(statement, column) == SQLITE_TEXT;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (sqlite3_column_type(statement, column) == SQLITE_NULL && format == ROWS_TABLE)
		fputc('-', out);
	if (is_text && format == ROWS_MARKDOWN)
		rows_write_markdown(text_of(statement, column), out);
	else
		rows_write_value(statement, column, out);
	return fclose(out) ? NULL : text_shorten(text_clean(text), CELL_CHARACTERS_MOST);
}

/* The name of a column as a cell, which the caller frees. */
static char *head_of(sqlite3_stmt *statement, int column, enum rows_format format)
{
	char *name = NULL, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	name = strdup(name_of(statement, column));
	if (name && format == ROWS_MARKDOWN)
		rows_write_markdown(name, out);
	else if (name)
		fputs(text_shorten(name, CELL_CHARACTERS_MOST), out);
	free(name);
	return fclose(out) ? NULL : text;
}

/* Characters, not bytes, of UTF-8. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* In columns, for a terminal. */
static void cells_print(const struct cells *cells, int columns, FILE *out)
{
	int *width = calloc((size_t)columns, sizeof(*width));

	if (!width)
		return;
	for (size_t i = 0; i < cells->count; i++) {
		int own = width_of(cells->cell[i]);

		if (own > width[i % (size_t)columns])
			width[i % (size_t)columns] = own;
	}
	for (size_t i = 0; i < cells->count; i++) {
		int column = (int)(i % (size_t)columns), pad = width[column] - width_of(cells->cell[i]);
		bool last = column == columns - 1;

		if (column)
			fputs("  ", out);
		if (cells->kind[column] == NUMBERS)
			fprintf(out, "%*s%s", pad, "", cells->cell[i]);
		else
			fprintf(out, "%s%*s", cells->cell[i], last ? 0 : pad, "");
		if (last)
			fputc('\n', out);
	}
	free(width);
}

/* As a table of Markdown, which has no table without rows. */
static void cells_print_markdown(const struct cells *cells, int columns, FILE *out)
{
	if (cells->count == (size_t)columns)
		return;
	for (size_t i = 0; i < cells->count; i++) {
		fprintf(out, i % (size_t)columns ? " %s |" : "| %s |", cells->cell[i]);
		if ((i + 1) % (size_t)columns == 0)
			fputc('\n', out);
		if (i + 1 != (size_t)columns)
			continue;
		for (int column = 0; column < columns; column++)
			fputs(cells->kind[column] == NUMBERS ? "| ---: " : "| --- ", out);
		fputs("|\n", out);
	}
}

static void kind_note(sqlite3_stmt *statement, struct cells *cells, int column)
{
	/* An empty cell and a dash tell nothing. */
	if (!text_of(statement, column)[0] || !strcmp(text_of(statement, column), "–") || cells->kind[column] == WORDS)
		return;
	cells->kind[column] = is_numeric(statement, column) ? NUMBERS : WORDS;
}

static int table_write(sqlite3_stmt *statement, enum rows_format format, FILE *out, size_t *count, struct reason *why)
{
	int columns = sqlite3_column_count(statement), rc = 0;
	struct cells cells = { .kind = calloc((size_t)columns + 1, sizeof(*cells.kind)) };

	if (!cells.kind)
		return fail(why, ENOMEM, "out of memory");
	for (int i = 0; i < columns && !rc; i++)
		rc = cell_add(&cells, head_of(statement, i, format));
	while (!rc && (rc = database_step(statement, why)) > 0) {
		rc = 0;
		for (int i = 0; i < columns && !rc; i++) {
			kind_note(statement, &cells, i);
			rc = cell_add(&cells, cell_of(statement, i, format));
		}
		(*count)++;
	}
	if (rc == -ENOMEM)
		fail(why, ENOMEM, "out of memory");
	if (!rc && format == ROWS_TABLE)
		cells_print(&cells, columns, out);
	else if (!rc)
		cells_print_markdown(&cells, columns, out);
	for (size_t i = 0; i < cells.count; i++)
		free(cells.cell[i]);
	free(cells.cell);
	free(cells.kind);
	return rc;
}

/* What is written once before, between and after the rows, and for each row. */
static const struct format {
	void (*header)(sqlite3_stmt *statement, FILE *out);
	void (*row)(sqlite3_stmt *statement, FILE *out);
	const char *before, *between, *after;
} formats[ROWS_FORMATS] = {
	[ROWS_CSV] = { csv_header, csv_row, "", "", "" },
	[ROWS_TSV] = { tsv_header, tsv_row, "", "", "" },
	[ROWS_JSON] = { NULL, json_row, "[", ",\n ", "]\n" },
};

int rows_write(sqlite3_stmt *statement, enum rows_format format, FILE *out, size_t *count, struct reason *why)
{
	const struct format *how = &formats[format];
	size_t rows = 0;
	int rc;

	if (format == ROWS_TABLE || format == ROWS_MARKDOWN) {
		rc = table_write(statement, format, out, &rows, why);
		goto out;
	}
	fputs(how->before, out);
	if (how->header)
		how->header(statement, out);
	while ((rc = database_step(statement, why)) > 0) {
		fputs(rows ? how->between : "", out);
		how->row(statement, out);
		rows++;
	}
	fputs(how->after, out);
out:
	if (count)
		*count = rows;
	return rc;
}
