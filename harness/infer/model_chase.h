/*
 * A chase over pages, simulated: the very addresses of a chain, in the order in which it visits them, go through the TLBs
 * of a machine, and where these miss, walks read table entries, which lie in lines that caches hold or do not. Pure:
 * counts, no clock.
 */
#ifndef NESTWALK_INFER_MODEL_CHASE_H
#define NESTWALK_INFER_MODEL_CHASE_H

#include "infer/model_machine.h"

#include <stddef.h>

/* One lap of a chain. */
struct model_chain {
	/* Borrowed. Virtual addresses of the lines visited; a page lies in memory where its address says, or anywhere: */
	const uint64_t *address;
	size_t count; /* up to MODEL_CHAIN_MOST */
	uint64_t
		frames_seed; /* 0: pages and tables lie in memory side by side; else each 4K frame at random by this seed */
};

/* Keys of its pages, tables and lines fit 32 bits many times over. */
#define MODEL_CHAIN_MOST (UINT32_C(1) << 26)

/* References belong to the tree of addresses or to that of guest-physical addresses. */
enum model_side {
	MODEL_GUEST,
	MODEL_HOST,
	MODEL_SIDES,
};

struct model_counts {
	uint64_t accesses;
	uint64_t tlb[MODEL_LEVELS + 1]; /* accesses whose page level i had; [tlbs]: none, they walked */
	uint64_t references[MODEL_SIDES]; /* table entries that walks read */
	uint64_t held[MODEL_SIDES]; /* walks that a paging-structure cache shortened */
	uint64_t nested_tlb; /* walks of the host's tree that the nested TLB saved */
	uint64_t walk_lines[MODEL_LEVELS + 1]; /* references by the cache that had their line; [caches]: memory */
	uint64_t data_lines[MODEL_LEVELS + 1]; /* accesses by the cache that had theirs */
};

struct model_chase;

/*
 * Make a chase, with all of the machine empty. @paging: PAGING_NATIVE walks the guest's tree alone, PAGING_NESTED both,
 * PAGING_SHADOW a merged one. 0; -EINVAL: there is no such tree, or the chain is empty or too long; -ENOMEM. The machine and
 * the chain must last no longer than this call. The same seed gives the same counts.
 */
int model_chase_open(const struct model_machine *machine, enum paging paging, const struct model_chain *chain,
	uint64_t seed, struct model_chase **chase);
void model_chase_close(struct model_chase *chase);

/* Follow the chain for so many laps, and add up what happens. */
void model_chase_run(struct model_chase *chase, size_t laps, struct model_counts *counts);

/* Warm the machine up, and count laps of at least `accesses` accesses. */
void model_chase_measure(struct model_chase *chase, uint64_t accesses, struct model_counts *counts);

/*
 * Core cycles for an access: what translation adds to one that the first TLB level has, and what its data take. NaN where a
 * latency that takes part is unknown, or no cache is described for the data.
 */
double model_translation_cycles(const struct model_machine *machine, const struct model_counts *counts);
double model_data_cycles(const struct model_machine *machine, const struct model_counts *counts);

#endif
