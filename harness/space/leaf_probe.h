/*
 * The effective leaf of memory: the largest piece of a page that one entry of a first-level TLB holds.
 *
 * It is not always the page that the kernel mapped. A TLB caches a translation as a whole, through all levels of address
 * translation, in the smallest page that any of them has: under a hypervisor that maps a guest in pieces of 4K, a page of
 * 2M takes 512 entries (AMD APM vol. 2 15.25; Intel SDM vol. 3C 29.3.3). Nothing says so but the time of an access.
 */
#ifndef NESTWALK_LEAF_PROBE_H
#define NESTWALK_LEAF_PROBE_H

#include "base/reason.h"
#include "space/space.h"

#include <stdint.h>

/*
 * Lines of a chase. That is more than any first-level TLB for data has entries (96 is the most published: Golden Cove, Zen
 * 5), and half of what a 32 KiB L1 data cache holds, so that no line leaves it.
 */
#define LEAF_LINES 256

/*
 * Narrow: 8 MiB in all, 4 pages of 2M, which every first level holds, but 256 pieces of 4K. 32K apart no two share an entry
 * that covers some neighbouring pages of 4K (AMD coalesces up to 4, APM vol. 2 5.4).
 * Wide: 1 GiB in all, one page of 1G, but 256 pieces of 2M or less.
 */
enum leaf_chase {
	LEAF_WIDE,
	LEAF_NARROW,
	LEAF_CHASES,
};

/* What a chase of LEAF_LINES lines so far apart costs, core cycles an access. All 0: it was not made. */
struct leaf_costs {
	uint64_t apart_bytes;
	double cycles;
	double packed_cycles; /* as many lines side by side, which need 4 entries at most */
	double control_cycles; /* as many lines in as many pages of 4K, which no first-level TLB holds */
};

struct leaf {
	uint64_t page_bytes; /* the leaf of the space's own page tables */
	uint64_t leaf_bytes; /* 0: unknown, and `reason` says why */
	struct reason reason;
	struct leaf_costs proof; /* the chase that decided; all 0: none was made */
};

/* What follows from the costs of both chases; a space whose pages are less than 1G has no wide one. Pure. */
struct leaf leaf_decide(uint64_t page_bytes, const struct leaf_costs costs[LEAF_CHASES]);

/* The least memory that a space of pages of 4K, 2M or 1G needs for the probe, a multiple of its page. */
uint64_t leaf_probe_bytes(uint64_t page_bytes);

/*
 * Probe the memory under test of a space of pages of 4K, 2M or 1G, the first leaf_probe_bytes() of it, which are
 * overwritten. Takes 10 ms. 0 also where the leaf stays unknown; -ENOMEM; -EINVAL too little memory, or other pages; -EIO a
 * chase failed; -EINTR. No privilege.
 */
int leaf_probe_space(struct space *space, struct leaf *leaf, struct reason *why);

/* Probe memory of this process. */
int leaf_probe_memory(const struct backed *memory, struct leaf *leaf, struct reason *why);

#endif
