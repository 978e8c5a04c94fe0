/* record/merge.c, joined.c, merge_write.c: runs of a host and of its guests in one directory. */
#include "record/check.h"
#include "record/load.h"
#include "record/merge.h"

#include <dirent.h>
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

/* The three runs that every test may change and join. */
static struct loaded_run host, guest, shadow;
static char root[64];

static int setup(void **state)
{
	struct reason why;

	(void)state;
	strcpy(root, "/tmp/nestwalk-merge-XXXXXX");
	return run_load(RUNS "join-host", &host, &why) || run_load(RUNS "join-guest", &guest, &why) ||
	       run_load(RUNS "join-shadow", &shadow, &why) || !mkdtemp(root);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	run_unload(&host);
	run_unload(&guest);
	run_unload(&shadow);
	snprintf(command, sizeof(command), "chmod -R u+w %s && rm -r %s", root, root);
	return system(command);
}

static int join_as(const char *told, struct merged *out, struct reason *why)
{
	const struct joined_run joined[] = { { &guest, told }, { &shadow, NULL } };

	return merge_runs(&(struct merge_request){ .base = &host, .joined = joined, .count = 2 }, out, why);
}

static int join_one(struct loaded_run *run, const char *told, struct merged *out, struct reason *why)
{
	const struct joined_run joined = { run, told };

	return merge_runs(&(struct merge_request){ .base = &host, .joined = &joined, .count = 1 }, out, why);
}

