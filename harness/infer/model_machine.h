/* The description of a machine that a model simulates: TLBs, caches, and the trees of tables that are walked. */
#ifndef NESTWALK_INFER_MODEL_MACHINE_H
#define NESTWALK_INFER_MODEL_MACHINE_H

#include "infer/model_levels.h"
#include "infer/model_theory.h"

/* One tree, and what the CPU keeps of its upper entries. */
struct model_walker {
	struct model_tree tree; /* levels 0: there is none */
	/* The paging-structure cache for entries of a level, above the leaf's. */
	struct model_shape held[MODEL_TREE_LEVELS_MOST + 1];
};

struct model_machine {
	struct model_level tlb[MODEL_LEVELS];
	unsigned tlbs;
	struct model_level cache[MODEL_LEVELS]; /* of 64-byte lines, numbered by physical address */
	unsigned caches;
	unsigned walk_from; /* the cache that references of walks go to first: 0 where walks load as programs do */
	double memory_cycles; /* of what no cache has; NaN: unknown */
	/* What a reference of a walk costs on average, where caches or their latencies are not described; NaN: unknown. */
	double reference_cycles;
	struct model_walker guest; /* the tree of addresses: a guest's, and natively the host's */
	struct model_walker host; /* the tree of guest-physical addresses */
	struct model_shape nested_tlb; /* translations of guest-physical pages */
};

#endif
