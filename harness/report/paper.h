/*
 * What goes into a paper: each figure as PDF and SVG of the widths of a column and of a page (report/picture.h draws them), the
 * sentence on method, and what to cite.
 */
#ifndef NESTWALK_REPORT_PAPER_H
#define NESTWALK_REPORT_PAPER_H

#include "base/reason.h"
#include "report/figure.h"

/* The folder of a report that all of this is in. */
#define PAPER "paper"

/*
 * Make the folder, and write method.txt and nestwalk.bib there, which are templates of plots/ (report/template.h). 0, or a
 * negative errno with *why.
 */
int paper_write(const struct report *report, struct reason *why);

#endif
