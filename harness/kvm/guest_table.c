#include "kvm/guest_table.h"

#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Bits of an entry. They are the same at every level, except PAGE_SIZE, which a PTE does not have. */
#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_WRITABLE (1ULL << 1)
#define ENTRY_USER (1ULL << 2)
#define ENTRY_ACCESSED (1ULL << 5)
#define ENTRY_DIRTY (1ULL << 6)
#define ENTRY_PAGE_SIZE (1ULL << 7)
#define ENTRY_NO_EXECUTE (1ULL << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

#define ENTRIES 512u
#define ENTRY_BITS 9u
#define OFFSET_BITS 12u
#define TABLE_BYTES PAGE_4K

/* Level 1 is the page table (PTEs), 2 the page directory, 3 the PDPT, 4 the PML4, 5 the PML5. */
static uint64_t level_span(unsigned level)
{
	return 1ULL << (OFFSET_BITS + ENTRY_BITS * (level - 1));
}

static unsigned level_index(gva_t gva, unsigned level)
{
	return (unsigned)(gva.at >> (OFFSET_BITS + ENTRY_BITS * (level - 1))) % ENTRIES;
}

static unsigned leaf_level(uint64_t page_bytes)
{
	for (unsigned level = 1; level <= 3; level++)
		if (level_span(level) == page_bytes)
			return level;
	return 0;
}

static uint64_t *table_at(const struct guest_table *table, gpa_t gpa)
{
	return (uint64_t *)(void *)(table->arena + (gpa.at - table->arena_gpa.at));
}

static int table_new(struct guest_table *table, gpa_t *gpa, struct reason *why)
{
	if (table->arena_bytes - table->used_bytes < TABLE_BYTES)
		return fail(why, ENOSPC, "no room for guest page tables in %" PRIu64 " bytes", table->arena_bytes);
	gpa->at = table->arena_gpa.at + table->used_bytes;
	memset(table->arena + table->used_bytes, 0, TABLE_BYTES);
	table->used_bytes += TABLE_BYTES;
	return 0;
}

int guest_table_init(struct guest_table *table, struct reason *why)
{
	gpa_t root = { 0 };

	if (table->levels < GUEST_LEVELS_MIN || table->levels > GUEST_LEVELS_MAX)
		return fail(why, EINVAL, "guest page tables have 4 or 5 levels, not %u", table->levels);
	table->used_bytes = 0;
	return table_new(table, &root, why);
}

/* The entry for `gva` at `level`. Tables that are missing above it are made. */
static int entry_make(struct guest_table *table, gva_t gva, unsigned level, uint64_t **entry, struct reason *why)
{
	gpa_t at = table->arena_gpa;

	for (unsigned above = table->levels; above > level; above--) {
		*entry = &table_at(table, at)[level_index(gva, above)];
		if (**entry & ENTRY_PAGE_SIZE)
			return fail(why, EEXIST, "a larger leaf already maps %#" PRIx64, gva.at);
		if (!(**entry & ENTRY_PRESENT)) {
			gpa_t below = { 0 };
			int error = table_new(table, &below, why);

			if (error)
				return error;
			**entry = below.at | ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_USER | ENTRY_ACCESSED;
		}
		at.at = **entry & ENTRY_ADDRESS;
	}
	*entry = &table_at(table, at)[level_index(gva, level)];
	if (**entry & ENTRY_PRESENT)
		return fail(why, EEXIST, "something is already mapped at %#" PRIx64, gva.at);
	return 0;
}

int guest_table_map(struct guest_table *table, const struct guest_mapping *mapping, struct reason *why)
{
	unsigned leaf = leaf_level(mapping->page_bytes);
	uint64_t *entry;
	int error;

	if (!leaf)
		return fail(why, EINVAL, "no leaf of %" PRIu64 " bytes exists", mapping->page_bytes);
	if (mapping->gva.at % mapping->page_bytes || mapping->gpa.at % mapping->page_bytes)
		return fail(why, EINVAL, "guest mapping %#" PRIx64 " -> %#" PRIx64 " is not aligned to its leaf",
			mapping->gva.at, mapping->gpa.at);
	error = entry_make(table, mapping->gva, leaf, &entry, why);
	if (error)
		return error;
	*entry = mapping->gpa.at | ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_ACCESSED | ENTRY_DIRTY |
		 (mapping->supervisor ? 0 : ENTRY_USER) | (leaf > 1 ? ENTRY_PAGE_SIZE : 0) |
		 (mapping->executable ? 0 : ENTRY_NO_EXECUTE);
	return 0;
}

int guest_table_entry(const struct guest_table *table, gva_t gva, unsigned level, struct guest_entry *found)
{
	gpa_t at = table->arena_gpa;

	for (unsigned above = table->levels; above > level; above--) {
		uint64_t entry = table_at(table, at)[level_index(gva, above)];

		if (!(entry & ENTRY_PRESENT) || entry & ENTRY_PAGE_SIZE)
			return -ENOENT;
		at.at = entry & ENTRY_ADDRESS;
	}
	found->entry = &table_at(table, at)[level_index(gva, level)];
	found->gpa.at = at.at + level_index(gva, level) * sizeof(*found->entry);
	return 0;
}

int guest_table_share(
	struct guest_table *table, const struct guest_table *from, gva_t gva, unsigned level, struct reason *why)
{
	struct guest_entry found;
	uint64_t *entry;
	int error;

	if (guest_table_entry(from, gva, level, &found) || !(*found.entry & ENTRY_PRESENT))
		return fail(why, ENOENT, "nothing to share is mapped at %#" PRIx64, gva.at);
	error = entry_make(table, gva, level, &entry, why);
	if (!error)
		*entry = *found.entry;
	return error;
}

uint64_t guest_table_bytes(uint64_t bytes, uint64_t page_bytes, unsigned levels)
{
	uint64_t tables = 0;

	/* An unaligned range needs one more table at each level than its size alone: hence + 2 after rounding down. */
	for (unsigned level = leaf_level(page_bytes); level < levels; level++)
		tables += bytes / (level_span(level) * ENTRIES) + 2;
	return tables * TABLE_BYTES;
}

uint64_t guest_table_sparse_bytes(uint64_t leaves, uint64_t span_bytes, uint64_t page_bytes, unsigned levels)
{
	uint64_t tables = 0;

	for (unsigned level = leaf_level(page_bytes); level < levels; level++) {
		uint64_t of_span = span_bytes / (level_span(level) * ENTRIES) + 2;

		tables += of_span < leaves ? of_span : leaves;
	}
	return tables * TABLE_BYTES;
}
