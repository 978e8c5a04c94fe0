/* The report of one run or of several: derived tables, figures drawn from them, and a page that explains them. */
#ifndef NESTWALK_REPORT_H
#define NESTWALK_REPORT_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stdbool.h>

struct report_request {
	const char *directory; /* to write to; made where it is missing */
	const char *plots; /* a folder of the user's own figures; NULL: none */
	/*
	 * The name of the page, whose pictures are then files beside it, and what it calls the index that it belongs to. NULL:
	 * report.html, which has its pictures in it, and no index.
	 */
	const char *page, *home;
	const char *more; /* Markdown that the report ends with; NULL: none */
	const char *const *formats; /* of pictures, svg among them, ended by NULL: svg png pdf. NULL: svg and png */
	unsigned processes; /* that draw at a time; 0: as many as there are CPUs */
	bool on_paper; /* also figures for paper, and what to cite (report/paper.h) */
	void (*refused)(const char *line); /* is told which figure has no room on paper. NULL: nobody */
	bool (*stop)(void); /* true: end soon, with -EINTR. NULL: never */
};

/*
 * Write the report of the run in a database whose derived tables are filled (infer/tables.h), or of several runs that were
 * labelled before (report/labels.h). plots/report.md is the
 * report. Figures that it does not include come last: ours, then the user's. A report.md of the user's takes the place of
 * ours, and then those of our figures are left out that it does not include.
 * 0, or a negative errno with *why. Where a figure cannot be made the rest is, and the result is -EIO (-ENOENT: gnuplot
 * is not there) with *why naming the first of them. Needs no privilege but to write there.
 */
int report_write(sqlite3 *db, const struct report_request *request, struct reason *why);

#endif
