/* What hardware counted in chases, per access: for the figures of cost against pages, and for that of cycles per walk. */
#ifndef NESTWALK_REPORT_COUNTERS_H
#define NESTWALK_REPORT_COUNTERS_H

#include "counters/judge.h"
#include "report/figure.h"
#include "report/inferred.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a point's "hardware" has under this name, with its interval; NaN where it was not counted. */
struct estimate counted_at(const json_t *point, const char *name);

/* Cycles of one walk: of samples that know both, or else the ratio of the two medians, which has no interval. */
struct estimate counted_cycles_per_walk(const json_t *point);

/* Whether something of the curve was counted that a figure shows: misses of a level, walks, or their cycles. */
bool curve_counted(const struct panel_curve *curve);
bool panel_counted(const struct panel *panel);

/*
 * Pages from which on every access of the curve must walk: some times what the last TLB level holds, as it was inferred
 * or is advertised. NaN where neither is known.
 */
double pages_beyond(const struct report *report, const struct panel *panel, const struct panel_curve *curve);

/* The counters of a point against each other and against its net cost by time. */
void counted_check(const json_t *point, bool beyond, struct cross_check *out);

/* The table NAME.counters.tsv of a panel. 0, or -errno with *why. */
int counters_write(const struct report *report, const struct panel *panel, struct reason *why);

/* What the panels of counters show, what was counted and from where, and whether counters and clock agree. Markdown. */
void counters_explain(FILE *text, const struct report *report, const struct panel *panel);

/* Whose events they are, by setting, and what marks mean; for each setting among `count` curves once. Markdown. */
void counters_explain_source(FILE *text, const struct panel_curve *const *curve, size_t count);

#endif
