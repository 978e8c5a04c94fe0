/*
 * What theory says of translation by page tables: references of a walk, and exits of a guest. Pure; docs/MODEL.md derives
 * each number and names its sources.
 */
#ifndef NESTWALK_INFER_MODEL_THEORY_H
#define NESTWALK_INFER_MODEL_THEORY_H

#include "base/vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* Levels of tables count from the leaves: 1 has PTEs, 2 PDEs, 3 PDPTEs, 4 PML4Es, 5 PML5Es. */
#define MODEL_TREE_LEVELS_LEAST 4u
#define MODEL_TREE_LEVELS_MOST 5u
#define MODEL_ENTRIES_OF_TABLE_BITS 9u
#define MODEL_PAGE_BITS 12u

/* "PTE" for 1, "PDE" for 2 ... "PML5E" for 5. */
extern const char *const model_entry_names[MODEL_TREE_LEVELS_MOST + 1];

/* The level that has leaves of this size: 1 for 4K, 2 for 2M, 3 for 1G; 0 for any other. */
unsigned model_leaf_level(uint64_t leaf_bytes);

/* A tree of tables, as a walk reads it. */
struct model_tree {
	unsigned levels; /* 4 or 5 */
	unsigned leaf_level; /* 1 .. 3 */
	/*
	 * The lowest level whose entry the CPU holds in a paging-structure cache, above leaf_level: the walk begins with
	 * the table that the entry points to. 0: none, it begins at the root.
	 */
	unsigned held_level;
};

/* The entries that a walk reads of this tree. */
unsigned model_tree_reads(const struct model_tree *tree);

/*
 * References of a nested walk: each of the guest's g entries lies in a table whose place the host's tree translates (h
 * references), and so does the page itself: g (h + 1) + h = (g + 1)(h + 1) - 1.
 *
 * A guest's entry that a paging-structure cache holds tells the next table's place in the host's memory: the host's walk
 * for that table is saved, too. A nested TLB holds translations of the guest's physical pages: those of its tables,
 * that of the page itself, or both.
 */
struct model_nested_held {
	bool tables, page;
};
unsigned model_nested_references(
	const struct model_tree *guest, const struct model_tree *host, struct model_nested_held held);

/* The leaf in which a TLB holds a page that two trees map: the lower level of both. */
unsigned model_nested_leaf_level(const struct model_tree *guest, const struct model_tree *host);

/* A shadow tree has the guest's levels; where the host's leaves are smaller, its leaves are the host's. */
struct model_tree model_shadow_tree(const struct model_tree *guest, const struct model_tree *host);

/* --- exits --- */

/* What makes a guest's touch of a page fault. */
enum model_fault {
	MODEL_FAULT_WARM, /* the guest maps a frame that has the host's memory */
	MODEL_FAULT_COLD, /* ... that has none yet */
	MODEL_FAULT_UPGRADE, /* the guest makes a page writable that was mapped read-only */
	MODEL_FAULT_BACKING, /* the guest has the page mapped, and the host's memory is gone */
	MODEL_FAULTS,
};
extern const char *const model_fault_names[MODEL_FAULTS]; /* "guest-warm" "guest-cold" "upgrade" "backing-only" */

/* What the guest's handler does to its TLB once it has written the entry. */
enum model_flush {
	MODEL_FLUSH_NONE,
	MODEL_FLUSH_INVLPG,
	MODEL_FLUSH_CR3, /* reads CR3 and writes it back */
	MODEL_FLUSHES,
};
extern const char *const model_flush_names[MODEL_FLUSHES]; /* "none" "invlpg" "cr3" */

/*
 * Exits that Linux's KVM takes for one fault, and for one load of CR3 (with or without PCID). @paging: PAGING_NESTED or
 * PAGING_SHADOW. Negative where theory says nothing: another paging mode, or a flush where the guest does not fault.
 */
int model_exits_per_fault(enum paging paging, enum model_fault fault, enum model_flush flush);
/* Exits once for each of the guest's page tables whose entries it writes. */
int model_exits_per_table(enum paging paging, enum model_fault fault, enum model_flush flush);
int model_exits_per_cr3_load(enum paging paging);

#endif
