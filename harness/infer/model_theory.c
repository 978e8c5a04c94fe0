#include "infer/model_theory.h"

#include "base/units.h"

const char *const model_entry_names[MODEL_TREE_LEVELS_MOST + 1] = { "", "PTE", "PDE", "PDPTE", "PML4E", "PML5E" };

const char *const model_fault_names[MODEL_FAULTS] = {
	[MODEL_FAULT_WARM] = "guest-warm",
	[MODEL_FAULT_COLD] = "guest-cold",
	[MODEL_FAULT_UPGRADE] = "upgrade",
	[MODEL_FAULT_BACKING] = "backing-only",
};

const char *const model_flush_names[MODEL_FLUSHES] = {
	[MODEL_FLUSH_NONE] = "none",
	[MODEL_FLUSH_INVLPG] = "invlpg",
	[MODEL_FLUSH_CR3] = "cr3",
};

unsigned model_leaf_level(uint64_t leaf_bytes)
{
	return leaf_bytes == PAGE_4K ? 1 : leaf_bytes == PAGE_2M ? 2 : leaf_bytes == PAGE_1G ? 3 : 0;
}

unsigned model_tree_reads(const struct model_tree *tree)
{
	return (tree->held_level ? tree->held_level - 1 : tree->levels) - tree->leaf_level + 1;
}

unsigned model_nested_references(
	const struct model_tree *guest, const struct model_tree *host, struct model_nested_held held)
{
	unsigned entries = model_tree_reads(guest), host_walk = model_tree_reads(host);
	unsigned tables = entries - (guest->held_level != 0);

	return entries + (held.tables ? 0 : tables * host_walk) + (held.page ? 0 : host_walk);
}

unsigned model_nested_leaf_level(const struct model_tree *guest, const struct model_tree *host)
{
	return guest->leaf_level < host->leaf_level ? guest->leaf_level : host->leaf_level;
}

struct model_tree model_shadow_tree(const struct model_tree *guest, const struct model_tree *host)
{
	return (struct model_tree){
		.levels = guest->levels,
		.leaf_level = model_nested_leaf_level(guest, host),
		.held_level = guest->held_level,
	};
}

/*
 * Under shadow paging, as Linux's KVM does it (arch/x86/kvm/mmu): the guest's fault comes to KVM, which passes it on (1).
 * The guest's handler writes its entry. The first such write exits (once a table); KVM then leaves the table writable
 * ("unsync"), and further writes take no exit. The touch is repeated, finds no shadow entry that allows it, and KVM fills it
 * in (1).
 *
 * invlpg exits (1). KVM then looks at the guest's entry at once and fills its own, if the frame has memory: the repeated
 * touch finds it.
 *
 * CR3: reading and writing it exit (2). A load brings tables in step and protects them again: the next entry that the
 * guest writes exits (1). What has a shadow entry (upgrade) has the new rights by then; what has none is filled in by the
 * repeated touch.
 *
 * Under nested paging, only memory that the host lacks takes an exit.
 */
int model_exits_per_fault(enum paging paging, enum model_fault fault, enum model_flush flush)
{
	static const int shadow[MODEL_FAULTS][MODEL_FLUSHES] = {
		[MODEL_FAULT_WARM] = { 2, 2, 5 },
		[MODEL_FAULT_COLD] = { 2, 3, 5 },
		[MODEL_FAULT_UPGRADE] = { 2, 2, 4 },
		[MODEL_FAULT_BACKING] = { 1, -1, -1 },
	};

	if (fault == MODEL_FAULT_BACKING && flush != MODEL_FLUSH_NONE)
		return -1;
	if (paging == PAGING_NESTED)
		return fault == MODEL_FAULT_COLD || fault == MODEL_FAULT_BACKING;
	return paging == PAGING_SHADOW ? shadow[fault][flush] : -1;
}

int model_exits_per_table(enum paging paging, enum model_fault fault, enum model_flush flush)
{
	if (model_exits_per_fault(paging, fault, flush) < 0)
		return -1;
	return paging == PAGING_SHADOW && fault != MODEL_FAULT_BACKING && flush != MODEL_FLUSH_CR3;
}

int model_exits_per_cr3_load(enum paging paging)
{
	return paging == PAGING_NESTED ? 0 : paging == PAGING_SHADOW ? 1 : -1;
}
