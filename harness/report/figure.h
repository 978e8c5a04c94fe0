/*
 * A figure is a folder: text.md says it (report/template.h), table.sql selects what is drawn, figure.gp draws it. Further
 * queries, NAME.sql, make further tables for figure.gp, NAME.tsv. The lines of comment at the head of a query become the
 * head of the published table. What table.sql selected is the table `drawn` to further queries, and to those of text.md:
 * from its beginning, unless table.sql has parameters, and after each {{figure:}}.
 *
 * A picture that says no more than its table is left out: {{figure: TITLE | ALT | COLUMN}} is drawn only where COLUMN has at
 * least three different values. The table is published all the same, the text stays, and a link to the table takes its place.
 */
#ifndef NESTWALK_REPORT_FIGURE_H
#define NESTWALK_REPORT_FIGURE_H

#include "base/reason.h"
#include "report/files.h"
#include "report/template.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A report being made. Paths are borrowed. */
struct report {
	sqlite3 *db;
	const char *directory; /* where tables and pictures go */
	const char *const *plots; /* folders that hold figures' folders: the user's own before ours; ended by NULL */
	char *scratch; /* owned: what gnuplot will see of the figure that is being written */
	char *subtitle; /* owned: CPU, where it ran, date */
	double ghz; /* of the core; NAN: not known; negative: runs differ, so that no axis tells both time and cycles */
	bool on_paper; /* also what is for paper (report/paper.h) */
	void (*refused)(const char *line); /* is told which figure has no room on paper. NULL: nobody */
	bool (*stop)(void); /* NULL: never */

	const char *const *formats; /* of pictures: "svg", and more; ended by NULL */
	unsigned processes; /* that draw at a time; 0: as many as there are CPUs */
	struct batch *waiting, *drawing; /* owned: pictures to be drawn, and those being drawn (report/picture.h) */
	size_t being_drawn;
	struct names undrawn; /* by twos: the line of a picture that could not be drawn, and the reason */
	struct names pictures; /* names of figures that have a picture, or only its table: "levels" */
	struct names problems; /* what could not be made: "levels: table.sql: no such column: x" */
	struct names included; /* folders that the report has */
	bool drawn_is_bound; /* the table `drawn` depends on the block around its figure */
	bool no_gnuplot; /* it is not installed: said once, and not tried again */

	/* The folder whose text is being written. */
	const char *folder, *name;
	size_t asked, shown; /* its figures: named in its text, and those that have rows */
};

/* The hooks of templates; the context is a struct report. */
int figure_write(void *context, const struct figure_words *words, const struct template_scope *scope, FILE *out,
	struct reason *why);

/*
 * Write the text of the folder `name`. A text whose figures have no rows is left out. Where something in it fails, the
 * text says so in its place, report->problems has it, and 0 is returned: the rest of the report is made. -EINTR: stop() said
 * so.
 */
int figure_include(void *context, const char *name, FILE *out, struct reason *why);

#endif
