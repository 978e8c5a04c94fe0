/*
 * Shootdowns: the time that counts as lost; the pages are taken away, the others are interrupted, and nothing is left
 * over.
 */
#include "base/units.h"
#include "machine/outer.h"
#include "machine/source.h"
#include "system/shootdown.h"
#include "system/stall_detector.h"

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

static int cpus[2];
static unsigned cpu_count;

static void no_child_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static struct shootdown_spec spec_of(enum shootdown_operation operation, uint32_t pages, unsigned others)
{
	return (struct shootdown_spec){
		.experiment = { operation, pages, others }, .cpus = cpus, .memory_most_bytes = 32 * MIB
	};
}

/* The call lasts from 1000 to 2000; a step of the loop takes 30. */
static void stalls_in_the_call_count(void **state)
{
	struct stall_detector detector = { .usual_tsc = 30 };

	(void)state;
	assert_int_equal(stall_detector_within(&detector, 1000, 2000), 0);
	/* Stalls before and after the call do not count: a tick, and the way back to the loop's end. */
	stall_detector_add(&detector, 500, 999);
	stall_detector_add(&detector, 2010, 2500);
	assert_int_equal(stall_detector_within(&detector, 1000, 2000), 0);
	/* The loop fetches the line that says that the call is over. */
	stall_detector_add(&detector, 1990, 2300);
	assert_int_equal(stall_detector_within(&detector, 1000, 2000), 0);
	/* The interrupt, whose return ends after the call. */
	stall_detector_add(&detector, 1200, 2100);
	assert_int_equal(stall_detector_within(&detector, 1000, 2000), 900 - 30);
	/* At the call's begin something else had the CPU. */
	stall_detector_add(&detector, 900, 1130);
	assert_true(stall_detector_within(&detector, 1000, 2000) == STALL_DETECTOR_AWAY);
}

static void the_last_stalls_are_kept(void **state)
{
	struct stall_detector detector = { .usual_tsc = 10 };

	(void)state;
	for (unsigned i = 0; i < 3 * STALLS_KEPT; i++)
		stall_detector_add(&detector, 1000 * (uint64_t)i, 1000 * (uint64_t)i + 110);
	assert_int_equal(detector.count, 3 * STALLS_KEPT);
	assert_int_equal(stall_detector_within(&detector, 0, UINT64_MAX), 100 * STALLS_KEPT);
	assert_int_equal(stall_detector_within(&detector, 0, 1000 * 2 * STALLS_KEPT), 0);
}

static void interrupts_are_judged(void **state)
{
	struct shootdown_result result = { .counted = true, .others_there = 3.9, .interrupts_of_others = 3.9 };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(shootdown_judge(&result, NULL, &why), 0);
	result.interrupts_of_others = 1.94;
	assert_int_equal(shootdown_judge(&result, NULL, &why), -EIO);
	assert_non_null(strstr(why.text, "3.90 were there"));
	assert_non_null(strstr(why.text, "1.94 TLB interrupts"));
	assert_int_equal(shootdown_judge(&result, "a hypervisor", &why), 0);
	/* Where no other CPU is there, none can be interrupted. */
	result.others_there = result.interrupts_of_others = 0;
	assert_int_equal(shootdown_judge(&result, NULL, &why), 0);
	/* Where the kernel does not count there is nothing to judge. */
	result = (struct shootdown_result){ .others_there = 1, .interrupts_of_others = NAN };
	assert_int_equal(shootdown_judge(&result, NULL, &why), 0);
}

static void check_take(enum shootdown_operation operation, uint32_t pages, unsigned others)
{
	struct shootdown_spec spec = spec_of(operation, pages, others);
	struct shootdown_result result;
	struct reason why = { "" };

	if (shootdown_take(&spec, &result, &why))
		fail_msg(
			"%s of %u pages, %u others: %s", shootdown_operation_names[operation], pages, others, why.text);
	assert_in_range(result.repetitions, 16, SHOOTDOWN_REPETITIONS_MOST);
	assert_in_range(result.blocks, 1, result.repetitions);
	/* A system call takes 50 cycles at least; a second would be no call. */
	assert_true(result.operation_tsc > 50 && result.operation_tsc < 1e10);
	assert_true(result.others_there >= 0 && result.others_there <= others);
	assert_int_equal(isnan(result.victim_tsc), result.others_there == 0);
	assert_true(result.away_ns <= 2 * result.elapsed_ns);
	assert_int_equal(isnan(result.interrupts), !result.counted);
	assert_true(result.counted || result.uncounted.text[0]);
	if (result.counted)
		assert_true(result.interrupts_of_others <= result.interrupts);
	if (result.counted && !others)
		assert_true(result.interrupts_of_others == 0);
	no_child_is_left();
}

