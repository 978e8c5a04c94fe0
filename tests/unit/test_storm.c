/*
 * Storms: each kind takes the faults that it promises, counts and latencies agree, and nothing is left over. With a
 * number as argument the comparison with a plain loop is made that many times.
 */
#include "base/units.h"
#include "machine/tsc.h"
#include "system/storm.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
/* Its assertion of this name is not used here; ours fills a reason. */
#undef fail

#define ACTORS 2u
#define REGION (4 * MIB)
/* Only counts are looked at: one round will do. */
#define SHORT_NS (1 * NS_PER_MS)

static int home_cpu[ACTORS];
/* Good to a few per cent, which is enough here. */
static double ns_per_tsc;
static unsigned pairs = 3;
static struct storm_result result;

static struct storm_spec spec_of(enum storm_kind kind)
{
	return (struct storm_spec){ .experiment = { .kind = kind, .workers = 1, .region_bytes = REGION },
		.cpus = home_cpu,
		.ns_per_tsc = ns_per_tsc,
		.window_ns = SHORT_NS,
		.timed_window_ns = SHORT_NS };
}

static void no_child_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Errors of a machine that lacks something. Any other error is a defect of the code. */
static bool is_lacking(int error)
{
	return error == -EPERM || error == -ENOSYS || error == -EOPNOTSUPP || error == -ENOMEM || error == -ENOSPC;
}

static double faults_per_page(enum storm_kind kind)
{
	switch (kind) {
	case STORM_FREE_WRITE:
		return 0;
	case STORM_FILE_READ:
		return 1. / 16;
	default:
		return 1;
	}
}

static void check_result(const struct storm_experiment *experiment)
{
	enum storm_kind kind = experiment->kind;
	double found = (double)result.faults_counted / (double)result.pages;

	assert_true(result.touches > 0 && result.touch_tsc > 0 && result.touches_per_s > 0);
	/* A kernel fault takes more than a nanosecond, and less than a second. */
	assert_true((double)result.touch_tsc / (double)result.touches * ns_per_tsc < (double)NS_PER_S);
	assert_true(result.elapsed_ns >= SHORT_NS && result.away_ns <= result.elapsed_ns);
	/* The touches lie within the rounds of the rate. */
	if (experiment->workers == 1)
		assert_true(result.touches_per_s * (double)result.touch_tsc * ns_per_tsc <=
			    1.01 * (double)NS_PER_S * (double)result.touches);
	/*
	 * Kinds with large pages touch few pages, so a worker's own faults weigh more. storm_judge() has checked them.
	 */
	if (kind != STORM_UPGRADE && result.counted)
		assert_true(fabs(found - faults_per_page(kind)) <
			    0.02 + STORM_OWN_FAULTS * experiment->workers / (double)result.pages);
	if (kind == STORM_POPULATE) {
		assert_int_equal(result.latencies.total, 0);
		return;
	}
	assert_true(result.latencies.total > 0);
	assert_true(histogram_quantile(&result.latencies, 0.5) <= histogram_quantile(&result.latencies, 0.99));
	assert_true(result.latencies.most < NS_PER_S);
	assert_true(result.timing_overhead_ns > 0 && result.timing_overhead_ns < (double)NS_PER_US);
}

static void run_one(const struct storm_spec *spec)
{
	struct reason why = { "" };
	int error = storm_run(spec, &result, NULL, &why);

	if (error)
		print_message("# %s: %s\n", storm_kind_names[spec->experiment.kind], why.text);
	else
		check_result(&spec->experiment);
	assert_true(!error || is_lacking(error));
	no_child_is_left();
}

static void each_kind_faults_as_it_says(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < STORM_KINDS; kind++) {
		struct storm_spec spec = spec_of((enum storm_kind)kind);

		run_one(&spec);
	}
}

static void several_workers_work_together(void **state)
{
	(void)state;
	for (unsigned as = 0; as < WORKERS_KINDS; as++)
		for (unsigned kind = 0; kind < STORM_KINDS; kind++) {
			struct storm_spec spec = spec_of((enum storm_kind)kind);

			/* A fork of one thread is a fork of them all: benches/fault-storm.c. */
			if (kind == STORM_FORK_COPY && as == WORKERS_THREADS)
				continue;
			spec.experiment.as = (enum workers_as)as;
			spec.experiment.workers = ACTORS;
			run_one(&spec);
		}
}

