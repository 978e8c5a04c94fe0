/*
 * Context switches: two workers take turns on one CPU and touch the same memory, and a failure gives an error, not a
 * number.
 */
#include "base/units.h"
#include "system/context_switch.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PAGES 64u

static int home_cpu;
static struct backed memory;

static void no_child_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static struct context_switch_spec spec_of(enum workers_as between, enum context_switch_via via)
{
	return (struct context_switch_spec){ .between = between, .via = via, .cpu = home_cpu };
}

/* One line in each of 64 pages, in ascending order and back to the first. */
static void touching(struct context_switch_spec *spec)
{
	for (unsigned i = 0; i < PAGES; i++)
		*(void **)(memory.at + i * (PAGE_4K + LINE_BYTES) % (PAGES * PAGE_4K)) =
			memory.at + (i + 1) % PAGES * (PAGE_4K + LINE_BYTES) % (PAGES * PAGE_4K);
	spec->memory = &memory;
	spec->start = memory.at;
	spec->pages = PAGES;
}

static void check(const struct context_switch_spec *spec)
{
	struct context_switch_result result;
	struct reason why = { "" };

	if (context_switch_take(spec, &result, &why))
		fail_msg("%s by %s: %s", workers_names[spec->between], context_switch_via_names[spec->via], why.text);
	assert_int_equal(result.trips, CONTEXT_SWITCH_TRIPS);
	/* Two system calls take 100 cycles at least; a second would be no context switch. */
	assert_true(result.switch_tsc > 100 && result.switch_tsc < 1e10);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(result.usage[i].voluntary_switches + result.usage[i].involuntary_switches >=
			    result.switches_least);
		assert_true(result.usage[i].cpu_ns <= result.elapsed_ns + NS_PER_MS);
	}
	assert_true(result.away_ns <= result.elapsed_ns);
	assert_true(result.switches_least >= CONTEXT_SWITCH_TRIPS + result.rounds);
	if (spec->pages) {
		assert_in_range(result.rounds, CONTEXT_SWITCH_ROUNDS_LEAST, CONTEXT_SWITCH_ROUNDS_MOST);
		/* A touch takes at least an L1 hit, and at most the other worker's time slice for each page. */
		assert_true(result.touch_tsc > 0.5 && result.touch_tsc < 1e9);
		assert_true(result.warm_tsc > 0.5 && result.warm_tsc < 1e9);
	} else {
		assert_int_equal(result.rounds, 0);
		assert_true(isnan(result.touch_tsc) && isnan(result.warm_tsc));
	}
	no_child_is_left();
}

static void turns_are_taken(void **state)
{
	(void)state;
	for (unsigned between = 0; between < WORKERS_KINDS; between++)
		for (unsigned via = 0; via < CONTEXT_SWITCH_VIAS; via++) {
			struct context_switch_spec spec =
				spec_of((enum workers_as)between, (enum context_switch_via)via);

			check(&spec);
		}
}

static void memory_is_touched(void **state)
{
	(void)state;
	for (unsigned between = 0; between < WORKERS_KINDS; between++)
		for (unsigned via = 0; via < CONTEXT_SWITCH_VIAS; via++) {
			struct context_switch_spec spec =
				spec_of((enum workers_as)between, (enum context_switch_via)via);

			touching(&spec);
			check(&spec);
		}
}

/* A broken chain ends the experiment in both workers, and neither waits for a turn that never comes. */
static void a_broken_chain_is_an_error(void **state)
{
	(void)state;
	for (unsigned between = 0; between < WORKERS_KINDS; between++)
		for (unsigned via = 0; via < CONTEXT_SWITCH_VIAS; via++) {
			struct context_switch_spec spec =
				spec_of((enum workers_as)between, (enum context_switch_via)via);
			struct context_switch_result result;
			struct reason why = { "" };

			touching(&spec);
			spec.pages--;
			assert_int_equal(context_switch_take(&spec, &result, &why), -EIO);
			assert_non_null(strstr(why.text, "a chain of 63 pages"));
			no_child_is_left();
		}
}

static void another_page_size_is_an_error(void **state)
{
	struct context_switch_spec spec = spec_of(WORKERS_PROCESSES, CONTEXT_SWITCH_FUTEX);
	struct backed other;
	struct context_switch_result result;
	struct reason why = { "" };

	(void)state;
	touching(&spec);
	other = memory;
	other.backing = BACKING_2M_THP;
	spec.memory = &other;
	assert_int_equal(context_switch_take(&spec, &result, &why), -EIO);
	assert_non_null(strstr(why.text, "2048 KiB"));
	no_child_is_left();
}

static void switches_are_judged(void **state)
{
	struct context_switch_result result = {
		.switches_least = 100,
		.usage = { { .voluntary_switches = 100 }, { .voluntary_switches = 98, .involuntary_switches = 2 } },
	};
	struct reason why = { "" };

	(void)state;
	assert_int_equal(context_switch_judge(&result, &why), 0);
	result.usage[1].involuntary_switches = 1;
	assert_int_equal(context_switch_judge(&result, &why), -EIO);
	assert_non_null(strstr(why.text, "100 times"));
	assert_non_null(strstr(why.text, "98 voluntary and 1"));
}

static bool always(void)
{
	return true;
}

static void stopping_ends_it(void **state)
{
	struct context_switch_spec spec = spec_of(WORKERS_PROCESSES, CONTEXT_SWITCH_PIPE);
	struct context_switch_result result;
	struct reason why = { "" };

	(void)state;
	spec.stop = always;
	assert_int_equal(context_switch_take(&spec, &result, &why), -EINTR);
	no_child_is_left();
}

static int set_up(void **state)
{
	(void)state;
	home_cpu = sched_getcpu();
	return backed_alloc(&memory, BACKING_4K, (PAGES + 1) * PAGE_4K, NULL, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	backed_free(&memory);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_are_taken),
		cmocka_unit_test(memory_is_touched),
		cmocka_unit_test(a_broken_chain_is_an_error),
		cmocka_unit_test(another_page_size_is_an_error),
		cmocka_unit_test(switches_are_judged),
		cmocka_unit_test(stopping_ends_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
