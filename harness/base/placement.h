/*
 * Placements: which pages a chase visits that asks one TLB set, or a few of them, for many pages.
 *
 * Targets lie a power of two of pages apart, so that their page numbers share their low bits. Each can have a twin in
 * which some of these bits are flipped: where twins share a set, it depends on none of these bits, or on their exclusive
 * or. Fillers are pages that differ from all targets in one low bit. They push the targets
 * out of the first TLB level and stay out of the targets' sets wherever that bit selects the set.
 *
 * What a chase visits and what inference believes it visited come from the same function.
 */
#ifndef NESTWALK_BASE_PLACEMENT_H
#define NESTWALK_BASE_PLACEMENT_H

#include <stdint.h>

struct placement {
	uint64_t targets; /* twins included */
	uint64_t stride_pages; /* a power of two */
	uint64_t
		flip_pages; /* page-number bits below the stride in which every second target differs from the one before; 0: no twins */
	uint64_t fillers; /* 0: none; with a stride of 1 there is no bit in which they could differ */
};

/*
 * The page number of element i, counted from a page whose number is a multiple of the stride. The targets come first,
 * the fillers follow.
 */
uint64_t placement_page(const struct placement *placement, uint64_t i);

/* The pages that a placement spans, from page 0 to behind its last: a multiple of the stride. */
uint64_t placement_span_pages(const struct placement *placement);

#endif
