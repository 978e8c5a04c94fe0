/* Set-associative arrays and levels of them: sequences counted by hand, closed forms, and properties. */
#include "infer/model_ids.h"
#include "infer/model_levels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/tlb.h"
#include "base/units.h"

#define PAGES_MOST 4096u

static uint64_t number[PAGES_MOST];
static uint64_t state = 88172645463325252ULL;

/* Levels over pages 0 .. PAGES_MOST-1, whose keys are their numbers. */
static struct model_levels levels_make(const struct model_level *level, unsigned count)
{
	struct model_levels levels;

	for (uint32_t i = 0; i < PAGES_MOST; i++)
		number[i] = i;
	assert_int_equal(
		model_levels_open(&levels, &(struct model_levels_spec){ level, count, number, PAGES_MOST, 7 }), 0);
	return levels;
}

static struct model_level level_of(uint32_t sets, uint32_t ways, enum model_replacement replacement)
{
	return (struct model_level){ .shape = { .sets = sets, .ways = ways, .replacement = replacement } };
}

/* Which level has each page of a sequence of digits, as digits. */
static void check_sequence(const struct model_level *level, unsigned count, const char *pages, const char *hits)
{
	struct model_levels levels = levels_make(level, count);
	char got[64] = "";

	for (size_t i = 0; pages[i]; i++)
		got[i] = (char)('0' + model_levels_access(&levels, (uint32_t)(pages[i] - '0'), 0));
	assert_string_equal(got, hits);
	model_levels_free(&levels);
}

static void sequences_counted_by_hand(void **unused)
{
	const struct model_level lru = level_of(1, 3, MODEL_LRU), sets = level_of(2, 1, MODEL_LRU);
	const struct model_level tree = level_of(1, 4, MODEL_PLRU), odd = level_of(1, 3, MODEL_PLRU);

	(void)unused;
	/* 0: the level had it; 1: it missed. 1 is used before 4 comes, so that 2 leaves; then 3 leaves for 2, and 2 for 3. */
	check_sequence(&lru, 1, "1231421431", "1110110010");
	/* Even and odd pages do not meet. */
	check_sequence(&sets, 1, "0101202131", "1100111011");
	/* After 0 1 2 3 the tree points to 0's half and there to 0. 4 takes it; then it points to 2. */
	check_sequence(&tree, 1, "01234120345", "11111001011");
	/* Three ways: the leaf of the first lies one level higher. */
	check_sequence(&odd, 1, "012031", "111011");
}

static void two_levels_counted_by_hand(void **unused)
{
	struct model_level level[2] = { level_of(1, 1, MODEL_LRU), level_of(1, 2, MODEL_LRU) };

	(void)unused;
	/* Neither: 0 1 0 finds 0 in the second level; 2 then pushes 1 out of it, which 0 keeps its place before. */
	check_sequence(level, 2, "0102012", "2212122");
	/* Inclusive: the second level forgets 0, though it is used all the time in the first, and the first with it. */
	level[1].inclusion = MODEL_INCLUSIVE;
	level[0] = level_of(1, 2, MODEL_LRU);
	check_sequence(level, 2, "0010020", "2020022");
	/* Neither would have had 0 in the first level. */
	level[1].inclusion = MODEL_NEITHER;
	check_sequence(level, 2, "0010020", "2020020");
	/* Exclusive: one and two entries hold three pages. */
	level[0] = level_of(1, 1, MODEL_LRU);
	level[1].inclusion = MODEL_EXCLUSIVE;
	check_sequence(level, 2, "0120120", "2221111");
	check_sequence(level, 2, "01230123", "22222222");
}

/* The share of accesses of a cycle over `pages` pages a stride apart that no level has, once warm. */
static double cycle_misses(struct model_levels *levels, uint32_t pages, uint32_t stride, unsigned laps)
{
	uint32_t order[PAGES_MOST];
	uint64_t hits[MODEL_LEVELS + 1] = { 0 };

	for (uint32_t i = 0; i < pages; i++) {
		uint32_t other = (uint32_t)(model_random(&state) % (i + 1));

		order[i] = order[other];
		order[other] = i * stride;
	}
	for (unsigned lap = 0; lap < 20; lap++)
		model_levels_run(levels, order, pages, hits);
	memset(hits, 0, sizeof(hits));
	for (unsigned lap = 0; lap < laps; lap++)
		model_levels_run(levels, order, pages, hits);
	return (double)hits[levels->count] / (double)pages / laps;
}

