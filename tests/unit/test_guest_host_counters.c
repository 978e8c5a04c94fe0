/* guest/host_counters.c: counts of the vCPUs' threads while a guest runs, summed, on a made-up PMU. */
#include "guest/host_counters.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Asserts, so it comes after cmocka. */
#include "test_counters_pmu.h"

/* The made-up PMU does not ask whose threads they are. */
static const int threads[] = { 4001, 4002, 4003 };

/* @left: the counters that other users leave while the guest runs. */
static json_t *count_guest(unsigned vcpus, unsigned units, unsigned left, struct reason *why)
{
	const struct host_counters_plan plan = {
		.threads = threads,
		.vcpus = vcpus,
		.scope = COUNT_GUEST,
		.microarch = microarch_named("skx"),
		.calls = &fake_calls,
	};
	struct host_counters counters;

	host_counters_begin(&counters, &plan);
	work(1000000, units);
	if (left < pmu.counters)
		lose_counters(left);
	return host_counters_end(&counters, why);
}

static double number(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void counts_are_of_the_guest_and_summed_over_its_vcpus(void **state)
{
	struct reason why;
	json_t *one, *three;

	(void)state;
	pmu.counters = 4;
	one = count_guest(1, 10, pmu.counters, &why);
	assert_non_null(one);
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		assert_int_equal(pmu.event[i].state, FAKE_FREE);
	three = count_guest(3, 10, pmu.counters, &why);
	assert_non_null(three);
	assert_true(number(one, "dtlb_load_walks") > 0);
	assert_true(number(three, "dtlb_load_walks") == 3 * number(one, "dtlb_load_walks"));
	assert_true(number(three, "dtlb_walk_cycles") == 3 * number(one, "dtlb_walk_cycles"));
	assert_true(number(three, "cycles") == 3 * number(one, "cycles"));
	assert_true(json_is_false(json_object_get(three, "scaled")));
	json_decref(one);
	json_decref(three);
}

/* Two counters take two of the metrics: the others would have to be multiplexed, and say that they were not. */
static void what_does_not_fit_is_unknown_with_a_reason(void **state)
{
	struct reason why;
	json_t *counters;
	unsigned unknown = 0;
	const char *key;
	json_t *value;

	(void)state;
	pmu.counters = 2;
	counters = count_guest(2, 10, pmu.counters, &why);
	assert_non_null(counters);
	json_object_foreach (counters, key, value) {
		char beside[64];

		if (!json_is_null(value))
			continue;
		snprintf(beside, sizeof(beside), "%s_reason", key);
		assert_true(json_string_length(json_object_get(counters, beside)) > 0);
		unknown++;
	}
	assert_in_range(unknown, 1, 3);
	json_decref(counters);
}

static void without_a_pmu_nothing_is_known_and_that_is_said(void **state)
{
	struct reason why = { "" };

	(void)state;
	pmu.counters = 0;
	assert_null(count_guest(2, 10, pmu.counters, &why));
	assert_true(strlen(why.text) > 0);
}

static void counters_that_are_taken_away_leave_no_number(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_null(count_guest(1, 10, 1, &why));
	assert_true(strlen(why.text) > 0);
}

static int encode_every_cpu(void **state)
{
	(void)state;
	return setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pmu_reset, pmu_check)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(counts_are_of_the_guest_and_summed_over_its_vcpus),
		TEST(what_does_not_fit_is_unknown_with_a_reason),
		TEST(counters_that_are_taken_away_leave_no_number),
		TEST(without_a_pmu_nothing_is_known_and_that_is_said),
	};

	return cmocka_run_group_tests(tests, encode_every_cpu, NULL);
}
