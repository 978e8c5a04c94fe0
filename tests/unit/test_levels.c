/* Step inference against simulated TLBs of known size: sizes, intervals, number of levels, and what must be rejected. */
#include "levels_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test_levels_model.h"

struct truth {
	double entries, within; /* within: part of entries */
	double added, added_within;
};

static void check_level(const json_t *level, const struct truth *truth)
{
	assert_true(fabs(value(level, "entries") / truth->entries - 1) <= truth->within);
	assert_true(value(level, "entries_lo") <= truth->entries);
	assert_true(value(level, "entries_hi") >= truth->entries);
	assert_true(fabs(value(level, "added_cycles") / truth->added - 1) <= truth->added_within);
	assert_true(value(level, "added_cycles_lo") <= value(level, "added_cycles"));
	assert_true(value(level, "added_cycles_hi") >= value(level, "added_cycles"));
	assert_true(json_is_true(json_object_get(level, "confirmed")));
}

static json_t *inferred(const struct model *model, uint64_t last)
{
	json_t *points = measured(model, last, 1), *result = levels_json_infer(points, 7);

	assert_non_null(result);
	json_decref(points);
	return result;
}

static void check(const struct model *model, uint64_t last, const struct truth *truth, size_t count)
{
	json_t *result = inferred(model, last);

	assert_int_equal(size(result, "levels"), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(value(entry(result, "levels", i), "level"), i + 1);
		check_level(entry(result, "levels", i), &truth[i]);
	}
	json_decref(result);
}

static void test_fully_associative(void **state)
{
	static const unsigned sizes[] = { 48, 72, 96 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct model model = { .tlb = { { 1, sizes[i], LRU, false, 7 } }, QUIET };
		struct truth truth = { sizes[i], 0.001, 7, 0.02 };

		check(&model, 2048, &truth, 1);
	}
}

static void test_tree_plru(void **state)
{
	struct model model = { .tlb = { { 1, 64, PLRU, false, 7 } }, QUIET };
	struct truth truth = { 64, 0.03, 7, 0.03 };

	(void)state;
	check(&model, 2048, &truth, 1);
}

static void test_random_replacement(void **state)
{
	struct model model = { .tlb = { { 1, 72, RANDOM, false, 7 } }, QUIET };
	struct truth truth = { 72, 0.03, 7, 0.05 };

	(void)state;
	check(&model, 2048, &truth, 1);
}

static void test_sets_of_four(void **state)
{
	struct model model = { .tlb = { { 16, 4, LRU, false, 7 } }, QUIET };
	struct truth truth = { 64, 0.03, 7, 0.05 };

	(void)state;
	check(&model, 2048, &truth, 1);
}

static void test_two_levels_and_dearer_walks(void **state)
{
	struct model model = { .tlb = { { 1, 72, LRU, false, 7 }, { 256, 12, RANDOM, false, 40 } },
		.growth = 15,
		.growth_from = 10000,
		QUIET };
	struct truth truth[] = { { 72, 0.001, 7, 0.02 }, { 3072, 0.15, 40, 0.2 } };

	(void)state;
	check(&model, 23170, truth, 2);
}

/* Where sets and ways are known, walks are read at the same pages whatever the noise makes of the level's end. */
static void test_walks_are_read_by_known_sets_and_ways(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct model model = { .tlb = { { 1, 72, LRU, false, 7 }, { 256, 12, RANDOM, false, 40 } },
			.growth = 15,
			.growth_from = 4000,
			.noise = 0.05 };
		json_t *points = measured(&model, 23170, seed), *result = levels_json_infer_known(points, 7, 3072);
		const json_t *walk = entry(result, "walks", 0);

		/* One and a half times 3072 is 4608; the counts of the sweep have eight an octave. */
		assert_in_range((uint64_t)value(walk, "pages_from"), 4608, 5100);
		assert_in_range((uint64_t)value(walk, "pages_to"), 6000, 7212);
		json_decref(points);
		json_decref(result);
	}
}

static void test_plain_lru_second_level(void **state)
{
	struct model model = { .tlb = { { 1, 64, LRU, false, 7 }, { 128, 12, LRU, false, 30 } }, QUIET };
	struct truth truth[] = { { 64, 0.001, 7, 0.02 }, { 1536, 0.05, 30, 0.03 } };

	(void)state;
	check(&model, 8192, truth, 2);
}