static void pages_go_where_nobody_else_has_them(void **state)
{
	(void)state;
	for (unsigned operation = 0; operation < SHOOTDOWN_OPERATIONS; operation++) {
		check_take((enum shootdown_operation)operation, 1, 0);
		check_take((enum shootdown_operation)operation, 34, 0);
		/* One region a block. */
		check_take((enum shootdown_operation)operation, 4096, 0);
	}
}

static void pages_go_from_another_cpu(void **state)
{
	(void)state;
	if (cpu_count < 2)
		skip();
	for (unsigned operation = 0; operation < SHOOTDOWN_OPERATIONS; operation++) {
		check_take((enum shootdown_operation)operation, 1, 1);
		check_take((enum shootdown_operation)operation, 512, 1);
	}
}

/* Without a hypervisor or INVLPGB, which may do without, the other CPU is interrupted, and loses time by it. */
static void the_other_is_interrupted(void **state)
{
	struct shootdown_spec spec = spec_of(SHOOTDOWN_MPROTECT, 8, 1);
	static struct machine_source source;
	struct shootdown_result result;
	struct outer outer;

	(void)state;
	if (cpu_count < 2)
		skip();
	assert_int_equal(shootdown_take(&spec, &result, NULL), 0);
	machine_source_live(&source);
	machine_outer(&source, &outer);
	if (!result.counted || (outer.is_guest && result.interrupts_of_others < 0.9) || result.others_there < 0.5 ||
		shootdown_judge(&result, NULL, NULL))
		skip();
	assert_true(result.victim_tsc > 0);
	/* One a call; a machine on which others flush, too, may count more. */
	assert_true(result.interrupts_of_others < 10);
}

static void what_means_nothing_is_refused(void **state)
{
	struct shootdown_spec spec = spec_of(SHOOTDOWN_MUNMAP, 0, 0);
	struct shootdown_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(shootdown_take(&spec, &result, &why), -EINVAL);
	spec.experiment.pages = SHOOTDOWN_PAGES_MOST + 1;
	assert_int_equal(shootdown_take(&spec, &result, &why), -EINVAL);
	spec.experiment.pages = 512;
	spec.memory_most_bytes = 1 * MIB;
	assert_int_equal(shootdown_take(&spec, &result, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "1024 KiB"));
	/* Memory for one region at a time. */
	spec.memory_most_bytes = 2 * MIB;
	assert_int_equal(shootdown_take(&spec, &result, &why), 0);
	no_child_is_left();
}

static bool always(void)
{
	return true;
}

static void stopping_ends_it(void **state)
{
	struct shootdown_spec spec = spec_of(SHOOTDOWN_MUNMAP, 512, 0);
	struct shootdown_result result;
	struct reason why = { "" };

	(void)state;
	spec.stop = always;
	assert_int_equal(shootdown_take(&spec, &result, &why), -EINTR);
	no_child_is_left();
}

static int find_cpus(void **state)
{
	cpu_set_t set;

	(void)state;
	if (sched_getaffinity(0, sizeof(set), &set))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE && cpu_count < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[cpu_count++] = cpu;
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stalls_in_the_call_count),
		cmocka_unit_test(the_last_stalls_are_kept),
		cmocka_unit_test(interrupts_are_judged),
		cmocka_unit_test(pages_go_where_nobody_else_has_them),
		cmocka_unit_test(pages_go_from_another_cpu),
		cmocka_unit_test(the_other_is_interrupted),
		cmocka_unit_test(what_means_nothing_is_refused),
		cmocka_unit_test(stopping_ends_it),
	};

	return cmocka_run_group_tests(tests, find_cpus, NULL);
}
