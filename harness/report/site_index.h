/* The pages of a site that are no report: its index, once for each column that it can be sorted by, and what a page says
 * of runs that cannot be drawn. */
#ifndef NESTWALK_REPORT_SITE_INDEX_H
#define NESTWALK_REPORT_SITE_INDEX_H

#include "base/reason.h"
#include "report/site_entry.h"

#include <stddef.h>

struct site {
	const char *directory;
	const char *title; /* plain text */
	const char *style; /* CSS */
	struct site_entry *entry;
	size_t entries;
};

/*
 * Write index.html, the newest run first, and index-by-COLUMN.html, and remove older ones of these. Each page takes the place
 * of the old one at once. 0, or a negative errno with *why.
 */
int site_index_write(const struct site *site, struct reason *why);

/* Write the page of an entry that has no report, into `directory`. 0, or a negative errno with *why. */
int site_problem_page_write(const struct site *site, const struct site_entry *entry, const char *directory,
	const char *problem, struct reason *why);

#endif
