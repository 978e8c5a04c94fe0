/*
 * Page tables of a guest, written by its host before the guest runs. 4 or 5 levels; leaves of 4K, 2M, 1G.
 * Formats: Intel SDM vol. 3A 4.5 (4-level and 5-level paging), AMD APM vol. 2 5.3 (long-mode page translation).
 *
 * Not for changing tables under a running guest: a shadow MMU does not see stores of the host.
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
	gpa_t arena_gpa; /* where the guest has that memory */
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

/* Start an empty tree in the arena, which is zeroed as it is used. 0; -EINVAL levels; -ENOSPC no room for a root. */
int guest_table_init(struct guest_table *table, struct reason *why);

/*
 * Add one leaf, present, writable, user, accessed and dirty (so that neither CPU nor KVM has a bit left to set).
 * 0; -EINVAL alignment or size; -EEXIST something is mapped there; -ENOSPC the arena is full.
 */
int guest_table_map(struct guest_table *table, const struct guest_mapping *mapping, struct reason *why);

/*
 * Where the entry for `gva` at `level` (1: PTE, 2: directory entry …) lies, present or not: in *gpa for the guest and in
 * *entry for this process. 0; -ENOENT there is no table of that level for it.
 */
struct guest_entry {
	gpa_t gpa;
	uint64_t *entry; /* into the table's arena */
};
int guest_table_entry(const struct guest_table *table, gva_t gva, unsigned level, struct guest_entry *found);

/*
 * Let `table` have what `from` has below the entry for `gva` at `level`: the same tables, as the kernel half of
 * processes is. Both arenas lie in one memory. 0; -ENOENT `from` has nothing there; -EEXIST `table` has; -ENOSPC.
 */
int guest_table_share(
	struct guest_table *table, const struct guest_table *from, gva_t gva, unsigned level, struct reason *why);

/* The most bytes of tables that mapping `bytes` contiguous bytes with leaves of page_bytes can take, root excluded. */
uint64_t guest_table_bytes(uint64_t bytes, uint64_t page_bytes, unsigned levels);

/* The same for `leaves` leaves that share no table. */
uint64_t guest_table_sparse_bytes(uint64_t leaves, uint64_t page_bytes, unsigned levels);

#endif
