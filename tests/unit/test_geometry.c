/* Geometry inference against simulated TLBs of known sets, ways, index and replacement. */
#include "infer/geometry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../model/tlb.h"

#define SAMPLES 10
#define FILLERS 128
#define POINTS_MOST 4096
#define SPAN_LOG2 18

/* A machine, as it is measured: what the model has, and how disturbed its samples are. */
struct machine {
	struct model model;
	double disturbed; /* part of the samples in which a neighbour takes two ways of each set of the second level */
	uint64_t page_bytes;
};

struct measured {
	struct geometry_input input;
	struct geometry_point point[POINTS_MOST];
	double gross[POINTS_MOST][SAMPLES], baseline[POINTS_MOST][SAMPLES];
	uint64_t random;
};

static double cost_of(const struct model *model, const struct placement *placement, uint64_t *random)
{
	uint64_t count = placement->targets + placement->fillers;
	uint32_t *order = malloc(count * sizeof(*order));
	double cost;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t other = model_random(random) % (i + 1);

		order[i] = order[other];
		order[other] = (uint32_t)placement_page(placement, i);
	}
	cost = model_cycle(model, order, count, random);
	free(order);
	return cost;
}

static void point_measure(struct measured *measured, const struct machine *machine, const struct placement *placement)
{
	size_t at = measured->input.points++;
	struct model squeezed = machine->model;
	double quiet = cost_of(&machine->model, placement, &measured->random), busy = quiet;

	assert_true(at < POINTS_MOST);
	if (machine->disturbed > 0) {
		squeezed.tlb[1].ways -= 2;
		busy = cost_of(&squeezed, placement, &measured->random);
	}
	for (size_t i = 0; i < SAMPLES; i++) {
		double cost = model_uniform(&measured->random) < machine->disturbed ? busy : quiet;

		measured->gross[at][i] = model_disturb(&machine->model, 4 + cost, &measured->random);
		measured->baseline[at][i] = model_disturb(&machine->model, 4, &measured->random);
	}
	measured->point[at] = (struct geometry_point){ .placement = *placement,
		.gross = measured->gross[at],
		.baseline = measured->baseline[at],
		.samples = SAMPLES };
}

/* 4 an octave, and each page where one set may overflow. */
static bool is_measured(uint64_t pages, unsigned stride, uint64_t fillers)
{
	uint64_t octave = 1ULL << (63 - __builtin_clzll(pages));
	uint64_t most = 8192ULL >> stride > 32 ? 8192ULL >> stride : 32;

	if (!fillers)
		return pages <= 144 ? stride <= 4 || pages < 16 || pages % 8 == 0 : !stride && !(pages % (octave / 4));
	if (pages << stride < 512)
		return false;
	if (stride >= 8 && pages <= 32)
		return pages < 20 || !(pages & 1);
	return octave < 4 || !(pages % (pages <= most ? octave / 4 : octave / 2));
}

static void flips_measure(struct measured *measured, const struct machine *machine)
{
	static const uint64_t counts[] = { 7, 13, 20, 28, 64 };

	for (unsigned low = 0; low < 12; low++)
		for (unsigned high = low; high < 12; high++)
			for (size_t i = 0; i < 5; i++) {
				struct placement placement = { counts[i], 4096, 1ULL << low | 1ULL << high, FILLERS };

				if (high == low || (low < 2 && high > low + 3 && high < low + 9))
					point_measure(measured, machine, &placement);
			}
}

static struct measured *measure(const struct machine *machine, unsigned strides)
{
	struct measured *measured = calloc(1, sizeof(*measured));

	measured->random = 42;
	for (unsigned stride = 0; stride < strides; stride++)
		for (uint64_t pages = 4; pages <= 8192 && pages << stride <= 1 << SPAN_LOG2; pages++)
			for (uint64_t fillers = 0; fillers <= (stride ? FILLERS : 0); fillers += FILLERS) {
				struct placement placement = { pages, 1ULL << stride, 0, fillers };

				if (is_measured(pages, stride, fillers))
					point_measure(measured, machine, &placement);
			}
	if (strides > 12)
		flips_measure(measured, machine);
	measured->input = (struct geometry_input){
		.page_bytes = machine->page_bytes ? machine->page_bytes : 4096,
		.point = measured->point,
		.points = measured->input.points,
	};
	return measured;
}

