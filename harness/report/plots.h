/* Where the figures are: the folder plots/ of the source tree, or of the installed program. */
#ifndef NESTWALK_REPORT_PLOTS_H
#define NESTWALK_REPORT_PLOTS_H

#include "base/reason.h"

/*
 * $NESTWALK_PLOTS; else the folder that belongs to the running program, in its source tree or where it was installed. The
 * caller frees the path. NULL with *why where there is none.
 */
char *plots_find(struct reason *why);

#endif
