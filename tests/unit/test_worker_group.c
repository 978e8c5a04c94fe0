/* Worker groups: workers work at the same time, their results arrive, and nothing is left over whatever happens. */
#include "base/units.h"
#include "system/worker_group.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
/* Its assertion of this name is not used here; ours fills a reason. */
#undef fail

#define ACTORS 4u

struct result {
	unsigned index;
	int pid, cpu;
	uint64_t met_ns[2];
	int error; /* of usage */
};

/* Any CPU will do: workers may share one. */
static int home_cpu;
static const int *cpus(void)
{
	static int list[ACTORS];

	for (unsigned i = 0; i < ACTORS; i++)
		list[i] = home_cpu;
	return list;
}

static struct worker_group_spec spec_of(enum workers_as as, worker_group_work work)
{
	return (struct worker_group_spec){ .as = as,
		.workers = ACTORS,
		.cpus = cpus(),
		.work = work,
		.result_bytes = sizeof(struct result),
		.shared_bytes = PAGE_4K };
}

static int meet_twice(struct worker *worker, struct reason *why)
{
	struct result *result = worker->result;
	_Atomic unsigned *count = worker->shared;

	(void)why;
	result->index = worker->index;
	result->pid = (int)getpid();
	result->cpu = sched_getcpu();
	atomic_fetch_add(count, 1);
	if (worker_meet(worker))
		return -ECANCELED;
	/* All have counted before any goes on. */
	if (atomic_load(count) != worker->count)
		return -EIO;
	result->met_ns[0] = now_ns();
	if (worker_meet(worker))
		return -ECANCELED;
	result->met_ns[1] = now_ns();
	return 0;
}

static void no_child_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void check_meeting(enum workers_as as)
{
	struct worker_group_spec spec = spec_of(as, meet_twice);
	struct reason why = { "" };
	struct worker_group group;

	assert_int_equal(worker_group_run(&spec, &group, &why), 0);
	for (unsigned i = 0; i < ACTORS; i++) {
		const struct result *one = worker_group_result(&group, i), *first = worker_group_result(&group, 0);

		assert_int_equal(one->index, i);
		assert_int_equal(one->cpu, home_cpu);
		assert_true(one->pid != getpid());
		if (i)
			assert_true((one->pid == first->pid) == (as == WORKERS_THREADS));
		for (unsigned k = 0; k < ACTORS; k++)
			assert_true(one->met_ns[1] >= ((struct result *)worker_group_result(&group, k))->met_ns[0]);
	}
	worker_group_dismiss(&group);
	no_child_is_left();
}

static void threads_meet(void **state)
{
	(void)state;
	check_meeting(WORKERS_THREADS);
}

static void processes_meet(void **state)
{
	(void)state;
	check_meeting(WORKERS_PROCESSES);
}

static int second_fails(struct worker *worker, struct reason *why)
{
	if (worker->index == 1)
		return fail(why, EXDEV, "the second one cannot");
	return worker_meet(worker);
}

static void the_first_failure_is_told(void **state)
{
	(void)state;
	for (unsigned as = 0; as < WORKERS_KINDS; as++) {
		struct worker_group_spec spec = spec_of((enum workers_as)as, second_fails);
		struct reason why = { "" };
		struct worker_group group;

		assert_int_equal(worker_group_run(&spec, &group, &why), -EXDEV);
		assert_string_equal(why.text, "the second one cannot");
		no_child_is_left();
	}
}

static int second_is_killed(struct worker *worker, struct reason *why)
{
	(void)why;
	if (worker->index == 1)
		raise(SIGKILL);
	return worker_meet(worker);
}

static void a_process_that_dies_is_no_result(void **state)
{
	(void)state;
	for (unsigned as = 0; as < WORKERS_KINDS; as++) {
		struct worker_group_spec spec = spec_of((enum workers_as)as, second_is_killed);
		struct reason why = { "" };
		struct worker_group group;

		assert_int_equal(worker_group_run(&spec, &group, &why), -EIO);
		assert_non_null(strstr(why.text, "signal 9"));
		no_child_is_left();
	}
}

static int never_ends(struct worker *worker, struct reason *why)
{
	(void)why;
	while (!worker_canceled(worker))
		sched_yield();
	return -ECANCELED;
}

static bool at_once(void)
{
	return true;
}

