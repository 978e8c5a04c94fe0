/* report/: where paging modes cost the same, by made-up costs and runs whose answers are known. */
#include "report/crossover.h"

#include "report/lanes.h"
#include "test_report_places.h"

enum { LINE_MISSES = 7, LINE_SLOWDOWN, LINE_LO, LINE_HI };

static void modes_cross_where_the_formula_says(void **state)
{
	/* C: 550 and 2000 ns; M: 120 and 63 cycles at 3 GHz. */
	const double expected = (2000. - 550) / (40 - 21);
	struct loaded_run run;
	char *words;

	(void)state;
	MAKE(&run, &host, &nested, &shadow);
	write_text_of(&run);
	assert_near(number("crossover.marks.tsv", "1\t", 1), expected);
	assert_true(number("crossover.marks.tsv", "1\t", 2) < expected);
	assert_true(number("crossover.marks.tsv", "1\t", 3) > expected);
	assert_true(number("crossover.marks.tsv", "1\t", 3) < 1.1 * expected);
	assert_near(number("crossover.marks.tsv", "1\t", 4), (550 + expected * 40) / (500 + expected * 20));
	words = cell("crossover.marks.tsv", "1\t", 5);
	assert_non_null(strstr(words, "76.3 ["));
	free(words);
	/* The ends: 1/16 and 2^20 misses for each change. */
	assert_near(
		number("crossover.tsv", "1\tpage faults on recycled frames\thost\tguest, shadow paging\t", LINE_MISSES),
		1. / 16);
	assert_near(number("crossover.tsv", "1\tpage faults on recycled frames\thost\tguest, shadow paging\t",
			    LINE_SLOWDOWN),
		(2000 + 21 / 16.) / (500 + 20 / 16.));
	assert_near(
		number("crossover.tsv",
			"1\tpage faults on recycled frames\thost\tguest, nested paging\tguest\tnested\t2\t1048576\t",
			LINE_SLOWDOWN),
		2);
	/* The host is what the others are drawn against. */
	assert_says("crossover.tsv", "\thost\thost\t", false);
	assert_says("report.md", "Both cost the same at *m\\** = 76.3 [", true);
	assert_says("report.md", "With fewer nested paging costs less, with more shadow paging.", true);
	/* Fresh frames: 1400 and 1300 ns, and misses are dearer under nested paging: there is nothing to gain from it. */
	assert_true(isnan(number("crossover.marks.tsv", "2\t", 1)));
	assert_says("report.md", "They do not cross: shadow paging costs less at every mix.", true);
	run_unload(&run);
}

static void one_mode_has_one_line(void **state)
{
	struct loaded_run run;

	(void)state;
	MAKE(&run, &host, &shadow);
	write_text_of(&run);
	assert_says("crossover.tsv", "guest, nested", false);
	assert_true(isnan(number("crossover.marks.tsv", "1\t", 1)));
	assert_says("report.md", "only shadow was measured", true);
	assert_says("report.md", "`make bench-paging`", true);
	assert_says("report.md", "Both cost the same", false);
	run_unload(&run);
}

static void unknown_costs_have_no_line(void **state)
{
	struct loaded_run run;
	size_t i;
	json_t *point;

	(void)state;
	MAKE(&run, &host, &nested, &shadow);
	json_array_foreach (run.points, i, point) {
		if (!text_is(point, "paging", "shadow") || !text_is(point, "params.frames", "recycled"))
			continue;
		json_object_set_new(json_object_get(point, "metrics"), "fault_ns",
			json_pack(
				"{s:n, s:n, s:n, s:s, s:s}", "median", "lo", "hi", "unit", "ns", "reason", "no clock"));
		json_object_del(json_object_get(point, "samples"), "fault_ns");
	}
	write_text_of(&run);
	assert_says("crossover.tsv", "1\tpage faults on recycled frames\thost\tguest, nested paging\t", true);
	assert_says("crossover.tsv", "1\tpage faults on recycled frames\thost\tguest, shadow paging\t", false);
	assert_says("crossover.tsv", "2\tpage faults on fresh frames\thost\tguest, shadow paging\t", true);
	assert_says(
		"report.md", "guest, shadow paging has no line: it has no time of a fault on a recycled frame", true);
	run_unload(&run);
}