static void test_hashed_second_level(void **state)
{
	struct model lru = { .tlb = { { 1, 64, LRU, false, 7 }, { 128, 12, LRU, true, 30 } }, QUIET };
	struct model random = { .tlb = { { 1, 64, LRU, false, 7 }, { 128, 12, RANDOM, true, 30 } }, QUIET };
	struct truth truth[] = { { 64, 0.001, 7, 0.02 }, { 1536, 0.2, 30, 0.15 } };

	(void)state;
	check(&lru, 8192, truth, 2);
	check(&random, 8192, truth, 2);
}

static void test_three_levels(void **state)
{
	struct model model = {
		.tlb = { { 1, 24, LRU, false, 4 }, { 32, 6, LRU, false, 8 }, { 128, 12, RANDOM, false, 35 } }, QUIET
	};
	struct truth truth[] = { { 24, 0.001, 4, 0.03 }, { 192, 0.05, 8, 0.05 }, { 1536, 0.1, 35, 0.1 } };

	(void)state;
	check(&model, 16384, truth, 3);
}

static void test_noise_of_five_percent(void **state)
{
	struct model model = { .tlb = { { 1, 96, LRU, false, 7 }, { 128, 12, RANDOM, false, 30 } }, .noise = 0.05 };
	struct truth truth[] = { { 96, 0.04, 7, 0.1 }, { 1536, 0.3, 30, 0.3 } };

	(void)state;
	check(&model, 8192, truth, 2);
}

static void test_outliers(void **state)
{
	struct model model = { .tlb = { { 1, 96, LRU, false, 7 } }, .noise = 0.03, .outliers = 0.2 };
	struct truth truth = { 96, 0.02, 7, 0.1 };

	(void)state;
	check(&model, 2048, &truth, 1);
}

/* Half of the samples are taken while a sibling thread holds up to a quarter of the TLB. */
static void test_disturbed(void **state)
{
	struct model model = { .tlb = { { 1, 96, LRU, false, 7 } }, QUIET, .disturbed = 0.5 };
	struct truth truth = { 96, 0.04, 7, 0.05 };

	(void)state;
	check(&model, 1024, &truth, 1);
}

static void test_pure_noise(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct model model = { .noise = 0.02 * (1 + seed % 4), .outliers = seed % 2 ? 0.1 : 0 };
		json_t *points = measured(&model, 1024, seed), *result = levels_json_infer(points, seed);

		assert_int_equal(size(result, "levels"), 0);
		assert_int_equal(size(result, "walks"), 0);
		assert_true(says(result, "unresolved", "no step"));
		assert_true(value(entry(result, "noise", 0), "null_cycles_p95") > 0);
		json_decref(result);
		json_decref(points);
	}
}

/* Page tables leave the caches at 4096 pages: a jump, then growth, neither of which is a TLB level. */
static void test_walk_growth_is_no_level(void **state)
{
	struct model model = { .tlb = { { 1, 64, LRU, false, 7 }, { 64, 12, LRU, false, 40 } },
		.jump = 200,
		.jump_at = 4096,
		.growth = 30,
		.growth_from = 1300,
		QUIET };
	json_t *result = inferred(&model, 16384);

	(void)state;
	assert_int_equal(size(result, "levels"), 2);
	assert_true(says(result, "rejected", "walks"));
	assert_int_equal(size(result, "walks"), 1);
	assert_true(fabs(value(entry(result, "walks", 0), "cycles") / 47 - 1) < 0.25);
	assert_true(json_is_true(json_object_get(entry(result, "walks", 0), "grows")));
	json_decref(result);
}

static void test_cache_step_in_baseline(void **state)
{
	struct model model = {
		.tlb = { { 1, 64, LRU, false, 7 } }, .jump = 4, .jump_at = 512, .baseline_jump = 9, QUIET
	};
	json_t *result = inferred(&model, 2048);

	(void)state;
	assert_int_equal(size(result, "levels"), 1);
	assert_true(says(result, "rejected", "baseline"));
	json_decref(result);
}

