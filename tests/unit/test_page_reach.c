/*
 * How far the first TLB level reaches, and in which pieces pages are held: from curves of made-up TLBs, whose pages are held
 * whole or in pieces.
 */
#include "../model/tlb.h"
#include "base/units.h"
#include "infer/page_reach.h"
#include "space/chain.h"
#include "space/permutation.h"

#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define POINTS_MOST 64
#define ENTRIES_MOST 256
#define PAGES_MOST 128
#define LINES_MOST (1 << 16)

struct machine {
	unsigned sets, ways; /* for pieces of 4K */
	unsigned large_ways; /* for larger ones, in one set */
	double miss_cycles, noise;
};

/* Net cycles of a chase over the lines that the harness lays out, held in pieces. */
static double net_of(const struct machine *machine, const struct chase *chase, uint64_t leaf_bytes, uint64_t *random)
{
	const struct cycle no_order = { NULL, NULL };
	gsl_rng *generator = random_new(model_random(random));
	const struct chain chain = chain_over_units(chase, 0, NULL, &no_order, generator);
	uint64_t lines = chase->count;
	struct model_tlb tlb = { .sets = leaf_bytes == PAGE_4K ? machine->sets : 1,
		.ways = leaf_bytes == PAGE_4K ? machine->ways : machine->large_ways };
	uint32_t tag[ENTRIES_MOST] = { 0 }, stamp[ENTRIES_MOST] = { 0 };
	struct model_tlb_array array = { .tlb = &tlb, .tag = tag, .stamp = stamp, .random = 1 };
	uint64_t *piece = malloc(lines * sizeof(*piece)), misses = 0;

	assert_true(tlb.sets * tlb.ways <= ENTRIES_MOST);
	for (uint64_t i = 0; i < lines; i++) {
		uint64_t other = model_random(random) % (i + 1);

		piece[i] = piece[other];
		piece[other] = chain_address(&chain, (uint32_t)i) / leaf_bytes;
	}
	for (unsigned lap = 0; lap < 3; lap++)
		for (uint64_t i = 0; i < lines; i++)
			misses += !model_access(&array, piece[i]) && lap;
	free(piece);
	gsl_rng_free(generator);
	return machine->miss_cycles * (double)misses / (double)(2 * lines) +
	       machine->noise * fabs(model_normal(random));
}

static struct reach reach_of(const struct machine *machine, uint64_t page_bytes, uint64_t lines_per_page,
	uint64_t leaf_bytes, uint64_t *random)
{
	struct reach_point point[POINTS_MOST];
	struct reach reach = { .apart_bytes = page_bytes / lines_per_page };
	size_t count = 0;

	for (unsigned k = 0; k < POINTS_MOST; k++) {
		const struct chase chase = { .page_bytes = page_bytes,
			.count = (uint64_t)llround(16 * exp2(k / 2.0)),
			.distance_bytes = reach.apart_bytes };

		if (chase.count > PAGES_MOST * lines_per_page || chase.count > LINES_MOST)
			break;
		point[count++] =
			(struct reach_point){ (double)chase.count, net_of(machine, &chase, leaf_bytes, random) };
	}
	reach_find(point, count, &reach);
	return reach;
}

static const struct machine machines[] = {
	{ 1, 72, 72, 7, 0 }, /* Zen 4 */
	{ 1, 96, 96, 6.3, 0.3 }, /* Zen 5 */
	{ 16, 4, 32, 9, 0 }, /* Skylake */
	{ 16, 6, 32, 7, 0.3 }, /* Golden Cove */
};

/* What follows for pages that are held in these pieces, of the lines a page that the bench measures. */
static uint64_t leaf_found(
	const struct machine *machine, uint64_t page_bytes, uint64_t leaf_bytes, uint64_t seed, struct reason *why)
{
	static const uint64_t per_page[] = { 1, 8, 64, 512, 4096 };
	struct reach reach[5];
	uint64_t random = seed;
	size_t count = 0;

	for (size_t i = 0; i < 5; i++)
		/* A run has no memory for more than a few pages of 1G: their curves begin with 8 lines a page. */
		if (page_bytes / per_page[i] >= PAGE_4K && (page_bytes < PAGE_1G || per_page[i] > 1))
			reach[count++] = reach_of(machine, page_bytes, per_page[i], leaf_bytes, &random);
	return page_leaf_find(page_bytes, reach, count, why);
}