static double misses_of(const struct model_level *level, unsigned count, uint32_t pages, uint32_t stride, unsigned laps)
{
	struct model_levels levels = levels_make(level, count);
	double misses = cycle_misses(&levels, pages, stride, laps);

	model_levels_free(&levels);
	return misses;
}

static void lru_falls_off_a_cliff(void **unused)
{
	const struct model_level full = level_of(1, 72, MODEL_LRU), sets = level_of(16, 4, MODEL_LRU);

	(void)unused;
	assert_true(misses_of(&full, 1, 72, 1, 2) == 0);
	assert_true(misses_of(&full, 1, 73, 1, 2) == 1);
	/* One page more than fits is a fifth page in one set: its 5 of 65 pages miss. At a stride of 4, 4 sets are reached. */
	assert_true(misses_of(&sets, 1, 64, 1, 2) == 0);
	assert_true(fabs(misses_of(&sets, 1, 65, 1, 2) - 5 / 65.0) < 1e-12);
	assert_true(misses_of(&sets, 1, 16, 4, 2) == 0);
	assert_true(fabs(misses_of(&sets, 1, 17, 4, 2) - 5 / 17.0) < 1e-12);
}

/* Direct-mapped: a page misses where its set has another. */
static void direct_mapped_is_counting(void **unused)
{
	const struct model_level direct = level_of(64, 1, MODEL_LRU);

	(void)unused;
	for (uint32_t pages = 1; pages <= 200; pages += 7)
		for (uint32_t stride = 1; stride <= 12; stride++) {
			uint32_t of_set[64] = { 0 }, shared = 0;

			for (uint32_t i = 0; i < pages; i++)
				of_set[i * stride % 64]++;
			for (unsigned set = 0; set < 64; set++)
				shared += of_set[set] > 1 ? of_set[set] : 0;
			assert_true(fabs(misses_of(&direct, 1, pages, stride, 2) - (double)shared / pages) < 1e-12);
		}
}

/*
 * Random replacement on a cycle of N pages over C entries: between two uses of a page the other N - 1 miss m times
 * each, and each miss leaves it with 1 - 1/C. So 1 - m = (1 - 1/C)^(m (N - 1)).
 */
static double random_fixed_point(double pages, double entries)
{
	double lo = 1e-9, hi = 1;

	if (pages <= entries)
		return 0;
	for (int i = 0; i < 100; i++) {
		double m = (lo + hi) / 2;

		if (1 - m > pow(1 - 1 / entries, m * (pages - 1)))
			lo = m;
		else
			hi = m;
	}
	return lo;
}

static void random_replacement_has_its_fixed_point(void **unused)
{
	const struct model_level random = level_of(1, 256, MODEL_RANDOM);

	(void)unused;
	assert_true(misses_of(&random, 1, 256, 1, 10) == 0);
	for (uint32_t pages = 288; pages <= 1024; pages += 92)
		assert_true(fabs(misses_of(&random, 1, pages, 1, 400) - random_fixed_point(pages, 256)) < 0.01);
	/* Half of the accesses miss at 2 ln 2 times as many pages. */
	assert_true(fabs(random_fixed_point(1386, 1000) - 0.5) < 0.01);
}

static void a_uniform_chase_hits_by_the_share_that_is_held(void **unused)
{
	/* Independent accesses to N pages: whatever the policy, C/N of them hit. */
	for (enum model_replacement replacement = 0; replacement < MODEL_REPLACEMENTS; replacement++) {
		const struct model_level level = level_of(1, 100, replacement);
		struct model_levels levels = levels_make(&level, 1);
		uint64_t hits[2] = { 0 };

		for (size_t i = 0; i < 400000; i++) {
			uint32_t page = (uint32_t)(model_random(&state) % 300);

			model_levels_run(&levels, &page, 1, hits);
		}
		assert_true(fabs((double)hits[0] / 400000 - 1 / 3.0) < 0.01);
		model_levels_free(&levels);
	}
	(void)unused;
}

