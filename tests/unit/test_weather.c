/* Waiting for quiet weather: how long a sample waits, what it is told, and what a run says. */
#include "measure/weather.h"

#include "base/units.h"
#include "space/canary.h"

#include <math.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void without_a_canary_nothing_waits_and_nothing_is_told(void **state)
{
	struct weather none = { .why = { "no memory for a canary" } };
	struct weather *weathers[] = { NULL, &none };
	json_t *json;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t patience_ns = NS_PER_S;
		struct weather_reading reading = weather_wait(weathers[i], &patience_ns, NULL);

		assert_true(isnan(reading.cycles));
		assert_false(reading.quiet);
		assert_int_equal(patience_ns, NS_PER_S);
		assert_true(isnan(weather_after(weathers[i], reading).cycles));
		weather_look_again(weathers[i]);
	}
	json = weather_json(&none);
	assert_true(json_is_null(json_object_get(json, "quiet_share")));
	assert_string_equal(json_string_value(json_object_get(json, "reason")), "no memory for a canary");
	json_decref(json);
}

static bool stop_at_once(void)
{
	return true;
}

/* A sample is quiet if it was so before and after, and its weather is the worse of the two readings. */
static void a_sample_has_the_worse_of_two_readings(void **state)
{
	struct weather weather;
	uint64_t patience_ns = 0;
	json_t *json;

	(void)state;
	weather_open(&weather, 1);
	if (!weather.canary)
		skip();
	for (unsigned i = 0; i < 20; i++) {
		struct weather_reading before = weather_wait(&weather, &patience_ns, stop_at_once);
		struct weather_reading dear = { 1000, false };

		assert_true(before.cycles > 0);
		assert_true(weather_after(&weather, before).cycles >= before.cycles);
		assert_true(weather_after(&weather, dear).cycles == 1000);
		assert_false(weather_after(&weather, dear).quiet);
	}
	assert_int_equal(weather.first_readings, 20);
	assert_int_equal(weather.samples, 60);
	assert_true(weather.quiet_samples <= 20);
	json = weather_json(&weather);
	assert_int_equal(json_integer_value(json_object_get(json, "readings")), 20);
	if (canary_facts(weather.canary).known) {
		double quiet = json_number_value(json_object_get(json, "quiet_share"));
		double busy = json_number_value(json_object_get(json, "busy_share"));

		assert_true(fabs(quiet + busy - 1) < 1e-9);
	}
	json_decref(json);
	weather_close(&weather);
}

/* Patience is for all samples of a bench together: what one has waited, the next ones do not have. */
static void patience_is_used_up_and_no_more(void **state)
{
	struct weather weather;
	uint64_t patience_ns = 2 * NS_PER_MS, before = patience_ns;

	(void)state;
	weather_open(&weather, 1);
	if (!weather.canary)
		skip();
	for (unsigned i = 0; i < 50; i++) {
		weather_wait(&weather, &patience_ns, NULL);
		assert_true(patience_ns <= before);
		before = patience_ns;
	}
	assert_true(weather.waited_ns == 0 || patience_ns < 2 * NS_PER_MS);
	weather_close(&weather);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_canary_nothing_waits_and_nothing_is_told),
		cmocka_unit_test(a_sample_has_the_worse_of_two_readings),
		cmocka_unit_test(patience_is_used_up_and_no_more),
	};

	return cmocka_run_group_tests_name("weather", tests, NULL, NULL);
}
