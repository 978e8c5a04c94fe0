/* Drawing with gnuplot, which sees nothing but files with fixed names in a scratch directory. */
#ifndef NESTWALK_REPORT_GNUPLOT_H
#define NESTWALK_REPORT_GNUPLOT_H

#include "base/reason.h"

#include <stdbool.h>

/*
 * What is drawn. style.gp is the script that gnuplot runs; it loads figure.gp, which reads table.tsv. All of these are in
 * the scratch directory, and the files of gnuplot_pictures are made there.
 */
struct drawing {
	const char *directory; /* the scratch directory */
	bool on_paper; /* also what is for paper */
	const char *title, *subtitle; /* plain text */
	double ghz; /* core cycles per ns, for axes in both; NAN where not known, negative where runs differ */
};

/*
 * Make a published table, DIRECTORY/STEM.tsv, one that gnuplot reads nothing into: it takes a backslash for an escape, a #
 * at the head of a row for a comment, and draws a legend as wide as its longest text. 0, or a negative errno with *why.
 */
int gnuplot_table_prepare(const char *directory, const char *stem, struct reason *why);

/* The pictures of a figure. */
struct gnuplot_picture {
	const char *format; /* of style.gp; the ending of the file, too */
	const char *file; /* in the scratch directory */
	const char *mm; /* the width on paper; "0": for a screen */
};
#define GNUPLOT_PICTURES 6
extern const struct gnuplot_picture gnuplot_pictures[GNUPLOT_PICTURES];

/* Pictures that are being drawn. */
struct gnuplot_drawing;

/* Start to draw them. 0 with *out, for gnuplot_finish(); a negative errno with *why: -ENOENT gnuplot is not there. */
int gnuplot_start(const struct drawing *drawing, struct gnuplot_drawing **out, struct reason *why);

/* Why a picture for paper was not made: the figure has no room there. Empty: it was made, or nobody asked for it. */
struct gnuplot_refusals {
	struct reason of[GNUPLOT_PICTURES];
};

/*
 * Wait until all are drawn, and free `drawing`. 0 with *refusals, or a negative errno with *why: -ENOENT gnuplot is not
 * there, -EIO it failed, and *why has its words.
 */
int gnuplot_finish(struct gnuplot_drawing *drawing, struct gnuplot_refusals *refusals, struct reason *why);

#endif
