/* What a distance between pages means to the page table, and the references that theory gives a walk. */
#ifndef NESTWALK_REPORT_DEPTH_H
#define NESTWALK_REPORT_DEPTH_H

#include "report/figure.h"
#include "report/lanes.h"

#include <stdbool.h>

#define DISTANCES_MAX 16 /* powers of two from 4K to 512G are 28, and nobody reads so wide a figure */
#define COUNTS_MAX 32

/* A bench whose points lay pages out at a distance, so that walks share less of the page table the larger it is. */
bool point_is_of_depth(const json_t *point);
extern const char *const depth_axes[];

/* What of a page table a walk needs for itself from that distance on: "PTE line", "page directory". */
const char *depth_own_structure(double distance_bytes, double page_bytes);

/* Of how many levels the entry is no other page's: 1 for 4K pages side by side, 4 where they lie 512G apart. */
unsigned depth_own_levels(double distance_bytes, double page_bytes);

/* Levels of a table of `root` levels down to a leaf of that size: 4 gives 4, 3, 2. */
unsigned depth_levels(unsigned root, double page_bytes);

/* References of a walk with both tables in memory: (guest + 1) * (host + 1) - 1; natively and with shadow, `guest`. */
unsigned depth_nested_references(unsigned guest, unsigned host);

/* Levels of this machine's page tables, as it tells; 4 where it does not. */
unsigned depth_machine_levels(const struct report *report);

/* The ok point of a lane with these params; NULL: none. */
struct depth_place {
	double page_bytes, distance_bytes, pages;
	const char *placement;
};
const json_t *depth_point(const struct lane *lane, const struct depth_place *place);

#endif
