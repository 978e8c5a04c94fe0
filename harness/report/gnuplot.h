/* Drawing with gnuplot, which sees nothing but files with fixed names in a scratch directory. */
#ifndef NESTWALK_REPORT_GNUPLOT_H
#define NESTWALK_REPORT_GNUPLOT_H

#include "base/reason.h"

/*
 * What is drawn. style.gp is the script that gnuplot runs; it loads figure.gp, which reads table.tsv. All of these are in
 * the scratch directory, and figure.svg and figure.png are made there.
 */
struct drawing {
	const char *directory; /* the scratch directory */
	const char *title, *subtitle; /* plain text */
	double ghz; /* core cycles per ns, for axes in both; NAN where not known */
};

/* A figure.svg and a figure.png that are being drawn. */
struct gnuplot_drawing;

/* Start to draw them. 0 with *out, for gnuplot_finish(); a negative errno with *why: -ENOENT gnuplot is not there. */
int gnuplot_start(const struct drawing *drawing, struct gnuplot_drawing **out, struct reason *why);

/*
 * Wait until both are drawn, and free `drawing`. 0, or a negative errno with *why: -ENOENT gnuplot is not there, -EIO it
 * failed, and *why has its words.
 */
int gnuplot_finish(struct gnuplot_drawing *drawing, struct reason *why);

#endif
