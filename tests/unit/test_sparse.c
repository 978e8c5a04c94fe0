/* Where pages that lie far apart are placed, and chains over them in both spaces. The vcpu tests need /dev/kvm. */
#include "space/chain.h"
#include "space/permutation.h"
#include "space/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ENTRIES 512 /* of a table */
#define LINE_ENTRIES 8

static const uint64_t spans[] = { PAGE_4K, PAGE_2M, PAGE_1G, 512 * GIB };

/* Only addresses, no memory. */
static void place(struct sparse *sparse, struct sparse_spec spec)
{
	struct reason why = { "" };

	spec.backing = BACKING_4K;
	spec.seed = 11;
	assert_int_equal(sparse_alloc(sparse, &spec, NULL, &why), 0);
}

/* How many different numbers of that span the pages lie in: of PTEs (0), PDEs (1), PDPTEs (2). Pages ascend. */
static unsigned entries_used(const struct sparse *sparse, unsigned level)
{
	unsigned used = 1;

	for (uint32_t i = 1; i < sparse->spec.pages; i++) {
		assert_true(sparse_page(sparse, i) > sparse_page(sparse, i - 1));
		used += sparse_page(sparse, i) / spans[level] != sparse_page(sparse, i - 1) / spans[level];
	}
	return used;
}

/* The most of the entries' cache lines that fall into one of the 64 sets of an L1 cache; tables begin at a page. */
static unsigned fullest_set(const struct sparse *sparse, unsigned level)
{
	unsigned set[ENTRIES / LINE_ENTRIES] = { 0 }, most = 0;
	uint64_t last = UINT64_MAX;

	for (uint32_t i = 0; i < sparse->spec.pages; i++) {
		uint64_t line = sparse_page(sparse, i) / spans[level] / LINE_ENTRIES;

		if (line == last)
			continue;
		last = line;
		set[line % (ENTRIES / LINE_ENTRIES)]++;
	}
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		most = set[i] > most ? set[i] : most;
	return most;
}

static void scattered_pages_spread_over_sets_of_tlb_and_caches(void **state)
{
	static const uint64_t distances[] = { 32 * KIB, 2 * MIB, 16 * MIB, 1 * GIB, 8 * GIB };

	(void)state;
	for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
		unsigned set[256] = { 0 }, most = 0;
		struct sparse sparse;

		place(&sparse, (struct sparse_spec){ .page_bytes = PAGE_4K,
				       .distance_bytes = distances[d],
				       .pages = 4096,
				       .scattered = true });
		for (uint32_t i = 0; i < sparse.spec.pages; i++) {
			assert_int_equal(sparse.offset[i] / distances[d], i);
			set[sparse_page(&sparse, i) / PAGE_4K % 256]++;
		}
		/* 16 in each on the average: as even as that, within a half. */
		for (size_t i = 0; i < 256; i++)
			most = set[i] > most ? set[i] : most;
		assert_in_range(most, 16, 24);
		assert_in_range(fullest_set(&sparse, 0), 64, 96);
		sparse_free(&sparse);
	}
}

static void aligned_pages_lie_at_the_start_of_their_units(void **state)
{
	struct sparse sparse;

	(void)state;
	place(&sparse, (struct sparse_spec){ .page_bytes = PAGE_4K, .distance_bytes = PAGE_1G, .pages = 100 });
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(sparse.offset[i], i * PAGE_1G);
	assert_int_equal(fullest_set(&sparse, 0), 100);
	sparse_free(&sparse);
}

