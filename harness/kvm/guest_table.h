/*
 * Page tables of a guest, written by its host before the guest runs. 4 or 5 levels; leaves of 4K, 2M, 1G.
 * Formats: Intel SDM vol. 3A 4.5 (4-level and 5-level paging), AMD APM vol. 2 5.3 (long-mode page translation).
 *
 * These functions must not change tables of a guest that has run: a shadow MMU does not see stores of the host.
 */
#ifndef NESTWALK_GUEST_TABLE_H
#define NESTWALK_GUEST_TABLE_H

#include "base/reason.h"
#include "kvm/address.h"

#include <stdbool.h>

#define GUEST_LEVELS_MIN 4
#define GUEST_LEVELS_MAX 5

struct guest_table {
	unsigned levels;
	unsigned char *arena; /* host pointer to the memory the tables lie in; not owned */
	gpa_t arena_gpa; /* the guest-physical address of that memory */
	uint64_t arena_bytes; /* of it */
	uint64_t used_bytes; /* the root is the first page */
};

struct guest_mapping {
	gva_t gva;
	gpa_t gpa;
	uint64_t page_bytes; /* leaf: PAGE_4K, PAGE_2M or PAGE_1G; gva and gpa are aligned to it */
	bool executable;
	bool supervisor; /* for CPL 0 only */
};

/*
 * Start an empty tree in the arena. Memory of the arena is zeroed when it is taken. 0; -EINVAL levels; -ENOSPC no room
 * for a root.
 */
int guest_table_init(struct guest_table *table, struct reason *why);

/*
 * Add one leaf, present, writable, user, accessed and dirty (so that neither CPU nor KVM has a bit left to set).
 * 0; -EINVAL alignment or size; -EEXIST something is mapped there; -ENOSPC the arena is full.
 */
int guest_table_map(struct guest_table *table, const struct guest_mapping *mapping, struct reason *why);

/*
 * Where the entry for `gva` at `level` (1: PTE, 2: PDE, ...) lies, whether it is present or not. 0; -ENOENT there is no
 * table of that level for this address.
 */
struct guest_entry {
	gpa_t gpa;
	uint64_t *entry; /* into the table's arena */
};
int guest_table_entry(const struct guest_table *table, gva_t gva, unsigned level, struct guest_entry *found);

/*
 * Let `table` share the tables that `from` has below the entry for `gva` at `level`, as processes share the kernel
 * half. Both arenas lie in one memory. 0; -ENOENT `from` maps nothing there; -EEXIST `table` already does; -ENOSPC.
 */
int guest_table_share(
	struct guest_table *table, const struct guest_table *from, gva_t gva, unsigned level, struct reason *why);

/* The most bytes of tables that mapping `bytes` contiguous bytes with leaves of page_bytes can take, root excluded. */
uint64_t guest_table_bytes(uint64_t bytes, uint64_t page_bytes, unsigned levels);

/* The same for leaves somewhere in a span of addresses, of which no more than `leaves` share no table. */
uint64_t guest_table_sparse_bytes(uint64_t leaves, uint64_t span_bytes, uint64_t page_bytes, unsigned levels);

#endif