/* A walk over pages that is not uniform: some are used far more often. */
static void accesses_draw(uint32_t *page, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t drawn = model_random(&state);

		page[i] = (uint32_t)(drawn % (drawn >> 32 & 1 ? 40 : PAGES_MOST));
	}
}

#define DRAWN 20000u

static void more_ways_never_miss_more_under_lru(void **unused)
{
	static uint32_t page[DRAWN];

	(void)unused;
	accesses_draw(page, DRAWN);
	for (uint32_t sets = 1; sets <= 64; sets *= 4) {
		uint64_t before = UINT64_MAX;

		for (uint32_t ways = 1; ways <= 40; ways++) {
			const struct model_level level = level_of(sets, ways, MODEL_LRU);
			struct model_levels levels = levels_make(&level, 1);
			uint64_t hits[2] = { 0 };

			model_levels_run(&levels, page, DRAWN, hits);
			assert_true(hits[1] <= before);
			before = hits[1];
			model_levels_free(&levels);
		}
	}
}

/* Sets with other numbers are the same sets: bits of the index in another order, and bits that mix others in. */
static void a_permutation_of_sets_changes_nothing(void **unused)
{
	static const struct model_index index[] = {
		{ 4, { 1, 2, 4, 8 } },
		{ 4, { 8, 2, 1, 4 } },
		{ 4, { 1 ^ 2, 2, 4 ^ 1, 8 ^ 2 ^ 1 } },
	};
	static uint32_t page[DRAWN];

	(void)unused;
	accesses_draw(page, DRAWN);
	for (enum model_replacement replacement = MODEL_LRU; replacement <= MODEL_PLRU; replacement++) {
		uint64_t misses[3];

		for (unsigned i = 0; i < 3; i++) {
			struct model_level level = level_of(16, 4, replacement);
			struct model_levels levels;
			uint64_t hits[2] = { 0 };

			level.shape.index = index[i];
			levels = levels_make(&level, 1);
			model_levels_run(&levels, page, DRAWN, hits);
			misses[i] = hits[1];
			model_levels_free(&levels);
		}
		assert_int_equal(misses[0], misses[1]);
		assert_int_equal(misses[0], misses[2]);
	}
}

static void exclusive_levels_hold_what_both_have(void **unused)
{
	struct model_level level[2] = { level_of(1, 24, MODEL_LRU), level_of(1, 100, MODEL_LRU) };

	(void)unused;
	level[1].inclusion = MODEL_EXCLUSIVE;
	assert_true(misses_of(level, 2, 124, 1, 2) == 0);
	assert_true(misses_of(level, 2, 125, 1, 2) == 1);
	level[1].inclusion = MODEL_NEITHER;
	assert_true(misses_of(level, 2, 100, 1, 2) == 0);
	assert_true(misses_of(level, 2, 101, 1, 2) == 1);
}

/* No key is in two levels that exclude each other; what an inclusive level lacks, no smaller one has. */
static void inclusion_holds_after_each_access(void **unused)
{
	static uint32_t page[DRAWN];

	(void)unused;
	accesses_draw(page, DRAWN);
	for (enum model_inclusion inclusion = MODEL_INCLUSIVE; inclusion < MODEL_INCLUSIONS; inclusion++)
		for (enum model_replacement replacement = 0; replacement < MODEL_REPLACEMENTS; replacement++) {
			struct model_level level[3] = { level_of(1, 8, replacement), level_of(4, 8, replacement),
				level_of(16, 8, replacement) };
			struct model_levels levels;

			level[1].inclusion = level[2].inclusion = inclusion;
			levels = levels_make(level, 3);
			for (size_t i = 0; i < DRAWN; i++) {
				model_levels_access(&levels, page[i], 0);
				for (uint32_t key = page[i] % 16; key < PAGES_MOST && i % 64 == 0; key += 16)
					for (unsigned l = 1; l < 3; l++) {
						bool here = model_array_holds(&levels.level[l], key),
						     above = model_array_holds(&levels.level[l - 1], key);

						assert_true(inclusion == MODEL_INCLUSIVE ? here || !above
											 : !here || !above);
					}
			}
			model_levels_free(&levels);
		}
}