static void pages_of_several_tables_need_as_many_entries_as_asked_for(void **state)
{
	static const struct {
		uint64_t distance;
		unsigned units, tables, pages;
	} shapes[] = {
		{ PAGE_2M, 32, 1, 256 },
		{ PAGE_2M, 300, 1, 27 },
		{ PAGE_1G, 2, 512, 8 },
		{ PAGE_1G, 128, 8, 8 },
		{ PAGE_1G, 1024, 1, 8 },
	};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		unsigned tables = shapes[s].units * shapes[s].tables;
		struct sparse sparse;

		place(&sparse, (struct sparse_spec){ .page_bytes = PAGE_4K,
				       .distance_bytes = shapes[s].distance,
				       .pages = tables * shapes[s].pages,
				       .scattered = true,
				       .unit_tables = shapes[s].tables,
				       .table_pages = shapes[s].pages });
		assert_int_equal(sparse_tables(&sparse.spec), tables);
		assert_int_equal(entries_used(&sparse, 1), tables);
		if (shapes[s].distance == PAGE_1G)
			assert_int_equal(entries_used(&sparse, 2), shapes[s].units);
		/* Every second page of a table: no TLB entry covers two. */
		for (uint32_t i = 0; i < sparse.spec.pages; i++) {
			assert_int_equal(sparse.offset[i] / PAGE_4K % 2, 0);
			if (i % shapes[s].pages)
				assert_int_equal(sparse.offset[i] - sparse.offset[i - 1], 2 * PAGE_4K);
		}
		/* At most half as many again as an even spread over 64 sets would give, and 4 for small numbers. */
		assert_true(fullest_set(&sparse, 0) <= entries_used(&sparse, 0) / 64 * 3 / 2 + 4);
		assert_true(fullest_set(&sparse, 1) <= tables / 64 * 3 / 2 + 4);
		sparse_free(&sparse);
	}
}

static void a_page_is_found_by_its_address(void **state)
{
	struct sparse sparse;

	(void)state;
	place(&sparse, (struct sparse_spec){ .page_bytes = PAGE_4K,
			       .distance_bytes = PAGE_1G,
			       .pages = 60,
			       .scattered = true,
			       .unit_tables = 4,
			       .table_pages = 3 });
	for (uint32_t i = 0; i < 60; i++) {
		assert_int_equal(sparse_find(&sparse, sparse_page(&sparse, i)), i);
		assert_int_equal(sparse_find(&sparse, sparse_page(&sparse, i) + PAGE_4K - 1), i);
	}
	assert_int_equal(sparse_find(&sparse, sparse_page(&sparse, 0) - 1), 0);
	assert_int_equal(sparse_find(&sparse, UINT64_MAX), 59);
	sparse_free(&sparse);
}

/* Many large pages of a vCPU have one frame: each line is there once, and a process refuses. */
static void large_pages_of_a_vcpu_may_share_frames(void **state)
{
	static uint32_t order[2 * SPARSE_SHARERS], next[2 * SPARSE_SHARERS];
	const uint32_t pages = 2 * SPARSE_SHARERS;
	struct cycle cycle = { order, next };
	struct sparse_spec shape = { .backing = BACKING_2M_THP,
		.page_bytes = PAGE_2M,
		.distance_bytes = 16 * MIB,
		.pages = pages,
		.scattered = true,
		.shared_frames = true };
	struct chase chase = { .page_bytes = PAGE_2M, .count = pages, .distance_bytes = 16 * MIB };
	gsl_rng *random = random_new(3);
	struct backed memory = { 0 }, packed = { 0 };
	struct sparse sparse = { 0 };
	struct space_spec spec = {
		.levels = 4, .page_bytes = PAGE_2M, .memory = &memory, .sparse = &sparse, .packed = &packed
	};
	struct chain chain;
	struct space *space;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(sparse_frames(true, pages), 2);
	assert_int_equal(sparse_frames(true, pages + 1), 3);
	assert_int_equal(sparse_frames(false, pages), pages);
	if (backed_alloc(&memory, BACKING_2M_THP, sparse_frames(true, pages) * PAGE_2M, NULL, &why)) {
		print_message("not here: %s\n", why.text);
		gsl_rng_free(random);
		skip();
	}
	assert_int_equal(backed_alloc(&packed, BACKING_4K, PAGE_2M, NULL, &why), 0);
	assert_int_equal(sparse_alloc(&sparse, &shape, NULL, &why), 0);
	spec.setting = SETTING_HOST;
	assert_int_equal(space_open(&spec, &space, &why), -EINVAL);
	spec.setting = SETTING_VCPU;
	if (space_open(&spec, &space, &why)) {
		print_message("not here: %s\n", why.text);
	} else {
		cycle_draw(&cycle, pages, random);
		chain = chain_over_units(&chase, sparse.base, sparse.offset, &cycle, random);
		for (uint32_t i = 0; i < pages; i++) {
			unsigned char *at = space_pointer(space, chain_address(&chain, i));

			assert_int_equal((uint64_t)(at - memory.at) / PAGE_2M, i / SPARSE_SHARERS);
		}
		chain_lay(&chain, space);
		assert_int_equal(chain_prove(&chain, &why), 0);
		/* Were two pages to share a line, the walk would not visit all. */
		assert_int_equal(chain_walk(&chain, space, &why), 0);
	}
	space_close(space);
	sparse_free(&sparse);
	backed_free(&packed);
	backed_free(&memory);
	gsl_rng_free(random);
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
	static const struct sparse_spec specs[] = {
		/* more pages than half a table */
		{ .page_bytes = PAGE_4K,
			.distance_bytes = PAGE_2M,
			.pages = 514,
			.scattered = true,
			.table_pages = 257 },
		/* more tables than 2M */
		{ .page_bytes = PAGE_4K, .distance_bytes = PAGE_2M, .pages = 2, .scattered = true, .unit_tables = 2 },
		/* no tables of 4K pages */
		{ .page_bytes = PAGE_2M, .distance_bytes = PAGE_1G, .pages = 2, .scattered = true, .table_pages = 2 },
		/* no power of two */
		{ .page_bytes = PAGE_4K, .distance_bytes = 3 * PAGE_4K, .pages = 2, .scattered = true },
	};
	struct sparse sparse;
	struct reason why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		assert_int_equal(sparse_alloc(&sparse, &specs[i], NULL, &why), -EINVAL);
}

