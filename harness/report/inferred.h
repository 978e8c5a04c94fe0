/* What the step inference says of a curve, and what CPUID advertises beside it. */
#ifndef NESTWALK_REPORT_INFERRED_H
#define NESTWALK_REPORT_INFERRED_H

#include "report/panels.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define LEVELS_MAX 8 /* no CPU has more than three levels of TLB; the rest is room for odd curves */

/* A number with its interval; NaN where it is not known. */
struct estimate {
	double value, lo, hi;
};

/* A TLB level: what it holds, and what an access that misses it costs more than one that hits it. */
struct level {
	unsigned level;
	struct estimate entries, added_cycles, added_ns;
	bool unconfirmed; /* no independent pass saw it again */
	const char *note; /* what else the inference has to say; NULL: nothing. Borrowed */
};

/* A translation found in no TLB level, against one found in the first. */
struct walk {
	struct estimate cycles, ns;
	double pages_from, pages_to; /* between which it was read off; NaN: not said */
	bool grows; /* walks cost more and more as the page table leaves the caches */
};

/* Levels of `curve` in levels_json_infer()'s answer, ascending, into out[most]; returns how many. */
size_t inferred_levels(const json_t *inferred, const struct panel_curve *curve, struct level *out, size_t most);

/* False where no walk was resolved. */
bool inferred_walk(const json_t *inferred, const struct panel_curve *curve, struct walk *out);

/* Core cycles that 95 % of the curve's comparisons with itself stay below; NaN where that was not measured. */
double inferred_noise(const json_t *inferred, const struct panel_curve *curve);

/* Whether an element of levels_json_infer()'s lists is about this curve: every param it names is the curve's. */
bool inferred_is_about(const json_t *element, const struct panel_curve *curve);

/* Translations of pages of that size a load can find in that level, as run.json's machine tells; NaN where it does not. */
double advertised_entries(const json_t *about, unsigned level, double page_bytes);

/* The highest level that is advertised for pages of that size; 0: none. */
unsigned advertised_levels(const json_t *about, double page_bytes);

#endif
