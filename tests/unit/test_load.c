/* record/load.c: what a run directory gives, whole or damaged. */
#include "record/load.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RUNS "tests/fixtures/runs/"

static void whole_run(void **state)
{
	struct loaded_run run;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(run_load(RUNS "complete", &run, &why), 0);
	assert_int_equal(json_array_size(run.points), 48);
	assert_int_equal(json_integer_value(json_object_get(run.about, "schema")), RUN_SCHEMA);
	assert_false(run.truncated);
	assert_string_equal(run.path, RUNS "complete");
	run_unload(&run);
	assert_null(run.points);
	run_unload(&run);
}

static void cut_line_is_left_out(void **state)
{
	struct loaded_run run;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(run_load(RUNS "truncated", &run, &why), 0);
	assert_true(run.truncated);
	assert_int_equal(json_array_size(run.points), 5);
	run_unload(&run);
}

static void later_line_stands(void **state)
{
	struct loaded_run run;
	struct reason why = { "" };
	const json_t *first;
	double median;

	(void)state;
	assert_int_equal(run_load(RUNS "killed", &run, &why), 0);
	assert_int_equal(json_array_size(run.points), 4);
	first = json_array_get(run.points, 0);
	assert_true(json_is_true(json_object_get(first, "final")));
	assert_int_equal(
		json_unpack((json_t *)first, "{s:{s:{s:F}}}", "metrics", "gross_cycles", "median", &median), 0);
	assert_true(median == 4.0);
	run_unload(&run);
}

static void failures_name_what_is_wrong(void **state)
{
	static const struct {
		const char *run;
		int error;
		const char *says;
	} cases[] = {
		{ "tests/fixtures/runs/nowhere", -ENOENT, "not a run directory" },
		{ "tests/unit/test_load.c", -ENOENT, "not a run directory" },
		{ RUNS "bad-schema", -EINVAL, "run.json:1: schema 2" },
		{ RUNS "wrong-points", -EINVAL, "points.jsonl:5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct loaded_run run;
		struct reason why = { "" };

		assert_int_equal(run_load(cases[i].run, &run, &why), cases[i].error);
		assert_non_null(strstr(why.text, cases[i].says));
		assert_null(run.points);
	}
}

static char *directory;

static void write_file(const char *name, const char *text, size_t length)
{
	char *path = run_file(directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	free(path);
}

/* The same point under two paging modes, or in two kinds of guests, is two points. */
static void paging_tells_points_apart(void **state)
{
	static const char text[] =
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"nested\",\"final\":false}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"shadow\",\"final\":true}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":null,\"final\":true}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"nested\",\"accel\":\"kvm\",\"final\":true}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"nested\",\"joined\":1,\"final\":true}\n";
	struct loaded_run run;
	struct reason why = { "" };

	(void)state;
	write_file("run.json", "{\"schema\":1}", 12);
	write_file("points.jsonl", text, strlen(text));
	assert_int_equal(run_load(directory, &run, &why), 0);
	/* The last line replaces the first: the run that a point was joined from is no part of its identity. */
	assert_int_equal(json_array_size(run.points), 4);
	assert_true(json_is_true(json_object_get(json_array_get(run.points, 0), "final")));
	run_unload(&run);
}

static void lines_that_are_no_points(void **state)
{
	static const char *const bad[] = { "[1]\n", "null\n", "{\"a\":1,\"a\":2}\n", "{}}\n", "\xff\xfe\n" };
	static const char about[] = "{\"schema\": 1}";

	(void)state;
	write_file("run.json", about, strlen(about));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct loaded_run run;
		struct reason why = { "" };

		write_file("points.jsonl", bad[i], strlen(bad[i]));
		assert_int_equal(run_load(directory, &run, &why), -EINVAL);
		assert_non_null(strstr(why.text, "points.jsonl:1"));
	}
}

static void zeros_after_a_crash_are_no_point(void **state)
{
	static const char text[] = "{\"bench\":\"a\"}\n\n\0\0\0\0";
	struct loaded_run run;
	struct reason why = { "" };

	(void)state;
	write_file("run.json", "{\"schema\":1}", 12);
	write_file("points.jsonl", text, sizeof(text) - 1);
	assert_int_equal(run_load(directory, &run, &why), 0);
	assert_true(run.truncated);
	assert_int_equal(json_array_size(run.points), 1);
	run_unload(&run);
}

/* A run may be killed after any number of bytes. All whole lines before are read. */
static void cut_anywhere(void **state)
{
	FILE *file = fopen(RUNS "truncated/points.jsonl", "r");
	char text[16384];
	size_t length, lines = 0;

	(void)state;
	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	write_file("run.json", "{\"schema\":1}", 12);
	for (size_t cut = 0; cut < length; cut++) {
		struct loaded_run run;
		struct reason why = { "" };

		if (cut && text[cut - 1] == '\n')
			lines++;
		if (cut % 37 && text[cut] != '\n') /* a sample of all places, and every line's end */
			continue;
		write_file("points.jsonl", text, cut);
		assert_int_equal(run_load(directory, &run, &why), 0);
		/* A line that lacks only its newline is whole. */
		assert_in_range(json_array_size(run.points), lines, lines + 1);
		run_unload(&run);
	}
}

static void paths_are_joined(void **state)
{
	char *path = run_file("a/b//", "c");

	(void)state;
	assert_string_equal(path, "a/b/c");
	free(path);
	path = run_file("/", "c");
	assert_string_equal(path, "//c");
	free(path);
}

static int make_directory(void **state)
{
	static char path[] = "/tmp/nestwalk-test-load-XXXXXX";

	(void)state;
	directory = mkdtemp(path);
	return directory ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const files[] = { "run.json", "points.jsonl" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = run_file(directory, files[i]);

		unlink(path);
		free(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_run),
		cmocka_unit_test(cut_line_is_left_out),
		cmocka_unit_test(later_line_stands),
		cmocka_unit_test(paging_tells_points_apart),
		cmocka_unit_test(failures_name_what_is_wrong),
		cmocka_unit_test(lines_that_are_no_points),
		cmocka_unit_test(zeros_after_a_crash_are_no_point),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(paths_are_joined),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
