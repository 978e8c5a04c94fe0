/* Draws what a site does not have yet: several runs at a time, each by a process of its own. */
#ifndef NESTWALK_CMD_SITE_DRAW_H
#define NESTWALK_CMD_SITE_DRAW_H

#include "base/reason.h"
#include "report/site_index.h"

#include <stddef.h>

struct site_drawing {
	const struct site *site;
	const char *own_plots; /* a folder of the user's own figures; NULL: none */
	const char *const *plots; /* all folders of figures; the last has ours; ended by NULL */
	const char *const *formats; /* of every picture, ended by NULL */
	const char *const *all_formats; /* of those whose entry wants all */
};

/*
 * Draw the entries of the site that are not current. Each gets its pages, which say what could not be made and why, and its
 * row. 0; -EINTR: signals_stop() said so, and what was not finished is as it was before; another negative
 * errno with *why: the site could not be written.
 */
int site_draw(const struct site_drawing *drawing, struct reason *why);

#endif