struct truth {
	double sets, ways;
	const char *index, *replacement;
};

static void check(const struct inferred_geometry *got, const struct truth *truth)
{
	assert_string_equal(got->reason, "");
	assert_int_equal(got->sets, truth->sets);
	assert_int_equal(got->ways, truth->ways);
	assert_int_equal(got->entries, truth->sets * truth->ways);
	assert_true(got->entries_lo <= got->entries && got->entries <= got->entries_hi);
	assert_string_equal(got->index, truth->index);
	assert_string_equal(got->replacement, truth->replacement);
}

static void check_machine(const struct machine *machine, const struct truth *first, const struct truth *second)
{
	struct measured *measured = measure(machine, 15);
	struct inferred_geometry got[1][GEOMETRY_LEVELS];

	assert_int_equal(geometry_infer(&measured->input, 1, got), 0);
	check(&got[0][0], first);
	check(&got[0][1], second);
	free(measured);
}

/* The set of a Skylake: bits 0-6 and 7-13, by exclusive or. */
static uint64_t folded(uint64_t page)
{
	return (page ^ page >> 7) % 128;
}

/* A set that skips two bits, as on Zen 4. */
static uint64_t with_a_gap(uint64_t page)
{
	return (page & 127) | (page >> 9 & 1) << 7;
}

#define FIRST(policy) \
	{ \
		1, 72, policy, false, 7 \
	}
#define NOISE .noise = 0.003

