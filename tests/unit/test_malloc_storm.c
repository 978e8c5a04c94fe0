/* Storms of malloc(): counts of faults and mappings, and that each begins with an allocator without a past. */
#include "base/units.h"
#include "machine/allocator.h"
#include "machine/memory.h"
#include "system/malloc_storm.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
/* Its assertion of this name is not used here; ours fills a reason. */
#undef fail

#define ACTORS 2u
#define BATCH_BYTES (16 * MIB)

static int cpus[ACTORS];
static bool thp_always;

static void take(const struct malloc_experiment *experiment, struct malloc_storm_result *result)
{
	struct malloc_storm_spec spec = { .experiment = experiment, .cpus = cpus, .batch_bytes = BATCH_BYTES };
	struct reason why = { "" };
	struct allocator allocator;
	int error = malloc_storm_run(&spec, result, &why);

	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	assert_true(result->blocks > 0);
	assert_true(result->malloc_tsc + result->free_tsc > 0);
	assert_true((result->touch_tsc > 0) == experiment->touch);
	machine_allocator(&allocator);
	assert_int_equal(result->told, allocator.glibc);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Some assertions hold only for glibc with its default settings. */
static bool glibc_with_defaults(const struct malloc_storm_result *result)
{
	if (result->told && !getenv("GLIBC_TUNABLES") && !getenv("MALLOC_MMAP_THRESHOLD_"))
		return true;
	print_message("not compared: another allocator, or other thresholds\n");
	return false;
}

static void small_pairs_stay_out_of_the_kernel(void **state)
{
	struct malloc_experiment experiment = { .block_bytes = 16, .pattern = MALLOC_PAIR, .workers = 1 };
	struct malloc_storm_result result;

	(void)state;
	take(&experiment, &result);
	experiment.touch = true;
	take(&experiment, &result);
	if (!glibc_with_defaults(&result))
		return;
	assert_true(result.faults_per_block < 0.01);
	assert_true(result.mapped_share == 0);
	assert_true(result.returned_bytes == 0);
}

static void the_threshold_moves_up_to_32_mib(void **state)
{
	struct malloc_experiment experiment = {
		.block_bytes = 1 * MIB, .pattern = MALLOC_PAIR, .touch = true, .workers = 1
	};
	struct malloc_storm_result result;
	struct malloc_storm_spec spec = { .experiment = &experiment, .cpus = cpus, .batch_bytes = 64 * MIB };

	(void)state;
	take(&experiment, &result);
	if (!glibc_with_defaults(&result))
		return;
	/* The block is mapped the first time, and comes from the heap afterwards. */
	assert_true(result.mapped_share == 0);
	assert_true(result.faults_per_block < 1);
	experiment.block_bytes = 33 * MIB;
	experiment.touch = false;
	assert_int_equal(malloc_storm_run(&spec, &result, NULL), 0);
	assert_true(result.mapped_share == 1);
	assert_true(result.returned_bytes >= (double)(33 * MIB));
	/* The block's header alone is stored to. */
	assert_true(result.faults_per_block >= 0.9 && result.faults_per_block < 3);
}

static void a_batch_begins_with_an_allocator_without_a_past(void **state)
{
	struct malloc_experiment experiment = {
		.block_bytes = 256 * KIB, .pattern = MALLOC_BATCH, .touch = true, .workers = 1
	};
	struct malloc_storm_result result;
	/* When this block is freed, the threshold of this process becomes 16 MiB. A forked process would inherit it. */
	void *volatile block = malloc(16 * MIB);

	(void)state;
	assert_non_null(block);
	free(block);
	take(&experiment, &result);
	assert_int_equal(result.blocks, malloc_batch_blocks(&experiment, BATCH_BYTES));
	if (!glibc_with_defaults(&result))
		return;
	assert_true(result.mapped_share == 1);
	assert_true(result.returned_bytes >= (double)(256 * KIB));
	if (!thp_always)
		assert_true(result.faults_per_block >= 64 && result.faults_per_block < 70);
}

static void a_batch_of_the_heap_is_trimmed_at_its_end(void **state)
{
	struct malloc_experiment experiment = { .block_bytes = 64 * KIB, .pattern = MALLOC_BATCH, .workers = 1 };
	struct malloc_storm_result result;

	(void)state;
	take(&experiment, &result);
	if (!glibc_with_defaults(&result))
		return;
	assert_true(result.mapped_share == 0);
	/* All bytes are given back, except padding (M_TOP_PAD, 128 KiB) and the heap from before. */
	assert_true(result.returned_bytes > (double)(60 * KIB));
	assert_true(result.returned_bytes < (double)(66 * KIB));
	/* Small blocks stay in lists of the allocator, and keep the heap. */
	experiment.block_bytes = 64;
	take(&experiment, &result);
	assert_true(result.returned_bytes < 64);
}

static void threads_share_an_allocator(void **state)
{
	struct malloc_experiment experiment = { .block_bytes = 4 * KIB, .touch = true, .workers = ACTORS };
	struct malloc_storm_result result;

	(void)state;
	for (unsigned pattern = 0; pattern < MALLOC_PATTERNS; pattern++) {
		experiment.pattern = (enum malloc_pattern)pattern;
		take(&experiment, &result);
		assert_true(result.blocks >= ACTORS);
	}
	assert_int_equal(result.blocks, ACTORS * malloc_batch_blocks(&experiment, BATCH_BYTES));
}

static bool at_once(void)
{
	return true;
}

static void what_does_not_fit_is_said(void **state)
{
	struct malloc_experiment experiment = { .block_bytes = 17 * MIB, .pattern = MALLOC_PAIR, .workers = 1 };
	struct malloc_storm_spec spec = { .experiment = &experiment, .cpus = cpus, .batch_bytes = BATCH_BYTES };
	struct malloc_storm_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(malloc_storm_run(&spec, &result, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "17M"));
	experiment.block_bytes = BATCH_BYTES;
	assert_int_equal(malloc_batch_blocks(&experiment, BATCH_BYTES), 1);
	experiment.workers = 0;
	assert_int_equal(malloc_storm_run(&spec, &result, &why), -EINVAL);
	experiment.workers = 1;
	spec.stop = at_once;
	assert_int_equal(malloc_storm_run(&spec, &result, &why), -EINTR);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void the_allocator_has_a_name(void **state)
{
	struct allocator allocator;

	(void)state;
	machine_allocator(&allocator);
	assert_true(strlen(allocator.name) > 0);
	assert_null(strchr(allocator.name, '/'));
	assert_true(allocator.glibc == (allocator.version[0] != '\0'));
}

static int set_up(void **state)
{
	static struct machine_source source;

	(void)state;
	machine_source_live(&source);
	thp_always = thp_mode(&source, NULL) == THP_ALWAYS;
	/* Any CPU will do: workers may share one. */
	for (unsigned i = 0; i < ACTORS; i++)
		cpus[i] = sched_getcpu();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_pairs_stay_out_of_the_kernel),
		cmocka_unit_test(the_threshold_moves_up_to_32_mib),
		cmocka_unit_test(a_batch_begins_with_an_allocator_without_a_past),
		cmocka_unit_test(a_batch_of_the_heap_is_trimmed_at_its_end),
		cmocka_unit_test(threads_share_an_allocator),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(the_allocator_has_a_name),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
