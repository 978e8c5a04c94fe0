/* Publishing what gnuplot draws as SVG. */
#ifndef NESTWALK_REPORT_SVG_H
#define NESTWALK_REPORT_SVG_H

#include "base/reason.h"
#include "report/gnuplot.h"

/*
 * Copy SCRATCH/kind->file to `path`: well-formed whatever texts are in it, and for paper with its width in mm. 0, or a
 * negative errno with *why.
 */
int svg_publish(const char *scratch, const struct gnuplot_picture *kind, const char *path, struct reason *why);

#endif
