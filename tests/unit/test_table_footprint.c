/*
 * Table memory: counted bytes against the formulas. VMs need /dev/kvm, and the hypervisor's tables need root. Numbers
 * that cannot be read are skipped by name.
 */
#include "base/units.h"
#include "space/table_footprint.h"
#include "space/table_footprint_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct table_footprint_experiment four_by_ten = {
	.vms = 4, .processes = 10, .mapped_bytes = 4 * MIB, .page_bytes = PAGE_4K, .levels = 4, .backing = BACKING_4K
};

static void take(const struct table_footprint_experiment *experiment, struct table_footprint_result *result)
{
	struct reason why = { "" };
	int error = table_footprint_take(experiment, result, &why);

	if (error == -ENOENT || error == -EACCES || error == -ENOTSUP || error == -ENOMEM) {
		print_message("no table footprint here: %s\n", why.text);
		skip();
	}
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
}

/* Up to this many pages beside the formula: kernels differ in whether they count a root. */
static void check_hypervisor(const struct table_footprint_result *result, uint64_t vms)
{
	uint64_t expected =
		result->paging == PAGING_NESTED ? result->expected_bytes_nested : result->expected_bytes_shadow;
	uint64_t got = result->hypervisor_table_bytes.value;

	if (!result->hypervisor_table_bytes.known || result->paging == PAGING_UNKNOWN) {
		print_message("not compared: %s%s\n", result->hypervisor_table_bytes.why.text, result->paging_why.text);
		return;
	}
	assert_in_range(got, expected - vms * 2 * PAGE_4K, expected + vms * 4 * PAGE_4K);
}

static void four_vms_of_ten_processes_follow_the_formulas(void **state)
{
	struct table_footprint_result result;

	(void)state;
	take(&four_by_ten, &result);
	/* 44 trees against 80. */
	assert_int_equal(result.guest_trees + result.hypervisor_trees_nested, 44);
	assert_int_equal(result.guest_trees + result.hypervisor_trees_shadow, 80);
	/* Root, PDPT, directory and two page tables each. */
	assert_int_equal(result.guest_table_pages, 40 * 5);
	assert_int_equal(result.guest_shared_table_pages, 4 * 3);
	assert_int_equal(result.expected_bytes_shadow, (40 * 5 + 4 * 3) * PAGE_4K);
	check_hypervisor(&result, 4);
	assert_true(result.guest_bytes_per_gib > (double)(2 * MIB));
}

static void memory_of_their_own_and_larger_leaves(void **state)
{
	struct table_footprint_experiment experiment = four_by_ten;
	struct table_footprint_result result;

	(void)state;
	experiment.vms = 2;
	experiment.memory = TABLE_FOOTPRINT_OWN;
	take(&experiment, &result);
	check_hypervisor(&result, 2);
	/* A guest's 2M leaf on 4K pages: processes with the same memory share the tables below it. */
	experiment.page_bytes = PAGE_2M;
	experiment.memory = TABLE_FOOTPRINT_SHARED;
	take(&experiment, &result);
	assert_int_equal(result.guest_table_pages, 20 * 3);
	assert_int_equal(result.expected_bytes_shadow, (20 * 3 + 2 * 3 + 2 * 2) * PAGE_4K);
	check_hypervisor(&result, 2);
	experiment.memory = TABLE_FOOTPRINT_OWN;
	take(&experiment, &result);
	check_hypervisor(&result, 2);
}

static void five_levels_take_a_table_more_each(void **state)
{
	struct table_footprint_experiment experiment = four_by_ten;
	struct table_footprint_result result;

	(void)state;
	experiment.vms = 1;
	experiment.levels = 5;
	take(&experiment, &result);
	assert_int_equal(result.guest_table_pages, 10 * 6);
	check_hypervisor(&result, 1);
}

static unsigned polls;

static bool at_the_fourth_poll(void)
{
	return ++polls >= 4;
}

static void wrong_wishes_and_interruptions_end_it(void **state)
{
	struct table_footprint_experiment experiment = four_by_ten;
	struct table_footprint_result result;
	struct reason why = { "" };
	int error;

	(void)state;
	experiment.vms = 0;
	assert_int_equal(table_footprint_take(&experiment, &result, &why), -EINVAL);
	experiment = four_by_ten;
	experiment.mapped_bytes = PAGE_4K + 1;
	assert_int_equal(table_footprint_take(&experiment, &result, &why), -EINVAL);
	experiment = four_by_ten;
	experiment.levels = 6;
	assert_int_equal(table_footprint_take(&experiment, &result, &why), -EINVAL);
	experiment = four_by_ten;
	experiment.stop = at_the_fourth_poll;
	polls = 0;
	error = table_footprint_take(&experiment, &result, &why);
	assert_true(error == -EINTR || error == -ENOENT || error == -EACCES || error == -ENOTSUP);
}

static void processes_have_tables_of_their_own_and_end_with_the_count(void **state)
{
	struct table_footprint_native_experiment experiment = {
		.processes = 5, .mapped_bytes = 16 * MIB, .backing = BACKING_4K
	};
	struct table_footprint_native_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(table_footprint_native(&experiment, &result, &why), 0);
	assert_int_equal(result.expected_bytes, 5 * 8 * PAGE_4K);
	/* A directory above them is or is not there already. */
	assert_in_range(result.table_bytes, result.expected_bytes, result.expected_bytes + 5 * 2 * PAGE_4K);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	experiment.stop = at_the_fourth_poll;
	polls = 0;
	assert_int_equal(table_footprint_native(&experiment, &result, &why), -EINTR);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	experiment.processes = 0;
	assert_int_equal(table_footprint_native(&experiment, &result, &why), -EINVAL);
}

static void numbers_of_proc_are_read(void **state)
{
	char path[] = "/tmp/test_table_footprint.XXXXXX";
	int fd = mkstemp(path);
	uint64_t bytes = 0;
	static const char text[] = "PageTables:    100 kB\nSecPageTables:    12 kB\n";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(table_footprint_kib_read(path, "SecPageTables:", &bytes), 0);
	assert_int_equal(bytes, 12 * KIB);
	assert_int_equal(table_footprint_kib_read(path, "NoSuch:", &bytes), -ENOENT);
	unlink(path);
	assert_int_equal(table_footprint_kib_read(path, "SecPageTables:", &bytes), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_vms_of_ten_processes_follow_the_formulas),
		cmocka_unit_test(memory_of_their_own_and_larger_leaves),
		cmocka_unit_test(five_levels_take_a_table_more_each),
		cmocka_unit_test(wrong_wishes_and_interruptions_end_it),
		cmocka_unit_test(processes_have_tables_of_their_own_and_end_with_the_count),
		cmocka_unit_test(numbers_of_proc_are_read),
	};

	return cmocka_run_group_tests_name("table footprint", tests, NULL, NULL);
}
