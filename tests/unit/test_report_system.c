/* report/: figures of TLB shootdowns, of switches between threads and processes, and of the cost of page tables. */
#include "base/units.h"
#include "report/lanes.h"
#include "report/text.h"
#include "report/unmeasured.h"
#include "test_report_run.h"

#include <math.h>

#define NULL_NUMBER NAN /* a metric that is not known */

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

	if (!file)
		fail_msg("there is no %s", name);
	if (strstr(file, text))
		fail_msg("%s says: %s", name, text);
	free(file);
}

static void assert_file(const char *name, bool there)
{
	char *file = read_file(name);

	if (!file == there)
		fail_msg("%s: %s", name, there ? "not there" : "there");
	free(file);
}

/* Where a point was measured. */
struct where {
	const char *setting, *paging;
};

static const struct where on_host = { "host", "native" }, in_nested = { "guest", "nested" },
			  in_shadow = { "guest", "shadow" }, in_emulator = { "host", "software" };

/* A point of bench `bench`, whose name no figure knows, with these params (taken over) and without metrics yet. */
static json_t *new_point(struct where where, const char *bench, json_t *params)
{
	json_t *point = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:n, s:b, s:{}, s:{s:[i,i,i]}}", "bench", bench,
		"setting", where.setting, "paging", where.paging, "outer", "bare-metal", "pass", "sweep", "params",
		params, "status", "ok", "reason", "final", 1, "metrics", "samples", "round", 0, 1, 2);

	assert_non_null(point);
	return point;
}

/* Three samples around the value; a metric that is not known has the reason "made up: not counted". */
static void set_metric(json_t *point, const char *name, double value)
{
	json_t *metric =
		isfinite(value)
			? json_pack("{s:f, s:f, s:f}", "median", value, "lo", value - 1, "hi", value + 1)
			: json_pack("{s:n, s:n, s:n, s:s}", "median", "lo", "hi", "reason", "made up: not counted");

	json_object_set_new(json_object_get(point, "metrics"), name, metric);
	if (isfinite(value))
		json_object_set_new(
			json_object_get(point, "samples"), name, json_pack("[f,f,f]", value - 1, value, value + 1));
}

static json_t *new_shootdown(struct where where, const char *operation, int pages, int others)
{
	json_t *point = new_point(where, "taking away",
		json_pack("{s:s, s:i, s:i}", "operation", operation, "pages", pages, "others", others));
	double ns = 500 + 40. * pages + 2000. * others;

	set_metric(point, "operation_ns", ns);
	set_metric(point, "operation_cycles", 3 * ns);
	set_metric(point, "per_page_ns", ns / pages);
	set_metric(point, "interrupts_per_operation", others);
	set_metric(point, "victim_ns", others ? 700 : NULL_NUMBER);
	return point;
}

static void add_shootdowns(json_t *points, struct where where, int most_others)
{
	static const char *const operations[] = { "munmap", "mprotect", "dontneed" };
	static const int pages[] = { 1, 33, 34, 512 };

	for (size_t o = 0; o < 3; o++) {
		for (size_t p = 0; p < 4; p++) {
			for (int others = 0; others <= most_others; others++)
				json_array_append_new(points, new_shootdown(where, operations[o], pages[p], others));
		}
	}
}

static json_t *new_switch(struct where where, const char *between, json_int_t page_bytes, int touched)
{
	json_t *point = new_point(where, "turns",
		json_pack("{s:s, s:s, s:I, s:i}", "between", between, "via", "futex", "page_size_bytes", page_bytes,
			"pages_touched", touched));
	double ns = strcmp(between, "threads") ? 1500 : 1000;

	set_metric(point, "switch_ns", ns);
	set_metric(point, "switch_cycles", 3 * ns);
	set_metric(point, "touch_ns", touched ? 9 : NULL_NUMBER);
	set_metric(point, "warm_ns", touched ? 4 : NULL_NUMBER);
	set_metric(point, "refill_ns", touched ? 5. * touched : NULL_NUMBER);
	set_metric(point, "refill_cycles", touched ? 15. * touched : NULL_NUMBER);
	return point;
}

