/* report/: what hardware counted beside the curves, cycles per walk, and that nothing changes where nothing was. */
#include "report/counters.h"
#include "report/text.h"
#include "test_report_run.h"

#include <math.h>

#define TABLE "tlb-reach-4K-stride1.tsv"
#define COUNTERS "tlb-reach-4K-stride1.counters.tsv"

/* Every access walks from here on. */
#define PAGES_WALKING 4096

static void count(json_t *point, const char *name, double value, const char *unit)
{
	const json_t *rounds = json_object_get(json_object_get(point, "samples"), "round");
	json_t *samples = json_array();

	for (size_t i = 0; i < json_array_size(rounds); i++)
		json_array_append_new(samples, i ? json_null() : json_real(value));
	if (!json_object_get(point, "hardware")) {
		json_object_set_new(point, "hardware", json_object());
		json_object_set_new(point, "hardware_samples", json_object());
	}
	json_object_set_new(json_object_get(point, "hardware"), name,
		json_pack("{s:f, s:n, s:n, s:s, s:i, s:b}", "median", value, "lo", "hi", "unit", unit, "samples", 1,
			"scaled", false));
	json_object_set_new(json_object_get(point, "hardware_samples"), name, samples);
}

/* As a PMU would: all accesses beyond PAGES_WALKING walk, and their cycles are this share of the net cost by time. */
static void count_all(const struct loaded_run *run, const char *setting, double share)
{
	size_t i;
	json_t *point;

	json_array_foreach (run->points, i, point) {
		double pages = number_at(point, "params.pages");
		double walks = pages >= PAGES_WALKING ? 1 : 0;

		if (strcmp(string_at(point, "setting"), setting) ||
			!isfinite(number_at(point, "metrics.net_cycles.median")))
			continue;
		count(point, "dtlb_load_misses_l1_per_access", pages > 72 && !walks ? 1 : 0, "count per access");
		count(point, "dtlb_load_walks_per_access", walks, "count per access");
		count(point, "dtlb_walk_cycles_per_access",
			walks * share * number_at(point, "metrics.net_cycles.median"), "cycles per access");
	}
}

/* A second level so small that no access from PAGES_WALKING on can hit it, whatever an entry covers. */
static void advertise(const struct loaded_run *run)
{
	json_t *entries =
		json_object_get(json_object_get(json_object_get(run->about, "machine"), "tlbs_advertised"), "entries");

	json_object_set_new(json_array_get(entries, 2), "entries", json_integer(PAGES_WALKING / 16));
}

static void assert_in(const char *name, const char *text)
{
	char *file = read_file(name);

	if (!file)
		fail_msg("there is no %s", name);
	if (!strstr(file, text))
		fail_msg("%s does not say: %s", name, text);
	free(file);
}

static void assert_not_in(const char *name, const char *text)
{
	char *file = read_file(name);

	assert_non_null(file);
	if (strstr(file, text))
		fail_msg("%s says: %s", name, text);
	free(file);
}

static void nothing_changes_where_nothing_was_counted(void **state)
{
	struct loaded_run run;
	char *without, *with, *none;

	(void)state;
	load(RUNS "complete", &run);
	write_text_of(&run);
	assert_not_in("report.md", "Counted:");
	assert_not_in("report.md", "Cycles per walk");
	none = read_file(COUNTERS);
	assert_null(none);
	none = read_file("walk-cycles.tsv");
	assert_null(none);
	without = read_file(TABLE);
	count_all(&run, "host", 1);
	write_text_of(&run);
	with = read_file(TABLE);
	assert_string_equal(without, with);
	free(without);
	free(with);
	run_unload(&run);
}

/* Also points that say why: null with a reason is not counted either. */
static void nulls_are_not_drawn(void **state)
{
	struct loaded_run run;
	size_t i;
	json_t *point;
	char *none;

	(void)state;
	load(RUNS "complete", &run);
	json_array_foreach (run.points, i, point) {
		json_object_set_new(point, "hardware", json_null());
		json_object_set_new(point, "hardware_reason", json_string("no PMU"));
	}
	write_text_of(&run);
	none = read_file(COUNTERS);
	assert_null(none);
	assert_not_in("report.md", "Counted:");
	run_unload(&run);
}