static void every_leaf_of_every_machine(void **state)
{
	static const struct {
		uint64_t page_bytes, leaf_bytes;
	} cases[] = { { PAGE_4K, PAGE_4K }, { PAGE_2M, PAGE_2M }, { PAGE_2M, PAGE_4K }, { PAGE_1G, PAGE_1G },
		{ PAGE_1G, PAGE_2M }, { PAGE_1G, PAGE_4K } };

	(void)state;
	for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct reason why = { "" };
			uint64_t leaf = leaf_found(
				&machines[m], cases[i].page_bytes, cases[i].leaf_bytes, 1 + m * 10 + i, &why);

			if (leaf != cases[i].leaf_bytes)
				print_message("machine %zu, case %zu: %s\n", m, i, why.text);
			assert_int_equal(leaf, cases[i].leaf_bytes);
		}
}

static void the_interval_holds_the_entries(void **state)
{
	uint64_t random = 7;

	(void)state;
	for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
		struct reach small = reach_of(&machines[m], PAGE_4K, 1, PAGE_4K, &random);
		struct reach whole = reach_of(&machines[m], PAGE_2M, 8, PAGE_2M, &random);
		double entries = machines[m].sets * machines[m].ways;

		assert_true(small.lines_lo <= entries && small.lines_hi > entries);
		/* A level that is too small still holds a part of the pages, and finds several lines in each. */
		assert_true(whole.lines_lo <= 8 * machines[m].large_ways * 1.5);
		assert_true(whole.lines_hi > 8 * machines[m].large_ways);
	}
}

static void set_point(struct reach_point *point, const double (*pairs)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		point[i] = (struct reach_point){ pairs[i][0], pairs[i][1] };
}

static void a_disturbed_point_moves_nothing(void **state)
{
	static const double clean[][2] = { { 16, 0 }, { 23, 5 }, { 32, 0 }, { 45, 0 }, { 64, 0 }, { 91, 7 }, { 128, 7 },
		{ 181, 7 } };
	struct reach_point point[8];
	struct reach reach = { 0 };

	(void)state;
	set_point(point, clean, 8);
	reach_find(point, 8, &reach);
	assert_true(reach.lines_lo == 64 && reach.lines_hi == 91);
	assert_string_equal(reach.reason.text, "");
}

static void what_does_not_show_is_unknown(void **state)
{
	static const double all_hit[][2] = { { 16, 0 }, { 32, 0 }, { 64, 0.4 }, { 128, 0 } };
	static const double all_miss[][2] = { { 16, 7 }, { 32, 7 }, { 64, 7 }, { 128, 9 } };
	static const double mixed[][2] = { { 16, 0 }, { 32, 7 }, { 64, 0 }, { 128, 7 } };
	struct reach_point point[4];
	struct reach reach = { 0 };

	(void)state;
	set_point(point, all_hit, 4);
	reach_find(point, 4, &reach);
	assert_true(reach.lines_lo == 128 && isnan(reach.lines_hi));
	assert_non_null(strstr(reach.reason.text, "ends too early"));
	set_point(point, all_miss, 4);
	reach_find(point, 4, &reach);
	assert_true(isnan(reach.lines_lo) && isnan(reach.lines_hi));
	assert_non_null(strstr(reach.reason.text, "even 16 lines miss"));
	set_point(point, mixed, 4);
	reach_find(point, 4, &reach);
	assert_true(isnan(reach.lines_lo));
	assert_non_null(strstr(reach.reason.text, "wrong side"));
	reach_find(point, 0, &reach);
	assert_true(isnan(reach.lines_lo));
	assert_non_null(strstr(reach.reason.text, "too few points"));
}

static void curves_that_contradict_each_other_are_no_leaf(void **state)
{
	/* One line a page says 72 entries; 64 lines a page reach 4 times as far as pieces of 4K, 16 times less than 2M. */
	const struct reach odd[] = { { PAGE_2M, 64, 91, { "" } }, { PAGE_2M / 64, 256, 362, { "" } } };
	const struct reach one[] = { { PAGE_2M, 64, 91, { "" } } };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(page_leaf_find(PAGE_2M, odd, 2, &why), 0);
	assert_non_null(strstr(why.text, "no leaf size explains"));
	assert_int_equal(page_leaf_find(PAGE_2M, one, 1, &why), 0);
	assert_non_null(strstr(why.text, "do not tell the leaf sizes apart"));
	assert_int_equal(page_leaf_find(PAGE_2M, NULL, 0, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_of_every_machine),
		cmocka_unit_test(the_interval_holds_the_entries),
		cmocka_unit_test(a_disturbed_point_moves_nothing),
		cmocka_unit_test(what_does_not_show_is_unknown),
		cmocka_unit_test(curves_that_contradict_each_other_are_no_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
