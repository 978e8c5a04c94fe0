/* record/journal.c: what a killed run's journal gives. */
#include "record/journal.h"
#include "record/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/nestwalk-test-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

/* Open a run there with a run.json that says no more than it must. */
static void run_begin(struct run_writer *writer)
{
	json_t *about = json_pack("{s:i, s:i, s:s}", "schema", RUN_SCHEMA, "seed", 7, "state", "running");
	struct reason why;
	char path[80];

	snprintf(path, sizeof(path), "%s/run", directory);
	assert_int_equal(run_writer_open(writer, path, &why), 0);
	assert_int_equal(run_write_about(writer, about, &why), 0);
	json_decref(about);
}

static void entry(struct run_writer *writer, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	struct reason why;

	assert_non_null(json);
	assert_int_equal(run_write_journal(writer, json, &why), 0);
	json_decref(json);
}

#define LINE(number, pages) \
	"{\"point\":" #number \
	",\"line\":{\"bench\":\"b\",\"setting\":\"host\",\"paging\":\"native\",\"pass\":\"sweep\"," \
	"\"params\":{\"pages\":" #pages "},\"status\":\"ok\",\"final\":false,\"metrics\":{\"net_ns\":{\"median\":1," \
	"\"lo\":null,\"hi\":null,\"unit\":\"ns\"}}}}"
#define SAMPLE(number, round, value) \
	"{\"point\":" #number ",\"sample\":{\"round\":" #round ",\"net_ns\":" #value ",\"quiet\":1}}"

/* The points of the run that was begun, read as anybody reads them. */
static struct loaded_run run_read(const struct run_writer *writer)
{
	struct loaded_run run;
	struct reason why = { "" };

	if (run_load(writer->path, &run, &why))
		fail_msg("%s", why.text);
	return run;
}

static const json_t *metric_of(const struct loaded_run *run, size_t point)
{
	return json_object_get(json_object_get(json_array_get(run->points, point), "metrics"), "net_ns");
}

static void samples_become_points_with_their_medians(void **state)
{
	struct run_writer writer;
	struct loaded_run run;
	const json_t *list;

	(void)state;
	run_begin(&writer);
	entry(&writer, LINE(1, 8));
	entry(&writer, SAMPLE(1, 0, 5));
	entry(&writer, LINE(2, 16));
	entry(&writer, SAMPLE(2, 0, 70));
	entry(&writer, SAMPLE(1, 1, 7));
	entry(&writer, SAMPLE(1, 2, 6));
	run = run_read(&writer);
	assert_int_equal(json_array_size(run.points), 2);
	list = json_object_get(json_object_get(json_array_get(run.points, 0), "samples"), "net_ns");
	assert_int_equal(json_array_size(list), 3);
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 0), "median")), 6, 0);
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 0), "lo")), 5, 0);
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 0), "hi")), 7, 0);
	/* One sample has no interval. */
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 1), "median")), 70, 0);
	assert_true(json_is_null(json_object_get(metric_of(&run, 1), "lo")));
	assert_true(json_is_false(json_object_get(json_array_get(run.points, 0), "final")));
	run_unload(&run);
	run_writer_close(&writer);
}

static void rounds_that_were_given_up_do_not_count(void **state)
{
	struct run_writer writer;
	struct loaded_run run;

	(void)state;
	run_begin(&writer);
	entry(&writer, LINE(1, 8));
	entry(&writer, SAMPLE(1, 0, 5));
	entry(&writer, SAMPLE(1, 1, 900));
	entry(&writer, "{\"point\":1,\"dropped_round\":1}");
	run = run_read(&writer);
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 0), "median")), 5, 0);
	run_unload(&run);
	run_writer_close(&writer);
}

static void a_metric_unknown_in_a_sample_is_unknown(void **state)
{
	struct run_writer writer;
	struct loaded_run run;

	(void)state;
	run_begin(&writer);
	entry(&writer, LINE(1, 8));
	entry(&writer, SAMPLE(1, 0, 5));
	entry(&writer, SAMPLE(1, 1, null));
	run = run_read(&writer);
	assert_true(json_is_null(json_object_get(metric_of(&run, 0), "median")));
	assert_true(json_is_string(json_object_get(metric_of(&run, 0), "reason")));
	run_unload(&run);
	run_writer_close(&writer);
}

/* A point that is finished is points.jsonl's, and a line that was cut off is nobody's. */
static void finished_points_and_cut_lines_are_left_out(void **state)
{
	struct run_writer writer;
	struct loaded_run run;

	(void)state;
	run_begin(&writer);
	entry(&writer, LINE(1, 8));
	entry(&writer, SAMPLE(1, 0, 5));
	entry(&writer, "{\"point\":1,\"final\":true}");
	entry(&writer, LINE(2, 16));
	entry(&writer, SAMPLE(2, 0, 70));
	/* Of this one nothing was measured. */
	entry(&writer, LINE(3, 32));
	fputs("{\"point\":2,\"sample\":{\"round\":1,\"net_", writer.journal);
	fflush(writer.journal);
	run = run_read(&writer);
	assert_int_equal(json_array_size(run.points), 1);
	assert_float_equal(json_number_value(json_object_get(metric_of(&run, 0), "median")), 70, 0);
	run_unload(&run);
	run_writer_close(&writer);
}

static void the_end_of_a_run_removes_its_journal(void **state)
{
	struct run_writer writer;
	struct loaded_run run;
	struct reason why;
	json_t *points = json_array();
	char name[4200];

	(void)state;
	run_begin(&writer);
	entry(&writer, LINE(1, 8));
	entry(&writer, SAMPLE(1, 0, 5));
	assert_int_equal(access(writer_file(&writer, JOURNAL_NAME, name, sizeof(name)), F_OK), 0);
	assert_int_equal(run_write_points(&writer, points, &why), 0);
	assert_int_not_equal(access(name, F_OK), 0);
	run = run_read(&writer);
	assert_int_equal(json_array_size(run.points), 0);
	run_unload(&run);
	json_decref(points);
	run_writer_close(&writer);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(samples_become_points_with_their_medians),
		TEST(rounds_that_were_given_up_do_not_count),
		TEST(a_metric_unknown_in_a_sample_is_unknown),
		TEST(finished_points_and_cut_lines_are_left_out),
		TEST(the_end_of_a_run_removes_its_journal),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
