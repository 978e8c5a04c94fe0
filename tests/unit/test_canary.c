/* The canary: its calibration on made-up CPUs in made-up weather, and its readings on this one. */
#include "space/canary.h"
#include "space/canary_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A made-up CPU: what fits costs an L1 hit. */
struct cpu {
	unsigned pages, lines; /* that fit */
	/* In `busy` of each `period` tries the sibling takes so many of them. */
	unsigned busy, period, taken_pages, taken_lines;
	unsigned disturbed_every; /* a try whose L1 hits were delayed; 0: none */
	unsigned lucky_every; /* a try in which everything fits; 0: none */
	unsigned conflict; /* so many lines a page lie so that some of them meet in one way of the cache; 0: none */
	unsigned step; /* a step of the TSC makes every other try so many thousandths dearer */
	unsigned tries;
};

/* An L1 TLB miss costs 7 cycles, an L1 cache miss 10, an L1 hit 4. */
static double cost_on(void *data, struct canary_shape shape)
{
	struct cpu *cpu = data;
	unsigned moment = cpu->tries++;
	/* The stride shares no factor with the period, so that the tries of one shape meet all kinds of moments. */
	bool busy = cpu->period && moment * 7919 % cpu->period < cpu->busy;
	unsigned pages = cpu->pages - (busy ? cpu->taken_pages : 0);
	unsigned lines = cpu->lines - (busy ? cpu->taken_lines : 0);
	double cost = 1 + (cpu->step && moment % 2 ? cpu->step / 1000.0 : 0);

	if (cpu->lucky_every && moment % cpu->lucky_every == 0)
		return cost;
	if (shape.pages > pages)
		cost += fmin(1, 4.0 * (shape.pages - pages) / shape.pages) * 7 / 4;
	if (shape.pages * shape.lines_per_page > lines)
		cost += fmin(1, 4.0 * (shape.pages * shape.lines_per_page - lines) / lines) * 10 / 4;
	if (cpu->conflict && shape.lines_per_page == cpu->conflict)
		cost += 0.06;
	return cpu->disturbed_every && moment % cpu->disturbed_every == 1 ? 0.6 * cost : cost;
}

static struct canary_calibration calibrate(const struct cpu *cpu, unsigned pages_advertised, double latency_cycles)
{
	struct cpu copy = *cpu;
	const struct canary_subject subject = { .cost = cost_on,
		.data = &copy,
		.latency_cycles = latency_cycles,
		.pages_advertised = pages_advertised,
		.lines_advertised = pages_advertised ? cpu->lines + 2 : 0 };

	return canary_calibrate_on(&subject);
}

