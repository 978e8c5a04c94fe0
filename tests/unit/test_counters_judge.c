/* Implausible counts, counts compared with time, and the meaning of each refusal of the kernel on made-up machines. */
#include "counters/judge.h"
#include "machine/perf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void judge(enum count_metric metric, double value, double walks_least, int error, const char *words)
{
	const struct count_expectation expectation = { .accesses = 10000, .walks_least = walks_least };
	struct reason why = { "" };

	assert_int_equal(judge_count(metric, value, &expectation, &why), error);
	assert_non_null(strstr(why.text, words));
}

static void test_bounds(void **state)
{
	(void)state;
	judge(COUNT_DTLB_LOAD_WALKS, 0, 0, 0, "");
	judge(COUNT_DTLB_LOAD_WALKS, 10100, 0, 0, "");
	judge(COUNT_DTLB_LOAD_WALKS, 30000, 0, -ERANGE, "counted 3 an access, where 0 to 2 are possible");
	judge(COUNT_CYCLES, 40000, 0, 0, "");
	judge(COUNT_CYCLES, 100, 0, -ERANGE, "cycles counted 0.01 an access");
	judge(COUNT_INSTRUCTIONS, 11250, 0, 0, "");
	judge(COUNT_INSTRUCTIONS, 0, 0, -ERANGE, "instructions counted 0");
	judge(COUNT_PAGE_FAULTS, 10000, 0, 0, "");
	judge(COUNT_PAGE_FAULTS, 30000, 0, -ERANGE, "page_faults");
	/* A difference of counts may be a little below 0; far below 0 it is not believed. */
	judge(COUNT_DTLB_LOAD_WALKS_1G, -50, 0, 0, "");
	judge(COUNT_DTLB_LOAD_WALKS_1G, -5000, 0, -ERANGE, "-0.5 an access");
	/* What is unknown is not implausible, and without accesses nothing is per access. */
	judge(COUNT_CYCLES, NAN, 5000, 0, "");
	assert_int_equal(judge_count(COUNT_CYCLES, 1, &(struct count_expectation){ .accesses = 0 }, NULL), 0);
}

static void test_zero_where_walks_must_be(void **state)
{
	(void)state;
	judge(COUNT_DTLB_LOAD_WALKS, 0, 9000, -ERANGE, "counted 0 where at least 9000 page walks must have happened");
	judge(COUNT_DTLB_WALK_CYCLES, 3, 9000, -ERANGE, "dtlb_walk_cycles counted 3");
	judge(COUNT_DTLB_WALK_PENDING, 0, 9000, -ERANGE, "guest mode");
	judge(COUNT_DTLB_LOAD_WALKS, 9500, 9000, 0, "");
	/*
	 * These counts may be 0: natively there is no EPT, beyond the second level it has no hits, and there are no 1G
	 * pages.
	 */
	judge(COUNT_EPT_WALK_CYCLES, 0, 9000, 0, "");
	judge(COUNT_DTLB_LOAD_MISSES_L1, 0, 9000, 0, "");
	judge(COUNT_DTLB_LOAD_WALKS_1G, 0, 9000, 0, "");
}

/* --- refusals --- */

static char root[] = "/tmp/nestwalk-judge-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	/* Make every directory of the path. */
	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(full, sizeof(full), "%s/%.*s", root, (int)(at - path), path);
		mkdir(full, 0755);
	}
	snprintf(full, sizeof(full), "%s/%s", root, path);
	if (!text) {
		mkdir(full, 0755);
		return;
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void refused(struct perf_refusal refusal, const char *words)
{
	struct machine_source source;
	struct reason why = { "" };

	assert_int_equal(machine_source_root(&source, root, &why), 0);
	assert_int_equal(machine_perf_refused(&source, &refusal, &why), -refusal.error);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
	machine_source_close(&source);
}

static void test_refusals(void **state)
{
	(void)state;
	put("proc/sys/kernel/perf_event_paranoid", "3\n");
	put("proc/sys/kernel/nmi_watchdog", "0\n");
	put("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n");
	refused((struct perf_refusal){ .error = ENOENT }, "/sys is not there, or is hidden");
	put("sys/bus/event_source/devices/software", NULL);
	refused((struct perf_refusal){ .error = ENOENT }, "no PMU: this Linux is a guest of");
	refused((struct perf_refusal){ .error = ENOENT }, "-cpu host,pmu=on");
	put("sys/bus/event_source/devices/cpu", NULL);
	refused((struct perf_refusal){ .error = ENOENT }, "does not have the event");
	refused((struct perf_refusal){ .error = ENOENT, .software = true }, "this kernel does not count that event");
	refused((struct perf_refusal){ .error = EOPNOTSUPP }, "mediated vPMU");
	refused((struct perf_refusal){ .error = EOPNOTSUPP, .guest_only = true }, "exclude_host is refused");
	refused((struct perf_refusal){ .error = EINVAL, .guest_only = true }, "refuses exclude_host");
	refused((struct perf_refusal){ .error = EINVAL }, "refuses the event");
	refused((struct perf_refusal){ .error = EACCES },
		"perf_event_paranoid=3; as root: sysctl kernel.perf_event_paranoid=1");
	refused((struct perf_refusal){ .error = EACCES, .other_thread = true }, "another thread");
	refused((struct perf_refusal){ .error = EMFILE }, "ulimit -n");
	refused((struct perf_refusal){ .error = ESRCH }, "has ended");
	refused((struct perf_refusal){ .error = ENOSYS }, "no perf events");
	refused((struct perf_refusal){ .error = EIO }, "perf_event_open: ");
}

static void test_who_forbids(void **state)
{
	(void)state;
	put("proc/self/status", "Name:\tx\nSeccomp:\t0\n");
	refused((struct perf_refusal){ .error = EPERM }, "CAP_PERFMON");
	put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	refused((struct perf_refusal){ .error = EPERM }, "CAP_PERFMON");
	put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	refused((struct perf_refusal){ .error = EPERM }, "lockdown mode confidentiality");
	put("proc/self/status", "Name:\tx\nSeccomp:\t2\n");
	refused((struct perf_refusal){ .error = EPERM }, "--cap-add PERFMON");
}

static void test_who_has_the_counters(void **state)
{
	(void)state;
	put("proc/sys/kernel/nmi_watchdog", "1\n");
	refused((struct perf_refusal){ .error = EBUSY }, "sysctl kernel.nmi_watchdog=0");
	put("proc/sys/kernel/nmi_watchdog", "0\n");
	refused((struct perf_refusal){ .error = EBUSY }, "lsof");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_zero_where_walks_must_be),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_who_forbids),
		cmocka_unit_test(test_who_has_the_counters),
	};

	return cmocka_run_group_tests(tests, make_root, drop_root);
}