static void add_switches(json_t *points, struct where where)
{
	static const int touched[] = { 0, 16, 4096 };

	for (size_t i = 0; i < 3; i++) {
		json_array_append_new(points, new_switch(where, "threads", (json_int_t)PAGE_4K, touched[i]));
		json_array_append_new(points, new_switch(where, "processes", (json_int_t)PAGE_4K, touched[i]));
		json_array_append_new(points, new_switch(where, "processes", (json_int_t)PAGE_2M, touched[i]));
	}
}

/* What a layout was measured to take; its tables are as large as the formula says, or by a factor larger. */
struct mapping {
	uint64_t page_bytes, distance_bytes;
	int pages;
	double build_ns, tables, over_formula;
};

static json_t *new_mapping(struct where where, struct mapping mapping)
{
	json_t *point = new_point(where, "trees",
		json_pack("{s:I, s:I, s:i}", "page_size_bytes", (json_int_t)mapping.page_bytes, "distance_bytes",
			(json_int_t)mapping.distance_bytes, "pages", mapping.pages));
	double bytes = mapping.tables * (double)PAGE_4K;

	set_metric(point, "build_ns", mapping.build_ns);
	set_metric(point, "build_cycles", 3 * mapping.build_ns);
	set_metric(point, "teardown_ns", 200);
	set_metric(point, "teardown_cycles", 600);
	set_metric(point, "table_bytes", bytes);
	set_metric(point, "expected_table_bytes", bytes / mapping.over_formula);
	set_metric(point, "table_bytes_per_page", bytes / mapping.pages);
	set_metric(point, "flat_table_bytes", 8. * mapping.pages * (double)(mapping.distance_bytes / PAGE_4K));
	set_metric(point, "faults_per_page", 1);
	return point;
}

static void add_mappings(json_t *points, struct where where)
{
	json_array_append_new(points, new_mapping(where, (struct mapping){ PAGE_2M, PAGE_2M, 512, 900, 1, 1 }));
	json_array_append_new(points, new_mapping(where, (struct mapping){ PAGE_4K, PAGE_4K, 512, 480, 1, 1 }));
	json_array_append_new(points, new_mapping(where, (struct mapping){ PAGE_4K, PAGE_4K, 4096, 470, 8, 1 }));
	json_array_append_new(points, new_mapping(where, (struct mapping){ PAGE_4K, PAGE_1G, 512, 1700, 1024, 1 }));
}

static void add_all(json_t *points, struct where where)
{
	add_shootdowns(points, where, 1);
	add_switches(points, where);
	add_mappings(points, where);
}

/* A run of a machine that the tests of other figures know, without any points of its own. */
static void begin(struct loaded_run *run)
{
	load(RUNS "laboratory", run);
	json_array_clear(run->points);
}

static void every_bench_has_its_tables_and_text(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_all(run.points, on_host);
	write_text_of(&run);
	assert_in("shootdowns.tsv", "\n1\thost\thost\t1\tmunmap\t1\t0\t33\t1820\t1819\t1821\t5460\t");
	assert_in("shootdowns.tsv", "\n1\thost\thost\t3\tdontneed\t2\t1\t512\t22980\t");
	assert_in("shootdown-cpus.tsv", "\n1\thost\thost\t2\tmprotect\t2\t1\t512\t22980\t");
	assert_not_in("shootdown-cpus.tsv", "\t33\t");
	assert_in("report.md",
		"| setting | call | other CPUs | 1 page, ns | 33 pages, ns | 34 pages, ns | 512 pages, ns |");
	assert_in("report.md", "| host | munmap | 0 | 540 [539, 541] | 1820 [1819, 1821] | 1860 [1859, 1861] | ");
	assert_in(
		"report.md", "| host | munmap | 512 | 1 | 22980 [22979, 22981] | 1.00 [0.00, 2.00] | 700 [699, 701] |");
	assert_in("space-switches.tsv", "\n1\thost\thost\t1\t4K\t2\tprocesses, futex\tprocesses\tfutex\t16\t1580\t");
	assert_in("space-switches.tsv", "\n1\thost\thost\t2\t2M\t2\tprocesses, futex\tprocesses\tfutex\t0\t1500\t");
	assert_in("report.md", "| host | processes, futex | 4K | 1500 [1499, 1501] | 4500 [4499, 4501] | 1.50 [");
	assert_in("report.md", "| 4096 | 9.00 / 4.00 | 20480 [20479, 20481] | 21980 [21978, 21982] |");
	assert_in(
		"table-costs.tsv", "\n1\thost\thost\tnative\t1\t4K, side by side\t4K\t4096\t512\tno\t480\t479\t481\t");
	assert_in("table-costs.tsv", "\n1\thost\thost\tnative\t1\t4K, side by side\t4K\t4096\t4096\tyes\t470\t");
	assert_in("table-costs.tsv", "\t2\t4K, one in each 1G\t4K\t1073741824\t512\tyes\t1700\t");
	assert_in("table-costs.tsv", "\t3\t2M, side by side\t2M\t");
	assert_in("report.md", "| host | 4K, one in each 1G | 512 | 1700 [1699, 1701] |");
	assert_in("report.md", " 8 KiB | 2 MiB |\n");
	assert_in("report.md", "in 4 points, and all of them meet it.");
	/* So many pages taken away are no sweep that TLB levels could be read from. */
	assert_not_in("report.md", "What was not resolved");
	run_unload(&run);
}

