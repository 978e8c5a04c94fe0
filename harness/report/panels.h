/*
 * The curves from which TLB levels are read: cost against the number of pages at a fixed stride; and which of them belong
 * in one picture.
 */
#ifndef NESTWALK_REPORT_PANELS_H
#define NESTWALK_REPORT_PANELS_H

#include "base/vocabulary.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The ok points of one bench, setting and paging whose params differ in `pages` only. Strings are borrowed. */
struct panel_curve {
	const char *bench, *setting, *paging, *outer;
	json_t *params; /* all but pages */
	json_t *points; /* by pages, the sweep before the refinement */
	json_t *skipped; /* points of this curve that are not ok */
	char label[96]; /* within its panel: "host", "vcpu, nested paging" */
	bool emulated; /* its times are an emulator's: never to be drawn or compared */
};

/* Curves to be seen together: of one bench, equal in every param that all of that bench's curves have. */
struct panel {
	const char *bench;
	json_t *common; /* those params */
	char name[96]; /* fit for a file's name: "tlb-reach-4K-stride1" */
	char label[96]; /* "4K pages, every page", "2M-thp pages, every 4th page" */
	const char *backing; /* borrowed; NULL where the bench has no such param */
	double page_bytes; /* NaN where the bench has no such param */
	double stride_pages; /* 1 where the bench has no such param */
	struct panel_curve **curve; /* borrowed from the set; by place_rank() */
	size_t count;
	size_t points; /* ok ones in all curves */
};

struct panel_set {
	struct panel_curve *curve;
	size_t curves; /* by place_rank(), otherwise in the order of the run */
	struct panel *panel; /* ascending in page size and stride */
	size_t panels;
};

/*
 * Sort the points of a run (as loaded) into curves and panels: those that point_is_of_reach() and have `pages`.
 * 0 with *set, which panels_free() frees and which borrows from `points`; -ENOMEM.
 */
int panels_gather(const json_t *points, struct panel_set *set);
void panels_free(struct panel_set *set);

/*
 * Whether a point belongs to a curve of cost against the number of pages, or says why such a curve was not measured. Pages
 * a distance apart are another question, whose steps are no TLB levels; levels_json_infer() has the same rule.
 */
bool point_is_of_reach(const json_t *point);

/* Whether the times of a point are an emulator's. */
bool point_is_emulated(const json_t *point);

#endif
