/*
 * A run, or runs that are compared, in a site. Its pages are the directory SITE/KIND/NAME: index.html, the files of its
 * figures, and row.json, which says what it is in the index and of what state of its runs it was drawn.
 */
#ifndef NESTWALK_REPORT_SITE_ENTRY_H
#define NESTWALK_REPORT_SITE_ENTRY_H

#include "base/reason.h"
#include "report/files.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define SITE_PAGE "index.html"
#define SITE_HOME "../../index.html" /* the index, from the page of an entry */

struct site_entry {
	struct names runs; /* paths: one, or several that are compared */
	const char *kind; /* "runs" or "compare" */
	char *label, *name; /* owned: what it is called, and the name of its directory */
	char *started; /* owned: when its (first) run began, "2026-11-22T01:40:00Z"; "" where that cannot be read */
	uint64_t stamp; /* of the runs and of what draws */
	bool all_formats; /* its pictures are wanted in all formats that there are */
	json_t *row; /* owned: the contents of row.json; NULL: its pages are not there */
};

/* Fill an entry of these runs, which are moved into it. `label` is copied. 0, or -ENOMEM with *why. */
int site_entry_make(struct site_entry *entry, struct names *runs, const char *label, struct reason *why);
void site_entry_free(struct site_entry *entry);

/* "SITE/KIND/PREFIXNAME", which the caller frees. NULL where memory is short. */
char *site_entry_directory(const struct site_entry *entry, const char *site, const char *prefix);

/* Read row.json again. */
void site_entry_read(struct site_entry *entry, const char *site);

/* Whether the pages are there, and are those of the runs as they are, with pictures in all of `formats` (ended by NULL). */
bool site_entry_is_current(const struct site_entry *entry, const char *const *formats);

/* Why something of its pages could not be made; NULL: everything was. */
const char *site_entry_problem(const struct site_entry *entry);

/* What an entry's pages came to. */
struct site_outcome {
	const char *const *formats; /* of its pictures */
	const char *problem; /* one line; NULL: none */
	json_t *cells; /* borrowed: the columns of the index; NULL: they are not known */
};

/* Write row.json into a directory. 0, or a negative errno with *why. */
int site_row_write(
	const struct site_entry *entry, const char *directory, const struct site_outcome *outcome, struct reason *why);

/* The columns of the index, as index.sql in the folder `plots` selects them from a run's database. A new object, or NULL. */
json_t *site_cells_make(sqlite3 *db, const char *plots, struct reason *why);

#endif