/* The simulator of the tests of level inference was written apart from this one. */
static void it_agrees_with_the_simulator_of_the_tests(void **unused)
{
	static const struct {
		enum model_replacement ours;
		enum replacement theirs;
	} policies[] = { { MODEL_LRU, LRU }, { MODEL_PLRU, PLRU } };

	(void)unused;
	for (size_t p = 0; p < 2; p++)
		for (unsigned ways = 2; ways <= 12; ways++)
			for (uint32_t pages = 8; pages < 400; pages += 37) {
				const struct model_level level = level_of(16, ways, policies[p].ours);
				struct model model = { .tlb[0] = { 16, ways, policies[p].theirs, false, 1 } };
				struct model_levels levels = levels_make(&level, 1);
				uint32_t order[400];
				uint64_t hits[2] = { 0 }, random = 9;
				unsigned laps = 8;

				for (uint32_t i = 0; i < pages; i++)
					order[i] = i * 7 % 1000;
				model_levels_run(&levels, order, pages, hits);
				model_levels_run(&levels, order, pages, hits);
				hits[1] = 0;
				for (unsigned lap = 0; lap < laps; lap++)
					model_levels_run(&levels, order, pages, hits);
				assert_true(fabs((double)hits[1] / pages / laps -
						    model_cycle(&model, order, pages, &random)) < 1e-9);
				model_levels_free(&levels);
			}
}

static void keys_are_dense(void **unused)
{
	struct model_ids ids = { 0 };

	(void)unused;
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(model_ids_key(&ids, i * i << 20), i);
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(model_ids_key(&ids, i * i << 20), i);
	assert_int_equal(ids.count, 10000);
	model_ids_free(&ids);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return timespec_ns(t);
}

/* Says how fast it is; what is asserted is an order of magnitude. */
static void millions_of_accesses_a_second(void **unused)
{
	(void)unused;
	for (enum model_replacement replacement = 0; replacement < MODEL_REPLACEMENTS; replacement++) {
		const struct model_level level[2] = { level_of(1, 72, replacement), level_of(256, 12, replacement) };
		struct model_levels levels = levels_make(level, 2);
		uint64_t start = cpu_ns(), taken, hits[3] = { 0 };
		double a_second;

		for (uint32_t pages = 64; pages <= 4096; pages *= 4)
			for (unsigned lap = 0; lap < 4000000 / pages; lap++) {
				static uint32_t order[PAGES_MOST];

				for (uint32_t i = 0; !lap && i < pages; i++)
					order[i] = i;
				model_levels_run(&levels, order, pages, hits);
			}
		taken = cpu_ns() - start;
		a_second = (double)(hits[0] + hits[1] + hits[2]) * (double)NS_PER_S / (double)taken;
		print_message(
			"%s: %.0f million accesses a second\n", model_replacement_names[replacement], a_second / 1e6);
		assert_true(a_second > 2e6);
		model_levels_free(&levels);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_counted_by_hand),
		cmocka_unit_test(two_levels_counted_by_hand),
		cmocka_unit_test(lru_falls_off_a_cliff),
		cmocka_unit_test(direct_mapped_is_counting),
		cmocka_unit_test(random_replacement_has_its_fixed_point),
		cmocka_unit_test(a_uniform_chase_hits_by_the_share_that_is_held),
		cmocka_unit_test(more_ways_never_miss_more_under_lru),
		cmocka_unit_test(a_permutation_of_sets_changes_nothing),
		cmocka_unit_test(exclusive_levels_hold_what_both_have),
		cmocka_unit_test(inclusion_holds_after_each_access),
		cmocka_unit_test(it_agrees_with_the_simulator_of_the_tests),
		cmocka_unit_test(keys_are_dense),
		cmocka_unit_test(millions_of_accesses_a_second),
	};

	return cmocka_run_group_tests_name("model levels", tests, NULL, NULL);
}
