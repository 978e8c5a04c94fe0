/* The rows of a query as text: for terminals, for other programs, and for Markdown. */
#ifndef NESTWALK_REPORT_ROWS_H
#define NESTWALK_REPORT_ROWS_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stdio.h>

/* How rows are written. A NULL is "-", an empty field, "NA", null, or an empty cell. */
enum rows_format {
	ROWS_TABLE, /* columns aligned for a terminal, numbers to the right */
	ROWS_CSV, /* RFC 4180, with a header line */
	ROWS_TSV, /* tab-separated with a header line; what gnuplot reads */
	ROWS_JSON, /* an array with an object for each row */
	ROWS_MARKDOWN, /* a table, in which nothing of the data is markup */
	ROWS_FORMATS,
};
extern const char *const rows_format_names[ROWS_FORMATS]; /* "table" "csv" "tsv" "json" "markdown" */

/*
 * Step a statement to its end and write all of its rows. *count, unless NULL: how many there were; of none, a header is
 * still written, except that ROWS_MARKDOWN writes nothing. 0, or a negative errno with *why.
 */
int rows_write(sqlite3_stmt *statement, enum rows_format format, FILE *out, size_t *count, struct reason *why);

/* A value of the current row, as a person reads it: text as it is, numbers with up to 7 digits. NULL: nothing. */
void rows_write_value(sqlite3_stmt *statement, int column, FILE *out);

/* Write text so that Markdown takes none of it for markup, on one line. */
void rows_write_markdown(const char *text, FILE *out);

#endif