static void counts_stand_beside_the_curves(void **state)
{
	struct loaded_run run;

	(void)state;
	load(RUNS "complete", &run);
	count_all(&run, "host", 1);
	count_all(&run, "vcpu", 0.3);
	advertise(&run);
	write_text_of(&run);
	assert_in(COUNTERS, "\ncurve\tlabel\tpass\tpages\tdtlb_load_misses_l1_per_access\t");
	assert_in(COUNTERS, "\n1\thost\tsweep\t8\t0\t0\t0\t0\t0\t0\t0\t0\t0\tno\n");
	assert_in(COUNTERS, "\n2\tvcpu, nested paging\tsweep\t256\t1\t1\t1\t0\t0\t0\t0\t0\t0\tno\n");
	assert_in("report.md", "*host*: of the measuring thread");
	assert_in("report.md", "*vcpu*: of the vCPU from outside");
	assert_in("report.md", "| dtlb\\_load\\_walks | 1.00 | 1.00 |");
	/* Counted cycles that are a third of the time are flagged; walks agree in both settings. */
	assert_in("report.md", "- **host**, counters: Walks and accesses agree");
	assert_in("report.md", "Cycles of walks and net cycles agree");
	assert_in("report.md", "**Cycles of walks and net cycles disagree**");
	assert_not_in("report.md", "*Scaled*");
	assert_not_in("report.md", "*Generic*");
	run_unload(&run);
}

static void estimates_and_generic_events_are_marked(void **state)
{
	struct loaded_run run;
	json_t *point, *walks;

	(void)state;
	load(RUNS "complete", &run);
	count_all(&run, "host", 1);
	point = json_array_get(run.points, 0);
	walks = json_object_get(json_object_get(point, "hardware"), "dtlb_load_walks_per_access");
	assert_non_null(walks);
	json_object_set_new(walks, "scaled", json_true());
	json_object_set_new(walks, "generic", json_true());
	write_text_of(&run);
	assert_in("report.md", "*Scaled*: counted for a part of the time");
	assert_in("report.md", "*Generic*: by an event that the kernel chooses");
	assert_in(COUNTERS, "\tyes\n");
	run_unload(&run);
}

static void walks_that_are_missing_are_flagged(void **state)
{
	struct loaded_run run;
	size_t i;
	json_t *point;

	(void)state;
	load(RUNS "complete", &run);
	count_all(&run, "host", 1);
	advertise(&run);
	json_array_foreach (run.points, i, point) {
		if (number_at(point, "hardware.dtlb_load_walks_per_access.median") > 0)
			count(point, "dtlb_load_walks_per_access", 0.5, "count per access");
	}
	write_text_of(&run);
	assert_in("report.md", "**Walks and accesses disagree**");
	assert_in("report.md", "0.500 walks an access");
	run_unload(&run);
}

/* Native, nested and shadow in one row, at the same number of pages. */
static void cycles_of_a_walk_are_compared(void **state)
{
	struct loaded_run run;
	json_t *point;
	size_t i;

	(void)state;
	load(RUNS "joined", &run);
	count_all(&run, "host", 1);
	count_all(&run, "vcpu", 1);
	count_all(&run, "guest", 1);
	write_text_of(&run);
	assert_in("report.md", "## Cycles per walk: native, nested, shadow");
	assert_in("walk-cycles.tsv", "\n1\t4K pages\t4096\t1\thost\thost\tnative\t");
	assert_in("walk-cycles.tsv", "\tvcpu, nested paging\tvcpu\tnested\t");
	assert_in("walk-cycles.tsv", "\tvcpu, shadow paging\tvcpu\tshadow\t");
	assert_in("walk-cycles.tsv", "\tguest, nested paging\tguest\tnested\t");
	assert_in("report.md", "*guest*: inside the guest, by the virtual PMU");
	/* A PMU without an event for cycles (AMD's): walks are told, cycles of one are not. */
	json_array_foreach (run.points, i, point)
		json_object_del(json_object_get(point, "hardware"), "dtlb_walk_cycles_per_access");
	empty_directory(NULL);
	write_text_of(&run);
	assert_not_in("report.md", "Cycles per walk");
	assert_in("report.md", "dtlb\\_load\\_walks");
	run_unload(&run);
}