static void one_cpu_has_no_shootdowns(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_shootdowns(run.points, on_host, 0);
	write_text_of(&run);
	assert_file("shootdowns.tsv", true);
	assert_file("shootdown-cpus.tsv", false);
	assert_file("space-switches.tsv", false);
	assert_file("table-costs.tsv", false);
	assert_in("report.md", "No other CPU took part");
	run_unload(&run);
}

static void what_is_not_known_is_no_zero(void **state)
{
	struct loaded_run run;
	json_t *unknown, *whole;

	(void)state;
	begin(&run);
	unknown = new_shootdown(on_host, "munmap", 8, 1);
	set_metric(unknown, "interrupts_per_operation", NULL_NUMBER);
	json_array_append_new(run.points, unknown);
	json_array_append_new(run.points, new_shootdown(on_host, "munmap", 8, 0));
	/* Without its first metric a point is in no figure. */
	whole = new_shootdown(on_host, "munmap", 16, 1);
	set_metric(whole, "operation_ns", NULL_NUMBER);
	json_array_append_new(run.points, whole);
	/* What is touched and has no refill has no sum. */
	whole = new_switch(on_host, "threads", (json_int_t)PAGE_4K, 16);
	set_metric(whole, "refill_ns", NULL_NUMBER);
	json_object_del(json_object_get(whole, "samples"), "refill_ns");
	json_array_append_new(run.points, whole);
	write_text_of(&run);
	assert_in("shootdown-cpus.tsv",
		"\t8\t2820\t2819\t2821\t8460\t8459\t8461\t352.5\t351.5\t353.5\tNA\tNA\tNA\t700\t");
	assert_not_in("shootdowns.tsv", "\t16\t");
	assert_in("report.md", "| host | munmap | 8 | 1 | 2820 [2819, 2821] | – | 700 [699, 701] |");
	assert_in("report.md", "\n`–`: made up: not counted.\n");
	assert_in("space-switches.tsv", "\t16\tNA\tNA\tNA\t3240\t");
	run_unload(&run);
}

static void what_was_skipped_is_named(void **state)
{
	struct loaded_run run;
	json_t *point;

	(void)state;
	begin(&run);
	add_all(run.points, on_host);
	for (int pages = 1; pages <= 2; pages++) {
		point = new_point(on_host, "taking away",
			json_pack("{s:s, s:i, s:i}", "operation", "munmap", "pages", pages, "others", 2));
		json_object_set_new(point, "status", json_string("skipped"));
		json_object_set_new(point, "reason", json_string("this run may use 2 CPUs"));
		json_array_append_new(run.points, point);
	}
	point = new_point(in_nested, "trees", json_pack("{s:I}", "page_size_bytes", (json_int_t)PAGE_1G));
	json_object_set_new(point, "status", json_string("error"));
	json_object_set_new(point, "reason", json_string("<no> 1G pages"));
	json_array_append_new(run.points, point);
	write_text_of(&run);
	assert_in(
		"report.md", "- Not measured: host, operation munmap, others 2 (2 points): this run may use 2 CPUs.\n");
	assert_in("report.md",
		"- Not measured: guest, nested paging, page\\_size\\_bytes 1G (1 point): \\<no\\> 1G pages.\n");
	run_unload(&run);
}

