/* Guest page tables against a reference walker written here from the manuals, not from the builder. */
#include "base/units.h"
#include "kvm/guest_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARENA_GPA (3 * GIB)
#define ARENA_BYTES (4 * MIB)

struct fixture {
	struct guest_table table;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->table.arena = aligned_alloc(PAGE_4K, ARENA_BYTES);
	fixture->table.arena_gpa.at = ARENA_GPA;
	fixture->table.arena_bytes = ARENA_BYTES;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->table.arena);
	free(fixture);
	return 0;
}

struct found {
	uint64_t gpa, flags;
	unsigned read;
};

/*
 * What a CPU does: Intel SDM vol. 3A 4.5.4. CR3 holds the root; bits 47:39 (56:48 with five levels) index it; each entry
 * holds the address of the next table in bits 51:12, or, with bit 7 set in a PDPTE or PDE, that of a page.
 */
static int reference_walk(
	const struct guest_table *table, uint64_t cr3, unsigned levels, uint64_t linear, struct found *found)
{
	uint64_t base = cr3;

	found->read = 0;
	for (int shift = levels == 5 ? 48 : 39; shift >= 12; shift -= 9) {
		const uint64_t *entries = (const uint64_t *)(const void *)(table->arena + (base - ARENA_GPA));
		uint64_t entry = entries[linear >> shift & 0x1ff];

		found->read++;
		if (!(entry & 1))
			return -1;
		if (shift == 12 || ((shift == 30 || shift == 21) && entry & 0x80)) {
			uint64_t offset = (1ULL << shift) - 1;

			found->gpa = (entry & 0xffffffffff000ULL & ~offset) | (linear & offset);
			found->flags = entry & 0x8000000000000fffULL;
			return 0;
		}
		base = entry & 0xffffffffff000ULL;
	}
	return -1;
}

static void map(struct guest_table *table, uint64_t gva, uint64_t gpa, uint64_t page_bytes)
{
	struct guest_mapping mapping = { .gva = { gva }, .gpa = { gpa }, .page_bytes = page_bytes };
	struct reason why = { "" };

	assert_int_equal(guest_table_map(table, &mapping, &why), 0);
}

static void walks_as_the_reference(void **state)
{
	struct fixture *fixture = *state;
	static const uint64_t leaves[] = { PAGE_4K, PAGE_2M, PAGE_1G };

	for (unsigned levels = 4; levels <= 5; levels++) {
		struct guest_table *table = &fixture->table;

		table->levels = levels;
		assert_int_equal(guest_table_init(table, NULL), 0);
		/* Leaves of all sizes, some side by side, some at the far end of what the tables can say. */
		for (unsigned i = 0; i < 3; i++)
			for (uint64_t k = 0; k < 5; k++)
				map(table, (0x7000ULL << 32) + i * 512 * GIB + k * 513 * leaves[i],
					8 * GIB + i * 64 * GIB + (4 - k) * leaves[i], leaves[i]);
		for (unsigned i = 0; i < 3; i++)
			for (uint64_t k = 0; k < 5; k++) {
				uint64_t inside = (0x123456789ULL * (k + 1)) % leaves[i];
				uint64_t gva = (0x7000ULL << 32) + i * 512 * GIB + k * 513 * leaves[i] + inside;
				struct found found;

				assert_int_equal(reference_walk(table, ARENA_GPA, levels, gva, &found), 0);
				assert_int_equal(found.gpa, 8 * GIB + i * 64 * GIB + (4 - k) * leaves[i] + inside);
				assert_int_equal(found.read, levels - i);
				/* Present, writable, user, accessed, dirty: nothing is left for hardware to set. */
				assert_int_equal(found.flags & 0x67, 0x67);
			}
	}
}

static void unmapped_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	struct found found;

	fixture->table.levels = 4;
	assert_int_equal(guest_table_init(&fixture->table, NULL), 0);
	map(&fixture->table, 0, PAGE_4K, PAGE_4K);
	assert_int_equal(reference_walk(&fixture->table, ARENA_GPA, 4, PAGE_4K, &found), -1);
	assert_int_equal(reference_walk(&fixture->table, ARENA_GPA, 4, 511 * GIB, &found), -1);
}