static void the_machine_says_what_is_counted(void **state)
{
	struct loaded_run run;

	(void)state;
	load(RUNS "complete", &run);
	json_object_set_new(run.about, "counters",
		json_pack("{s:s, s:{s:[], s:s}}", "microarchitecture", "x", "host", "available", "reason",
			"no PMU: ask for one"));
	write_text_of(&run);
	assert_in("report.md", "| hardware counters | Nothing was counted by hardware: no PMU: ask for one. |");
	json_object_set_new(run.about, "counters",
		json_pack("{s:s, s:{s:[s,s]}}", "microarchitecture", "x", "host", "available", "cycles",
			"dtlb_load_walks"));
	write_text_of(&run);
	assert_in("report.md", "| hardware counters | cycles, dtlb\\_load\\_walks |");
	run_unload(&run);
}

static void wrong_kinds_do_not_crash(void **state)
{
	struct loaded_run run;
	json_t *point;

	(void)state;
	load(RUNS "complete", &run);
	count_all(&run, "host", 1);
	point = json_array_get(run.points, 0);
	with_every_value_wrong(json_object_get(point, "hardware"), write_text_of, &run);
	with_every_value_wrong(
		json_object_get(json_object_get(point, "hardware"), "dtlb_load_walks_per_access"), write_text_of, &run);
	json_object_set_new(run.about, "counters",
		json_pack("{s:s, s:{s:[s], s:s}}", "microarchitecture", "x", "host", "available", "cycles", "reason",
			"y"));
	with_every_value_wrong(json_object_get(run.about, "counters"), write_text_of, &run);
	with_every_value_wrong(json_object_get(json_object_get(run.about, "counters"), "host"), write_text_of, &run);
	run_unload(&run);
}

/* Both scripts, with and without cycles; SVG is text, so what is drawn can be told. */
static void pictures_have_the_panels(void **state)
{
	const struct report_request request = { .directory = directory, .plots = "plots" };
	struct loaded_run run;
	struct reason why = { "" };
	json_t *point;
	size_t i;

	(void)state;
	load(RUNS "complete", &run);
	count_all(&run, "host", 1);
	if (report_write(&run, &request, &why)) {
		run_unload(&run);
		assert_non_null(strstr(why.text, "no gnuplot"));
		print_message("%s\n", why.text);
		skip();
	}
	assert_in("tlb-reach-4K-stride1.svg", "misses an access, counted");
	assert_in("tlb-reach-4K-stride1.svg", "walk cycles an access");
	assert_in("walk-cycles.svg", "one walk (core cycles)");
	json_array_foreach (run.points, i, point)
		json_object_del(json_object_get(point, "hardware"), "dtlb_walk_cycles_per_access");
	assert_int_equal(report_write(&run, &request, &why), 0);
	assert_in("tlb-reach-4K-stride1.svg", "misses an access, counted");
	assert_not_in("tlb-reach-4K-stride1.svg", "walk cycles an access");
	json_array_foreach (run.points, i, point)
		json_object_del(point, "hardware");
	assert_int_equal(report_write(&run, &request, &why), 0);
	assert_not_in("tlb-reach-4K-stride1.svg", "counted");
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_changes_where_nothing_was_counted),
		TEST(nulls_are_not_drawn),
		TEST(counts_stand_beside_the_curves),
		TEST(estimates_and_generic_events_are_marked),
		TEST(walks_that_are_missing_are_flagged),
		TEST(cycles_of_a_walk_are_compared),
		TEST(the_machine_says_what_is_counted),
		TEST(wrong_kinds_do_not_crash),
		TEST(pictures_have_the_panels),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
