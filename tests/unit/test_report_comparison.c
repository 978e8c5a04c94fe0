/* report/: settings and paging modes compared with the host, by made-up runs whose answers are known. */
#include "report/lanes.h"
#include "test_report_places.h"

static void a_host_alone_is_not_compared(void **state)
{
	struct loaded_run run;

	(void)state;
	MAKE(&run, &host);
	write_text_of(&run);
	assert_no_file("comparison.tsv");
	assert_no_file("crossover.tsv");
	assert_says("report.md", "Settings compared", false);
	run_unload(&run);
}

enum {
	COMPARED_ROW,
	COMPARED_LABEL = 6,
	COMPARED_RATIO = 15,
	COMPARED_LO,
	COMPARED_HI,
	COMPARED_PAIRS,
	COMPARED_ALIKE
};

/* Rows: the first and the second level, beyond them, recycled, fresh. */
static void every_place_is_compared_with_the_host(void **state)
{
	struct loaded_run run;
	char *label, *alike;

	(void)state;
	MAKE(&run, &host, &vcpu_nested, &nested, &shadow);
	write_text_of(&run);
	/* 72 pages at most: half of it is clear of the edge. */
	label = cell("comparison.tsv", "1\t1\t", 3);
	assert_non_null(strstr(label, "4K, first level: 3"));
	free(label);
	alike = cell("comparison.tsv", "1\t1\t", COMPARED_ALIKE);
	assert_string_equal(alike, "yes");
	free(alike);
	assert_says("comparison.tsv", "\t4K, beyond each level: 65 536 pages\thost\t1\tvcpu, nested paging\t", true);
	assert_near(number("comparison.tsv", "3\t1\t", COMPARED_RATIO), 125. / 65);
	/* Of one run: paired. Samples of a round are alike in shape, so that all ratios are the same. */
	assert_true(number("comparison.tsv", "3\t1\t", COMPARED_PAIRS) == SAMPLES);
	assert_near(number("comparison.tsv", "3\t1\t", COMPARED_HI), 125. / 65);
	/* Of two: not paired; the vCPU has no such fault. */
	label = cell("comparison.tsv", "4\t2\t", COMPARED_LABEL);
	assert_string_equal(label, "guest, nested paging");
	free(label);
	assert_near(number("comparison.tsv", "4\t2\t", COMPARED_RATIO), 1.1);
	assert_true(number("comparison.tsv", "4\t2\t", COMPARED_PAIRS) == 0);
	assert_true(number("comparison.tsv", "4\t2\t", COMPARED_LO) < 1.1);
	assert_true(number("comparison.tsv", "4\t2\t", COMPARED_HI) > 1.1);
	assert_says("comparison.tsv", "\t3\tguest, shadow paging\tguest\tshadow\t500\t495\t505\t2000\t", true);
	assert_says("report.md", "| **a page fault**: new page, recycled frame | 500 | | 550: 1.100 [", true);
	assert_says("report.md",
		"vcpu, nested paging** against host, of 3 rows: 2 cannot be told apart (`~`), 1 took longer", true);
	/* One mode of the vCPU has nothing to be held against. */
	assert_says("comparison.tsv", "fault on warm memory", false);
	run_unload(&run);
}

/* What a guest with fewer CPUs has not measured is no reason to leave the rest out. */
static void the_most_that_all_have_is_compared(void **state)
{
	static const struct made_up *const places[] = { &host, &nested, &shadow };
	struct loaded_run run;

	(void)state;
	load(RUNS "joined", &run);
	json_array_clear(run.points);
	for (int p = 0; p < 3; p++) {
		for (int others = 0; others <= 4 - 2 * p; others += 1)
			add_metric(add_point(&run, places[p], "tlb-shootdown",
					   json_pack("{s:s, s:i, s:i}", "operation", "munmap", "pages", 1, "others",
						   others)),
				"operation_ns", 1000 + 100 * others);
	}
	write_text_of(&run);
	/* The last has none but 0. */
	assert_says("comparison.tsv", "munmap() of a page, other CPUs: 0\t", true);
	assert_near(number("comparison.tsv", "1\t1\t", COMPARED_RATIO), 1);
	assert_no_file("crossover.tsv");
	run_unload(&run);
}