/* A chain over all pages, in this process and in a vCPU that has them at the same addresses. */
static void run_in_both_spaces(const struct sparse *sparse, const struct chase *chase, const struct space_spec *like)
{
	static uint32_t order[512], next[512];
	struct cycle cycle = { order, next };
	gsl_rng *random = random_new(3);

	cycle_draw(&cycle, (uint32_t)chase->count, random);
	for (unsigned setting = 0; setting < SETTING_SPACES; setting++) {
		struct chain chain = chain_over_units(chase, sparse->base, sparse->offset, &cycle, random);
		struct space_spec spec = *like;
		struct space *space;
		struct reason why = { "" };

		spec.setting = (enum setting)setting;
		if (space_open(&spec, &space, &why)) {
			print_message("not here: %s\n", why.text);
			continue;
		}
		for (uint32_t i = 0; i < chase->count; i++)
			assert_int_equal(chain_address(&chain, i) / PAGE_4K, sparse_page(sparse, i) / PAGE_4K);
		chain_lay(&chain, space);
		assert_int_equal(chain_prove(&chain, &why), 0);
		assert_int_equal(chain_walk(&chain, space, &why), 0);
		space_close(space);
	}
	gsl_rng_free(random);
}

static void sparse_pages_work_in_both_spaces(void **state)
{
	static const struct sparse_spec shapes[] = {
		{ .pages = 64, .distance_bytes = 32 * KIB },
		{ .pages = 64, .distance_bytes = 2 * MIB, .scattered = true },
		{ .pages = 64, .distance_bytes = 1 * GIB },
		{ .pages = 64, .distance_bytes = 512 * GIB, .scattered = true },
		{ .pages = 512, .distance_bytes = 1 * GIB, .scattered = true, .unit_tables = 8, .table_pages = 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct sparse_spec shape = shapes[i];
		struct chase chase = {
			.page_bytes = PAGE_4K, .count = shape.pages, .distance_bytes = shape.distance_bytes
		};
		struct backed memory, packed;
		struct sparse sparse;
		struct reason why = { "" };

		shape.backing = BACKING_4K;
		shape.page_bytes = PAGE_4K;
		shape.mapped = true;
		shape.seed = 5;
		assert_int_equal(backed_alloc(&memory, BACKING_4K, 512 * PAGE_4K, NULL, &why), 0);
		assert_int_equal(backed_alloc(&packed, BACKING_4K, PAGE_2M, NULL, &why), 0);
		assert_int_equal(sparse_alloc(&sparse, &shape, NULL, &why), 0);
		assert_int_equal(sparse.faults_expected, shape.pages);
		run_in_both_spaces(&sparse, &chase,
			&(struct space_spec){ .levels = 4,
				.page_bytes = PAGE_4K,
				.memory = &memory,
				.sparse = &sparse,
				.packed = &packed });
		sparse_free(&sparse);
		backed_free(&packed);
		backed_free(&memory);
	}
}

/* Pages that memory lends are moved with what they hold, and go back to where they were. */
static void lent_pages_keep_what_they_hold(void **state)
{
	static const struct {
		enum backing backing;
		uint64_t distance_bytes;
	} cases[] = { { BACKING_4K, 2 * MIB }, { BACKING_2M_THP, 16 * MIB }, { BACKING_2M_THP, GIB } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t page_bytes = backing_page_bytes(cases[i].backing), pages = 8, lent = 4;
		struct backed memory;
		struct sparse sparse;
		struct sparse_spec spec = { .backing = cases[i].backing,
			.page_bytes = page_bytes,
			.pages = (uint32_t)lent,
			.distance_bytes = cases[i].distance_bytes,
			.scattered = true,
			.mapped = true,
			.lender = &memory,
			.seed = 5 };
		struct reason why = { "" };

		if (backed_alloc(&memory, cases[i].backing, pages * page_bytes, NULL, &why)) {
			print_message("not here: %s\n", why.text);
			continue;
		}
		for (uint64_t page = 0; page < pages; page++)
			memset(memory.at + page * page_bytes, (int)page + 1, page_bytes);
		assert_int_equal(sparse_alloc(&sparse, &spec, NULL, &why), 0);
		for (unsigned time = 0; time < 2; time++) {
			assert_int_equal(sparse_borrow(&sparse, &why), 0);
			for (uint32_t unit = 0; unit < lent; unit++) {
				volatile unsigned char *page = (void *)(uintptr_t)sparse_page(&sparse, unit);

				assert_int_equal(page[0], pages - lent + unit + 1 + (time ? 100 : 0));
				assert_int_equal(page[page_bytes - 1], pages - lent + unit + 1);
				page[0] = (unsigned char)(pages - lent + unit + 101);
			}
			assert_int_equal(sparse_return(&sparse, &why), 0);
		}
		for (uint64_t page = 0; page < pages; page++) {
			assert_int_equal(memory.at[page * page_bytes], page + 1 + (page < pages - lent ? 0 : 100));
			assert_int_equal(memory.at[(page + 1) * page_bytes - 1], page + 1);
		}
		sparse_free(&sparse);
		backed_free(&memory);
	}
}

static void sparse_pages_that_make_no_sense_are_refused(void **state)
{
	struct sparse sparse;
	struct sparse_spec spec = {
		.backing = BACKING_4K, .page_bytes = PAGE_2M, .distance_bytes = PAGE_4K, .pages = 4
	};
	struct reason why = { "" };

	(void)state;
	assert_int_equal(sparse_alloc(&sparse, &spec, NULL, &why), -EINVAL);
	spec = (struct sparse_spec){
		.backing = BACKING_4K, .page_bytes = PAGE_4K, .distance_bytes = 512 * GIB, .pages = 1000
	};
	assert_int_equal(sparse_alloc(&sparse, &spec, NULL, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "addresses"));
	assert_int_equal(sparse_alloc(&sparse, &(struct sparse_spec){ .page_bytes = PAGE_4K }, NULL, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scattered_pages_spread_over_sets_of_tlb_and_caches),
		cmocka_unit_test(aligned_pages_lie_at_the_start_of_their_units),
		cmocka_unit_test(pages_of_several_tables_need_as_many_entries_as_asked_for),
		cmocka_unit_test(a_page_is_found_by_its_address),
		cmocka_unit_test(large_pages_of_a_vcpu_may_share_frames),
		cmocka_unit_test(shapes_that_do_not_fit_are_refused),
		cmocka_unit_test(sparse_pages_work_in_both_spaces),
		cmocka_unit_test(lent_pages_keep_what_they_hold),
		cmocka_unit_test(sparse_pages_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
