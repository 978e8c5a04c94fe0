/* Chases through a model machine: walks counted by hand, and what theory says of them. */
#include "infer/model_chase.h"

#include "base/units.h"
#include "space/permutation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_MOST 20000u

static uint64_t address[COUNT_MOST];

/* A random cycle over pages so far apart, as a measurement's; the line moves on from page to page. */
static struct model_chain chain_of(uint32_t count, uint64_t distance_bytes)
{
	gsl_rng *random = random_new(5);
	uint32_t *order = calloc(count, sizeof(*order));

	permutation_cycle(order, count, random);
	for (uint32_t i = 0; i < count; i++)
		address[i] = GIB + order[i] * distance_bytes + order[i] * 39 % 64 * LINE_BYTES;
	free(order);
	gsl_rng_free(random);
	return (struct model_chain){ .address = address, .count = count };
}

static struct model_machine machine_of(unsigned guest_leaf, unsigned host_leaf)
{
	return (struct model_machine){
		.tlb = { { { .sets = 1, .ways = 64 }, 0, 0 }, { { .sets = 128, .ways = 12 }, 0, 7 } },
		.tlbs = 2,
		.memory_cycles = NAN,
		.reference_cycles = 10,
		.guest.tree = { 4, guest_leaf, 0 },
		.host.tree = { 4, host_leaf, 0 },
	};
}

static struct model_counts measure(
	const struct model_machine *machine, enum paging paging, const struct model_chain *chain)
{
	struct model_counts counts = { 0 };
	struct model_chase *chase;

	assert_int_equal(model_chase_open(machine, paging, chain, 3, &chase), 0);
	model_chase_measure(chase, 1, &counts);
	model_chase_close(chase);
	assert_int_equal(counts.accesses, chain->count);
	return counts;
}

static uint64_t references(const struct model_counts *counts)
{
	return counts->references[MODEL_GUEST] + counts->references[MODEL_HOST];
}

/* The same walks, counted by looking at each; a cache makes it do so. */
static struct model_counts measure_each(
	struct model_machine machine, enum paging paging, const struct model_chain *chain)
{
	machine.caches = 1;
	machine.cache[0] = (struct model_level){ { .sets = 64, .ways = 8 }, 0, NAN };
	return measure(&machine, paging, chain);
}

static void walks_read_what_theory_says(void **unused)
{
	(void)unused;
	for (unsigned guest = 1; guest <= 2; guest++)
		for (unsigned host = 1; host <= 2; host++) {
			struct model_machine machine = machine_of(guest, host);
			struct model_tree merged = model_shadow_tree(&machine.guest.tree, &machine.host.tree);
			struct model_chain chain = chain_of(4000, guest == 1 ? PAGE_4K : PAGE_2M);
			const struct model_nested_held nothing = { false, false };
			struct {
				enum paging paging;
				unsigned references;
			} modes[] = {
				{ PAGING_NATIVE, model_tree_reads(&machine.guest.tree) },
				{ PAGING_NESTED,
					model_nested_references(&machine.guest.tree, &machine.host.tree, nothing) },
				{ PAGING_SHADOW, model_tree_reads(&merged) },
			};

			for (unsigned i = 0; i < 3; i++) {
				struct model_counts counts = measure(&machine, modes[i].paging, &chain);
				struct model_counts each = measure_each(machine, modes[i].paging, &chain);

				/* 4000 pages are more than 1536 entries by so much that all miss. */
				assert_int_equal(counts.tlb[2], 4000);
				assert_int_equal(references(&counts), 4000 * modes[i].references);
				assert_memory_equal(counts.references, each.references, sizeof(each.references));
				assert_memory_equal(counts.tlb, each.tlb, sizeof(each.tlb));
				assert_true(fabs(model_translation_cycles(&machine, &counts) -
						    (7 + 10.0 * modes[i].references)) < 1e-9);
			}
		}
}

static void pages_that_fit_do_not_walk(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(64, PAGE_4K);
	struct model_counts counts = measure(&machine, PAGING_NESTED, &chain);

	(void)unused;
	assert_int_equal(counts.tlb[0], 64);
	assert_true(model_translation_cycles(&machine, &counts) == 0);
	chain = chain_of(1536, PAGE_4K);
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(counts.tlb[1], 1536);
	assert_true(model_translation_cycles(&machine, &counts) == 7);
	/* Pages of 2M in pieces of 4K: lines in pieces whose numbers share nine low bits, which are the sets. */
	machine = machine_of(2, 1);
	chain = chain_of(1536, PAGE_2M);
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(counts.tlb[2], 1536);
	/* With a cycle that nothing makes dearer, costs are unknown only where what is unknown takes part. */
	machine.reference_cycles = NAN;
	assert_true(isnan(model_translation_cycles(&machine, &counts)));
	assert_true(isnan(model_data_cycles(&machine, &counts)));
}