static void test_blip(void **state)
{
	struct model model = {
		.tlb = { { 1, 64, LRU, false, 7 } }, .jump = 6, .jump_at = 256, .jump_until = 300, QUIET
	};
	json_t *result = inferred(&model, 2048);

	(void)state;
	assert_int_equal(size(result, "levels"), 1);
	assert_true(says(result, "rejected", "does not persist"));
	json_decref(result);
}

static void test_not_seen_again(void **state)
{
	struct model stepped = { .tlb = { { 1, 64, LRU, false, 7 } }, QUIET }, flat = { QUIET };
	uint64_t pages[MODEL_POINTS], refine[REFINE_MOST];
	struct model_pass pass = { "sweep", pages, model_ladder(8, 1024, pages), SAMPLES, "host" };
	json_t *points = json_array(), *result;

	(void)state;
	model_measure(&stepped, &pass, 1, points);
	result = levels_json_infer(points, 1);
	assert_int_equal(size(result, "levels"), 1);
	assert_false(json_is_true(json_object_get(entry(result, "levels", 0), "confirmed")));
	assert_true(says(result, "unresolved", "no independent pass"));
	json_decref(result);

	pass = (struct model_pass){ "refine", refine, levels_json_refine(points, refine, REFINE_MOST), SAMPLES,
		"host" };
	model_measure(&flat, &pass, 2, points);
	result = levels_json_infer(points, 1);
	assert_int_equal(size(result, "levels"), 0);
	assert_true(says(result, "rejected", "not seen again"));
	json_decref(result);
	json_decref(points);
}

/* A point of a TLB of 1024 entries, beyond which an access costs 7 cycles, and up to 1536 pages one more. */
static json_t *dense_point(uint64_t pages)
{
	double net[SAMPLES], gross[SAMPLES], baseline[SAMPLES], ns[SAMPLES], round[SAMPLES];

	for (size_t i = 0; i < SAMPLES; i++) {
		net[i] = (pages > 1024 ? 7 + (double)(pages - 1024) / 512 : 0) + 0.01 * (double)i;
		baseline[i] = 5;
		gross[i] = net[i] + baseline[i];
		ns[i] = net[i] / 4;
		round[i] = (double)i;
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:I, s:s, s:I, s:I}, s:s, s:{}, s:{s:o, s:o, s:o, s:o, s:o}}",
		"bench", "tlb-reach", "setting", "host", "paging", "native", "outer", "bare-metal", "pass", "sweep",
		"params", "page_size_bytes", (json_int_t)4096, "backing", "4K", "stride_pages", (json_int_t)1, "pages",
		(json_int_t)pages, "status", "ok", "metrics", "samples", "gross_cycles",
		model_array_json(gross, SAMPLES), "baseline_cycles", model_array_json(baseline, SAMPLES), "net_cycles",
		model_array_json(net, SAMPLES), "net_ns", model_array_json(ns, SAMPLES), "round",
		model_array_json(round, SAMPLES));
}

/* Hundreds of page counts on one plateau, whose cost rises: resamples are of all of them, not of the first. */
static void test_dense_sweep(void **state)
{
	json_t *points = json_array(), *result;
	const json_t *level;

	(void)state;
	for (uint64_t pages = 8; pages < 1024; pages *= 2)
		json_array_append_new(points, dense_point(pages));
	for (uint64_t pages = 1000; pages <= 1600; pages++)
		json_array_append_new(points, dense_point(pages));
	result = levels_json_infer(points, 7);
	assert_non_null(result);
	assert_int_equal(size(result, "levels"), 1);
	level = entry(result, "levels", 0);
	assert_true(value(level, "added_cycles_lo") <= value(level, "added_cycles"));
	assert_true(value(level, "added_cycles_hi") >= value(level, "added_cycles"));
	assert_true(value(level, "added_cycles_lo") >= 7.4);
	json_decref(result);
	json_decref(points);
}

static void test_short_sweeps(void **state)
{
	struct model model = { .tlb = { { 1, 64, LRU, false, 7 } }, QUIET };
	json_t *result = inferred(&model, 10);

	(void)state;
	assert_int_equal(size(result, "levels"), 0);
	assert_true(says(result, "unresolved", "too few points"));
	json_decref(result);

	result = inferred(&model, 48);
	assert_true(says(result, "unresolved", "no step between 8 and"));
	json_decref(result);

	result = inferred(&model, 72); /* one point beyond the capacity */
	assert_int_equal(size(result, "levels"), 0);
	assert_true(says(result, "unresolved", "before it levels off"));
	json_decref(result);

	result = inferred(&model, 512);
	assert_int_equal(size(result, "levels"), 1);
	assert_int_equal(size(result, "walks"), 0);
	assert_true(says(result, "unresolved", "the sweep ends at"));
	json_decref(result);
}