static const char *word(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static size_t count(const struct merged *merged, const char *setting, const char *paging)
{
	size_t found = 0, i;
	json_t *point;

	json_array_foreach (merged->points, i, point) {
		const char *its = word(point, "paging");

		found += !strcmp(word(point, "setting"), setting) &&
			 (paging ? its && !strcmp(its, paging) : json_is_null(json_object_get(point, "paging")));
	}
	return found;
}

static const json_t *element(const struct merged *merged, size_t i)
{
	return json_array_get(json_object_get(merged->about, "joined"), i);
}

static bool warns(const struct merged *merged, size_t run, const char *of)
{
	size_t i;
	json_t *warning;

	json_array_foreach (json_object_get(element(merged, run), "warnings"), i, warning) {
		if (strstr(json_string_value(warning), of))
			return true;
	}
	return false;
}

static json_t *machine(struct loaded_run *run, const char *part)
{
	return json_object_get(json_object_get(run->about, "machine"), part);
}

static void settings_and_pagings_stand_beside_each_other(void **state)
{
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(join_as("nested", &merged, &why), 0);
	assert_int_equal(json_array_size(merged.points), 10 + 4 + 4);
	assert_int_equal(count(&merged, "host", "native"), 5);
	assert_int_equal(count(&merged, "vcpu", "nested"), 5);
	assert_int_equal(count(&merged, "vcpu", "shadow"), 4);
	assert_int_equal(count(&merged, "guest", "nested"), 4);
	assert_string_equal(word(element(&merged, 0), "as"), "guest");
	assert_string_equal(word(element(&merged, 0), "accel"), "kvm");
	assert_string_equal(word(element(&merged, 1), "as"), "host");
	assert_string_equal(word(element(&merged, 1), "paging"), "shadow");
	assert_int_equal(json_integer_value(json_object_get(element(&merged, 0), "points")), 4);
	/* The point of a vCPU inside the guest is no guest of this host's. */
	assert_true(warns(&merged, 0, "of vCPUs inside the guest: 1 of"));
	assert_int_equal(json_array_size(json_object_get(element(&merged, 1), "warnings")), 0);
	/* The loaded runs are unchanged. */
	assert_null(json_object_get(host.about, "joined"));
	assert_string_equal(word(json_array_get(guest.points, 0), "setting"), "host");
	merged_free(&merged);
}

static void a_guest_does_not_know_its_paging(void **state)
{
	struct merged merged;
	struct reason why = { "" };
	const json_t *point;

	(void)state;
	assert_int_equal(join_as(NULL, &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", NULL), 4);
	point = json_array_get(merged.points, 10);
	assert_non_null(strstr(word(point, "paging_reason"), "RUN=nested"));
	assert_true(json_is_null(json_object_get(element(&merged, 0), "paging")));
	assert_non_null(strstr(word(element(&merged, 0), "paging_reason"), "RUN=nested"));
	merged_free(&merged);

	/* The mode is known where the host that booted the guest recorded it. */
	json_object_set_new(guest.about, "guest", json_pack("{s:s, s:s}", "paging", "shadow", "accel", "kvm"));
	assert_int_equal(join_as(NULL, &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", "shadow"), 4);
	assert_true(json_is_object(json_object_get(element(&merged, 0), "guest")));
	merged_free(&merged);
	assert_int_equal(join_as("nested", &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "contradicts"));
}

/* Whatever the user says, times of an emulator stay marked. */
static void an_emulators_points_stay_marked(void **state)
{
	struct merged merged;
	struct reason why = { "" };
	size_t i, tcg = 0;
	json_t *point;

	(void)state;
	json_object_set_new(machine(&guest, "outer"), "name", json_string("QEMU TCG"));
	assert_int_equal(join_as("nested", &merged, &why), -EINVAL);
	assert_int_equal(join_as(NULL, &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", "software"), 4);
	json_array_foreach (merged.points, i, point)
		tcg += word(point, "accel") && !strcmp(word(point, "accel"), "tcg");
	assert_int_equal(tcg, 4);
	assert_string_equal(word(element(&merged, 0), "accel"), "tcg");
	merged_free(&merged);

	json_object_set_new(machine(&guest, "outer"), "name", json_string("KVM"));
	json_object_set_new(guest.about, "guest", json_pack("{s:{s:s}}", "shape", "accel", "tcg"));
	assert_int_equal(join_as("shadow", &merged, &why), -EINVAL);
	assert_int_equal(join_as(NULL, &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", "software"), 4);
	merged_free(&merged);
	json_object_del(guest.about, "guest");
	assert_int_equal(join_as("software", &merged, &why), -EINVAL);

	/* KVM inside an emulator: its guests are emulated, though they see KVM. */
	json_object_set_new(machine(&host, "outer"), "name", json_string("QEMU TCG"));
	json_object_set_new(machine(&host, "outer"), "is_guest", json_true());
	assert_int_equal(join_one(&guest, "nested", &merged, &why), 0);
	assert_string_equal(word(json_array_get(merged.points, 10), "outer"), "KVM on QEMU TCG");
	assert_string_equal(word(element(&merged, 0), "outer"), "KVM on QEMU TCG");
	merged_free(&merged);
}

static void only_one_host_and_its_guests(void **state)
{
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	/* The user gives a mode for guests only. vCPUs of the same host record theirs. */
	assert_int_equal(join_one(&shadow, "shadow", &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "leave out '=shadow'"));
	json_object_set_new(shadow.about, "host", json_string("elsewhere"));
	assert_int_equal(join_one(&shadow, NULL, &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "elsewhere"));
	assert_int_equal(join_one(&shadow, "shadow", &merged, &why), -EINVAL);
	/* A run that does not say where it ran is a guest's where the user says so. */
	json_object_set_new(machine(&guest, "outer"), "name", json_string("unknown"));
	json_object_set_new(machine(&guest, "outer"), "is_guest", json_false());
	assert_int_equal(join_one(&guest, NULL, &merged, &why), -EINVAL);
	assert_int_equal(join_one(&guest, "nested", &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", "nested"), 4);
	assert_true(json_is_null(json_object_get(element(&merged, 0), "accel")));
	merged_free(&merged);
}

/* A cloud machine's host and guest may both say KVM, one CPU and one name: the guest has less memory. */
static void a_guest_of_a_guest_is_told_by_its_memory(void **state)
{
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	json_object_set_new(machine(&host, "outer"), "name", json_string("KVM"));
	json_object_set_new(machine(&host, "outer"), "is_guest", json_true());
	json_object_set_new(guest.about, "host", json_string("fixture"));
	assert_int_equal(join_one(&guest, "shadow", &merged, &why), 0);
	assert_int_equal(count(&merged, "guest", "shadow"), 4);
	assert_string_equal(word(json_array_get(merged.points, 10), "outer"), "KVM on KVM");
	merged_free(&merged);
	json_object_set(guest.about, "machine", json_object_get(host.about, "machine"));
	assert_int_equal(join_one(&guest, "shadow", &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "not inside a guest"));
}

static void doubts_are_named(void **state)
{
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	json_object_set_new(machine(&guest, "cpu"), "name", json_string("QEMU Virtual CPU"));
	json_object_set_new(machine(&guest, "kernel"), "release", json_string("6.12.0"));
	json_object_set_new(guest.about, "version", json_string("0.0.9"));
	json_object_set_new(guest.about, "state", json_string("interrupted"));
	json_object_set_new(json_array_get(guest.points, 0), "final", json_false());
	guest.truncated = true;
	assert_int_equal(join_as("nested", &merged, &why), 0);
	assert_true(warns(&merged, 0, "another CPU model: QEMU Virtual CPU"));
	assert_true(warns(&merged, 0, "another kernel: 6.12.0"));
	assert_true(warns(&merged, 0, "another version of nestwalk: 0.0.9"));
	assert_true(warns(&merged, 0, "interrupted"));
	assert_true(warns(&merged, 0, "not finished: 1 of"));
	assert_true(warns(&merged, 0, "cut off"));
	assert_int_equal(json_integer_value(json_object_get(element(&merged, 0), "points")), 3);
	merged_free(&merged);
}

static void the_same_point_twice(void **state)
{
	struct merged merged;
	struct reason why = { "" };
	const struct joined_run joined[] = { { &guest, "nested" }, { &guest, "nested" } };
	struct merge_request request = { .base = &host, .joined = joined, .count = 2 };

	(void)state;
	assert_int_equal(merge_runs(&request, &merged, &why), -EEXIST);
	assert_null(merged.points);
	assert_non_null(strstr(why.text, "--replace"));
	assert_non_null(strstr(why.text, RUNS "join-guest and in " RUNS "join-guest"));
	request.replace = true;
	assert_int_equal(merge_runs(&request, &merged, &why), 0);
	assert_int_equal(json_array_size(merged.points), 14);
	assert_int_equal(json_integer_value(json_object_get(element(&merged, 0), "points")), 0);
	assert_int_equal(json_integer_value(json_object_get(element(&merged, 1), "points")), 4);
	assert_true(warns(&merged, 1, "replacing those of earlier runs: 4 of"));
	merged_free(&merged);

	/* Under the other paging mode it is another point. */
	assert_int_equal(
		merge_runs(&(struct merge_request){ .base = &host,
				   .joined = (const struct joined_run[]){ { &guest, "nested" }, { &guest, "shadow" } },
				   .count = 2 },
			&merged, &why),
		0);
	assert_int_equal(json_array_size(merged.points), 18);
	merged_free(&merged);
}

static void nothing_to_join(void **state)
{
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	while (json_array_size(guest.points) > 1)
		json_array_remove(
			guest.points, strcmp(word(json_array_get(guest.points, 0), "setting"), "vcpu") ? 0 : 1);
	assert_int_equal(join_one(&guest, "nested", &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "no finished points of setting host"));
	json_array_clear(shadow.points);
	assert_int_equal(join_one(&shadow, NULL, &merged, &why), -EINVAL);
	json_object_set_new(guest.about, "joined", json_array());
	assert_int_equal(join_one(&guest, "nested", &merged, &why), -EINVAL);
	assert_non_null(strstr(why.text, "itself joined"));
}

/* The other half of a comparison brings its guests along: each run keeps its place in the list, under a new number. */
static void what_is_joined_already_joins_one_by_one(void **state)
{
	struct loaded_run half = shadow;
	struct merged first, all;
	struct reason why = { "" };
	size_t own = 0, of_guest = 0, i;
	json_t *point;

	(void)state;
	assert_int_equal(merge_runs(&(struct merge_request){ .base = &shadow,
					    .joined = &(struct joined_run){ &guest, "shadow" },
					    .count = 1 },
				 &first, &why),
		0);
	half.about = first.about;
	half.points = first.points;
	assert_int_equal(merge_runs(&(struct merge_request){ .base = &host,
					    .joined = (struct joined_run[]){ { &guest, "nested" }, { &half, NULL } },
					    .count = 2 },
				 &all, &why),
		0);
	assert_int_equal(json_array_size(json_object_get(all.about, "joined")), 3);
	assert_string_equal(word(element(&all, 0), "paging"), "nested");
	assert_string_equal(word(element(&all, 1), "as"), "host");
	assert_string_equal(word(element(&all, 2), "as"), "guest");
	assert_string_equal(word(element(&all, 2), "paging"), "shadow");
	assert_string_equal(word(element(&all, 2), "file"), "joined/3-run.json");
	assert_string_equal(word(json_array_get(all.sources, 2), "file"), "joined/1-run.json");
	json_array_foreach (all.points, i, point) {
		json_int_t number = json_integer_value(json_object_get(point, "joined"));

		own += number == 2;
		of_guest += number == 3;
		if (number == 3) {
			assert_string_equal(word(point, "setting"), "guest");
			assert_string_equal(word(point, "paging"), "shadow");
		}
	}
	assert_int_equal(own, json_integer_value(json_object_get(element(&all, 1), "points")));
	assert_int_equal(of_guest, json_integer_value(json_object_get(element(&all, 2), "points")));
	assert_true(own && of_guest);
	merged_free(&all);
	merged_free(&first);
}

static size_t entries(const char *path)
{
	DIR *listing = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(listing);
	while ((entry = readdir(listing)))
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

static void nobody(void *context, enum finding_kind kind, const char *line)
{
	(void)context;
	(void)kind;
	print_message("%s\n", line);
}

static void what_is_written_is_a_valid_run(void **state)
{
	const struct joined_run joined[] = { { &guest, "nested" }, { &shadow, NULL } };
	const struct merge_request request = { .base = &host, .joined = joined, .count = 2 };
	struct merged merged;
	struct check_result result;
	struct reason why = { "" };
	char path[128];

	(void)state;
	assert_int_equal(merge_runs(&request, &merged, &why), 0);
	snprintf(path, sizeof(path), "%s/a/b/", root);
	assert_int_equal(merge_write(&request, &merged, path, &why), 0);
	assert_int_equal(check_run(path, nobody, NULL, &result, &why), 0);
	assert_true(result.valid);
	assert_int_equal(result.points, 18);
	/* An empty directory is as good as none; a full one is not. */
	assert_int_equal(merge_write(&request, &merged, path, &why), -EEXIST);
	snprintf(path, sizeof(path), "%s/empty", root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(merge_write(&request, &merged, path, &why), 0);
	assert_int_equal(entries(root), 2);
	merged_free(&merged);
}

static void a_failure_leaves_nothing(void **state)
{
	const struct joined_run joined = { &guest, "nested" };
	const struct merge_request request = { .base = &host, .joined = &joined, .count = 1 };
	struct merged merged;
	struct reason why = { "" };
	char path[128];

	(void)state;
	free(guest.path);
	guest.path = strdup(RUNS "nowhere");
	assert_int_equal(merge_runs(&request, &merged, &why), 0);
	snprintf(path, sizeof(path), "%s/out", root);
	assert_int_equal(merge_write(&request, &merged, path, &why), -ENOENT);
	assert_non_null(strstr(why.text, "nowhere/run.json"));
	free(host.path);
	host.path = strdup(RUNS "nowhere");
	assert_int_equal(merge_write(&request, &merged, path, &why), -ENOENT);
	assert_non_null(strstr(why.text, "topology.xml"));
	assert_int_equal(merge_write(&request, &merged, "/proc/nestwalk", &why) < 0, 1);
	assert_int_equal(merge_write(&request, &merged, "Makefile", &why), -ENOTDIR);
	assert_int_equal(entries(root), 0);
	merged_free(&merged);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static void traits_of_metrics_are_united(void **state)
{
	json_t *traits = json_pack("{s:{s:{s:s}}}", "tlb-shootdown", "victim_ns", "unit", "ns");
	struct merged merged;
	struct reason why = { "" };

	(void)state;
	json_object_set(guest.about, "metrics", traits);
	assert_int_equal(join_one(&guest, "nested", &merged, &why), 0);
	assert_true(json_equal(json_object_get(merged.about, "metrics"), traits));
	assert_null(json_object_get(host.about, "metrics"));
	merged_free(&merged);

	json_object_set_new(
		host.about, "metrics", json_pack("{s:{s:{s:s}}}", "tlb-shootdown", "victim_ns", "unit", "cycles"));
	assert_int_equal(join_one(&guest, "nested", &merged, &why), -EINVAL);
	json_object_del(host.about, "metrics");
	json_object_del(guest.about, "metrics");
	json_decref(traits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_and_pagings_stand_beside_each_other),
		TEST(a_guest_does_not_know_its_paging),
		TEST(an_emulators_points_stay_marked),
		TEST(only_one_host_and_its_guests),
		TEST(a_guest_of_a_guest_is_told_by_its_memory),
		TEST(doubts_are_named),
		TEST(the_same_point_twice),
		TEST(what_is_joined_already_joins_one_by_one),
		TEST(nothing_to_join),
		TEST(what_is_written_is_a_valid_run),
		TEST(a_failure_leaves_nothing),
		TEST(traits_of_metrics_are_united),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
