/* guest/join.c: the points of a guest in the run of its host. */
#include "guest/join.h"
#include "record/load.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS "tests/fixtures/runs/"

static char place[64], host_path[96];
static struct guest_result result;

/* Runs of a host and of its guest, to be changed. */
static int setup(void **state)
{
	char command[512];

	(void)state;
	strcpy(place, "/tmp/nestwalk-test-join-XXXXXX");
	if (!mkdtemp(place))
		return -1;
	snprintf(host_path, sizeof(host_path), "%s/join-host", place);
	result = (struct guest_result){ .complete = true, .facts = json_pack("{s:i}", "guest_faults", 12) };
	snprintf(result.run, sizeof(result.run), "%s/join-guest", place);
	snprintf(command, sizeof(command), "cp -r " RUNS "join-host " RUNS "join-guest %s && chmod -R u+w %s", place,
		place);
	return system(command);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	guest_result_free(&result);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static void load(const char *path, struct loaded_run *run)
{
	struct reason why = { "" };

	if (run_load(path, run, &why))
		fail_msg("%s", why.text);
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* How many points of setting guest a run has, and that all of them have this paging (NULL: null). */
static size_t points_of_guest(const struct loaded_run *run, const char *paging)
{
	size_t i, count = 0;
	json_t *point;

	json_array_foreach (run->points, i, point) {
		const char *has = text_of(point, "paging");

		if (strcmp(text_of(point, "setting"), "guest"))
			continue;
		count++;
		assert_true(paging ? has && !strcmp(has, paging) : !has);
	}
	return count;
}

static void points_join_and_facts_are_written(void **state)
{
	struct loaded_run host, guest;
	struct reason why = { "" };
	struct guest_points points = { 0 };

	(void)state;
	if (guest_join(host_path, &result, "nested", &points, &why))
		fail_msg("%s", why.text);
	assert_int_equal(points.ok + points.skipped + points.errors, 4);
	load(host_path, &host);
	assert_int_equal(points_of_guest(&host, "nested"), 4);
	assert_string_equal(text_of(host.about, "state"), "complete");
	run_unload(&host);
	load(result.run, &guest);
	assert_string_equal(text_of(json_object_get(guest.about, "guest"), "paging"), "nested");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(guest.about, "guest"), "guest_faults")), 12);
	run_unload(&guest);
	/* The facts stay the caller's. */
	assert_null(json_object_get(result.facts, "paging"));
}

static void a_mode_that_is_not_known_has_a_reason(void **state)
{
	struct loaded_run host, guest;
	struct reason why;
	struct guest_points points;

	(void)state;
	assert_int_equal(guest_join(host_path, &result, NULL, &points, &why), 0);
	load(host_path, &host);
	assert_int_equal(points_of_guest(&host, NULL), 4);
	run_unload(&host);
	load(result.run, &guest);
	assert_true(json_is_null(json_object_get(json_object_get(guest.about, "guest"), "paging")));
	assert_non_null(text_of(json_object_get(guest.about, "guest"), "paging_reason"));
	run_unload(&guest);
}

static void a_run_that_came_to_no_end_is_joined_and_said(void **state)
{
	char command[512];
	struct loaded_run host;
	struct reason why;
	struct guest_points points = { 0 };

	(void)state;
	snprintf(command, sizeof(command),
		"cd %s && jq '.state = \"interrupted\" | .reason = \"the disk is full\"' run.json >new && mv new run.json",
		result.run);
	assert_int_equal(system(command), 0);
	assert_int_equal(guest_join(host_path, &result, "nested", &points, &why), -ECANCELED);
	assert_non_null(strstr(why.text, "not complete: the disk is full"));
	assert_int_equal(points.ok + points.skipped + points.errors, 4);
	load(host_path, &host);
	assert_int_equal(points_of_guest(&host, "nested"), 4);
	run_unload(&host);
}

/* A guest's points are its own, whatever it says. */
static void a_run_that_is_not_sound_is_not_joined(void **state)
{
	char command[512];
	struct loaded_run host;
	struct reason why;
	struct guest_points points = { 0 };

	(void)state;
	snprintf(command, sizeof(command), "cd %s && jq -c '.joined = 5' points.jsonl >new && mv new points.jsonl",
		result.run);
	assert_int_equal(system(command), 0);
	assert_int_equal(guest_join(host_path, &result, "nested", &points, &why), -EINVAL);
	assert_non_null(strstr(why.text, "points.jsonl:1: joined is not the number of a run"));
	assert_int_equal(points.ok + points.skipped + points.errors, 0);
	load(host_path, &host);
	assert_int_equal(points_of_guest(&host, "nested"), 0);
	run_unload(&host);
}

static void nothing_to_join_changes_nothing(void **state)
{
	struct loaded_run host;
	struct reason why = { "" };
	struct guest_points points = { 0 };

	(void)state;
	strcat(result.run, "-of-nobody");
	assert_true(guest_join(host_path, &result, "nested", &points, &why) < 0);
	assert_true(why.text[0]);
	assert_int_equal(points.ok + points.skipped + points.errors, 0);
	load(host_path, &host);
	assert_int_equal(points_of_guest(&host, "nested"), 0);
	run_unload(&host);
}

static const json_t *noted(const struct loaded_run *run, size_t which)
{
	return json_array_get(json_object_get(run->about, "guests"), which);
}

static void notes_are_kept_one_after_the_other(void **state)
{
	struct loaded_run host;
	struct reason why;
	double alone_s;

	(void)state;
	load(host_path, &host);
	alone_s = json_number_value(json_object_get(host.about, "duration_s"));
	run_unload(&host);
	json_object_set_new(result.facts, "run_ms", json_real(1500));
	assert_int_equal(guest_note(host_path, "skipped", "no QEMU here", NULL, &why), 0);
	assert_int_equal(guest_note(host_path, "ok", NULL, result.facts, &why), 0);
	load(host_path, &host);
	assert_int_equal(json_array_size(json_object_get(host.about, "guests")), 2);
	assert_string_equal(text_of(noted(&host, 0), "status"), "skipped");
	assert_string_equal(text_of(noted(&host, 0), "reason"), "no QEMU here");
	assert_true(json_is_null(json_object_get(noted(&host, 0), "facts")));
	assert_string_equal(text_of(noted(&host, 1), "status"), "ok");
	assert_true(json_is_null(json_object_get(noted(&host, 1), "reason")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(noted(&host, 1), "facts"), "guest_faults")), 12);
	/* A guest's time counts as time of the run. */
	assert_true(fabs(json_number_value(json_object_get(host.about, "duration_s")) - alone_s - 1.5) < 0.001);
	/* Neither is a failure of the host's run. */
	assert_string_equal(text_of(host.about, "state"), "complete");
	run_unload(&host);
	assert_int_equal(guest_note(host_path, "error", "it fell over", NULL, &why), 0);
	load(host_path, &host);
	assert_string_equal(text_of(host.about, "state"), "interrupted");
	assert_non_null(strstr(text_of(host.about, "reason"), "it fell over"));
	run_unload(&host);
	assert_true(guest_note("/nowhere", "ok", NULL, NULL, &why) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(points_join_and_facts_are_written),
		TEST(a_mode_that_is_not_known_has_a_reason),
		TEST(a_run_that_came_to_no_end_is_joined_and_said),
		TEST(a_run_that_is_not_sound_is_not_joined),
		TEST(nothing_to_join_changes_nothing),
		TEST(notes_are_kept_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
