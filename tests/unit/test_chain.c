/* Random cycles, lines and the proof of a chain. */
#include "space/chain.h"
#include "space/permutation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void cycle_new(struct cycle *cycle, uint32_t count, uint64_t seed)
{
	gsl_rng *random = random_new(seed);

	cycle->order = calloc(count, sizeof(*cycle->order));
	cycle->next = calloc(count, sizeof(*cycle->next));
	cycle_draw(cycle, count, random);
	gsl_rng_free(random);
}

static void cycle_drop(struct cycle *cycle)
{
	free(cycle->order);
	free(cycle->next);
}

static void every_permutation_is_a_single_cycle(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 8, 72, 73, 1000, 65536 };

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct cycle cycle;
			uint32_t at = 0, steps = 0;
			unsigned char *seen = calloc(counts[c], 1);

			cycle_new(&cycle, counts[c], seed);
			do {
				assert_true(at < counts[c]);
				assert_false(seen[at]);
				seen[at] = 1;
				assert_int_equal(cycle.order[steps], at);
				at = cycle.next[at];
				steps++;
			} while (at);
			assert_int_equal(steps, counts[c]);
			free(seen);
			cycle_drop(&cycle);
		}
}

/* All (n-1)! cycles over n elements are equally likely: 6 over 4, 1000 draws each on average. */
static void cycles_are_uniform(void **state)
{
	gsl_rng *random = random_new(7);
	uint32_t order[4], next[4];
	struct cycle cycle = { order, next };
	unsigned count[64] = { 0 }, kinds = 0;

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		cycle_draw(&cycle, 4, random);
		count[order[1] * 16 + order[2] * 4 + order[3]]++;
	}
	for (unsigned i = 0; i < 64; i++) {
		if (!count[i])
			continue;
		kinds++;
		/* Six standard deviations of a binomial with p = 1/6 are 173. */
		assert_in_range(count[i], 1000 - 173, 1000 + 173);
	}
	assert_int_equal(kinds, 6);
	gsl_rng_free(random);
}

static void the_same_seed_gives_the_same_order(void **state)
{
	uint32_t *a = permutation_shuffled(100, 5), *b = permutation_shuffled(100, 5),
		 *c = permutation_shuffled(100, 6);
	uint32_t *d = permutation_shuffled(100, 5 | 1ULL << 40);

	(void)state;
	assert_memory_equal(a, b, 400);
	assert_memory_not_equal(a, c, 400);
	/* The upper half of a seed counts too. */
	assert_memory_not_equal(a, d, 400);
	free(a);
	free(b);
	free(c);
	free(d);
}

/* Every run of 64 pages uses each of 64 L1 sets once. 2048 large pages use each of 2048 L2 sets once. */
static void lines_are_spread_evenly_over_sets(void **state)
{
	static const struct {
		uint64_t page_bytes;
		uint32_t pages, sets;
	} cases[] = { { PAGE_4K, 640, 64 }, { PAGE_2M, 4096, 2048 }, { PAGE_1G, 4096, 2048 } };

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct cycle cycle;
		gsl_rng *random = random_new(c);
		struct chase chase = { .page_bytes = cases[c].page_bytes,
			.count = cases[c].pages,
			.distance_bytes = cases[c].page_bytes };
		struct chain chain;
		unsigned *used = calloc(cases[c].sets, sizeof(*used));

		cycle_new(&cycle, cases[c].pages, c);
		chain = chain_over_units(&chase, GIB, NULL, &cycle, random);
		for (uint32_t i = 0; i < cases[c].pages; i++) {
			uint64_t address = chain_address(&chain, i);

			assert_int_equal((address - GIB) / cases[c].page_bytes, i);
			assert_int_equal(address % LINE_BYTES, 0);
			used[address / LINE_BYTES % cases[c].sets]++;
		}
		for (uint32_t set = 0; set < cases[c].sets; set++)
			assert_int_equal(used[set], cases[c].pages / cases[c].sets);
		free(used);
		cycle_drop(&cycle);
		gsl_rng_free(random);
	}
}

/* A TLB beneath that splits 2M pages into 4K ones must not see the same 4K of every page. */
static void lines_of_large_pages_lie_in_different_small_pages(void **state)
{
	struct cycle cycle;
	gsl_rng *random = random_new(1);
	struct chase chase = { .page_bytes = PAGE_2M, .count = 512, .distance_bytes = PAGE_2M };
	struct chain chain;
	unsigned used[512] = { 0 }, distinct = 0;

	(void)state;
	cycle_new(&cycle, 512, 1);
	chain = chain_over_units(&chase, 0, NULL, &cycle, random);
	for (uint32_t i = 0; i < 512; i++)
		used[chain_address(&chain, i) % PAGE_2M / PAGE_4K]++;
	for (unsigned k = 0; k < 512; k++)
		distinct += used[k] > 0;
	/* Random places would use 323 of 512: 1 - 1/e. */
	assert_true(distinct >= 323);
	cycle_drop(&cycle);
	gsl_rng_free(random);
}

