/* What a figure does not show, and why: points that were asked for and not measured, and metrics that are not known. */
#ifndef NESTWALK_REPORT_UNMEASURED_H
#define NESTWALK_REPORT_UNMEASURED_H

#include "report/lanes.h"
#include "report/text.h"

#include <jansson.h>
#include <stdio.h>

/*
 * Write as a Markdown list which of `points` (as loaded) of the benches of these lanes have another status than ok: an
 * item a setting and reason, with the params that its points have in common. Nothing where all was measured; what was
 * asked of an emulated machine is none of a processor's figures.
 */
void unmeasured_explain(FILE *text, const json_t *points, const struct lanes *lanes);

/* Write one Markdown paragraph with the reasons, each once, why `metrics` (ended by NULL) are null in points of lanes. */
void unknown_explain(FILE *text, const struct lanes *lanes, const char *const *metrics);

/*
 * "54.2 [53.1, 55.0]" for a cell of a table, "1.00" where all samples are alike, or a dash where it is not known: its reason
 * stands below the table.
 */
struct text cell_text(struct estimate estimate);

#endif