static void an_emulators_times_are_not_drawn(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_all(run.points, in_emulator);
	write_text_of(&run);
	assert_file("shootdowns.tsv", false);
	assert_file("shootdown-cpus.tsv", false);
	assert_file("space-switches.tsv", false);
	assert_file("table-costs.tsv", false);
	/* Nor beside a processor's; and a guest that QEMU interprets is emulated under any paging. */
	add_all(run.points, on_host);
	json_array_append_new(run.points, new_shootdown(in_nested, "munmap", 3, 1));
	json_object_set_new(json_array_get(run.points, json_array_size(run.points) - 1), "accel", json_string("tcg"));
	write_text_of(&run);
	assert_in("shootdowns.tsv", "\n1\thost\thost\t");
	assert_not_in("shootdowns.tsv", "\n2\t");
	assert_not_in("shootdowns.tsv", "guest");
	assert_not_in("space-switches.tsv", "\n2\t");
	assert_not_in("table-costs.tsv", "\n2\t");
	run_unload(&run);
}

static void guests_stand_beside_the_host(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	/* In any order in the run; the host is first, and nested before shadow paging. */
	add_all(run.points, in_shadow);
	add_all(run.points, in_nested);
	add_all(run.points, on_host);
	write_text_of(&run);
	assert_in("shootdowns.tsv", "\n1\thost\thost\t1\tmunmap\t");
	assert_in("shootdowns.tsv", "\n2\tguest, nested paging\tguest\t1\tmunmap\t");
	assert_in("shootdown-cpus.tsv", "\n3\tguest, shadow paging\tguest\t1\tmunmap\t");
	assert_in("space-switches.tsv", "\n3\tguest, shadow paging\tguest\t1\t4K\t");
	assert_in("table-costs.tsv", "\n3\tguest, shadow paging\tguest\tshadow\t1\t4K, side by side\t");
	assert_in("report.md", "| guest, nested paging | processes, futex | 2M |");
	run_unload(&run);
}

static void pcid_is_told(void **state)
{
	static const struct {
		int pcid; /* -1: not known */
		const char *word, *told;
	} cases[] = { { 1, "nosmt", "**PCID is on**" },
		{ 0, "nosmt", "**PCID is off** here (this CPU does not offer it)" },
		{ 1, "nopcid", "**PCID is off** here (nopcid on the kernel's command line)" },
		{ -1, "nosmt", "**Whether PCID is on is unknown**" } };
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_switches(run.points, on_host);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_object_set_new(run.about, "machine",
			json_pack("{s:{s:o}, s:{s:[s]}}", "cpu", "pcid",
				cases[i].pcid < 0 ? json_null() : json_boolean(cases[i].pcid), "kernel", "command_line",
				cases[i].word));
		write_text_of(&run);
		assert_in("report.md", cases[i].told);
	}
	run_unload(&run);
}

static void the_farthest_from_the_formula_is_told(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_mappings(run.points, on_host);
	json_array_append_new(
		run.points, new_mapping(on_host, (struct mapping){ PAGE_4K, PAGE_2M, 512, 900, 512, 0.8 }));
	write_text_of(&run);
	assert_in("report.md", "in 5 points; the farthest is 20.0 % below it.");
	assert_in("table-costs.tsv", "\t4K, one in each 2M\t");
	run_unload(&run);
}

/* A line without the column's pages has its own ends in the table. */
static void short_lines_say_their_pages(void **state)
{
	struct loaded_run run;

	(void)state;
	begin(&run);
	add_shootdowns(run.points, on_host, 0);
	json_array_append_new(run.points, new_shootdown(on_host, "munmap", 4, 1));
	json_array_append_new(run.points, new_shootdown(on_host, "munmap", 64, 1));
	write_text_of(&run);
	assert_in("report.md", "| host | munmap | 1 | 2660 [2659, 2661] (of 4) | – | – | 5060 [5059, 5061] (of 64) | ");
	run_unload(&run);
}

