/* Page tables: the formula by numbers worked out by hand, and the kernel's count against the formula. */
#include "base/units.h"
#include "machine/memory.h"
#include "system/mapping.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
/* Its assertion of this name is not used here; ours fills a reason. */
#undef fail

/* One table for each level that is counted. */
#define SLACK_BYTES (3 * PAGE_4K)

static uint64_t tables(uint64_t page_bytes, uint64_t distance_bytes, uint32_t pages, bool pud)
{
	struct mapping_experiment experiment = {
		.page_bytes = page_bytes, .distance_bytes = distance_bytes, .pages = pages
	};

	return mapping_table_bytes(&experiment, pud) / PAGE_4K;
}

static void tables_are_counted_by_regions(void **state)
{
	(void)state;
	/* 4096 pages are 8 regions of 2M in one of 1G in one of 512G. */
	assert_int_equal(tables(PAGE_4K, PAGE_4K, 4096, true), 8 + 1 + 1);
	assert_int_equal(tables(PAGE_4K, PAGE_4K, 4096, false), 8 + 1);
	assert_int_equal(tables(PAGE_4K, PAGE_2M, 4096, true), 4096 + 8 + 1);
	assert_int_equal(tables(PAGE_4K, PAGE_1G, 4096, true), 4096 + 4096 + 8);
	assert_int_equal(tables(PAGE_4K, 512 * GIB, 64, true), 64 + 64 + 64);
	/* 2M pages have a table in reserve each. */
	assert_int_equal(tables(PAGE_2M, PAGE_2M, 4096, true), 4096 + 8 + 1);
	assert_int_equal(tables(PAGE_2M, PAGE_1G, 4096, true), 4096 + 4096 + 8);
	assert_int_equal(tables(PAGE_1G, PAGE_1G, 513, true), 2);
	/* A distance that is no power of two: 512 of them are three regions of 2M. */
	assert_int_equal(tables(PAGE_4K, 12 * KIB, 1, true), 3);
	assert_int_equal(tables(PAGE_4K, 12 * KIB, 512, true), 3 + 1 + 1);
}

static void a_flat_table_follows_the_span(void **state)
{
	struct mapping_experiment experiment = { .page_bytes = PAGE_4K, .distance_bytes = PAGE_4K, .pages = 4096 };

	(void)state;
	assert_int_equal(mapping_span_bytes(&experiment), 16 * MIB);
	assert_int_equal(mapping_flat_bytes(&experiment), 4096 * 8);
	experiment.distance_bytes = PAGE_1G;
	assert_int_equal(mapping_span_bytes(&experiment), 4095 * GIB + PAGE_4K);
	assert_int_equal(mapping_flat_bytes(&experiment), (4095 * GIB / PAGE_4K + 1) * 8);
	/* Too far, too close, crooked, nothing. */
	experiment.pages = 65537;
	assert_int_equal(mapping_span_bytes(&experiment), 0);
	experiment.page_bytes = PAGE_2M;
	experiment.distance_bytes = PAGE_4K;
	assert_int_equal(mapping_span_bytes(&experiment), 0);
	experiment.distance_bytes = 3 * MIB;
	assert_int_equal(mapping_span_bytes(&experiment), 0);
	experiment.distance_bytes = PAGE_2M;
	experiment.pages = 0;
	assert_int_equal(mapping_span_bytes(&experiment), 0);
}

static int take(const struct mapping_experiment *experiment, struct mapping_result *result, struct reason *why)
{
	struct mapping_spec spec = { .experiment = experiment, .cpu = sched_getcpu() };
	int error = mapping_take(&spec, result, why);

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return error;
}

static void check(const struct mapping_experiment *experiment, const struct mapping_result *result)
{
	assert_int_equal(result->expected_table_bytes, mapping_table_bytes(experiment, true));
	assert_in_range(result->table_bytes + SLACK_BYTES, result->expected_table_bytes,
		result->expected_table_bytes + 2 * SLACK_BYTES);
	assert_true(result->faults_per_page >= 1 && result->faults_per_page < 1 + 9.0 / experiment->pages);
	assert_true(result->build_tsc > 0 && result->teardown_tsc > 0);
}

static void small_pages_take_the_tables_of_the_formula(void **state)
{
	static const uint64_t distances[] = { PAGE_4K, 64 * KIB, PAGE_2M, PAGE_1G };

	(void)state;
	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		struct mapping_experiment experiment = {
			.page_bytes = PAGE_4K, .distance_bytes = distances[i], .pages = 1024
		};
		struct mapping_result result;
		struct reason why = { "" };

		int error = take(&experiment, &result, &why);

		assert_string_equal(why.text, "");
		assert_int_equal(error, 0);
		check(&experiment, &result);
	}
}

static void huge_zero_pages_have_a_table_in_reserve(void **state)
{
	struct mapping_experiment experiment = { .page_bytes = PAGE_2M, .distance_bytes = PAGE_2M, .pages = 8 };
	static struct machine_source source;
	struct mapping_result result;
	struct reason why = { "" };
	int error;

	(void)state;
	machine_source_live(&source);
	if (thp_mode(&source, &why) != THP_ALWAYS && thp_mode(&source, &why) != THP_MADVISE) {
		print_message("no THP here: %s\n", why.text);
		skip();
	}
	why = (struct reason){ "" };
	error = take(&experiment, &result, &why);
	if (error == -ENOTSUP) {
		print_message("%s\n", why.text);
		skip();
	}
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	/* Without the zero page they are pages of their own, and their tables are the same. */
	check(&experiment, &result);
}

static void without_a_pool_there_are_no_gigabytes(void **state)
{
	/* More than any machine has. */
	struct mapping_experiment experiment = { .page_bytes = PAGE_1G, .distance_bytes = PAGE_1G, .pages = 65536 };
	struct mapping_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(take(&experiment, &result, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "1G"));
}

static bool at_once(void)
{
	return true;
}

static void wrong_wishes_end_it(void **state)
{
	struct mapping_experiment experiment = { .page_bytes = 8 * KIB, .distance_bytes = PAGE_2M, .pages = 8 };
	struct mapping_spec spec = { .experiment = &experiment, .cpu = sched_getcpu(), .stop = at_once };
	struct mapping_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(take(&experiment, &result, &why), -EINVAL);
	experiment.page_bytes = PAGE_4K;
	experiment.pages = 0;
	assert_int_equal(take(&experiment, &result, &why), -EINVAL);
	experiment.pages = 8;
	assert_int_equal(mapping_take(&spec, &result, &why), -EINTR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_counted_by_regions),
		cmocka_unit_test(a_flat_table_follows_the_span),
		cmocka_unit_test(small_pages_take_the_tables_of_the_formula),
		cmocka_unit_test(huge_zero_pages_have_a_table_in_reserve),
		cmocka_unit_test(without_a_pool_there_are_no_gigabytes),
		cmocka_unit_test(wrong_wishes_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
