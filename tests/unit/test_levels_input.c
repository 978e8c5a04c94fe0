/* Step inference: plans of the second pass, repeatability, and input that is not as it should be. */
#include "levels_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test_levels_model.h"

static void test_deterministic(void **state)
{
	struct model model = { .tlb = { { 1, 72, RANDOM, false, 7 } }, .noise = 0.03 };
	json_t *points = measured(&model, 1024, 1), *one = levels_json_infer(points, 5),
	       *two = levels_json_infer(points, 5);

	(void)state;
	assert_true(json_equal(one, two));
	json_decref(one);
	json_decref(two);
	json_decref(points);
}

static void test_refine_plan(void **state)
{
	struct model model = { .tlb = { { 1, 72, LRU, false, 7 }, { 128, 12, RANDOM, false, 30 } }, QUIET };
	uint64_t pages[MODEL_POINTS], refine[64];
	struct model_pass pass = { "sweep", pages, model_ladder(8, 8192, pages), SAMPLES, "host" };
	json_t *points = json_array();

	(void)state;
	model_measure(&model, &pass, 1, points);
	for (size_t most = 0; most <= 64; most += 8) {
		size_t count = levels_json_refine(points, refine, most), whole = 0, later = 0;

		assert_true(count <= most);
		for (size_t i = 0; i < count; i++) {
			assert_true(!i || refine[i] > refine[i - 1]);
			assert_in_range(refine[i], 8, 8192);
			whole += refine[i] >= 70 && refine[i] <= 76 ? 1 : 0;
			later += refine[i] > 1000 ? 1 : 0;
		}
		if (most >= 40) {
			assert_int_equal(whole, 7); /* every page of the first step */
			assert_true(later >= 12);
		}
	}
	json_decref(points);
}

/* Nothing that can stand in a file makes it crash or invent a level. */
static void test_odd_input(void **state)
{
	static const char *const odd[] = {
		"[]",
		"{}",
		"null",
		"[null, 1, \"x\", [], {}]",
		"[{\"params\": null, \"status\": \"ok\"}]",
		"[{\"params\": {\"pages\": \"many\"}, \"status\": \"ok\", \"samples\": 3, \"metrics\": []}]",
		"[{\"params\": {\"pages\": -8}, \"status\": \"ok\", \"samples\": {\"net_cycles\": [1]}}]",
		"[{\"params\": {\"pages\": 1e300}, \"status\": \"ok\", \"samples\": {\"net_cycles\": [1]}}]",
		"[{\"params\": {\"pages\": 8}, \"status\": \"ok\", \"samples\": {\"net_cycles\": []}, \"metrics\": {}}]",
		"[{\"params\": {\"pages\": 8}, \"status\": \"ok\", \"samples\": {\"net_cycles\": [null, \"x\"]}}]",
		"[{\"params\": {\"pages\": 8}, \"status\": \"ok\", \"samples\": null, \"metrics\": {\"net_cycles\": null}}]",
		"[{\"params\": {\"pages\": 8, \"stride_pages\": -1, \"page_size_bytes\": null}, \"status\": \"error\"}]",
		"[{\"setting\": 7, \"bench\": null, \"params\": {\"pages\": 8}, \"status\": \"ok\", \"samples\": {\"gross_cycles\": [1, 2], \"baseline_cycles\": [1], \"round\": [\"a\"]}}]",
	};
	uint64_t pages[8];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		json_t *points = json_loads(odd[i], JSON_DECODE_ANY, NULL), *result = levels_json_infer(points, 1);

		assert_non_null(result);
		assert_int_equal(size(result, "levels"), 0);
		assert_int_equal(levels_json_refine(points, pages, 8), 0);
		json_decref(result);
		json_decref(points);
	}
}

/* A group that could not be measured is one point without pages; a bad point among good ones changes nothing. */
static void test_skipped_and_failed(void **state)
{
	struct model model = { .tlb = { { 1, 64, LRU, false, 7 } }, QUIET };
	json_t *points = measured(&model, 1024, 1), *result;

	(void)state;
	json_array_append_new(
		points, json_pack("{s:s, s:s, s:s, s:{s:I, s:i}, s:s, s:s, s:{}}", "bench", "tlb-reach", "setting",
				"host", "paging", "native", "params", "page_size_bytes", (json_int_t)1 << 30,
				"stride_pages", 1, "status", "skipped", "reason", "no 1G pages reserved", "metrics"));
	json_object_set_new(json_array_get(points, 5), "status", json_string("error"));
	json_object_set_new(json_array_get(points, 7), "samples", json_null());
	result = levels_json_infer(points, 1);
	assert_int_equal(size(result, "levels"), 1);
	assert_int_equal(value(entry(result, "levels", 0), "entries"), 64);
	assert_true(says(result, "unresolved", "not measured: no 1G pages reserved"));
	json_decref(result);
	json_decref(points);
}

/*
 * Points of other benches in the same run: pages far apart, working sets, experiments. None of them is a TLB's curve.
 */
static void test_other_benches(void **state)
{
	json_t *points = json_array(), *result;

	(void)state;
	for (int pages = 16; pages <= 4096; pages *= 2)
		json_array_append_new(
			points, json_pack("{s:s, s:s, s:s, s:{s:i, s:i}, s:{s:[f,f,f], s:[f,f,f], s:[f,f,f]}}", "bench",
					"walk-depth", "setting", "host", "status", "ok", "params", "pages", pages,
					"distance_bytes", 1 << 21, "samples", "gross_cycles", 4. + pages, 4. + pages,
					4. + pages, "baseline_cycles", 4., 4., 4., "net_cycles", (double)pages,
					(double)pages, (double)pages));
	json_array_append_new(
		points, json_pack("{s:s, s:s, s:s, s:{s:s}, s:s}", "bench", "vcpu-fault", "setting", "vcpu", "status",
				"skipped", "params", "kind", "guest-warm", "reason", "no /dev/kvm"));
	result = levels_json_infer(points, 1);
	assert_int_equal(size(result, "levels"), 0);
	assert_int_equal(size(result, "walks"), 0);
	assert_int_equal(size(result, "unresolved"), 0);
	assert_int_equal(size(result, "noise"), 0);
	json_decref(result);
	json_decref(points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_refine_plan),
		cmocka_unit_test(test_odd_input),
		cmocka_unit_test(test_skipped_and_failed),
		cmocka_unit_test(test_other_benches),
	};

	return cmocka_run_group_tests_name("levels_input", tests, NULL, NULL);
}
