/*
 * Chains: which cache line of which page a chase visits, and in what order.
 *
 * A chain over `count` elements is one random cycle. Element i lies `step_bytes` behind element i - 1, at a line within
 * its page that moves from page to page, so that the lines are spread evenly over the sets of every cache.
 */
#ifndef NESTWALK_CHAIN_H
#define NESTWALK_CHAIN_H

#include "base/placement.h"
#include "base/reason.h"
#include "base/units.h"
#include "space/space.h"

#include <gsl/gsl_rng.h>

struct chain {
	uint32_t count;
	const uint32_t *order; /* order[k]: the element visited k-th; order[0] == 0. Not owned */
	const uint32_t *next; /* next[i]: the element visited after element i. Not owned */
	uint64_t base; /* virtual address of the first element's page (or line, where packed) */
	uint64_t step_bytes;
	const uint64_t *offset; /* of each element's page from there, where step_bytes is 0; NULL: 0. Not owned */
	const struct placement *placement; /* page numbers, instead of steps; NULL: none. Not owned */
	uint64_t page_bytes; /* ... of its pages */
	uint64_t turn_pages; /* ... bits below the stride that are flipped in all of them: other sets in each sample */
	uint64_t spread_lines; /* lines of a page that are used in turn, a power of two; 1: packed lines */
	uint64_t line_first; /* line of element 0 */
};

/* A cycle as an order and as successors, with room for the longest chain. */
struct cycle {
	uint32_t *order, *next;
};

/* Draw a random cycle over `count` elements. */
void cycle_draw(struct cycle *cycle, uint32_t count, const gsl_rng *random);

/*
 * A chain with one line in each page that lies `offset` behind `base`, or, where `offset` is NULL, in each unit of the
 * chase's distance from `base` on.
 */
struct chain chain_over_units(const struct chase *chase, uint64_t base, const uint64_t *offset,
	const struct cycle *cycle, const gsl_rng *random);

/* The placement of an arranged chase. */
struct placement chain_placement(const struct chase *chase);

/*
 * A chain over the pages of a placement, which outlives the chain. `base`: the address of a page whose number is a
 * multiple of the stride.
 */
struct chain chain_over_placement(const struct placement *placement, const struct chase *chase, uint64_t base,
	const struct cycle *cycle, const gsl_rng *random);

/* The same number of lines side by side from `base` on. */
struct chain chain_packed(uint64_t lines, uint64_t base, const struct cycle *cycle);

/* Virtual address of element i. */
uint64_t chain_address(const struct chain *chain, uint32_t i);

/* Where a chase stands after `steps` steps from the start. */
uint64_t chain_after(const struct chain *chain, uint64_t steps);

/*
 * From which step of the cycle on chain `which` of `chains` follows it. Chains that follow one cycle at the same pace, evenly
 * spread, come to a line again after as many accesses of all as one chain alone does, and never meet.
 */
uint64_t chain_start(const struct chain *chain, unsigned which, unsigned chains);

/* The sum of all elements' addresses modulo 2^64: what KERNEL_WALK over the whole chain must report. */
uint64_t chain_sum(const struct chain *chain);

/* Write the chain's pointers into the space's memory. */
void chain_lay(const struct chain *chain, const struct space *space);

/*
 * Prove that the chain is whole: its cycle visits each element (each page, each line) once and returns to the start.
 * 0; -EIO with *why it is not. The other half of the proof is chain_walk().
 */
int chain_prove(const struct chain *chain, struct reason *why);

/*
 * Walk the chain once inside the space, untimed, and compare its end and the sum of its addresses with the chain. This
 * proves that the space translates as laid out, and that memory holds the cycle: were two elements to share a line, the
 * walk would leave the cycle there, and come to another end or another sum. It is also the warm-up (with more walks the
 * laps do not change). 0; -EIO with *why; errors of space_run().
 */
int chain_walk(const struct chain *chain, struct space *space, struct reason *why);

/*
 * A chain over one line of each of the first `count` pages of this process's memory: drawn, written, proven and walked.
 * *start: the line that it begins at. 0; -ENOMEM; -EIO with *why.
 */
struct chain_pages {
	const struct backed *memory;
	uint64_t page_bytes;
	uint32_t count;
	uint64_t seed;
};
int chain_over_pages(const struct chain_pages *pages, const void **start, struct reason *why);

#endif