static void another_count_of_faults_is_an_error(void **state)
{
	static const struct {
		struct storm_faults faults;
		int error;
		uint64_t expected;
	} cases[] = {
		{ { STORM_ANON_WRITE, 1, 10000, 10009 }, 0, 10000 },
		{ { STORM_ANON_WRITE, 1, 10000, 10022 + STORM_OWN_FAULTS }, -EIO, 10000 },
		{ { STORM_ANON_WRITE, 1, 10000, 9978 - STORM_OWN_FAULTS }, -EIO, 10000 },
		{ { STORM_FREE_WRITE, 1, 10000, 3 }, 0, 0 },
		{ { STORM_FREE_WRITE, 1, 10000, 10000 }, -EIO, 0 },
		{ { STORM_UPGRADE, 1, 10000, 1 }, 0, 0 },
		{ { STORM_UPGRADE, 1, 10000, 10001 }, 0, 10000 },
		{ { STORM_UPGRADE, 1, 10000, 5000 }, -EIO, 10000 },
		{ { STORM_HUGETLB_WRITE, 1, 512, 0 }, 0, 512 },
		{ { STORM_THP_WRITE, 1, 512, 0 }, -EIO, 512 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { "" };
		uint64_t expected = 1;

		assert_int_equal(storm_judge(&cases[i].faults, &expected, &why), cases[i].error);
		assert_int_equal(expected, cases[i].expected);
		if (cases[i].error) {
			char counted[32];

			snprintf(counted, sizeof(counted), "took %lu faults", (unsigned long)cases[i].faults.counted);
			assert_non_null(strstr(why.text, counted));
		}
	}
}

static void memory_is_counted_before_it_is_taken(void **state)
{
	struct storm_spec spec = spec_of(STORM_FILE_COPY);
	struct reason why = { "" };
	uint64_t one = storm_bytes(&spec.experiment);

	(void)state;
	/* The file and its copy, and little else. */
	assert_true(one > 2 * REGION && one < 3 * REGION);
	spec.experiment.workers = 4;
	assert_int_equal(storm_bytes(&spec.experiment), 4 * one);
	spec.experiment.kind = STORM_HUGETLB_WRITE;
	assert_true(storm_bytes(&spec.experiment) < 4 * REGION);
	assert_int_equal(storm_pool_bytes(&spec.experiment), 4 * REGION);
	spec.experiment.region_bytes = REGION + PAGE_4K;
	assert_int_equal(storm_run(&spec, &result, NULL, &why), -ERANGE);
	assert_non_null(strstr(why.text, "multiple of 2M"));
}

static bool at_once(void)
{
	return true;
}

static void a_stop_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < STORM_KINDS; kind++) {
		struct storm_spec spec = spec_of((enum storm_kind)kind);
		struct reason why = { "" };
		int error;

		spec.experiment.as = WORKERS_PROCESSES;
		spec.experiment.workers = ACTORS;
		/* The window is longer than the test may take, so the storm ends only because it is told to. */
		spec.window_ns = 3600 * NS_PER_S;
		spec.stop = at_once;
		error = storm_run(&spec, &result, NULL, &why);
		assert_true(error == -EINTR || is_lacking(error));
		no_child_is_left();
	}
}

