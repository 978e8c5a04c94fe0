/* What the laboratory's own files share. Nothing else includes this. */
#ifndef NESTWALK_LAB_INTERNAL_H
#define NESTWALK_LAB_INTERNAL_H

#include "space/lab.h"
#include "space/lab_guest.h"

struct lab {
	struct lab_spec spec;
	struct backed memory;
	uint32_t *frame; /* page i of the region is in frame[i]; NULL: contiguous */
	struct lab_guest guest;
	bool interpreted;
	double clock_tsc; /* what a lap of nothing takes at CPL 3 */
	bool broken; /* an experiment failed half-way: what the guest would do next is not known */
};

/* The place in page `page` that is touched: lines are spread evenly over the sets of a cache. */
static inline uint64_t lab_touch_offset(uint32_t page)
{
	return page % (PAGE_4K / LINE_BYTES) * LINE_BYTES;
}

/* Where the guest has that place, and where this process has it. */
uint64_t lab_touch_gva(const struct lab *lab, uint32_t page);
uint64_t *lab_touch_host(const struct lab *lab, uint32_t page);

/* Have CPL 0 copy the first `pages` words of `list` (LAB_AFTER or LAB_BEFORE) into the tables of space 0. */
int lab_tables_fill(struct lab *lab, uint64_t list, uint32_t pages, struct reason *why);

/* Run code of CPL 3; any failure leaves the laboratory broken. */
int lab_run(struct lab *lab, const unsigned char *entry, struct reason *why);

/* Run code of CPL 3, and say what happened meanwhile. */
int lab_run_observed(struct lab *lab, const unsigned char *entry, struct lab_usage *usage, struct reason *why);

/* Median of `count` laps (which it sorts), without what reading the clock costs. */
double lab_median_lap(const struct lab *lab, uint64_t *laps, size_t count);

/* 0, or what to say of a laboratory that is broken. */
int lab_usable(const struct lab *lab, struct reason *why);

#endif
