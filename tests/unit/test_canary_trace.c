/* What a trace of canary readings says, on made-up traces. */
#include "base/units.h"
#include "space/canary_trace.h"

#include <math.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One reading each `step_ns`; a letter a reading: '.' quiet, '#' busy. */
static struct canary_trace watch(const char *readings, uint64_t step_ns)
{
	struct canary_trace trace = { 0 };

	for (uint64_t i = 0; readings[i]; i++)
		canary_trace_add(&trace, NS_PER_S + i * step_ns, readings[i] == '.');
	canary_trace_end(&trace);
	return trace;
}

static void nothing_was_read(void **state)
{
	struct canary_trace trace = watch("", NS_PER_MS);

	(void)state;
	assert_true(isnan(canary_trace_busy_share(&trace)));
	assert_int_equal(trace.spells, 0);
	assert_int_equal(trace.longest_spell_ns, 0);
}

static void quiet_and_busy_through_and_through(void **state)
{
	struct canary_trace quiet = watch("..........", NS_PER_MS), busy = watch("##########", NS_PER_MS);

	(void)state;
	assert_true(canary_trace_busy_share(&quiet) == 0);
	assert_int_equal(quiet.spells, 0);
	assert_true(canary_trace_busy_share(&busy) == 1);
	assert_int_equal(busy.spells, 1);
	assert_int_equal(busy.spikes, 0);
	assert_int_equal(busy.longest_spell_ns, 9 * NS_PER_MS);
}

static void a_timer_tick_is_no_weather(void **state)
{
	struct canary_trace one = watch("....#....", NS_PER_MS);
	/* Ticks 22 ms apart, as often as a kernel may have them. */
	struct canary_trace many = watch("..#.....................#.....................#..", NS_PER_MS);
	struct canary_trace last = watch("....#", NS_PER_MS);

	(void)state;
	assert_int_equal(one.spikes, 1);
	assert_int_equal(one.busy, 0);
	assert_int_equal(one.spells, 0);
	assert_int_equal(many.spikes, 3);
	assert_int_equal(many.busy, 0);
	assert_int_equal(last.spikes, 1);
	assert_int_equal(last.busy, 0);
}

/* A neighbour who is busy every other millisecond is busy half of the time, and no row of ticks. */
static void flicker_is_weather(void **state)
{
	struct canary_trace trace = watch("..#.#.#.#.#.#.#.#.#.#.", NS_PER_MS);

	(void)state;
	assert_true(trace.spikes <= 1);
	assert_true(trace.busy >= 9);
	assert_int_equal(trace.spells, 1);
}

static void spells_end_after_a_long_pause_only(void **state)
{
	/* 4 ms busy, a pause of 3 ms, 2 ms busy; a pause of 25 ms; 3 ms busy. */
	struct canary_trace trace = watch("..####...##.........................###..", NS_PER_MS);

	(void)state;
	assert_int_equal(trace.busy, 9);
	assert_int_equal(trace.spells, 2);
	assert_int_equal(trace.longest_spell_ns, 9 * NS_PER_MS);
	assert_int_equal(trace.readings, 41);
}

/* Readings half a second apart cannot tell a tick from a neighbour: each busy one counts. */
static void sparse_readings_count_as_they_are(void **state)
{
	struct canary_trace trace = watch("..#..##..", 500 * NS_PER_MS);

	(void)state;
	assert_int_equal(trace.spikes, 0);
	assert_int_equal(trace.busy, 3);
	assert_int_equal(trace.spells, 2);
	assert_int_equal(trace.longest_spell_ns, 500 * NS_PER_MS);
	assert_float_equal(canary_trace_busy_share(&trace), 1.0 / 3, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_was_read),
		cmocka_unit_test(quiet_and_busy_through_and_through),
		cmocka_unit_test(a_timer_tick_is_no_weather),
		cmocka_unit_test(flicker_is_weather),
		cmocka_unit_test(spells_end_after_a_long_pause_only),
		cmocka_unit_test(sparse_readings_count_as_they_are),
	};

	return cmocka_run_group_tests_name("canary_trace", tests, NULL, NULL);
}