static void executes_only_where_asked(void **state)
{
	struct fixture *fixture = *state;
	struct guest_mapping code = { .gva = { 0 }, .gpa = { 0 }, .page_bytes = PAGE_4K, .executable = true };
	struct found found;

	fixture->table.levels = 4;
	assert_int_equal(guest_table_init(&fixture->table, NULL), 0);
	assert_int_equal(guest_table_map(&fixture->table, &code, NULL), 0);
	map(&fixture->table, PAGE_4K, PAGE_4K, PAGE_4K);
	assert_int_equal(reference_walk(&fixture->table, ARENA_GPA, 4, 0, &found), 0);
	assert_int_equal(found.flags >> 63, 0);
	assert_int_equal(reference_walk(&fixture->table, ARENA_GPA, 4, PAGE_4K, &found), 0);
	assert_int_equal(found.flags >> 63, 1);
}

static void refuses_what_makes_no_sense(void **state)
{
	struct fixture *fixture = *state;
	struct guest_table *table = &fixture->table;
	struct guest_mapping mapping = { .gva = { PAGE_4K }, .gpa = { 0 }, .page_bytes = PAGE_2M };
	struct reason why = { "" };

	table->levels = 3;
	assert_int_equal(guest_table_init(table, &why), -EINVAL);
	assert_non_null(strstr(why.text, "4 or 5 levels"));
	table->levels = 4;
	assert_int_equal(guest_table_init(table, NULL), 0);
	assert_int_equal(guest_table_map(table, &mapping, &why), -EINVAL);
	mapping = (struct guest_mapping){ .page_bytes = 64 * KIB };
	assert_int_equal(guest_table_map(table, &mapping, &why), -EINVAL);
	map(table, 0, 0, PAGE_2M);
	mapping = (struct guest_mapping){ .page_bytes = PAGE_2M };
	assert_int_equal(guest_table_map(table, &mapping, &why), -EEXIST);
	/* A 4K leaf inside a 2M leaf. */
	mapping.page_bytes = PAGE_4K;
	assert_int_equal(guest_table_map(table, &mapping, &why), -EEXIST);
}

static void the_promised_arena_is_enough_and_a_smaller_one_is_refused(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		uint64_t gva, bytes, page_bytes;
	} cases[] = {
		{ 0x7fff00000000 - 64 * PAGE_4K, 300 * MIB, PAGE_4K }, /* crosses table boundaries */
		{ 512 * GIB - 3 * PAGE_2M, 7 * GIB, PAGE_2M },
		{ 512 * GIB - PAGE_1G, 4 * GIB, PAGE_1G },
		{ 0, PAGE_4K, PAGE_4K },
	};

	for (unsigned levels = 4; levels <= 5; levels++)
		for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
			struct guest_table table = fixture->table;

			table.levels = levels;
			table.arena_bytes = PAGE_4K + guest_table_bytes(cases[c].bytes, cases[c].page_bytes, levels);
			assert_true(table.arena_bytes <= ARENA_BYTES);
			assert_int_equal(guest_table_init(&table, NULL), 0);
			for (uint64_t at = 0; at < cases[c].bytes; at += cases[c].page_bytes)
				map(&table, cases[c].gva / cases[c].page_bytes * cases[c].page_bytes + at,
					16 * GIB + at, cases[c].page_bytes);
		}
	fixture->table.levels = 4;
	fixture->table.arena_bytes = 3 * PAGE_4K;
	assert_int_equal(guest_table_init(&fixture->table, NULL), 0);
	assert_int_equal(
		guest_table_map(&fixture->table, &(struct guest_mapping){ .page_bytes = PAGE_4K }, NULL), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walks_as_the_reference, setup, teardown),
		cmocka_unit_test_setup_teardown(unmapped_is_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(executes_only_where_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_makes_no_sense, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_promised_arena_is_enough_and_a_smaller_one_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("guest_table", tests, NULL, NULL);
}