static void test_plain_sets(void **state)
{
	static const struct machine machines[] = {
		{ .model = { .tlb = { FIRST(LRU), { 256, 12, LRU, false, 40 } }, NOISE } },
		{ .model = { .tlb = { FIRST(LRU), { 128, 16, LRU, false, 30 } }, NOISE } },
		{ .model = { .tlb = { FIRST(LRU), { 128, 8, PLRU, false, 30 } }, NOISE } },
	};
	static const struct truth truths[] = {
		{ 256, 12, "page number modulo 256", "LRU-like" },
		{ 128, 16, "page number modulo 128", "LRU-like" },
		{ 128, 8, "page number modulo 128", "LRU-like" },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		check_machine(&machines[i], &(struct truth){ 1, 72, "none: one set", "LRU-like" }, &truths[i]);
}

static void test_first_level_with_sets(void **state)
{
	const struct machine machine = { .model = { .tlb = { { 16, 4, LRU, false, 7 }, { 128, 12, LRU, false, 30 } },
						 NOISE } };

	(void)state;
	check_machine(&machine, &(struct truth){ 16, 4, "page number modulo 16", "LRU-like" },
		&(struct truth){ 128, 12, "page number modulo 128", "LRU-like" });
}

static void test_folded_index(void **state)
{
	const struct machine machine = {
		.model = { .tlb = { FIRST(LRU), { 128, 12, LRU, false, 30 } }, NOISE, .set_of = { NULL, folded } },
	};

	(void)state;
	check_machine(&machine, &(struct truth){ 1, 72, "none: one set", "LRU-like" },
		&(struct truth){ 128, 12, "XOR of bits 0-6 and 7-13 of the page number", "LRU-like" });
}

static void test_bits_with_a_gap(void **state)
{
	const struct machine machine = {
		.model = { .tlb = { FIRST(LRU), { 256, 12, NRU, false, 40 } }, NOISE, .set_of = { NULL, with_a_gap } },
	};

	(void)state;
	check_machine(&machine, &(struct truth){ 1, 72, "none: one set", "LRU-like" },
		&(struct truth){ 256, 12, "bits 0-6 and 9 of the page number", "pseudo-LRU" });
}

static void test_random_replacement(void **state)
{
	const struct machine machine = { .model = { .tlb = { FIRST(LRU), { 256, 12, RANDOM, false, 40 } }, NOISE } };
	struct measured *measured = measure(&machine, 15);
	struct inferred_geometry got[1][GEOMETRY_LEVELS];

	(void)state;
	assert_int_equal(geometry_infer(&measured->input, 1, got), 0);
	assert_int_equal(got[0][1].sets, 256);
	/* A page more than the ways misses so seldom that it may look clean. */
	assert_in_range((unsigned)got[0][1].ways, 12, 13);
	assert_string_equal(got[0][1].replacement, "random");
	free(measured);
}

/* A hash has no structure that strides show: nothing is made up. */
static void test_hashed_sets(void **state)
{
	const struct machine machine = { .model = { .tlb = { FIRST(LRU), { 128, 12, LRU, true, 30 } }, NOISE } };
	struct measured *measured = measure(&machine, 15);
	struct inferred_geometry got[1][GEOMETRY_LEVELS];

	(void)state;
	assert_int_equal(geometry_infer(&measured->input, 1, got), 0);
	assert_true(isnan(got[0][1].sets) && isnan(got[0][1].ways) && isnan(got[0][1].entries));
	assert_non_null(strstr(got[0][1].reason, "hash"));
	free(measured);
}

/* Two ways are taken in most samples of one place: ways are the processor's, usable ways the place's. */
static void test_two_places(void **state)
{
	struct machine machine = { .model = { .tlb = { FIRST(LRU), { 256, 12, LRU, false, 40 } }, NOISE } };
	struct measured *quiet = measure(&machine, 15), *busy;
	struct geometry_input input[2];
	struct inferred_geometry got[2][GEOMETRY_LEVELS];

	(void)state;
	machine.disturbed = 0.9;
	busy = measure(&machine, 15);
	input[0] = quiet->input;
	input[1] = busy->input;
	assert_int_equal(geometry_infer(input, 2, got), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(got[i][1].sets, 256);
		assert_int_equal(got[i][1].ways, 12);
		assert_int_equal(got[i][1].entries, 3072);
	}
	assert_int_equal(got[0][1].usable_ways, 12);
	assert_int_equal(got[1][1].usable_ways, 10);
	assert_int_equal(got[1][1].entries_lo, 2560);
	free(quiet);
	free(busy);
}

/* 2M pages that walk as soon as they leave the first level tell nothing about the second. */
static void test_large_pages_in_pieces(void **state)
{
	struct machine machine = { .model = { .tlb = { FIRST(LRU), { 256, 12, LRU, false, 40 } }, NOISE } };
	struct measured *small = measure(&machine, 15), *large;
	struct geometry_input input[2];
	struct inferred_geometry got[2][GEOMETRY_LEVELS];

	(void)state;
	machine.model.tlb[0].added = 50;
	machine.model.tlb[1].added = 0;
	machine.page_bytes = 2 << 20;
	large = measure(&machine, 5);
	input[0] = small->input;
	input[1] = large->input;
	assert_int_equal(geometry_infer(input, 2, got), 0);
	assert_int_equal(got[1][0].entries, 72);
	assert_true(isnan(got[1][1].entries));
	assert_non_null(strstr(got[1][1].reason, "4K pieces"));
	free(small);
	free(large);
}

/* Without chases with fillers, or with one stride, there is a reason and no number. */
static void test_too_little(void **state)
{
	struct machine machine = { .model = { .tlb = { FIRST(LRU), { 256, 12, LRU, false, 40 } }, NOISE } };
	struct measured *measured = measure(&machine, 1);
	struct inferred_geometry got[1][GEOMETRY_LEVELS];

	(void)state;
	assert_int_equal(geometry_infer(&measured->input, 1, got), 0);
	for (unsigned level = 0; level < GEOMETRY_LEVELS; level++) {
		assert_true(isnan(got[0][level].entries));
		assert_true(strlen(got[0][level].reason) > 0);
	}
	free(measured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_sets),
		cmocka_unit_test(test_first_level_with_sets),
		cmocka_unit_test(test_folded_index),
		cmocka_unit_test(test_bits_with_a_gap),
		cmocka_unit_test(test_random_replacement),
		cmocka_unit_test(test_hashed_sets),
		cmocka_unit_test(test_two_places),
		cmocka_unit_test(test_large_pages_in_pieces),
		cmocka_unit_test(test_too_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