static void frames_are_noted_once(void **state)
{
	unsigned char *at = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct frame_count count = { 0 };
	struct frame_map map;
	struct reason why = { "" };
	int error;

	(void)state;
	assert_true(at != MAP_FAILED);
	error = frame_map_open(&map, &why);
	if (!error) {
		memset(at, 1, REGION / 2);
		assert_int_equal(frame_map_note(&map, at, REGION, &count, &why), 0);
		assert_int_equal(count.got, REGION / 2 / PAGE_4K);
		assert_int_equal(count.fresh, count.got);
		assert_int_equal(frame_map_note(&map, at, REGION, &count, &why), 0);
		assert_int_equal(count.got, 2 * (REGION / 2 / PAGE_4K));
		assert_int_equal(count.fresh, REGION / 2 / PAGE_4K);
		frame_map_close(&map);
	} else {
		assert_true(error == -EPERM || error == -ENOENT);
		assert_true(strlen(why.text) > 0);
		print_message("# %s\n", why.text);
	}
	/* Not open: nothing is counted, and nothing is wrong. */
	count = (struct frame_count){ 0 };
	assert_int_equal(frame_map_note(&map, at, REGION, &count, &why), 0);
	assert_int_equal(count.got, 0);
	munmap(at, REGION);
}

static void fresh_storms_hold_their_frames(void **state)
{
	static const enum storm_kind kinds[] = { STORM_ANON_WRITE, STORM_FILE_COPY, STORM_FORK_COPY, STORM_POPULATE };
	struct frame_pool pool = { 0 };
	struct reason why = { "" };

	(void)state;
	frame_pool_open(&pool);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct storm_spec spec = spec_of(kinds[i]);
		uint64_t held = pool.held_bytes;
		struct worker_group group;

		spec.experiment.frames = STORM_FRESH;
		spec.frames = &pool.map;
		assert_int_equal(storm_run(&spec, &result, &group, &why), 0);
		/* Half of the pages together, the others one by one; every one is a frame. */
		assert_int_equal(result.touches, REGION / PAGE_4K / 2);
		assert_int_equal(result.latencies.total, kinds[i] == STORM_POPULATE ? 0 : REGION / PAGE_4K / 2);
		assert_int_equal(result.frames.got, pool.map.frames ? REGION / PAGE_4K : 0);
		/* The frames are still held, so no later storm gets the same frames. */
		assert_int_equal(result.frames.fresh, result.frames.got);
		assert_int_equal(frame_pool_keep(&pool, &group, storm_bytes(&spec.experiment), &why), 0);
		assert_int_equal(pool.held_bytes, held + storm_bytes(&spec.experiment));
		assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	}
	frame_pool_close(&pool);
	no_child_is_left();
}

static void no_more_is_held_than_allowed(void **state)
{
	struct frame_pool pool = { 0 };
	struct reason why = { "" };
	struct frame_pool_request request = {
		.bytes = 8 * MIB, .most_bytes = 16 * MIB, .cpus = home_cpu, .cpu_count = 1
	};

	(void)state;
	frame_pool_open(&pool);
	frame_pool_note_use(&pool, 4 * MIB);
	assert_int_equal(frame_pool_drain(&pool, &request, &why), 0);
	assert_int_equal(pool.held_bytes, 4 * MIB);
	/* The pool is drained already. */
	assert_int_equal(frame_pool_drain(&pool, &request, &why), 0);
	assert_int_equal(pool.held_bytes, 4 * MIB);
	frame_pool_note_use(&pool, 9 * MIB);
	assert_int_equal(frame_pool_drain(&pool, &request, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "and hold 4 MiB already; this storm takes"));
	frame_pool_close(&pool);
	assert_int_equal(pool.held_bytes, 0);
	no_child_is_left();
}

/*
 * --- comparison with a plain loop: map, touch, unmap, with nothing around it. It is compared by CPU time, as other
 * programs may run at the same time, and by wall time, in which rates are defined ---
 */
enum { BY_CPU, BY_WALL, CLOCKS };
static const char *const clock_names[CLOCKS] = { "CPU", "wall" };

struct rates {
	double per_s[CLOCKS];
};

/* The memory is so large that the other work of a round does not matter, and that no cache holds it. */
#define PLAIN_BYTES (128 * MIB)
#define PLAIN_NS (200 * NS_PER_MS)

static __attribute__((noinline, no_sanitize("address", "undefined"))) void plain_touch(unsigned char *at)
{
	for (uint64_t offset = 0; offset < PLAIN_BYTES; offset += PAGE_4K)
		((volatile unsigned char *)at)[offset] = 1;
}

