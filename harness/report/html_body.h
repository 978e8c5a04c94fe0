/* The main part of a report's page. */
#ifndef NESTWALK_REPORT_HTML_BODY_H
#define NESTWALK_REPORT_HTML_BODY_H

#include "base/reason.h"
#include "report/html.h"

/* The page's Markdown as HTML with its figures, which the caller frees. NULL with *why. */
char *html_body_make(const struct page *page, struct reason *why);

#endif
