/* Writing a run directory: whole or not at all, and never over another run. */
#include "record/load.h"
#include "record/write.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char root[64];

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/nestwalk-write-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "chmod -R u+w %s && rm -r %s", root, root);
	return system(command);
}

static json_t *point(int pages, bool final)
{
	return json_pack("{s:s, s:s, s:s, s:{s:i}, s:b}", "bench", "tlb-reach", "setting", "host", "pass", "sweep",
		"params", "pages", pages, "final", final);
}

static void write_point(struct run_writer *writer, int pages, bool final)
{
	json_t *line = point(pages, final);

	assert_int_equal(run_write_point(writer, line, NULL), 0);
	json_decref(line);
}

static void what_is_written_is_read_back(void **state)
{
	struct run_writer writer;
	struct loaded_run run;
	struct reason why = { "" };
	char path[128];
	json_t *about = json_pack("{s:i, s:s}", "schema", RUN_SCHEMA, "state", "running"), *finals = json_array();

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b/c", root);
	assert_int_equal(run_writer_open(&writer, path, &why), 0);
	assert_int_equal(run_write_about(&writer, about, &why), 0);
	write_point(&writer, 8, false);
	write_point(&writer, 9, false);
	write_point(&writer, 8, true);

	/* A run that is still going on: later lines replace earlier ones. */
	assert_int_equal(run_load(path, &run, &why), 0);
	assert_int_equal(json_array_size(run.points), 2);
	assert_true(json_is_true(json_object_get(json_array_get(run.points, 0), "final")));
	assert_false(run.truncated);
	run_unload(&run);

	/* The end of a run: each point stands once. */
	json_array_append_new(finals, point(8, true));
	json_array_append_new(finals, point(9, true));
	assert_int_equal(run_write_points(&writer, finals, &why), 0);
	json_object_set_new(about, "state", json_string("complete"));
	assert_int_equal(run_write_about(&writer, about, &why), 0);
	run_writer_close(&writer);
	assert_int_equal(run_load(path, &run, &why), 0);
	assert_int_equal(json_array_size(run.points), 2);
	assert_string_equal(json_string_value(json_object_get(run.about, "state")), "complete");
	run_unload(&run);
	json_decref(finals);
	json_decref(about);
}

/* A directory may hold links for what a run is about to write. */
static void links_that_are_there_are_not_followed(void **state)
{
	static const char *const names[] = { "run.json", "run.json.partial", "points.jsonl.partial" };
	struct run_writer writer;
	struct reason why = { "" };
	json_t *about = json_pack("{s:i}", "schema", RUN_SCHEMA), *points = json_array();
	char path[128], link[192], command[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/planted", root);
	assert_int_equal(run_writer_open(&writer, path, &why), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(link, sizeof(link), "%s/%s", path, names[i]);
		assert_int_equal(symlink("precious", link), 0);
	}
	assert_int_equal(run_write_about(&writer, about, &why), 0);
	assert_int_equal(run_write_points(&writer, points, &why), 0);
	run_writer_close(&writer);
	snprintf(command, sizeof(command), "cd %s && [ -f run.json ] && [ ! -L run.json ] && [ ! -e precious ]", path);
	assert_int_equal(system(command), 0);
	json_decref(points);
	json_decref(about);
}

/* A host may have any name. */
static void the_default_place_is_below_results(void **state)
{
	char path[256];

	(void)state;
	if (unshare(CLONE_NEWUTS) || sethostname("..", 2))
		skip();
	run_default_path(path, sizeof(path));
	assert_null(strstr(path, ".."));
	assert_int_equal(sethostname("../../a", 7), 0);
	run_default_path(path, sizeof(path));
	assert_null(strstr(path, "/../"));
}

static void another_run_is_never_written_over(void **state)
{
	struct run_writer writer, second;
	struct reason why = { "" };
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/run", root);
	assert_int_equal(run_writer_open(&writer, path, &why), 0);
	assert_int_equal(run_writer_open(&second, path, &why), -EEXIST);
	assert_non_null(strstr(why.text, "-o"));
	run_writer_close(&writer);
}

static void a_place_that_is_no_directory_is_refused(void **state)
{
	struct run_writer writer;
	struct reason why = { "" };
	char path[128];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", root);
	file = fopen(path, "w");
	fclose(file);
	snprintf(path, sizeof(path), "%s/file/run", root);
	assert_int_equal(run_writer_open(&writer, path, &why), -EEXIST);
	assert_non_null(strstr(why.text, "-o"));
	assert_int_equal(run_writer_open(&writer, "", &why), -ENOENT);
}

/* A full disk, which a limit on file size imitates without root. The old file survives a failed rewrite. */
static void a_full_disk_is_told_and_loses_nothing(void **state)
{
	struct run_writer writer;
	struct reason why = { "" };
	struct rlimit before, tight;
	struct loaded_run run;
	char path[128];
	json_t *about = json_pack("{s:i, s:s}", "schema", RUN_SCHEMA, "state", "running");
	json_t *large = json_pack("{s:i}", "schema", RUN_SCHEMA);
	json_t *line = point(8, true);
	int error = 0;
	char padding[8192];

	(void)state;
	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	json_object_set_new(large, "padding", json_string(padding));
	snprintf(path, sizeof(path), "%s/full", root);
	assert_int_equal(run_writer_open(&writer, path, &why), 0);
	assert_int_equal(run_write_about(&writer, about, &why), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &tight);
	for (unsigned i = 0; i < 1000 && !error; i++)
		error = run_write_point(&writer, line, &why);
	assert_int_equal(error, -EFBIG);
	assert_non_null(strstr(why.text, "points.jsonl"));
	assert_true(run_write_about(&writer, large, &why) < 0);
	setrlimit(RLIMIT_FSIZE, &before);
	run_writer_close(&writer);

	assert_int_equal(run_load(path, &run, &why), 0);
	assert_string_equal(json_string_value(json_object_get(run.about, "state")), "running");
	assert_int_equal(json_array_size(run.points), 1);
	run_unload(&run);
	json_decref(about);
	json_decref(large);
	json_decref(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(links_that_are_there_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_default_place_is_below_results, setup, teardown),
		cmocka_unit_test_setup_teardown(another_run_is_never_written_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_place_that_is_no_directory_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_loses_nothing, setup, teardown),
	};

	return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
