/* Huge pages reserved or turned on for a run, and given back: on a tree of files that stands for /sys. Needs no root. */
#include "base/units.h"
#include "machine/reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char root[64];

static void pool_path(char *path, size_t bytes, unsigned kib)
{
	snprintf(path, bytes, "%s/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages", root, kib);
}

static void pool_make(unsigned kib, unsigned pages)
{
	char command[256], path[160];
	FILE *file;

	pool_path(path, sizeof(path), kib);
	snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", path);
	assert_int_equal(system(command), 0);
	file = fopen(path, "w");
	fprintf(file, "%u\n", pages);
	fclose(file);
}

static unsigned pool_pages(unsigned kib)
{
	char path[160];
	unsigned pages;
	FILE *file;

	pool_path(path, sizeof(path), kib);
	file = fopen(path, "r");
	/* Unlike sysfs, a file is empty for a moment while it is written. */
	if (fscanf(file, "%u", &pages) != 1)
		pages = UINT32_MAX;
	fclose(file);
	return pages;
}

static void size_path(char *path, size_t bytes, unsigned kib)
{
	snprintf(path, bytes, "%s/sys/kernel/mm/transparent_hugepage/hugepages-%ukB/enabled", root, kib);
}

/* Unlike sysfs, a file holds what was written to it, without the words that were not chosen. */
static void size_make(unsigned kib, const char *text)
{
	char command[256], path[160];
	FILE *file;

	size_path(path, sizeof(path), kib);
	snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", path);
	assert_int_equal(system(command), 0);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static const char *size_text(unsigned kib)
{
	static char text[64];
	char path[160];
	FILE *file;

	size_path(path, sizeof(path), kib);
	file = fopen(path, "r");
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return text;
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/nestwalk-reserve-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	pool_make(2048, 3);
	pool_make(1048576, 0);
	size_make(16, "[always] inherit madvise never\n");
	size_make(64, "always inherit madvise [never]\n");
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void pools_grow_and_are_given_back(void **state)
{
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(reserve_parse_pools("2M:512,1G:8", &reservation, &why), 0);
	reservation.root = root;
	assert_int_equal(reserve_take(&reservation, &why), 0);
	assert_int_equal(pool_pages(2048), 515);
	assert_int_equal(pool_pages(1048576), 8);
	reserve_release(&reservation);
	assert_int_equal(pool_pages(2048), 3);
	assert_int_equal(pool_pages(1048576), 0);
	/* A second time there is nothing to give back. */
	reserve_release(&reservation);
}

static void a_killed_run_gives_back(void **state)
{
	pid_t child;

	(void)state;
	child = fork();
	if (!child) {
		struct reservation reservation = RESERVATION_EMPTY;

		if (reserve_parse_pools("2M:10", &reservation, NULL))
			_exit(1);
		reservation.root = root;
		if (reserve_take(&reservation, NULL))
			_exit(1);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	/* The watcher needs a moment to see the end of its pipe. */
	for (unsigned wait = 0; wait < 3000 && pool_pages(2048) != 3; wait++)
		usleep(20000);
	assert_int_equal(pool_pages(2048), 3);
}

/*
 * A tree of files cannot answer a write as sysfs does, which puts brackets around the word. So the size that is turned
 * on here is an error when it is read back, and then everything is given back.
 */
static void sizes_are_turned_on_and_given_back(void **state)
{
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(reserve_parse_sizes("16K", &reservation, &why), 0);
	reservation.root = root;
	assert_int_equal(reserve_take(&reservation, &why), 0);
	/* It is on already. */
	assert_string_equal(size_text(16), "[always] inherit madvise never\n");
	reserve_release(&reservation);
	assert_string_equal(size_text(16), "always");

	assert_int_equal(reserve_parse_pools("2M:5", &reservation, &why), 0);
	assert_int_equal(reserve_parse_sizes("64K", &reservation, &why), 0);
	assert_int_equal(reserve_take(&reservation, &why), -EIO);
	assert_non_null(strstr(why.text, "64K"));
	assert_string_equal(size_text(64), "never");
	assert_int_equal(pool_pages(2048), 3);
}

static void a_size_that_is_not_there_is_named_and_nothing_changes(void **state)
{
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(reserve_parse_sizes("64K,128K", &reservation, &why), 0);
	reservation.root = root;
	assert_int_equal(reserve_take(&reservation, &why), -ENOENT);
	assert_non_null(strstr(why.text, "128K"));
	assert_string_equal(size_text(64), "always inherit madvise [never]\n");
}

static void sizes_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "", ",", "4K", "8K", "2M", "48K", "64K:5", "x",
		"16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K,16K" };
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(reserve_parse_sizes(bad[i], &reservation, &why), -EINVAL);
		assert_non_null(strstr(why.text, "between 4K and 2M"));
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = { "", "2M", "2M:", "2M:x", "2M:0", "2M:-1", "4K:8", "3M:8",
		"2M:1,2M:1,2M:1,2M:1,2M:1" };
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(reserve_parse_pools(bad[i], &reservation, &why), -EINVAL);
		assert_non_null(strstr(why.text, "SIZE:PAGES"));
	}
}

static void a_pool_that_is_not_there_is_named_and_nothing_changes(void **state)
{
	struct reservation reservation = RESERVATION_EMPTY;
	struct reason why = { "" };
	char command[160];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s/sys/kernel/mm/hugepages/hugepages-1048576kB", root);
	assert_int_equal(system(command), 0);
	assert_int_equal(reserve_parse_pools("2M:5,1G:1", &reservation, &why), 0);
	reservation.root = root;
	assert_int_equal(reserve_take(&reservation, &why), -ENOENT);
	assert_non_null(strstr(why.text, "1G"));
	assert_int_equal(pool_pages(2048), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools_grow_and_are_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_run_gives_back, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_are_turned_on_and_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_size_that_is_not_there_is_named_and_nothing_changes, setup, teardown),
		cmocka_unit_test(sizes_that_are_none_are_refused),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pool_that_is_not_there_is_named_and_nothing_changes, setup, teardown),
	};

	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
