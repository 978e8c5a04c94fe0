/* From the report's Markdown to one self-contained page. */
#ifndef NESTWALK_REPORT_HTML_H
#define NESTWALK_REPORT_HTML_H

#include "base/reason.h"

#include <stddef.h>

struct page {
	const char *title;
	const char *markdown; /* GitHub's flavour: tables. HTML in it is left out */
	const char *directory; /* where its images are */
	const char *const
		*embedded; /* names of SVG images in the directory ("levels.svg"), which become part of the page */
	size_t images;
};

/* Write the page to `path`. 0, or -errno with *why. */
int html_write(const char *path, const struct page *page, struct reason *why);

#endif
