/* A run's report: derived tables, figures drawn from them, and a page that explains them. */
#ifndef NESTWALK_REPORT_H
#define NESTWALK_REPORT_H

#include "base/reason.h"
#include "record/load.h"

struct report_request {
	const char *directory; /* to write to, made where it is missing; NULL: "report" in the run's own */
	const char *plots; /* directory of the gnuplot scripts; NULL: find it, see plots_find() */
};

/*
 * Write the report of a run. 0, or a negative errno with *why. -ENOENT where gnuplot or its scripts are missing, -EIO
 * where gnuplot fails: tables and text have been written by then, and the text says which figures are not there.
 * Needs no privilege but to write there.
 */
int report_write(const struct loaded_run *run, const struct report_request *request, struct reason *why);

#endif
