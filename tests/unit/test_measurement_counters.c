/* Hardware counters in a whole measurement, on a made-up PMU; and the defects in counts that `nestwalk check` finds. */
#include "measure/benches.h"
#include "measure/measurement.h"
#include "record/check_point.h"
#include "space/permutation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Asserts, so it comes after cmocka. */
#include "test_counted.h"

struct measured {
	const struct point_context *context;
	json_t *points;
};

static int keep_final(const struct point *point, void *data, struct reason *why)
{
	const struct measured *measured = data;

	(void)why;
	if (point->final && point->status == POINT_OK)
		json_array_append_new(measured->points, point_json(point, measured->context));
	return 0;
}

/* A measurement as a run makes it, on the host and, where there is one, in a vCPU: every point of it has counts. */
static void measurements_count_in_every_setting(void **state)
{
	static const struct param params[] = { { "page_size", "4K" }, { "stride", "1" }, { "pages", "8,64" } };
	const struct plan_request request = { .settings = EVERYWHERE, .params = params, .param_count = 3, .cpus = 1 };
	struct point_context context;
	struct measured measured = { &context, json_array() };
	struct surroundings around = { .effort = effort_find("quick"),
		.rounds = 8, /* each group of counters gets its turn, even where some samples are disturbed */
		.source = &source,
		.numa_node = -1,
		.memory_budget_bytes = GIB,
		.random = random_new(5),
		.write = keep_final,
		.data = &measured };
	struct clock_cost cost = { 0 };
	struct hardware *hardware;
	struct reason why = { "" };
	struct measurement m = { .cost = &cost, .seconds = 1, .pass_seconds = INFINITY };
	struct workspace workspace;
	struct plan *plans[] = { &m.plan };
	size_t i;
	json_t *point;

	(void)state;
	pmu.counters = 4;
	hardware = open_hardware();
	around.context = context = context_of(hardware);
	assert_int_equal(plan_make(&m.plan, benches_find("tlb-reach"), &request, &why), 0);
	assert_int_equal(workspace_open(&workspace,
				 &(struct workspace_request){ .plans = plans,
					 .plan_count = 1,
					 .memory_budget_bytes = GIB,
					 .memory_most_bytes = GIB,
					 .source = &source,
					 .numa_node = -1,
					 .random = around.random },
				 &why),
		0);
	around.workspace = &workspace;
	assert_int_equal(rounds_measure(&m, 1, &around, &why), 0);
	assert_true(json_array_size(measured.points) >= 1);
	json_array_foreach (measured.points, i, point) {
		assert_int_equal(problems(point, NULL), 0);
		/* The control of the host has no counters. */
		if (!strcmp(json_string_value(json_object_get(point, "setting")), "host-again"))
			continue;
		/* On a busy machine each sample of a point may be disturbed. */
		if (strcmp(json_string_value(json_object_get(point, "status")), "ok")) {
			assert_non_null(strstr(json_string_value(json_object_get(point, "reason")), "disturbed"));
			continue;
		}
		assert_true(fabs(median_of(point, "dtlb_load_walks_per_access") - UNITS * 0x0e08 / (9. * 8192)) < 1e-9);
		assert_true(
			json_is_number(json_object_get(metric_of(point, "dtlb_load_misses_l1_per_access"), "median")));
		/* 192 x 18 instructions for 73728 accesses are not believed, here as little as in one sample. */
		assert_string_not_equal(reason_in(metric_of(point, "instructions_per_access"), "reason"), "");
	}
	workspace_close(&workspace);
	plan_free(&m.plan);
	json_decref(measured.points);
	free(cost.cycles_per_tsc);
	gsl_rng_free(around.random);
	hardware_close(hardware);
}

/* nestwalk check: nulls without reasons, negative counts, samples that do not fit. */
static void wrong_counts_are_found(void **state)
{
	static const char *const wrong[] = {
		"{'hardware': null}",
		"{'hardware': 3}",
		"{'hardware': {'x': 1}}",
		"{'hardware': {'x': {'median': null, 'lo': null, 'hi': null, 'unit': 'u'}}}",
		"{'hardware': {'x': {'median': 1, 'lo': 1, 'hi': 1, 'unit': 'u', 'scaled': false, 'samples': 2}}}",
		"{'hardware': {'x': {'median': 1, 'lo': 1, 'hi': 1, 'unit': 'u', 'scaled': false, 'samples': 2}}, 'hardware_samples': {'x': [1, null]}}",
		"{'hardware': {'x': {'median': 1, 'lo': 1, 'hi': 1, 'unit': 'u', 'scaled': false, 'samples': 1}}, 'hardware_samples': {'x': [2, null]}}",
		"{'hardware': {'x': {'median': -1, 'lo': -1, 'hi': -1, 'unit': 'u', 'scaled': false, 'samples': 1}}, 'hardware_samples': {'x': [-1, null]}}",
		"{'hardware': {'x': {'median': 1, 'lo': 2, 'hi': 3, 'unit': 'u', 'scaled': false, 'samples': 1}}, 'hardware_samples': {'x': [1, null]}}",
		"{'hardware': {'x': {'median': 1, 'lo': 1, 'hi': 1, 'unit': 'u', 'samples': 1}}, 'hardware_samples': {'x': [1, null]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *text = strdup(wrong[i]);
		json_t *point;

		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		point = json_loads(text, 0, NULL);
		assert_non_null(point);
		json_object_set_new(point, "samples", json_pack("{s:[i,i]}", "round", 0, 1));
		if (!problems(point, NULL))
			fail_msg("nothing was found wrong with %s", text);
		json_decref(point);
		free(text);
	}
	/* Older runs have neither counters nor counts. */
	assert_int_equal(problems(json_null(), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(measurements_count_in_every_setting),
		TEST(wrong_counts_are_found),
	};

	return cmocka_run_group_tests_name("measurement counters", tests, encode_every_cpu, NULL);
}
