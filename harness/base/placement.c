#include "base/placement.h"

/* The lowest bit that no target has: it is not flipped, and the stride leaves it 0. */
static unsigned filler_bit(const struct placement *placement)
{
	return (unsigned)__builtin_ctzll(~placement->flip_pages);
}

uint64_t placement_page(const struct placement *placement, uint64_t i)
{
	unsigned bit = filler_bit(placement);
	uint64_t filler;

	if (i < placement->targets && placement->flip_pages)
		return i / 2 * placement->stride_pages + (i & 1 ? placement->flip_pages : 0);
	if (i < placement->targets)
		return i * placement->stride_pages;
	filler = i - placement->targets;
	return filler >> bit << (bit + 1) | UINT64_C(1) << bit | (filler & ((UINT64_C(1) << bit) - 1));
}

uint64_t placement_span_pages(const struct placement *placement)
{
	uint64_t targets = placement->targets * placement->stride_pages, stride = placement->stride_pages, fillers;

	if (!placement->fillers)
		return targets;
	/* The numbers of fillers grow with i. */
	fillers = placement_page(placement, placement->targets + placement->fillers - 1) + 1;
	fillers = (fillers + stride - 1) / stride * stride;
	return fillers > targets ? fillers : targets;
}