static void stopping_ends_them(void **state)
{
	struct worker_group_spec spec = spec_of(WORKERS_PROCESSES, never_ends);
	struct reason why = { "" };
	struct worker_group group;

	(void)state;
	spec.stop = at_once;
	assert_int_equal(worker_group_run(&spec, &group, &why), -EINTR);
	no_child_is_left();
}

static void a_worker_group_that_hangs_is_ended(void **state)
{
	struct worker_group_spec spec = spec_of(WORKERS_THREADS, never_ends);
	struct reason why = { "" };
	struct worker_group group;

	(void)state;
	spec.limit_ns = 10 * NS_PER_MS;
	assert_int_equal(worker_group_run(&spec, &group, &why), -ETIME);
	no_child_is_left();
}

static void those_that_stay_go_when_dismissed(void **state)
{
	struct worker_group_spec spec = spec_of(WORKERS_PROCESSES, meet_twice);
	struct reason why = { "" };
	struct worker_group group;
	pid_t one;

	(void)state;
	spec.keep = true;
	assert_int_equal(worker_group_run(&spec, &group, &why), 0);
	one = ((struct result *)worker_group_result(&group, 2))->pid;
	assert_int_equal(kill(one, 0), 0);
	worker_group_dismiss(&group);
	assert_int_equal(kill(one, 0), -1);
	no_child_is_left();
}

/* A killed process leaves no workers: the kernel ends them with their parent. */
static void orphans_end(void **state)
{
	int ends[2];
	pid_t parent, worker = 0;
	bool gone = false;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	parent = fork();
	if (!parent) {
		struct worker_group_spec spec = spec_of(WORKERS_PROCESSES, meet_twice);
		struct worker_group group;

		spec.keep = true;
		if (!worker_group_run(&spec, &group, NULL))
			worker = ((struct result *)worker_group_result(&group, 0))->pid;
		if (write(ends[1], &worker, sizeof(worker)) == sizeof(worker))
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(read(ends[0], &worker, sizeof(worker)), sizeof(worker));
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(worker > 0);
	for (unsigned wait = 0; wait < 60000 && !gone; wait++) {
		char path[64], what = '?';
		FILE *file;

		/* Where nobody reaps orphans the worker stays a zombie, which counts as ended. */
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)worker);
		file = fopen(path, "r");
		gone = !file || fscanf(file, "%*d %*s %c", &what) != 1 || what == 'Z';
		if (file)
			fclose(file);
		usleep(1000);
	}
	assert_true(gone);
	close(ends[0]);
	close(ends[1]);
}

static int counts_its_faults(struct worker *worker, struct reason *why)
{
	struct worker_usage *usage = worker->result;

	(void)why;
	worker_usage_begin(usage);
	for (unsigned page = 0; page < 64; page++)
		((volatile char *)worker->shared)[page * PAGE_4K] = 1;
	worker_usage_end(usage);
	return 0;
}

static void usage_counts_faults(void **state)
{
	struct worker_group_spec spec = spec_of(WORKERS_PROCESSES, counts_its_faults);
	const struct worker_usage *usage;
	struct worker_group group;

	(void)state;
	spec.workers = 1;
	spec.shared_bytes = 64 * PAGE_4K;
	spec.result_bytes = sizeof(struct worker_usage);
	assert_int_equal(worker_group_run(&spec, &group, NULL), 0);
	usage = worker_group_result(&group, 0);
	/*
	 * A large folio of shared memory may map many pages at once; there is one fault at least. A program with
	 * sanitizers has faults of its own.
	 */
	assert_in_range(usage->minor_faults + usage->major_faults, 1, 2 * 64);
	assert_true(usage->elapsed_ns >= usage->cpu_ns / 2);
	worker_group_dismiss(&group);
}

static int find_cpu(void **state)
{
	(void)state;
	home_cpu = sched_getcpu();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_meet),
		cmocka_unit_test(processes_meet),
		cmocka_unit_test(the_first_failure_is_told),
		cmocka_unit_test(a_process_that_dies_is_no_result),
		cmocka_unit_test(stopping_ends_them),
		cmocka_unit_test(a_worker_group_that_hangs_is_ended),
		cmocka_unit_test(those_that_stay_go_when_dismissed),
		cmocka_unit_test(orphans_end),
		cmocka_unit_test(usage_counts_faults),
	};

	return cmocka_run_group_tests(tests, find_cpu, NULL);
}
