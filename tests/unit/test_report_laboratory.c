/* report/: figures of walks, huge pages, guest faults, CR3 loads and table memory. */
#include "base/units.h"
#include "report/depth.h"
#include "report/huge.h"
#include "report/lanes.h"
#include "report/pairs.h"
#include "report/panels.h"
#include "report/text.h"
#include "test_report_run.h"

#include <math.h>

static void assert_in(const char *name, const char *text)
{
	char *file = read_file(name);

	if (!file)
		fail_msg("there is no %s", name);
	if (!strstr(file, text))
		fail_msg("%s does not say: %s", name, text);
	free(file);
}

static void assert_no_file(const char *name)
{
	char *file = read_file(name);

	assert_null(file);
}

static void theory_counts_references(void **state)
{
	static const struct {
		double guest, host;
		unsigned root, references;
	} cases[] = { { PAGE_4K, PAGE_4K, 4, 24 }, { PAGE_4K, PAGE_2M, 4, 19 }, { PAGE_2M, PAGE_2M, 4, 15 },
		{ PAGE_1G, PAGE_1G, 4, 8 }, { PAGE_4K, PAGE_4K, 5, 35 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(depth_nested_references(depth_levels(cases[i].root, cases[i].guest),
					 depth_levels(cases[i].root, cases[i].host)),
			cases[i].references);
}

static void distances_mean_structures(void **state)
{
	static const struct {
		double distance, page;
		unsigned own;
		const char *structure;
	} cases[] = {
		{ 4. * KIB, PAGE_4K, 1, "PTE" },
		{ 32. * KIB, PAGE_4K, 1, "PTE line" },
		{ 1. * MIB, PAGE_4K, 1, "PTE line" },
		{ 2. * MIB, PAGE_4K, 2, "page table" },
		{ 16. * MIB, PAGE_4K, 2, "PDE line" },
		{ 1. * GIB, PAGE_4K, 3, "page directory" },
		{ 8. * GIB, PAGE_4K, 3, "PDPTE line" },
		{ 512. * GIB, PAGE_4K, 4, "PDPT" },
		{ 2. * MIB, PAGE_2M, 1, "PDE" },
		{ 16. * MIB, PAGE_2M, 1, "PDE line" },
		{ 512. * GIB, PAGE_2M, 3, "PDPT" },
		{ 1. * GIB, PAGE_1G, 1, "PDPTE" },
		{ 256. * 1024 * GIB, PAGE_4K, 5, "PML4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(depth_own_levels(cases[i].distance, cases[i].page), cases[i].own);
		assert_string_equal(depth_own_structure(cases[i].distance, cases[i].page), cases[i].structure);
	}
}

static void lanes_keep_settings_apart(void **state)
{
	struct loaded_run run;
	struct lanes lanes;
	double pages[8];

	(void)state;
	load(RUNS "laboratory", &run);
	assert_int_equal(lanes_gather(run.points, point_is_of_depth, depth_axes, &lanes), 0);
	assert_int_equal(lanes.count, 2);
	assert_string_equal(lanes.lane[0].label, "host");
	assert_string_equal(lanes.lane[1].label, "vcpu, nested paging");
	assert_int_equal(lanes_numbers(&lanes, "params.pages", pages, 8), 3);
	assert_true(pages[0] == 64 && pages[1] == 128 && pages[2] == 1024);
	assert_int_equal(lanes_numbers(&lanes, "params.pages", pages, 2), 2);
	lanes_free(&lanes);
	run_unload(&run);
}

static bool any_point(const json_t *point)
{
	return point;
}

static void lanes_that_differ_say_in_what(void **state)
{
	static const char *const axes[] = { "a", NULL };
	json_t *points = json_pack("[{s:s,s:s,s:s,s:s,s:{s:i,s:i,s:s}},{s:s,s:s,s:s,s:s,s:{s:i,s:i,s:s}}]", "bench",
		"b", "setting", "vcpu", "paging", "nested", "status", "ok", "params", "a", 1, "page_size_bytes", 4096,
		"frames", "x<y", "bench", "b", "setting", "vcpu", "paging", "nested", "status", "ok", "params", "a", 2,
		"page_size_bytes", 2097152, "frames", "x<y");
	struct lanes lanes;

	(void)state;
	assert_non_null(points);
	assert_int_equal(lanes_gather(points, any_point, axes, &lanes), 0);
	assert_int_equal(lanes.count, 2);
	assert_string_equal(lanes.lane[0].label, "vcpu, nested paging, page_size_bytes 4K, frames x y");
	lanes_free(&lanes);
	json_decref(points);
}

static void emulated_lanes_can_be_dropped(void **state)
{
	struct loaded_run run;
	struct lanes lanes;

	(void)state;
	load(RUNS "laboratory-emulated", &run);
	assert_int_equal(lanes_gather(run.points, point_is_of_depth, depth_axes, &lanes), 0);
	assert_int_equal(lanes.count, 1);
	assert_string_equal(lanes.lane[0].label, "host, emulated machine");
	lanes_drop_emulated(&lanes);
	assert_int_equal(lanes.count, 0);
	lanes_free(&lanes);
	run_unload(&run);
}

static int ratio_of(const json_t *over, const json_t *under, struct point_ratio *ratio)
{
	return ratio_of_points(
		&(struct point_ratio_request){ .over = over, .under = under, .metric = "x", .seed = 1 }, ratio);
}

static void ratios_are_paired_where_they_can_be(void **state)
{
	json_t *over = json_pack("{s:{s:[f,f,f],s:[i,i,i]},s:{s:{s:f}}}", "samples", "x", 10., 20., 30., "round", 0, 1,
		2, "metrics", "x", "median", 20.);
	json_t *paired = json_pack("{s:{s:[f,f,n],s:[i,i,i]}}", "samples", "x", 10., 5., "round", 1, 0, 2);
	json_t *apart = json_pack("{s:{s:[f,f,f],s:[i,i,i]}}", "samples", "x", 9., 10., 11., "round", 7, 8, 9);
	json_t *bare = json_pack("{s:{s:{s:f}}}", "metrics", "x", "median", 4.);
	struct point_ratio ratio;

	(void)state;
	assert_true(over && paired && apart && bare);
	assert_int_equal(ratio_of(over, paired, &ratio), 0);
	assert_int_equal(ratio.pairs, 2);
	assert_true(ratio.ratio.median == 2 && ratio.ratio.lo == 2 && ratio.ratio.hi == 2);
	assert_int_equal(ratio_of(over, apart, &ratio), 0);
	assert_int_equal(ratio.pairs, 0);
	assert_true(ratio.ratio.median == 2 && ratio.ratio.lo < 2 && ratio.ratio.hi > 2);
	assert_int_equal(ratio_of(over, bare, &ratio), 0);
	assert_true(ratio.ratio.median == 5 && isnan(ratio.ratio.lo));
	assert_int_equal(ratio_of(bare, NULL, &ratio), 0);
	assert_true(isnan(ratio.ratio.median));
	json_decref(over);
	json_decref(paired);
	json_decref(apart);
	json_decref(bare);
}

static void every_bench_has_its_tables_and_text(void **state)
{
	struct loaded_run run;

	(void)state;
	load(RUNS "laboratory", &run);
	write_text_of(&run);
	/* Without a sweep of neighbouring pages there are no TLB levels. */
	assert_no_file("levels.tsv");
	assert_no_file("overview.tsv");
	assert_in("walk-depth-4K.tsv", "\n1\thost\thost\taligned\t2\t128\t2\t2097152\t50\t49\t51\t");
	assert_in("walk-depth-4K.ticks.tsv", "\n4\t512 GiB\tPDPT\n");
	assert_in("walk-levels.tsv", "\n1\t2\tvcpu, nested paging\tvcpu\t4K\t128\t4\t512 GiB\tPDPT\t4\t4\tyes\t380\t");
	assert_in("walk-levels.tsv", "\n1\t1\thost\thost\t4K\t128\t1\t4 KiB\tPTE\t1\t4\tno\t7\t");
	assert_in("walk-levels.theory.tsv", "\nnative or shadow\t4K\t4\tyes\n");
	assert_in("walk-levels.theory.tsv", "\nnested\t4K on 2M\t19\tyes\n");
	assert_in("report.md", "| 1 GiB | page directory | 3 of 4 | 3 | 19 | 120 [118, 122] (40.0 ns) | 240 ");
	assert_in("report.md", "Of 2M leaves nothing is drawn");
	assert_in("guest-faults.tsv", "\tno\t3\tguest-warm, shuffled\t0.001\t");
	assert_in("guest-faults-times.tsv", "\tguest-cold, shuffled\t2300\t");
	assert_in("cr3-loads.tsv", "\tother root, with PCID\t16\t");
	assert_in("report.md", "8 points were held against the nested formula, and all of them meet it");
	assert_in("report.md", "10 processes take 320 KiB");
	run_unload(&run);
}

static void the_map_tells_why_a_cell_is_empty(void **state)
{
	struct loaded_run run;

	(void)state;
	load(RUNS "laboratory", &run);
	write_text_of(&run);
	/* 2 GiB were not measured with 2M pages: the map is of 1 GiB. */
	assert_in("huge-pages-map.tsv", "\n1\thost\thost\t1\t1\t4K\t4K\tmeasured\t600\t");
	assert_in("huge-pages-map.tsv", "\n1\thost\thost\t1\t2\t4K\t2M\tnone\tNA\t");
	assert_in("huge-pages-map.tsv", "\tvcpu\t3\t1\t1G\t4K\tmissing\tNA\t");
	assert_in("huge-pages-map.tsv", "\tvcpu\t2\t2\t2M\t2M\tmeasured\t450\t441\t459\t150\t147\t153\t2\t2\t2\n");
	assert_in("report.md", "vcpu, nested paging, 1G pages on 4K: this CPU and KVM give a guest no 1G leaves");
	assert_in("report.md", "vcpu, nested paging, 1G pages on 2M: not part of this run");
	/* 2M on 4K was measured in other rounds. */
	assert_in("huge-pages.tsv", "\t2M pages on 4K\t2M\t4K\t1073741824\t840\t");
	assert_in("huge-pages.tsv", "\t1.071429\t1.0");
	assert_in("huge-pages-touch.tsv", "\n2\t2M-thp\t2097152\t");
	run_unload(&run);
}

static void only_counts_of_an_emulated_machine_are_told(void **state)
{
	struct loaded_run run;
	char *markdown;

	(void)state;
	load(RUNS "laboratory-emulated", &run);
	write_text_of(&run);
	assert_no_file("walk-depth-4K.tsv");
	assert_no_file("walk-levels.tsv");
	assert_no_file("guest-faults-times.tsv");
	assert_no_file("cr3-loads.tsv");
	assert_in("guest-faults.tsv",
		"\tvcpu, shadow paging, emulated machine\tshadow\tyes\t1\tguest-cold, shuffled\t3.001\t");
	assert_in("table-memory.tsv", "\tshadow\tyes\t1\t4K pages on 4K\tshared\t");
	markdown = read_file("report.md");
	assert_non_null(strstr(markdown, "| guest-warm, shuffled | 2.00 | 2.00 | 0.0010 | 0 | | |"));
	assert_non_null(strstr(markdown, "*Emulated machine*"));
	assert_null(strstr(markdown, "4300"));
	free(markdown);
	run_unload(&run);
}

static void interpreted_times_are_not_told(void **state)
{
	struct loaded_run run;
	char *markdown;
	size_t i;
	json_t *point;

	(void)state;
	load(RUNS "laboratory", &run);
	json_array_foreach (run.points, i, point)
		json_object_set(point, "interpreted", json_true());
	write_text_of(&run);
	assert_no_file("guest-faults-times.tsv");
	assert_in("guest-faults.tsv", "vcpu, nested paging, interpreted");
	/* Touches at CPL 3 are the guest's own. */
	assert_in("cr3-loads.tsv", "\tsame root, without PCID\t16\t80.25\t");
	markdown = read_file("report.md");
	assert_non_null(strstr(markdown, "| same root, without PCID | 0.0060 |  | 80.2 / 4.53 (16 pages) |"));
	assert_null(strstr(markdown, "| 180"));
	free(markdown);
	run_unload(&run);
}

/* Other benches in the same run leave the figures of TLB levels as they are. */
static void benches_do_not_disturb_each_other(void **state)
{
	static const char *const tables[] = { "overview.tsv", "levels.tsv", "tlb-reach-4K-stride1.tsv" };
	char *alone[sizeof(tables) / sizeof(tables[0])];
	struct loaded_run run, other;
	struct panel_set set;

	(void)state;
	load(RUNS "complete", &run);
	load(RUNS "laboratory", &other);
	write_text_of(&run);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		alone[i] = read_file(tables[i]);
	json_array_extend(run.points, other.points);
	assert_int_equal(panels_gather(run.points, &set), 0);
	for (size_t i = 0; i < set.curves; i++)
		assert_string_equal(set.curve[i].bench, "tlb-reach");
	panels_free(&set);
	write_text_of(&run);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		assert_non_null(alone[i]);
		assert_in(tables[i], alone[i]);
		free(alone[i]);
	}
	assert_in("walk-levels.tsv", "\t512 GiB\t");
	run_unload(&other);
	run_unload(&run);
}

#define FEW 24 /* points of a bench: enough for its figures, few enough for some hundred reports */

/* The first point of each bench with every value wrong, in a run of that bench alone. */
static void wrong_kinds_do_not_crash(void **state)
{
	struct loaded_run run;
	json_t *all, *first;
	size_t i;

	(void)state;
	load(RUNS "laboratory", &run);
	all = run.points;
	json_array_foreach (all, i, first) {
		const char *bench = string_at(first, "bench");
		size_t k;
		json_t *point;

		if (i && !strcmp(bench, string_at(json_array_get(all, i - 1), "bench")))
			continue;
		run.points = json_array();
		json_array_foreach (all, k, point) {
			if (text_is(point, "bench", bench) && json_array_size(run.points) < FEW)
				json_array_append(run.points, point);
		}
		/* What all benches have in common is read by the same code. */
		if (!i)
			with_every_value_wrong(first, write_text_of, &run);
		with_every_value_wrong(json_object_get(first, "params"), write_text_of, &run);
		with_every_value_wrong(json_object_get(first, "metrics"), write_text_of, &run);
		if (point_is_of_huge(first))
			with_every_value_wrong(json_object_get(first, "samples"), write_text_of, &run);
		json_decref(run.points);
	}
	run.points = all;
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(theory_counts_references),
		TEST(distances_mean_structures),
		TEST(lanes_keep_settings_apart),
		TEST(lanes_that_differ_say_in_what),
		TEST(emulated_lanes_can_be_dropped),
		TEST(ratios_are_paired_where_they_can_be),
		TEST(every_bench_has_its_tables_and_text),
		TEST(the_map_tells_why_a_cell_is_empty),
		TEST(only_counts_of_an_emulated_machine_are_told),
		TEST(interpreted_times_are_not_told),
		TEST(benches_do_not_disturb_each_other),
		TEST(wrong_kinds_do_not_crash),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
