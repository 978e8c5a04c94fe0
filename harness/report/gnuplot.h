/* Drawing with gnuplot, which sees nothing but its scripts, and files with fixed names in scratch directories. */
#ifndef NESTWALK_REPORT_GNUPLOT_H
#define NESTWALK_REPORT_GNUPLOT_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* The pictures that may be drawn of a figure. */
struct gnuplot_picture {
	const char *format; /* of style.gp; the ending of the file, too */
	const char *file; /* in the scratch directory */
	const char *mm; /* the width on paper; "0": for a screen */
};
#define GNUPLOT_PICTURES 7
extern const struct gnuplot_picture gnuplot_pictures[GNUPLOT_PICTURES];

/*
 * What is drawn. style.gp is the script that gnuplot runs; it loads figure.gp, which reads table.tsv. The latter two are in the
 * scratch directory (report/files.h), and the files of gnuplot_pictures are made there.
 */
struct drawing {
	const char *directory; /* the scratch directory, an absolute path */
	unsigned pictures; /* at least one of gnuplot_pictures, a bit for each */
	const char *title, *subtitle; /* plain text */
	double ghz; /* core cycles per ns, for axes in both; NAN where not known, negative where runs differ */
};

/*
 * Make a published table, DIRECTORY/STEM.tsv, one that gnuplot reads nothing into: it takes a backslash for an escape, a #
 * at the head of a row for a comment, and draws a legend as wide as its longest text. 0, or a negative errno with *why.
 */
int gnuplot_table_prepare(const char *directory, const char *stem, struct reason *why);

/* A gnuplot that draws. */
struct gnuplot_drawing;

/*
 * Start one gnuplot that draws all of `drawings`, one after the other: it takes longer to start than to draw most of them as
 * SVG. A picture for paper is drawn alone, as one that has no room ends gnuplot. 0 with *out, for gnuplot_finish(); a
 * negative errno with *why: -ENOENT gnuplot is not there.
 */
int gnuplot_start(const struct drawing *drawings, size_t count, struct gnuplot_drawing **out, struct reason *why);

/*
 * Wait until it has ended, and free `drawing`. 0: everything is drawn. Otherwise a negative errno with *why: -ENOENT
 * gnuplot is not there, -ENOTSUP there is no room on paper, -EIO it failed and drew no more, and *why has its words.
 */
int gnuplot_finish(struct gnuplot_drawing *drawing, struct reason *why);

/* Whether a gnuplot that failed had drawn all of these pictures before. */
bool gnuplot_has_drawn(const struct drawing *drawing);

#endif
