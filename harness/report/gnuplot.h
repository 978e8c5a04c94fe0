/* Running gnuplot. */
#ifndef NESTWALK_REPORT_GNUPLOT_H
#define NESTWALK_REPORT_GNUPLOT_H

#include "base/reason.h"

/* What one of the scripts in plots/ is told; see plots/style.gp. */
struct drawing {
	const char *plots; /* directory of the scripts */
	const char *script; /* without ".gp" */
	const char *directory; /* of the tables, and of the picture */
	const char *name; /* of them */
	const char *format; /* "svg" or "png" */
	const char *title, *subtitle;
	double ghz; /* core cycles per ns, for axes in both; NaN: draw none in ns */
};

/* Draw one picture. 0; -ENOENT where there is no gnuplot, -EIO where it failed, with its first words in *why. */
int gnuplot_draw(const struct drawing *drawing, struct reason *why);

/*
 * The directory of the scripts: `asked` if not NULL, else $NESTWALK_PLOTS, else share/nestwalk/plots or plots beside the
 * program or in a directory above it, else where the program was to be installed. The caller frees; NULL with *why.
 */
char *plots_find(const char *asked, struct reason *why);

#endif