struct reading {
	double pages, gross, baseline;
};

/* Medians only, of one pass: what an older or a foreign run may have kept. */
static json_t *from_medians(const struct reading *reading, size_t count)
{
	json_t *points = json_array(), *result;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(points,
			json_pack("{s:s, s:s, s:s, s:{s:I, s:f}, s:s, s:{s:{s:f}, s:{s:f}}}", "bench", "tlb-reach",
				"setting", "host", "pass", "sweep", "params", "page_size_bytes", (json_int_t)4096,
				"pages", reading[i].pages, "status", "ok", "metrics", "gross_cycles", "median",
				reading[i].gross, "baseline_cycles", "median", reading[i].baseline));
	result = levels_json_infer(points, 1);
	json_decref(points);
	return result;
}

static void check_holds(const json_t *level, double truth, double within)
{
	assert_true(fabs(value(level, "entries") - truth) <= within);
	assert_true(value(level, "entries_lo") <= truth);
	assert_true(value(level, "entries_hi") >= truth);
}

/* A rough sketch of an AMD Zen 5 (96 entries) on a noisy machine: misses on both sides of the capacity. */
static void test_measured_zen5(void **state)
{
	static const struct reading sketch[] = { { 8, 4.2, 4.2 }, { 16, 4.2, 4.2 }, { 24, 4.2, 4.2 }, { 32, 4.2, 4.2 },
		{ 40, 4.2, 4.2 }, { 48, 4.2, 4.2 }, { 56, 4.2, 4.2 }, { 64, 4.2, 4.2 }, { 76, 4.35, 4.2 },
		{ 88, 5.8, 4.2 }, { 96, 8.9, 4.2 }, { 104, 10.4, 4.2 }, { 112, 10.75, 4.2 }, { 128, 10.9, 4.2 },
		{ 160, 10.9, 4.2 }, { 192, 10.9, 4.2 }, { 224, 10.9, 4.2 }, { 256, 10.9, 4.2 } };
	json_t *result = from_medians(sketch, sizeof(sketch) / sizeof(sketch[0]));

	(void)state;
	assert_int_equal(size(result, "levels"), 1);
	check_holds(entry(result, "levels", 0), 96, 6); /* points are 8 to 12 pages apart */
	json_decref(result);
}

/* An AMD Zen 4 (72 and 3072 entries), core cycles per access; beyond 16384 pages walks leave the caches. */
static void test_measured_zen4(void **state)
{
	static const struct reading measured_by_hand[] = { { 16, 3.96, 3.96 }, { 24, 3.96, 3.96 }, { 32, 3.96, 3.96 },
		{ 48, 3.96, 3.96 }, { 56, 3.96, 3.96 }, { 64, 3.96, 3.96 }, { 68, 3.96, 3.96 }, { 70, 3.96, 3.96 },
		{ 71, 3.96, 3.96 }, { 72, 3.98, 3.96 }, { 73, 4.64, 3.96 }, { 74, 5.11, 3.96 }, { 75, 9.26, 3.96 },
		{ 76, 9.35, 3.96 }, { 78, 10.88, 3.96 }, { 80, 10.88, 3.96 }, { 96, 10.88, 3.96 }, { 128, 10.88, 3.96 },
		{ 192, 10.88, 3.96 }, { 256, 10.88, 3.96 }, { 512, 10.90, 4.57 }, { 1024, 21.8, 13.9 },
		{ 1536, 21.8, 13.9 }, { 2048, 22.7, 13.9 }, { 2560, 24.7, 13.9 }, { 2816, 26.7, 13.9 },
		{ 3072, 29.7, 13.9 }, { 3328, 41.5, 13.9 }, { 3584, 39.8, 13.9 }, { 4096, 52.9, 13.9 },
		{ 5120, 68.8, 18.0 }, { 6144, 70.7, 28.8 }, { 8192, 84.7, 32.2 }, { 16384, 113, 38.4 },
		{ 32768, 607, 63 }, { 65536, 677, 237 } };
	json_t *result = from_medians(measured_by_hand, sizeof(measured_by_hand) / sizeof(measured_by_hand[0]));

	(void)state;
	assert_int_equal(size(result, "levels"), 2);
	check_holds(entry(result, "levels", 0), 72, 3);
	check_holds(entry(result, "levels", 1), 3072, 0.15 * 3072);
	assert_int_equal(size(result, "walks"), 1);
	json_decref(result);
}

