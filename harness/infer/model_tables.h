/* How many pages of tables a tree has that maps given ranges, counted level by level. Pure. */
#ifndef NESTWALK_INFER_MODEL_TABLES_H
#define NESTWALK_INFER_MODEL_TABLES_H

#include "infer/model_theory.h"

#include <stddef.h>

/* Addresses that are mapped in leaves of one level. */
struct model_range {
	uint64_t start, bytes;
	unsigned leaf_level; /* 1 .. 3 */
};

/* Pages of tables by level, from 1; each table is a page of 4 KiB. */
struct model_table_pages {
	uint64_t of_level[MODEL_TREE_LEVELS_MOST + 1];
};
uint64_t model_table_pages_sum(const struct model_table_pages *pages);

/* The tables of one tree. @range: ascending, without overlaps. A tree has a root even where it maps nothing. */
void model_tree_pages(const struct model_range *range, size_t count, unsigned levels, struct model_table_pages *pages);

/* V VMs of P processes, each of which maps so many bytes, from an address on which a table of each level starts. */
struct model_footprint_request {
	uint64_t vms, processes, mapped_bytes;
	struct model_tree guest, host;
	bool shared; /* the processes of a VM map the same memory, otherwise each its own */
};

struct model_trees {
	uint64_t trees;
	struct model_table_pages pages; /* of all trees together */
};

/*
 * native: as many processes on a host, in its leaves. guest: the guests' own tables. nested: the hypervisor's, one tree
 * for each VM over its memory, in which its guest's tables lie, too. shadow: the hypervisor's, one tree for each process,
 * in leaves of the smaller size of both; where the host's are smaller, tables below the guest's leaves go by
 * guest-physical page, so that a VM has them once for all processes that map the page (Linux,
 * Documentation/virt/kvm/x86/mmu.rst, "direct").
 */
struct model_footprint {
	struct model_trees native, guest, nested, shadow;
};
void model_footprint(const struct model_footprint_request *request, struct model_footprint *out);

#endif