static int plain_work(struct worker *worker, struct reason *why)
{
	struct rates *pages = worker->result;
	struct worker_usage usage;
	uint64_t count = 0, began;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	worker_usage_begin(&usage);
	began = now_ns();
	while (now_ns() - began < PLAIN_NS) {
		unsigned char *at = mmap(NULL, PLAIN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return fail(why, errno, "mmap: %s", strerror(errno));
		plain_touch(at);
		munmap(at, PLAIN_BYTES);
		count += PLAIN_BYTES / PAGE_4K;
	}
	worker_usage_end(&usage);
	pages->per_s[BY_CPU] = (double)count * (double)NS_PER_S / (double)usage.cpu_ns;
	pages->per_s[BY_WALL] = (double)count * (double)NS_PER_S / (double)usage.elapsed_ns;
	return 0;
}

static struct rates plain_rates(void)
{
	struct worker_group_spec spec = {
		.workers = 1, .cpus = home_cpu, .work = plain_work, .result_bytes = sizeof(struct rates)
	};
	struct reason why = { "" };
	struct rates rate;
	struct worker_group group;

	assert_int_equal(worker_group_run(&spec, &group, &why), 0);
	rate = *(struct rates *)worker_group_result(&group, 0);
	worker_group_dismiss(&group);
	return rate;
}

static struct rates storm_rates(void)
{
	struct storm_spec spec = spec_of(STORM_ANON_WRITE);
	struct reason why = { "" };

	spec.experiment.region_bytes = PLAIN_BYTES;
	spec.window_ns = PLAIN_NS;
	assert_int_equal(storm_run(&spec, &result, NULL, &why), 0);
	return (struct rates){ {
		[BY_CPU] = (double)result.touches * (double)NS_PER_S / (double)(result.elapsed_ns - result.away_ns),
		[BY_WALL] = result.touches_per_s,
	} };
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void a_storm_is_as_fast_as_a_plain_loop(void **state)
{
	double *ratio[CLOCKS] = { calloc(pairs, sizeof(double)), calloc(pairs, sizeof(double)) };

	(void)state;
	assert_true(ratio[BY_CPU] && ratio[BY_WALL]);
	for (unsigned i = 0; i < pairs; i++) {
		/* The two take turns to go first. */
		struct rates first = i % 2 ? plain_rates() : storm_rates();
		struct rates second = i % 2 ? storm_rates() : plain_rates();

		for (unsigned c = 0; c < CLOCKS; c++)
			ratio[c][i] = i % 2 ? second.per_s[c] / first.per_s[c] : first.per_s[c] / second.per_s[c];
	}
	for (unsigned c = 0; c < CLOCKS; c++) {
		qsort(ratio[c], pairs, sizeof(double), by_size);
		print_message("# storm/plain by %s time over %u pairs: median %.3f, quartiles %.3f %.3f\n",
			clock_names[c], pairs, ratio[c][pairs / 2], ratio[c][pairs / 4], ratio[c][3 * pairs / 4]);
	}
	/* Only the order of magnitude is checked, as a busy machine disturbs both. */
	assert_true(ratio[BY_CPU][pairs / 2] > 0.2);
	for (unsigned c = 0; c < CLOCKS; c++)
		free(ratio[c]);
	no_child_is_left();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_faults_as_it_says),
		cmocka_unit_test(several_workers_work_together),
		cmocka_unit_test(another_count_of_faults_is_an_error),
		cmocka_unit_test(memory_is_counted_before_it_is_taken),
		cmocka_unit_test(a_stop_leaves_nothing),
		cmocka_unit_test(frames_are_noted_once),
		cmocka_unit_test(fresh_storms_hold_their_frames),
		cmocka_unit_test(no_more_is_held_than_allowed),
		cmocka_unit_test(a_storm_is_as_fast_as_a_plain_loop),
	};

	struct machine_source source;
	struct tsc tsc;

	if (argc > 1 && atoi(argv[1]) > 0)
		pairs = (unsigned)atoi(argv[1]);
	home_cpu[0] = home_cpu[1] = sched_getcpu();
	machine_source_live(&source);
	machine_tsc(&source, &tsc);
	ns_per_tsc = (double)NS_PER_S / (double)tsc.hz;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
