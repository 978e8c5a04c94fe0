/* From the report's Markdown to a page, and the frame that all pages have. */
#ifndef NESTWALK_REPORT_HTML_H
#define NESTWALK_REPORT_HTML_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct html_frame {
	const char *title; /* plain text */
	const char *style; /* CSS: plots/page.css */
	const char *home; /* where a link to the index goes, an address as it is; NULL: there is none */
};

struct page {
	struct html_frame frame;
	const char *markdown; /* GitHub's flavour: tables. HTML in it is left out */
	/*
	 * Where the files of figures are. Those of the figure "levels" are its picture, levels.svg, the same in other formats, its
	 * tables (levels.tsv, levels.NAME.tsv) and queries (levels.sql, levels.NAME.sql).
	 */
	const char *directory;
	/*
	 * Names of figures. An image of the picture in the text, or a link to the table where there is no picture, becomes the
	 * figure with all that belongs to it. Other images are left out.
	 */
	const char *const *figures;
	size_t figure_count;
	bool apart; /* pictures are files beside the page; otherwise they are part of it */
};

/* Write the page to `path`. 0, or -errno with *why. */
int html_write(const char *path, const struct page *page, struct reason *why);

/* What comes before and after the main part of a page. */
void html_frame_begin(const struct html_frame *frame, FILE *out);
void html_frame_end(FILE *out);

/*
 * Write text so that nothing of it is markup, also between double quotes. It is cleaned (base/text.h), but for its lines and
 * tabs, which stay.
 */
void html_write_text(const char *text, FILE *out);

#endif
