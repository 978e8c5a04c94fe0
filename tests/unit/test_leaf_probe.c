/*
 * The effective leaf: what follows from the costs that a made-up TLB gives for the very lines that the probe visits, and
 * what the probe finds on this machine. The vcpu tests need /dev/kvm, or are skipped.
 */
#include "../model/tlb.h"
#include "base/units.h"
#include "space/chain.h"
#include "space/leaf_probe.h"
#include "space/permutation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HIT_CYCLES 4.0
#define LAPS_OF_MODEL 4

/* A machine: its first-level TLB (and a large second one), and in which pieces it holds pages. */
struct made_up {
	unsigned sets, ways;
	unsigned neighbours; /* pages of 4K that one entry covers where they lie side by side; 0: one */
	double miss_cycles;
	double noise; /* of each chase, as a part of what its misses cost */
};

static const struct made_up zen4 = { .sets = 1, .ways = 72, .miss_cycles = 7 };

/* Cycles an access of the second lap on, of lines at these addresses held in pieces of `leaf_bytes`, visited at random. */
static double cost_of_lines(const struct made_up *machine, const uint64_t *line, uint64_t leaf_bytes, uint64_t *random)
{
	const struct model_tlb tlb = { .sets = machine->sets, .ways = machine->ways, .added = machine->miss_cycles };
	uint64_t covered = leaf_bytes == PAGE_4K && machine->neighbours ? leaf_bytes * machine->neighbours : leaf_bytes;
	uint32_t tag[1024] = { 0 }, stamp[1024] = { 0 };
	struct model_tlb_array array = { .tlb = &tlb, .tag = tag, .stamp = stamp, .random = 1 };
	uint32_t order[LEAF_LINES];
	gsl_rng *generator = random_new(model_random(random));
	double misses = 0;

	assert_true(tlb.sets * tlb.ways <= 1024);
	permutation_cycle(order, LEAF_LINES, generator);
	gsl_rng_free(generator);
	for (unsigned lap = 0; lap <= LAPS_OF_MODEL; lap++)
		for (unsigned i = 0; i < LEAF_LINES; i++)
			misses += !model_access(&array, line[order[i]] / covered) && lap;
	misses /= LEAF_LINES * LAPS_OF_MODEL;
	return HIT_CYCLES + misses * machine->miss_cycles +
	       fabs(model_normal(random)) * machine->noise * machine->miss_cycles;
}

/* The addresses that a chase of the probe visits in memory at 0. */
static void lines_lay(uint64_t page_bytes, uint64_t apart_bytes, uint64_t *line)
{
	const struct chase chase = { .page_bytes = page_bytes, .count = LEAF_LINES, .distance_bytes = apart_bytes };
	gsl_rng *random = random_new(1);
	const struct cycle no_order = { NULL, NULL };
	struct chain chain = apart_bytes ? chain_over_units(&chase, 0, NULL, &no_order, random)
					 : chain_packed(LEAF_LINES, 0, &no_order);

	for (uint32_t i = 0; i < LEAF_LINES; i++)
		line[i] = chain_address(&chain, i);
	gsl_rng_free(random);
}

/* What the probe would find of pages held in these pieces: the least of 16 tries, as it takes. */
static struct leaf found_in(const struct made_up *machine, uint64_t page_bytes, uint64_t piece_bytes, uint64_t seed)
{
	static const uint64_t apart[LEAF_CHASES] = { [LEAF_WIDE] = 4 * MIB, [LEAF_NARROW] = 32 * KIB };
	struct leaf_costs costs[LEAF_CHASES] = { 0 };
	uint64_t line[LEAF_LINES], random = seed | 1;

	for (unsigned chase = 0; chase < LEAF_CHASES; chase++) {
		struct leaf_costs *cost = &costs[chase];

		*cost = (struct leaf_costs){ apart[chase], INFINITY, INFINITY, INFINITY };
		for (unsigned i = 0; i < 16; i++) {
			lines_lay(page_bytes, apart[chase], line);
			cost->cycles = fmin(cost->cycles, cost_of_lines(machine, line, piece_bytes, &random));
			lines_lay(PAGE_4K, 32 * KIB, line);
			cost->control_cycles =
				fmin(cost->control_cycles, cost_of_lines(machine, line, PAGE_4K, &random));
			lines_lay(page_bytes, 0, line);
			cost->packed_cycles =
				fmin(cost->packed_cycles, cost_of_lines(machine, line, piece_bytes, &random));
		}
	}
	return leaf_decide(page_bytes, costs);
}

