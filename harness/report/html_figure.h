/* A figure in a page: its picture, the files that belong to it, its tables and its queries. */
#ifndef NESTWALK_REPORT_HTML_FIGURE_H
#define NESTWALK_REPORT_HTML_FIGURE_H

#include "base/reason.h"
#include "report/files.h"
#include "report/html.h"

struct html_figure {
	const struct page *page;
	const struct names *files; /* all in page->directory, sorted */
	const char *name, *alt; /* of the figure; plain text that describes it */
	bool drawn; /* it has a picture */
};

/* The figure as HTML, whose id is its name; the caller frees it. NULL with *why. */
char *html_figure_make(const struct html_figure *figure, struct reason *why);

#endif
