/* The report's text: what was measured, on what, what each figure shows, and what was not measured and why. */
#ifndef NESTWALK_REPORT_DOCUMENT_H
#define NESTWALK_REPORT_DOCUMENT_H

#include "report/figure.h"

/* The whole of report.md, which the caller frees; NULL where memory is short. */
char *document_make(const struct report *report);

#endif