static void assert_leaf(const struct made_up *machine, uint64_t page_bytes, uint64_t piece_bytes)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct leaf leaf = found_in(machine, page_bytes, piece_bytes, seed * 0x9e3779b97f4a7c15);

		if (leaf.leaf_bytes != piece_bytes)
			print_message("%s\n", leaf.reason.text);
		assert_int_equal(leaf.page_bytes, page_bytes);
		assert_int_equal(leaf.leaf_bytes, piece_bytes);
		assert_true(leaf.proof.cycles >= HIT_CYCLES && leaf.proof.control_cycles > leaf.proof.packed_cycles);
	}
}

static void every_leaf_of_every_page(void **state)
{
	/* Zen 4 and 5, Skylake's and Golden Cove's first levels of 4K entries, and one that covers four neighbours. */
	static const struct made_up machines[] = {
		{ .sets = 1, .ways = 72, .miss_cycles = 7 },
		{ .sets = 1, .ways = 96, .miss_cycles = 6.3 },
		{ .sets = 16, .ways = 4, .miss_cycles = 9 },
		{ .sets = 16, .ways = 6, .miss_cycles = 7 },
		{ .sets = 1, .ways = 64, .neighbours = 4, .miss_cycles = 8 },
		{ .sets = 1, .ways = 72, .miss_cycles = 7, .noise = 0.4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		assert_leaf(&machines[i], PAGE_4K, PAGE_4K);
		assert_leaf(&machines[i], PAGE_2M, PAGE_2M); /* bare metal */
		assert_leaf(&machines[i], PAGE_2M, PAGE_4K); /* splintered by a hypervisor */
		assert_leaf(&machines[i], PAGE_1G, PAGE_1G);
		assert_leaf(&machines[i], PAGE_1G, PAGE_2M);
		assert_leaf(&machines[i], PAGE_1G, PAGE_4K);
	}
}

static void a_control_that_hits_tells_nothing(void **state)
{
	const struct made_up huge = { .sets = 1, .ways = 512, .miss_cycles = 7 };
	struct leaf leaf = found_in(&huge, PAGE_2M, PAGE_2M, 1);

	(void)state;
	assert_int_equal(leaf.leaf_bytes, 0);
	assert_non_null(strstr(leaf.reason.text, "something disturbed the probe"));
}

static void what_lies_between_is_unknown(void **state)
{
	struct leaf_costs costs[LEAF_CHASES] = {
		[LEAF_WIDE] = { 4 * MIB, 11, 4, 11 }, [LEAF_NARROW] = { 32 * KIB, 7.4, 4, 11 }
	};
	struct leaf leaf;

	(void)state;
	leaf = leaf_decide(PAGE_2M, costs);
	assert_int_equal(leaf.leaf_bytes, 0);
	assert_non_null(
		strstr(leaf.reason.text, "cost 7.4 cycles an access, between the 4.0 of hits and the 11.0 of misses"));
	assert_int_equal(leaf.proof.apart_bytes, 32 * KIB);
	/* A page of 1G that is surely no piece of 1G, but of which size does not show. */
	leaf = leaf_decide(PAGE_1G, costs);
	assert_int_equal(leaf.leaf_bytes, 0);
	/* Costs that were not measured tell nothing. */
	costs[LEAF_NARROW] = (struct leaf_costs){ 0 };
	leaf = leaf_decide(PAGE_2M, costs);
	assert_int_equal(leaf.leaf_bytes, 0);
	assert_true(leaf.reason.text[0]);
}

/* A neighbour that takes a part of the first level all the time spoils a few hits, not the answer. */
static void a_busy_sibling_does_not_matter(void **state)
{
	struct made_up shared = zen4;

	(void)state;
	shared.ways = 36;
	shared.noise = 1;
	assert_leaf(&shared, PAGE_2M, PAGE_2M);
	assert_leaf(&shared, PAGE_2M, PAGE_4K);
}

static bool backed_or_skip(struct backed *memory, enum backing backing, uint64_t bytes)
{
	struct reason why = { "" };

	if (!backed_alloc(memory, backing, bytes, NULL, &why))
		return true;
	print_message("%s\n", why.text);
	return false;
}

/* A busy machine may leave it unknown, but a page of 4K is never held as anything else. */
static void this_machine_holds_4k_pages_as_such(void **state)
{
	struct backed memory;
	struct leaf leaf = { 0 };
	struct reason why = { "" };

	(void)state;
	if (!backed_or_skip(&memory, BACKING_4K, leaf_probe_bytes(PAGE_4K)))
		skip();
	for (unsigned i = 0; i < 3 && !leaf.leaf_bytes; i++)
		assert_int_equal(leaf_probe_memory(&memory, &leaf, &why), 0);
	backed_free(&memory);
	print_message("4K: %.1f packed, %.1f control %s\n", leaf.proof.packed_cycles, leaf.proof.control_cycles,
		leaf.reason.text);
	assert_true(leaf.leaf_bytes == PAGE_4K || (!leaf.leaf_bytes && leaf.reason.text[0]));
}

/* What a page of 2M in a vcpu is held as, on that backing; 0: unknown. */
static uint64_t leaf_in_vcpu(enum backing backing)
{
	struct backed memory, packed;
	struct space_spec spec = {
		.setting = SETTING_VCPU, .levels = 4, .page_bytes = PAGE_2M, .memory = &memory, .packed = &packed
	};
	struct space *space = NULL;
	struct leaf leaf = { 0 };
	struct reason why = { "" };
	bool usable = backed_or_skip(&memory, backing, leaf_probe_bytes(PAGE_2M));

	if (!usable || !backed_or_skip(&packed, BACKING_4K, PAGE_2M)) {
		if (usable)
			backed_free(&memory);
		skip();
	}
	if (space_open(&spec, &space, &why)) {
		print_message("%s\n", why.text);
	} else {
		for (unsigned i = 0; i < 3 && !leaf.leaf_bytes; i++)
			assert_int_equal(leaf_probe_space(space, &leaf, &why), 0);
		space_close(space);
	}
	backed_free(&memory);
	backed_free(&packed);
	if (!space)
		skip();
	print_message("2M on %s: %.1f, %.1f packed, %.1f control %s\n", backing_name(backing), leaf.proof.cycles,
		leaf.proof.packed_cycles, leaf.proof.control_cycles, leaf.reason.text);
	return leaf.leaf_bytes;
}

/* Splintering of our own making: the test of the method. */
static void a_guest_page_of_2m_on_4k_is_held_in_pieces(void **state)
{
	uint64_t leaf = leaf_in_vcpu(BACKING_4K);

	(void)state;
	assert_true(!leaf || leaf == PAGE_4K);
}

/* On backing of 2M it is what such a page is on this machine: the guest's tables take nothing away. */
static void a_guest_page_of_2m_on_2m_is_held_as_the_backing(void **state)
{
	uint64_t guest = leaf_in_vcpu(BACKING_2M_THP);
	struct backed memory;
	struct leaf host = { 0 };
	struct reason why = { "" };

	(void)state;
	if (!backed_or_skip(&memory, BACKING_2M_THP, leaf_probe_bytes(PAGE_2M)))
		skip();
	for (unsigned i = 0; i < 3 && !host.leaf_bytes; i++)
		assert_int_equal(leaf_probe_memory(&memory, &host, &why), 0);
	backed_free(&memory);
	assert_true(!guest || !host.leaf_bytes || guest == host.leaf_bytes);
}

static void too_little_memory_is_refused(void **state)
{
	struct backed memory;
	struct leaf leaf;
	struct reason why = { "" };

	(void)state;
	if (!backed_or_skip(&memory, BACKING_2M_THP, PAGE_2M))
		skip();
	assert_true(leaf_probe_memory(&memory, &leaf, &why) < 0);
	assert_non_null(strstr(why.text, "too few"));
	backed_free(&memory);
}

static void pages_that_no_chase_can_tell_are_refused(void **state)
{
	const struct backed memory = { .backing = BACKING_64K_THP, .bytes = 8 * MIB };
	struct leaf leaf;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(leaf_probe_memory(&memory, &leaf, &why), -EINVAL);
	assert_non_null(strstr(why.text, "between 4K and 2M"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_of_every_page),
		cmocka_unit_test(a_control_that_hits_tells_nothing),
		cmocka_unit_test(what_lies_between_is_unknown),
		cmocka_unit_test(a_busy_sibling_does_not_matter),
		cmocka_unit_test(this_machine_holds_4k_pages_as_such),
		cmocka_unit_test(a_guest_page_of_2m_on_4k_is_held_in_pieces),
		cmocka_unit_test(a_guest_page_of_2m_on_2m_is_held_as_the_backing),
		cmocka_unit_test(too_little_memory_is_refused),
		cmocka_unit_test(pages_that_no_chase_can_tell_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
