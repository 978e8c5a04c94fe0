/* What the laboratory's own files share. Nothing else includes this. */
#ifndef NESTWALK_LABORATORY_INTERNAL_H
#define NESTWALK_LABORATORY_INTERNAL_H

#include "space/laboratory.h"
#include "space/laboratory_guest.h"

struct laboratory {
	struct laboratory_spec spec;
	struct backed memory;
	uint32_t *frame; /* page i of the region is in frame[i]; NULL: contiguous */
	struct laboratory_guest guest;
	bool interpreted;
	double clock_tsc; /* the time of an empty lap at CPL 3 */
	bool broken; /* an experiment failed half-way, so that the state of the guest is not known */
};

/* The offset at which page `page` is touched. Offsets spread the lines evenly over the sets of a cache. */
static inline uint64_t laboratory_touch_offset(uint32_t page)
{
	return page % (PAGE_4K / LINE_BYTES) * LINE_BYTES;
}

/* The touched place as an address of the guest, and as a pointer of this process. */
uint64_t laboratory_touch_gva(const struct laboratory *laboratory, uint32_t page);
uint64_t *laboratory_touch_host(const struct laboratory *laboratory, uint32_t page);

/*
 * Have CPL 0 copy the first `pages` words of `list` (LABORATORY_AFTER or LABORATORY_BEFORE) into the tables of space 0.
 */
int laboratory_tables_fill(struct laboratory *laboratory, uint64_t list, uint32_t pages, struct reason *why);

/* Run code of CPL 3; any failure leaves the laboratory broken. */
int laboratory_run(struct laboratory *laboratory, const unsigned char *entry, struct reason *why);

/* Run code of CPL 3, and fill the usage with what the host counted meanwhile. */
int laboratory_run_observed(
	struct laboratory *laboratory, const unsigned char *entry, struct laboratory_usage *usage, struct reason *why);

/* The median of `count` laps, which it sorts, less the cost of reading the clock. */
double laboratory_median_lap(const struct laboratory *laboratory, uint64_t *laps, size_t count);

/* 0, or an error with *why for a laboratory that is broken. */
int laboratory_usable(const struct laboratory *laboratory, struct reason *why);

#endif