/* Every picture where there is a gnuplot: of one lane, and of three. */
static void figures_are_drawn(void **state)
{
	static const char *const pictures[] = { "shootdowns.svg", "shootdowns.png", "shootdown-cpus.svg",
		"shootdown-cpus.png", "space-switches.svg", "space-switches.png", "table-costs.svg",
		"table-costs.png" };
	const struct report_request request = { .directory = directory, .plots = "plots" };
	struct reason why = { "" };
	struct loaded_run run;

	(void)state;
	if (system("gnuplot --version >/dev/null 2>&1"))
		skip();
	begin(&run);
	add_all(run.points, on_host);
	for (int lanes = 1; lanes <= 2; lanes++) {
		if (report_write(&run, &request, &why))
			fail_msg("%s", why.text);
		for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
			assert_file(pictures[i], true);
		assert_not_in("report.md", "Figure not drawn");
		empty_directory(NULL);
		add_all(run.points, in_nested);
		add_all(run.points, in_shadow);
	}
	run_unload(&run);
}

/* Of metrics that are not known in any point, too, a picture must be drawn, with what is there. */
static void figures_without_their_numbers_are_drawn(void **state)
{
	const struct report_request request = { .directory = directory, .plots = "plots" };
	struct reason why = { "" };
	struct loaded_run run;
	json_t *point;
	size_t i;

	(void)state;
	if (system("gnuplot --version >/dev/null 2>&1"))
		skip();
	begin(&run);
	json_array_append_new(run.points, new_shootdown(on_host, "munmap", 100, 0));
	json_array_append_new(run.points, new_shootdown(on_host, "munmap", 100, 3));
	json_array_append_new(run.points, new_switch(on_host, "threads", (json_int_t)PAGE_4K, 0));
	json_array_append_new(run.points, new_mapping(on_host, (struct mapping){ PAGE_1G, PAGE_1G, 4, 900, 1, 1 }));
	json_array_foreach (run.points, i, point) {
		static const char *const metrics[] = { "operation_cycles", "interrupts_per_operation", "switch_cycles",
			"teardown_ns", "table_bytes_per_page", "flat_table_bytes" };

		for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
			if (json_object_get(json_object_get(point, "metrics"), metrics[m]))
				set_metric(point, metrics[m], NULL_NUMBER);
		}
	}
	if (report_write(&run, &request, &why))
		fail_msg("%s", why.text);
	assert_file("shootdown-cpus.png", true);
	assert_file("space-switches.png", true);
	assert_file("table-costs.png", true);
	run_unload(&run);
}

static void wrong_kinds_do_not_crash(void **state)
{
	struct loaded_run run;

	(void)state;
	for (size_t kind = 0; kind < 3; kind++) {
		json_t *first;

		begin(&run);
		json_array_append_new(run.points, new_shootdown(on_host, "munmap", 8, 1));
		json_array_append_new(run.points, new_switch(on_host, "threads", (json_int_t)PAGE_4K, 16));
		json_array_append_new(
			run.points, new_mapping(on_host, (struct mapping){ PAGE_4K, PAGE_4K, 512, 480, 1, 1 }));
		first = json_array_get(run.points, kind);
		with_every_value_wrong(json_object_get(first, "params"), write_text_of, &run);
		with_every_value_wrong(json_object_get(first, "metrics"), write_text_of, &run);
		with_every_value_wrong(json_object_get(first, "samples"), write_text_of, &run);
		json_object_set_new(first, "status", json_string("skipped"));
		with_every_value_wrong(first, write_text_of, &run);
		run_unload(&run);
	}
}

static void cells_say_what_is_known(void **state)
{
	(void)state;
	assert_string_equal(cell_text((struct estimate){ 54.2, 53.1, 55 }).text, "54.2 [53.1, 55.0]");
	assert_string_equal(cell_text((struct estimate){ 1, 1, 1 }).text, "1.00");
	assert_string_equal(cell_text((struct estimate){ 2, NAN, NAN }).text, "2.00");
	assert_string_equal(cell_text((struct estimate){ NAN, NAN, NAN }).text, "–");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_bench_has_its_tables_and_text),
		TEST(one_cpu_has_no_shootdowns),
		TEST(what_is_not_known_is_no_zero),
		TEST(what_was_skipped_is_named),
		TEST(an_emulators_times_are_not_drawn),
		TEST(guests_stand_beside_the_host),
		TEST(pcid_is_told),
		TEST(the_farthest_from_the_formula_is_told),
		TEST(short_lines_say_their_pages),
		TEST(figures_are_drawn),
		TEST(figures_without_their_numbers_are_drawn),
		TEST(wrong_kinds_do_not_crash),
		TEST(cells_say_what_is_known),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