static json_t *bare(double fault_ns, double miss_ns)
{
	json_t *point = json_pack("{s:{}, s:{}}", "metrics", "samples");

	add_metric(point, "fault_ns", fault_ns);
	add_metric(point, "net_ns", miss_ns);
	return point;
}

static void costs_of(const json_t *point, uint64_t seed, struct crossover_costs *out)
{
	const struct crossover_request request = { point, point, "fault_ns", "net_ns", seed };

	assert_int_equal(crossover_costs(&request, out), 0);
}

static struct crossing cross(double change_a, double miss_a, double change_b, double miss_b)
{
	json_t *a = bare(change_a, miss_a), *b = bare(change_b, miss_b);
	struct crossover_costs first, second;
	struct crossing crossing;

	costs_of(a, 1, &first);
	costs_of(b, 2, &second);
	crossing = crossover_crossing(&first, &second);
	crossover_free(&first);
	crossover_free(&second);
	json_decref(a);
	json_decref(b);
	return crossing;
}

static void crossings(void **state)
{
	struct crossing found = cross(100, 40, 900, 20);

	(void)state;
	assert_near(found.misses.median, 40);
	assert_true(found.misses.lo < 40 && found.misses.lo > 35 && found.misses.hi > 40 && found.misses.hi < 45);
	assert_int_equal(found.better_below, 0);
	found = cross(900, 20, 100, 40);
	assert_near(found.misses.median, 40);
	assert_int_equal(found.better_below, 1);
	assert_int_equal(cross(100, 20, 900, 40).always, 0);
	assert_int_equal(cross(900, 40, 100, 20).always, 1);
	assert_int_equal(cross(100, 40, 100, 20).always, 1);
	assert_int_equal(cross(100, 20, 100, 40).always, 0);
	assert_int_equal(cross(100, 20, 100, 20).always, -1);
	/* Misses that nobody can tell apart: it may lie at any number beyond. */
	found = cross(100, 20.01, 900, 20);
	assert_true(isinf(found.misses.hi) && found.misses.lo > 1000);
	/* And so may changes. */
	found = cross(100, 40, 100.1, 20);
	assert_true(found.misses.lo == 0 && found.misses.hi > found.misses.median);
}

static void one_sample_has_no_interval(void **state)
{
	json_t *a = bare(100, 40), *b = bare(900, 20);
	struct crossover_costs first, second;
	struct crossing crossing;
	struct interval slowdown;

	(void)state;
	json_object_set_new(json_object_get(a, "samples"), "net_ns", json_pack("[f]", 40.));
	costs_of(a, 1, &first);
	costs_of(b, 2, &second);
	crossing = crossover_crossing(&first, &second);
	assert_near(crossing.misses.median, 40);
	assert_true(isnan(crossing.misses.lo) && isnan(crossing.misses.hi));
	slowdown = crossover_slowdown(&second, &first, 0);
	assert_near(slowdown.median, 9);
	assert_true(isnan(slowdown.lo));
	slowdown = crossover_slowdown(&second, &second, INFINITY);
	assert_near(slowdown.median, 1);
	assert_true(slowdown.lo <= 1 && slowdown.hi >= 1);
	crossover_free(&first);
	crossover_free(&second);
	json_decref(a);
	json_decref(b);
}

/* Of one mode, where nothing crosses, and of all. */
static void figures_are_drawn(void **state)
{
	static const char *const pictures[] = { "comparison.svg", "comparison.png", "crossover.svg", "crossover.png" };
	const struct report_request request = { .directory = directory, .plots = "plots" };
	struct reason why = { "" };

	(void)state;
	if (system("gnuplot --version >/dev/null 2>&1"))
		skip();
	for (int all = 0; all <= 1; all++) {
		struct loaded_run run;

		if (all)
			MAKE(&run, &host, &vcpu_nested, &vcpu_shadow, &nested, &shadow);
		else
			MAKE(&run, &host, &nested);
		if (report_write(&run, &request, &why))
			fail_msg("%s", why.text);
		for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
			char *picture = read_file(pictures[i]);

			assert_non_null(picture);
			free(picture);
		}
		assert_says("report.md", "Figure not drawn", false);
		empty_directory(NULL);
		run_unload(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(modes_cross_where_the_formula_says),
		TEST(one_mode_has_one_line),
		TEST(unknown_costs_have_no_line),
		TEST(crossings),
		TEST(one_sample_has_no_interval),
		TEST(figures_are_drawn),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