static void finds_the_size_of_tlb_and_cache(void **state)
{
	static const struct {
		struct cpu cpu;
		double latency_cycles;
		unsigned pages, lines_per_page;
	} cases[] = {
		/* Zen 4: 72 pages, 512 lines; a line of the kernel's arguments and the clock's steps beside them. */
		{ { .pages = 72, .lines = 510, .step = 9 }, 4, 71, 6 },
		/* Zen 5: 96 pages, 768 lines. */
		{ { .pages = 96, .lines = 766, .step = 9 }, 4, 95, 7 },
		/* Skylake: 64 pages, 512 lines. */
		{ { .pages = 64, .lines = 510 }, 4, 63, 7 },
		/* Golden Cove: 96 pages, 768 lines, 5 cycles. */
		{ { .pages = 96, .lines = 766 }, 5, 95, 7 },
		/* An Atom: 32 pages, 384 lines. */
		{ { .pages = 32, .lines = 382 }, 3, 31, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned told = 0; told < 2; told++) {
			struct canary_calibration found =
				calibrate(&cases[i].cpu, told ? cases[i].cpu.pages : 0, cases[i].latency_cycles);

			assert_true(found.known);
			assert_int_equal(found.shape.pages, cases[i].pages);
			assert_int_equal(found.shape.lines_per_page, cases[i].lines_per_page);
		}
}

/* Seven of ten moments are busy, and the rest suffice. */
static void bad_weather_changes_nothing(void **state)
{
	const struct cpu cpu = {
		.pages = 72, .lines = 510, .busy = 7, .period = 10, .taken_pages = 30, .taken_lines = 300, .step = 9
	};
	struct canary_calibration found = calibrate(&cpu, 72, 4);

	(void)state;
	assert_true(found.known);
	assert_int_equal(found.shape.pages, 71);
	assert_int_equal(found.shape.lines_per_page, 6);
}

/* Where the sibling is busy in every moment, nothing is known, whatever fits beside it. */
static void always_busy_is_not_known_to_be_quiet(void **state)
{
	const struct cpu cpu = {
		.pages = 72, .lines = 510, .busy = 1, .period = 1, .taken_pages = 12, .taken_lines = 300
	};
	const struct cpu worse = {
		.pages = 72, .lines = 510, .busy = 1, .period = 1, .taken_pages = 72, .taken_lines = 510
	};
	const struct cpu cache_only = { .pages = 72, .lines = 510, .busy = 1, .period = 1, .taken_lines = 300 };
	struct canary_calibration found = calibrate(&cpu, 72, 4);

	(void)state;
	assert_false(found.known);
	assert_non_null(strstr(found.unknown.text, "more than 60 pages"));
	assert_non_null(strstr(found.unknown.text, "busy all the time"));
	found = calibrate(&cache_only, 72, 4);
	assert_false(found.known);
	assert_non_null(strstr(found.unknown.text, "more than 142 lines"));
	found = calibrate(&worse, 0, 4);
	assert_false(found.known);
	assert_true(found.shape.pages >= 1 && found.shape.lines_per_page >= 1);
}

/* A number that no CPU has is a hypervisor's invention, and counts as none. */
static void an_invented_number_of_pages_is_passed_over(void **state)
{
	const struct cpu cpu = { .pages = 72, .lines = 510 };

	(void)state;
	assert_true(calibrate(&cpu, 255, 4).known);
}

static void an_emulator_has_no_weather(void **state)
{
	const struct cpu cpu = { .pages = 72, .lines = 510 };

	(void)state;
	assert_false(calibrate(&cpu, 72, 1.1).known);
	assert_false(calibrate(&cpu, 72, 25).known);
	assert_false(calibrate(&cpu, 72, NAN).known);
	assert_non_null(strstr(calibrate(&cpu, 72, 25).unknown.text, "emulator"));
}

/* Neither L1 hits that were delayed nor moments in which too much seemed to fit make the chase too large. */
static void odd_moments_decide_nothing(void **state)
{
	const struct cpu cpu = { .pages = 72, .lines = 510, .disturbed_every = 13, .lucky_every = 29 };
	struct canary_calibration found = calibrate(&cpu, 72, 4);

	(void)state;
	assert_true(found.known);
	assert_int_equal(found.shape.pages, 71);
	assert_int_equal(found.shape.lines_per_page, 6);
}

/* A smaller chase lies elsewhere, and need not fit because a larger one does. */
static void only_what_was_seen_to_fit_is_chosen(void **state)
{
	const struct cpu cpu = { .pages = 72, .lines = 510, .conflict = 6 };
	struct canary_calibration found = calibrate(&cpu, 72, 4);

	(void)state;
	assert_true(found.known);
	assert_int_equal(found.shape.pages, 71);
	assert_int_equal(found.shape.lines_per_page, 5);
}

static void it_reads_on_this_machine(void **state)
{
	struct canary_facts facts;
	struct canary *canary;
	struct reason why;

	(void)state;
	assert_int_equal(canary_open(&canary, 1, &why), 0);
	facts = canary_facts(canary);
	assert_true(facts.floor_cycles > 0);
	assert_true(facts.quiet_most_cycles > facts.floor_cycles);
	assert_true(facts.pages >= CANARY_PAGES_LEAST && facts.pages < CANARY_PAGES_MOST);
	assert_int_equal(facts.lines % facts.pages, 0);
	assert_true(facts.lines <= CANARY_LINES_MOST);
	assert_true(facts.known || facts.unknown.text[0]);
	for (unsigned i = 0; i < 100; i++) {
		double cycles = canary_read(canary);

		assert_true(isfinite(cycles) && cycles > 0);
		assert_int_equal(canary_is_quiet(canary, cycles), facts.known && cycles <= facts.quiet_most_cycles);
	}
	assert_int_equal(canary_is_quiet(canary, facts.floor_cycles), facts.known);
	assert_false(canary_is_quiet(canary, 2 * facts.floor_cycles));
	assert_false(canary_is_quiet(canary, NAN));
	canary_close(canary);
	canary_close(NULL);
}

static void longer_readings_have_floors_of_their_own(void **state)
{
	struct canary *canary;
	struct reason why;

	(void)state;
	assert_int_equal(canary_open(&canary, 2, &why), 0);
	assert_int_equal(canary_add_levels(canary, &why), 0);
	for (unsigned level = 0; level < CANARY_LEVELS; level++) {
		double least = INFINITY;

		assert_true(isnan(canary_facts(canary).level_floor_cycles[level]));
		for (unsigned i = 0; i < 5; i++)
			least = fmin(least, canary_read_level(canary, (enum canary_level)level));
		assert_true(isfinite(least) && least > 0);
		assert_true(canary_facts(canary).level_floor_cycles[level] == least);
	}
	canary_close(canary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_size_of_tlb_and_cache),
		cmocka_unit_test(bad_weather_changes_nothing),
		cmocka_unit_test(always_busy_is_not_known_to_be_quiet),
		cmocka_unit_test(an_invented_number_of_pages_is_passed_over),
		cmocka_unit_test(an_emulator_has_no_weather),
		cmocka_unit_test(odd_moments_decide_nothing),
		cmocka_unit_test(only_what_was_seen_to_fit_is_chosen),
		cmocka_unit_test(it_reads_on_this_machine),
		cmocka_unit_test(longer_readings_have_floors_of_their_own),
	};

	return cmocka_run_group_tests_name("canary", tests, NULL, NULL);
}
