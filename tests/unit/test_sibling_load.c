/* The load for a core's other thread: it burns its CPU's time when told to, and none otherwise. */
#include "base/units.h"
#include "system/sibling_load.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The CPU time of all threads of this process. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return timespec_ns(now);
}

static void rest(uint64_t ns)
{
	struct timespec time = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	nanosleep(&time, NULL);
}

/* A CPU that this process may use. */
static int some_cpu(void)
{
	cpu_set_t cpus;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	return cpu;
}

/* A busy machine may give the thread little time, but it gives it some. */
static void wait_for_cpu_time(uint64_t ns)
{
	uint64_t began = cpu_ns(), deadline = now_ns() + 30 * NS_PER_S;

	while (cpu_ns() - began < ns && now_ns() < deadline)
		rest(NS_PER_MS);
	assert_true(cpu_ns() - began >= ns);
}

static void it_is_busy_only_when_told(void **state)
{
	struct sibling_load *load;
	struct reason why;

	(void)state;
	assert_int_equal(sibling_load_start(&load, some_cpu(), &why), 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		uint64_t before;

		sibling_load_set(load, true);
		wait_for_cpu_time(20 * NS_PER_MS);
		sibling_load_set(load, false);
		rest(20 * NS_PER_MS);
		before = cpu_ns();
		rest(100 * NS_PER_MS);
		assert_true(cpu_ns() - before < 50 * NS_PER_MS);
	}
	/* It ends also while it is busy. */
	sibling_load_set(load, true);
	sibling_load_stop(load);
	sibling_load_stop(NULL);
}

static void a_cpu_that_is_not_there_is_refused(void **state)
{
	struct sibling_load *load;
	struct reason why;

	(void)state;
	assert_int_equal(sibling_load_start(&load, -1, &why), -EINVAL);
	assert_int_equal(sibling_load_start(&load, CPU_SETSIZE, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_busy_only_when_told),
		cmocka_unit_test(a_cpu_that_is_not_there_is_refused),
	};

	return cmocka_run_group_tests_name("sibling_load", tests, NULL, NULL);
}