/*
 * A short sweep whose last points are single noisy samples: what follows level 1 costs what a second-level hit does, and
 * must not be called a walk. As a quick run gave it for 2M pages, 4 apart.
 */
static void test_noisy_end_is_no_walk(void **state)
{
	static const struct reading readings[] = { { 8, 4, 4 }, { 16, 4, 4 }, { 32, 4, 4 }, { 45, 4, 4 }, { 54, 4, 4 },
		{ 59, 4, 4 }, { 64, 4, 4 }, { 70, 4, 4 }, { 76, 11, 4 }, { 83, 11, 4 }, { 91, 11, 4 }, { 99, 11, 4 },
		{ 108, 14.2, 4.4 }, { 117, 12.1, 4.6 }, { 128, 23.5, 4.7 } };
	json_t *result = from_medians(readings, sizeof(readings) / sizeof(readings[0]));

	(void)state;
	assert_int_equal(size(result, "levels"), 1);
	assert_int_equal(size(result, "walks"), 0);
	json_decref(result);
}

static void test_strides(void **state)
{
	struct model model = { .tlb = { { 1, 64, LRU, false, 7 }, { 128, 12, RANDOM, false, 20 } }, QUIET };
	uint64_t pages[MODEL_POINTS];
	struct model_pass pass = { "sweep", pages, model_ladder(8, 8192, pages), SAMPLES, "vcpu" };
	json_t *points = json_array(), *result;

	(void)state;
	for (model.stride = 4; model.stride; model.stride = model.stride == 4 ? 1 : 0) {
		pass.setting = "vcpu";
		model_measure(&model, &pass, 1, points);
		pass.setting = "host";
		model_measure(&model, &pass, 2, points);
	}
	result = levels_json_infer(points, 1);
	assert_int_equal(size(result, "levels"), 8);
	for (size_t i = 0; i < 8; i++) {
		const json_t *level = entry(result, "levels", i);
		const char *note = json_string_value(json_object_get(level, "note"));

		assert_string_equal(json_string_value(json_object_get(level, "setting")), i < 4 ? "host" : "vcpu");
		assert_int_equal(value(level, "stride_pages"), i % 4 < 2 ? 1 : 4);
		assert_int_equal(value(level, "level"), i % 2 + 1);
		if (i % 2)
			assert_non_null(strstr(note, "fewer of its sets"));
		else
			assert_null(note);
	}
	json_decref(result);
	json_decref(points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fully_associative),
		cmocka_unit_test(test_tree_plru),
		cmocka_unit_test(test_random_replacement),
		cmocka_unit_test(test_sets_of_four),
		cmocka_unit_test(test_two_levels_and_dearer_walks),
		cmocka_unit_test(test_walks_are_read_by_known_sets_and_ways),
		cmocka_unit_test(test_plain_lru_second_level),
		cmocka_unit_test(test_hashed_second_level),
		cmocka_unit_test(test_three_levels),
		cmocka_unit_test(test_noise_of_five_percent),
		cmocka_unit_test(test_outliers),
		cmocka_unit_test(test_disturbed),
		cmocka_unit_test(test_pure_noise),
		cmocka_unit_test(test_walk_growth_is_no_level),
		cmocka_unit_test(test_cache_step_in_baseline),
		cmocka_unit_test(test_blip),
		cmocka_unit_test(test_not_seen_again),
		cmocka_unit_test(test_dense_sweep),
		cmocka_unit_test(test_short_sweeps),
		cmocka_unit_test(test_measured_zen5),
		cmocka_unit_test(test_measured_zen4),
		cmocka_unit_test(test_noisy_end_is_no_walk),
		cmocka_unit_test(test_strides),
	};

	return cmocka_run_group_tests_name("levels", tests, NULL, NULL);
}