static void held_entries_shorten_walks(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(4096, PAGE_4K);
	struct model_counts counts;

	(void)unused;
	/* 4096 pages lie in 8 page tables: all PDEs are held, and only PTEs are read. */
	machine.guest.held[2] = (struct model_shape){ .sets = 1, .ways = 8 };
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(references(&counts), 4096);
	assert_int_equal(counts.held[MODEL_GUEST], 4096);
	/* Nested: the PTE, and a walk of the host's tree for the page. */
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(counts.references[MODEL_GUEST], 4096);
	assert_int_equal(counts.references[MODEL_HOST], 4096 * 4);
	/* The host's PDEs, too: 8 of the data, and one of the guest's tables that nothing asks for any more. */
	machine.host.held[2] = (struct model_shape){ .sets = 1, .ways = 16 };
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(references(&counts), 4096 * 2);
	/* One PDE less than the walks need, and the tables follow each other: LRU holds none, a PDPTE helps. */
	machine = machine_of(1, 1);
	chain = chain_of(2048, PAGE_2M + PAGE_4K);
	machine.guest.held[2] = (struct model_shape){ .sets = 1, .ways = 2047 };
	machine.guest.held[3] = (struct model_shape){ .sets = 1, .ways = 5 };
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(references(&counts), 2048 * 2);
	machine.guest.held[2].ways = 2048;
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(references(&counts), 2048);
}

static void a_nested_tlb_saves_walks_of_the_host(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(4096, PAGE_4K);
	struct model_counts counts;

	(void)unused;
	/* The guest's 11 tables are asked for all the time, 4096 pages once a lap each. */
	machine.nested_tlb = (struct model_shape){ .sets = 1, .ways = 4096 + 11 };
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(counts.references[MODEL_GUEST], 4096 * 4);
	assert_int_equal(counts.references[MODEL_HOST], 0);
	assert_int_equal(counts.nested_tlb, 4096 * 5);
	/* 2M on the host: 8 translations of the data, and one of the tables. */
	machine.host.tree.leaf_level = 2;
	machine.nested_tlb.ways = 9;
	counts = measure(&machine, PAGING_NESTED, &chain);
	assert_int_equal(counts.references[MODEL_HOST], 0);
}

static void table_entries_share_lines(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(4096, PAGE_4K);
	struct model_counts counts;

	(void)unused;
	/* 4096 PTEs are 512 lines; 8 PDEs, a PDPTE and a PML4E are one each. 4096 lines of data leave the first cache. */
	machine.caches = 2;
	machine.cache[0] = (struct model_level){ { .sets = 64, .ways = 8 }, 0, 4 };
	machine.cache[1] = (struct model_level){ { .sets = 1, .ways = 8192 }, 0, 14 };
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(counts.walk_lines[2] + counts.data_lines[2], 0);
	assert_int_equal(counts.walk_lines[0] + counts.walk_lines[1], 4096 * 4);
	/* Upper entries come from the first cache. */
	assert_true(counts.walk_lines[0] >= 4096 * 3);
	assert_true(counts.data_lines[1] > 4000);
	/* Walks that begin at the second cache find everything there. */
	machine.walk_from = 1;
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(counts.walk_lines[1], 4096 * 4);
	assert_true(fabs(model_translation_cycles(&machine, &counts) - (7 + 4 * 14)) < 1e-9);
	assert_true(model_data_cycles(&machine, &counts) > 13);
	/* A frame anywhere changes the sets of lines, not their number. */
	chain.frames_seed = 9;
	machine.cache[1].shape = (struct model_shape){ .sets = 1, .ways = 4096 + 512 + 3 };
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_int_equal(counts.walk_lines[2] + counts.data_lines[2], 0);
	machine.cache[1].shape.ways--;
	counts = measure(&machine, PAGING_NATIVE, &chain);
	assert_true(counts.walk_lines[2] + counts.data_lines[2] > 4000);
}

static void the_same_seed_gives_the_same_counts(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(2000, PAGE_4K);
	struct model_counts first, again;

	(void)unused;
	machine.tlb[1].shape.replacement = MODEL_RANDOM;
	first = measure(&machine, PAGING_NATIVE, &chain);
	again = measure(&machine, PAGING_NATIVE, &chain);
	assert_memory_equal(&first, &again, sizeof(first));
	assert_in_range(first.tlb[2], 400, 1999);
}

static void what_cannot_be_walked_is_refused(void **unused)
{
	struct model_machine machine = machine_of(1, 1);
	struct model_chain chain = chain_of(10, PAGE_4K);
	struct model_chase *chase;

	(void)unused;
	chain.count = 0;
	assert_int_equal(model_chase_open(&machine, PAGING_NATIVE, &chain, 1, &chase), -EINVAL);
	chain.count = 10;
	assert_int_equal(model_chase_open(&machine, PAGING_SOFTWARE, &chain, 1, &chase), -EINVAL);
	machine.host.tree.levels = 0;
	assert_int_equal(model_chase_open(&machine, PAGING_NESTED, &chain, 1, &chase), -EINVAL);
	machine.guest.tree.leaf_level = 4;
	assert_int_equal(model_chase_open(&machine, PAGING_NATIVE, &chain, 1, &chase), -EINVAL);
	assert_null(chase);
	model_chase_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_read_what_theory_says),
		cmocka_unit_test(pages_that_fit_do_not_walk),
		cmocka_unit_test(held_entries_shorten_walks),
		cmocka_unit_test(a_nested_tlb_saves_walks_of_the_host),
		cmocka_unit_test(table_entries_share_lines),
		cmocka_unit_test(the_same_seed_gives_the_same_counts),
		cmocka_unit_test(what_cannot_be_walked_is_refused),
	};

	return cmocka_run_group_tests_name("model chase", tests, NULL, NULL);
}
