/*
 * Templates: Markdown with queries in it. Everything that comes out of a query is data: it is written so that Markdown
 * takes none of it for markup.
 *
 *   {{value: SELECT ...}}               the first value of the first row; nothing where there is none, or where it is NULL
 *   {{table: SELECT ...}}               a Markdown table; nothing where there are no rows
 *   {{code: SELECT ...}}                the first value of each row as a line of a code block, in which nothing is markup
 *   {{each: SELECT ...}} ... {{end}}    once for each row; {{name}} is the value of a column, :name is the same in a query
 *   {{if: SELECT ...}} ... {{end}}      once where there is a row, whose columns can be used as in each; else nothing
 *   {{figure: TITLE | ALT}}             a picture; the words may hold {{name}} of a surrounding block
 *   {{figure: TITLE | ALT | COLUMN}}    the same, only where COLUMN of its table has values enough to be drawn against
 *   {{include: NAME}}                   the text of another figure's folder
 *   {{# ...}}                           a comment
 *
 * A line that holds nothing but such a thing disappears with it where that gives nothing.
 */
#ifndef NESTWALK_REPORT_TEMPLATE_H
#define NESTWALK_REPORT_TEMPLATE_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stdio.h>

/* The row of a block that is being written, within that of the block around it. */
struct template_scope {
	const struct template_scope *outer; /* NULL: there is none */
	int columns;
	char **name; /* owned by the template */
	sqlite3_value **value; /* owned by the template */
};

/* What {{figure:}} says. */
struct figure_words {
	char *title, *alt; /* owned by the template; alt is the title where there is none */
	char *along; /* owned by the template: the column that decides whether it is drawn; NULL: it always is */
};

/* What a template needs from outside. */
struct template_hooks {
	/* Write a figure, or another folder's text. 0, or a negative errno with *why. */
	int (*figure)(void *context, const struct figure_words *words, const struct template_scope *scope, FILE *out,
		struct reason *why);
	int (*include)(void *context, const char *name, FILE *out, struct reason *why);
	void *context;
	void (*text)(const char *text, FILE *out); /* write a text of the database as data. NULL: for Markdown */
};

/*
 * Write `text` with everything in it carried out. 0, or a negative errno with *why naming the line: -EINVAL what is
 * written in the template is not understood, -EIO SQLite's words about a query.
 */
int template_write(sqlite3 *db, const char *text, const struct template_hooks *hooks, FILE *out, struct reason *why);

/* Bind the values of a scope to the parameters (:name) of a query. 0, or -EINVAL with *why naming the one there is not. */
int template_bind(sqlite3_stmt *statement, const struct template_scope *scope, struct reason *why);

/* The value that a name has in a scope; NULL where it has none. */
sqlite3_value *template_value(const struct template_scope *scope, const char *name);

#endif
