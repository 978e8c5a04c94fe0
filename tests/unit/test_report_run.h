/* What tests of reports share: a directory to write them to, runs to write them of, and runs with something wrong. */
#ifndef NESTWALK_TEST_REPORT_RUN_H
#define NESTWALK_TEST_REPORT_RUN_H

#include "report/report.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RUNS "tests/fixtures/runs/"

static char directory[] = "/tmp/nestwalk-test-report-XXXXXX";

static inline void load(const char *name, struct loaded_run *run)
{
	struct reason why = { "" };

	if (run_load(name, run, &why))
		fail_msg("%s", why.text);
}

/* The text of a file of the report; the caller frees. NULL: there is none. */
static inline char *read_file(const char *name)
{
	char *path = run_file(directory, name), *text = NULL;
	FILE *file = fopen(path, "r");
	size_t room = 0;

	free(path);
	if (!file)
		return NULL;
	if (getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static inline int empty_directory(void **state)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;

	(void)state;
	while (listing && (entry = readdir(listing))) {
		char *path = run_file(directory, entry->d_name);

		unlink(path);
		free(path);
	}
	return listing ? closedir(listing) : -1;
}

/* Write the report of a fixture without gnuplot: its text only. */
static inline void write_text_of(const struct loaded_run *run)
{
	const struct report_request request = { .directory = directory, .plots = "tests/fixtures/runs" };
	struct reason why = { "" };

	/* With nothing to draw, nothing is missing. */
	assert_in_set((unsigned long)-report_write(run, &request, &why), ((unsigned long[]){ 0, ENOENT }), 2);
}

/* Put another kind of value in place of every value of an object, one after the other, and call `use` each time. */
static inline void with_every_value_wrong(
	json_t *object, void (*use)(const struct loaded_run *run), const struct loaded_run *run)
{
	json_t *wrong[] = { json_null(), json_integer(-1), json_string("a\tb\n"), json_array(), json_object() };
	json_t *keys = json_array();
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach (object, key, value)
		json_array_append_new(keys, json_string(key));
	json_array_foreach (keys, i, value) {
		json_t *right = json_incref(json_object_get(object, json_string_value(value)));

		for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
			json_object_set(object, json_string_value(value), wrong[w]);
			use(run);
		}
		json_object_set_new(object, json_string_value(value), right);
	}
	json_decref(keys);
	for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++)
		json_decref(wrong[w]);
}

static inline int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

#define TEST(function) cmocka_unit_test_teardown(function, empty_directory)

#endif
