/* Pictures of a report, drawn by gnuplot while the report goes on. Each has a scratch directory of its own. */
#ifndef NESTWALK_REPORT_PICTURE_H
#define NESTWALK_REPORT_PICTURE_H

#include "base/reason.h"
#include "report/figure.h"

#include <stdio.h>

struct picture_request {
	const char *figure; /* NAME of NAME.svg and of the other formats */
	const char *title;
	const char *line; /* of Markdown, that shows the picture */
};

/*
 * Have the tables in report->scratch drawn, which belongs to the picture from then on. Several are drawn by one gnuplot, and
 * it may wait for one that was begun before, as only so many run at a time. 0, or a negative errno with *why, which
 * report->problems has, too.
 */
int picture_start(struct report *report, const struct picture_request *request, struct reason *why);

/*
 * Wait for all pictures. In `markdown` (NULL: there is none), the lines of those that could not be drawn are replaced by the
 * reason. Returns the text, which the caller frees; NULL where there was none, or memory is short.
 */
char *picture_finish_all(struct report *report, char *markdown);

/* Write what a text says in place of a picture. */
void picture_write_undrawn(const struct reason *why, FILE *out);

/* Note what could not be made. */
void picture_problem_add(struct report *report, const char *name, const struct reason *why);

#endif