static void other_sizes_are_not_compared(void **state)
{
	static const struct made_up *const places[] = { &host, &nested, &shadow };
	struct loaded_run run;

	(void)state;
	load(RUNS "joined", &run);
	json_array_clear(run.points);
	for (int p = 0; p < 3; p++) {
		add_storm(&run, places[p], "recycled", places[p]->fault_ns);
		json_object_set_new(json_object_get(json_array_get(run.points, (size_t)p), "params"), "region_bytes",
			json_integer(p == 1 ? 8 * MIB : 16 * MIB));
	}
	write_text_of(&run);
	assert_says("comparison.tsv", "\tguest, shadow paging\t", true);
	assert_says("comparison.tsv", "\tguest, nested paging\t", false);
	run_unload(&run);
}

static void bare_vcpus_are_held_against_each_other(void **state)
{
	struct loaded_run run;

	(void)state;
	MAKE(&run, &vcpu_nested, &vcpu_shadow);
	write_text_of(&run);
	assert_says("comparison.tsv", "\tfault on warm memory\tvcpu, nested paging\t1\tvcpu, shadow paging\t", true);
	assert_near(number("comparison.tsv", "1\t1\t", COMPARED_RATIO), 20);
	assert_says("report.md", "vcpu, shadow paging** against vcpu, nested paging", true);
	/* m* = (2000 - 100) / (40 - 21). */
	assert_near(number("crossover.marks.tsv", "1\t", 1), 100);
	assert_near(number("crossover.marks.tsv", "1\t", 4), 1);
	run_unload(&run);
}

static void interpreted_times_take_no_part(void **state)
{
	struct made_up slow = vcpu_shadow;
	struct loaded_run run;

	(void)state;
	slow.interpreted = true;
	MAKE(&run, &host, &vcpu_nested, &slow, &nested);
	write_text_of(&run);
	assert_says("comparison.tsv", "fault on warm memory", false);
	assert_says("crossover.tsv", "vcpu, shadow", false);
	/* Its accesses are not interpreted. */
	assert_says("comparison.tsv", "\tvcpu, shadow paging\t", true);
	run_unload(&run);
}

static void an_emulators_points_take_no_part(void **state)
{
	(void)state;
	for (int accel = 0; accel <= 1; accel++) {
		struct loaded_run run;
		size_t i;
		json_t *point;

		MAKE(&run, &host, &nested, &shadow);
		json_array_foreach (run.points, i, point) {
			if (text_is(point, "paging", "shadow") && accel)
				json_object_set_new(point, "accel", json_string("tcg"));
			else if (text_is(point, "paging", "shadow"))
				json_object_set_new(point, "paging", json_string("software"));
		}
		write_text_of(&run);
		assert_says("comparison.tsv", "shadow", false);
		assert_says("comparison.tsv", "software", false);
		assert_says("crossover.tsv", "\tguest, nested paging\t", true);
		assert_says("crossover.tsv", "shadow", false);
		assert_says("crossover.tsv", "software", false);
		run_unload(&run);
	}
}

/* Without sweeps of pages, which take long to read levels from, and have tests of their own. */
static void wrong_kinds_do_not_crash(void **state)
{
	static const struct made_up *const places[] = { &host, &nested, &shadow };
	struct loaded_run run;
	json_t *point;

	(void)state;
	load(RUNS "joined", &run);
	for (int p = 0; p < 3; p++)
		add_storm(&run, places[p], "recycled", places[p]->fault_ns);
	point = json_array_get(run.points, json_array_size(run.points) - 2);
	assert_true(text_is(point, "setting", "guest"));
	with_every_value_wrong(point, write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "params"), write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "metrics"), write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "samples"), write_text_of, &run);
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_alone_is_not_compared),
		TEST(every_place_is_compared_with_the_host),
		TEST(the_most_that_all_have_is_compared),
		TEST(other_sizes_are_not_compared),
		TEST(bare_vcpus_are_held_against_each_other),
		TEST(interpreted_times_take_no_part),
		TEST(an_emulators_points_take_no_part),
		TEST(wrong_kinds_do_not_crash),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