/* Fillers differ from every target in one bit that no flip changes; no page is there twice; nothing lies beyond the span. */
static void placements_keep_fillers_apart(void **state)
{
	static const struct placement placements[] = {
		{ 16, 256, 0, 128 },
		{ 16, 256, 1, 128 },
		{ 20, 64, 2 | 32, 100 },
		{ 40, 2, 0, 64 },
		{ 300, 1, 0, 0 },
	};

	(void)state;
	for (size_t p = 0; p < sizeof(placements) / sizeof(placements[0]); p++) {
		const struct placement *placement = &placements[p];
		uint64_t count = placement->targets + placement->fillers, span = placement_span_pages(placement);
		uint64_t bit = ~placement->flip_pages & -~placement->flip_pages;
		unsigned char *used = calloc(span, 1);

		for (uint64_t i = 0; i < count; i++) {
			uint64_t page = placement_page(placement, i);

			assert_true(page < span);
			assert_false(used[page]++);
			if (i >= placement->targets)
				assert_true(page & bit);
			else if (placement->fillers)
				assert_int_equal(page % placement->stride_pages & ~placement->flip_pages, 0);
		}
		assert_int_equal(span % placement->stride_pages, 0);
		free(used);
	}
}

/* An arranged chain visits the pages of its placement, all turned by the same bits below the stride. */
static void arranged_chains_follow_their_placement(void **state)
{
	const struct chase chase = { .page_bytes = PAGE_4K,
		.count = 48,
		.distance_bytes = 256 * PAGE_4K,
		.arranged = true,
		.fillers = 32,
		.flip_pages = 4 };
	const struct placement placement = chain_placement(&chase);
	gsl_rng *random = random_new(3);
	struct cycle cycle;
	struct chain chain;

	(void)state;
	cycle_new(&cycle, 48, 1);
	chain = chain_over_placement(&placement, &chase, GIB, &cycle, random);
	assert_int_equal(chain.count, 48);
	assert_true(chain.turn_pages < 256);
	for (uint32_t i = 0; i < 48; i++) {
		uint64_t page = (chain_address(&chain, i) - GIB) / PAGE_4K;

		assert_int_equal(page ^ chain.turn_pages, placement_page(&placement, i));
		assert_true(page < placement_span_pages(&placement));
	}
	assert_int_equal(placement_page(&placement, 1), 4);
	assert_int_equal(placement_page(&placement, 2), 256);
	cycle_drop(&cycle);
	gsl_rng_free(random);
}

/* A space that is plain memory, to lay chains in; `aliased` maps its second half onto the first. */
struct plain {
	struct space space;
	unsigned char *memory;
	bool aliased;
};

#define PLAIN_PAGES 64

static void *plain_pointer(const struct space *space, uint64_t address)
{
	const struct plain *plain = (const struct plain *)space;
	uint64_t offset = address - GIB;

	if (plain->aliased)
		offset %= PLAIN_PAGES * PAGE_4K / 2;
	return plain->memory + offset;
}

static int plain_run(struct space *space, enum kernel kernel, struct reason *why)
{
	uint64_t at = space->call->start, sum = 0;

	(void)why;
	assert_int_equal(kernel, KERNEL_WALK);
	for (uint64_t i = 0; i < space->call->count; i++) {
		sum += at;
		at = *(uint64_t *)plain_pointer(space, at);
	}
	space->call->end = at;
	space->call->sum = sum;
	return 0;
}

static void proofs_hold_for_a_whole_chain_and_fail_for_a_broken_one(void **state)
{
	static const struct space_ops ops = { .run = plain_run, .pointer = plain_pointer };
	struct kernel_call call;
	struct plain plain = { .space = { .ops = &ops, .call = &call } };
	struct chase chase = { .page_bytes = PAGE_4K, .count = PLAIN_PAGES, .distance_bytes = PAGE_4K };
	gsl_rng *random = random_new(1);
	struct cycle cycle;
	struct chain chain;
	struct reason why = { "" };
	uint32_t kept;

	(void)state;
	plain.memory = calloc(PLAIN_PAGES, PAGE_4K);
	cycle_new(&cycle, PLAIN_PAGES, 3);
	chain = chain_over_units(&chase, GIB, NULL, &cycle, random);
	/* Spread lines would keep aliased halves apart, so every line lies at the same place in its page. */
	chain.spread_lines = 1;
	chain.line_first = 0;
	chain_lay(&chain, &plain.space);
	assert_int_equal(chain_prove(&chain, &why), 0);
	assert_int_equal(chain_walk(&chain, &plain.space, &why), 0);
	assert_int_equal(chain_after(&chain, PLAIN_PAGES), chain_address(&chain, 0));

	/* A pointer that points to the wrong line. */
	*(uint64_t *)plain_pointer(&plain.space, chain_address(&chain, 5)) = chain_address(&chain, 5);
	assert_int_equal(chain_walk(&chain, &plain.space, &why), -EIO);
	chain_lay(&chain, &plain.space);

	/* Two pages in one frame. */
	plain.aliased = true;
	chain_lay(&chain, &plain.space);
	assert_int_equal(chain_walk(&chain, &plain.space, &why), -EIO);
	assert_non_null(strstr(why.text, "share memory"));
	plain.aliased = false;

	/* Two cycles instead of one. */
	kept = cycle.next[cycle.order[10]];
	cycle.next[cycle.order[10]] = 0;
	assert_int_equal(chain_prove(&chain, &why), -EIO);
	cycle.next[cycle.order[10]] = kept;

	free(plain.memory);
	cycle_drop(&cycle);
	gsl_rng_free(random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_permutation_is_a_single_cycle),
		cmocka_unit_test(cycles_are_uniform),
		cmocka_unit_test(the_same_seed_gives_the_same_order),
		cmocka_unit_test(lines_are_spread_evenly_over_sets),
		cmocka_unit_test(lines_of_large_pages_lie_in_different_small_pages),
		cmocka_unit_test(placements_keep_fillers_apart),
		cmocka_unit_test(arranged_chains_follow_their_placement),
		cmocka_unit_test(proofs_hold_for_a_whole_chain_and_fail_for_a_broken_one),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
