/* report/: figures of storms of page faults, and of malloc() and free(). */
#include "base/units.h"
#include "report/lanes.h"
#include "report/storm_points.h"
#include "report/text.h"
#include "test_report_run.h"

#include <math.h>

static void assert_in(const char *name, const char *text)
{
	char *file = read_file(name);

	if (!file)
		fail_msg("there is no %s", name);
	if (!strstr(file, text))
		fail_msg("%s does not say: %s\nbut:\n%s", name, text, file);
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

static void assert_no_file(const char *name)
{
	char *file = read_file(name);

	if (file)
		fail_msg("there is a %s", name);
}

/* Where a point was measured. */
struct where {
	const char *setting, *paging;
};

static const struct where on_host = { "host", "native" }, in_nested = { "guest", "nested" },
			  in_shadow = { "guest", "shadow" }, in_emulator = { "host", "software" };

/* A point of a bench whose name no figure knows; `params` is taken over. */
static json_t *new_point(struct where where, json_t *params)
{
	json_t *point = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:n, s:b, s:{}, s:{s:[i,i,i]}}", "bench",
		"any bench", "setting", where.setting, "paging", where.paging, "outer", "bare-metal", "pass", "sweep",
		"params", params, "status", "ok", "reason", "final", 1, "metrics", "samples", "round", 0, 1, 2);

	assert_non_null(point);
	return point;
}

/* A metric with its samples; NAN: it is not known. */
static void add_metric(json_t *point, const char *name, double value)
{
	json_t *metric = isnan(value) ? json_pack("{s:n, s:n, s:n, s:s, s:s}", "median", "lo", "hi", "unit", "any",
						"reason", "nobody told")
				      : json_pack("{s:f, s:f, s:f, s:s}", "median", value, "lo", value * 0.9, "hi",
						value * 1.1, "unit", "any");
	json_t *samples = json_pack("[f, f, f]", value * 0.9, value, value * 1.1);

	assert_int_equal(json_object_set_new(json_object_get(point, "metrics"), name, metric), 0);
	if (!isnan(value))
		assert_int_equal(json_object_set_new(json_object_get(point, "samples"), name, samples), 0);
	else
		json_decref(samples);
}

struct storm {
	const char *kind, *frames, *as;
	int actors;
	double ns; /* of one fault */
	double per_s;
};

static json_t *storm_params(const struct storm *storm)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "kind", storm->kind, "frames", storm->frames, "as", storm->as,
		"actors", storm->actors, "region_bytes", (int)(16 * MIB));
}

/* 900 faults of 100 ns, 99 of 200 ns, and a single one of 5 us. */
static json_t *latencies(void)
{
	return json_pack("{s:s, s:i, s:i, s:[[i,i,i],[i,i,i],[i,i,i]]}", "unit", "ns", "count", 1000, "most", 5000,
		"buckets", 100, 101, 900, 200, 201, 99, 4992, 5120, 1);
}

static json_t *add_storm(json_t *points, struct where where, struct storm storm)
{
	json_t *point = new_point(where, storm_params(&storm));

	add_metric(point, "fault_ns", storm.ns);
	add_metric(point, "fault_cycles", storm.ns * 3);
	add_metric(point, "faults_per_s", storm.per_s);
	add_metric(point, "system_share", 0.9);
	add_metric(point, "latency_p50_ns", 100);
	add_metric(point, "latency_p90_ns", 100);
	add_metric(point, "latency_p99_ns", 200);
	add_metric(point, "latency_p999_ns", 200);
	add_metric(point, "latency_most_ns", 5000);
	add_metric(point, "timing_overhead_ns", 20);
	add_metric(point, "faults_per_page", 1);
	add_metric(point, "fresh_share", strcmp(storm.frames, "fresh") ? NAN : 0.98);
	json_object_set_new(point, "latencies", latencies());
	assert_int_equal(json_array_append_new(points, point), 0);
	return point;
}

static void add_skipped(json_t *points, const char *kind, const char *reason)
{
	json_t *point = new_point(on_host, storm_params(&(struct storm){ kind, "recycled", "threads", 1, 0, 0 }));

	json_object_set_new(point, "status", json_string("skipped"));
	json_object_set_new(point, "reason", json_string(reason));
	json_object_clear(json_object_get(point, "metrics"));
	assert_int_equal(json_array_append_new(points, point), 0);
}

/* Two CPUs: two kinds, one of them with several actors, and three kinds that were not measured. */
static void add_storms(json_t *points, struct where where)
{
	add_storm(points, where, (struct storm){ "thp-write", "recycled", "threads", 1, 80000, 9000 });
	add_storm(points, where, (struct storm){ "anon-write", "recycled", "threads", 1, 1000, 800000 });
	add_storm(points, where, (struct storm){ "anon-write", "fresh", "threads", 1, 3000, 300000 });
	add_storm(points, where, (struct storm){ "anon-write", "recycled", "threads", 2, 1500, 1200000 });
	add_storm(points, where, (struct storm){ "anon-write", "recycled", "processes", 2, 1100, 1600000 });
	add_skipped(points, "userfault-missing", "userfaultfd is <not> allowed");
	add_skipped(points, "userfault-minor", "userfaultfd is <not> allowed");
	add_skipped(points, "hugetlb-write", "no free pages");
}

struct block {
	int bytes;
	const char *pattern, *touch;
	double ns, mapped;
};

static json_t *add_malloc(json_t *points, struct where where, struct block block)
{
	json_t *point = new_point(where, json_pack("{s:i, s:s, s:s, s:i}", "block_bytes", block.bytes, "pattern",
						 block.pattern, "touch", block.touch, "actors", 1));

	add_metric(point, "malloc_ns", block.ns);
	add_metric(point, "malloc_cycles", block.ns * 3);
	add_metric(point, "free_ns", block.ns / 2);
	add_metric(point, "free_cycles", block.ns * 1.5);
	add_metric(point, "touch_ns", strcmp(block.touch, "yes") ? NAN : block.ns * 4);
	add_metric(point, "faults_per_call", block.mapped * block.bytes / (double)PAGE_4K);
	add_metric(point, "mapped_share", block.mapped);
	add_metric(point, "returned_bytes", block.mapped * block.bytes);
	assert_int_equal(json_array_append_new(points, point), 0);
	return point;
}

static void add_mallocs(json_t *points, struct where where)
{
	static const char *const touches[] = { "no", "yes" };

	for (size_t i = 0; i < 2; i++) {
		add_malloc(points, where, (struct block){ 64, "batch", touches[i], 20, 0 });
		add_malloc(points, where, (struct block){ 65536, "batch", touches[i], 50, 0.4 });
		add_malloc(points, where, (struct block){ 131072, "batch", touches[i], 5000, 0.99 });
		add_malloc(points, where, (struct block){ 262144, "batch", touches[i], 6000, 1 });
		add_malloc(points, where, (struct block){ 64, "pair", touches[i], 10, 0 });
		add_malloc(points, where, (struct block){ 131072, "pair", touches[i], 12, 0 });
	}
}

/* A run with the machine of a fixture and no points yet. */
static void load_empty(struct loaded_run *run)
{
	load(RUNS "complete", run);
	json_array_clear(run->points);
}

static void storms_have_their_tables(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storms(run.points, on_host);
	write_text_of(&run);
	/* Kinds in the order of bench.h, whatever that of the run. */
	assert_in("storm-costs.tsv", "\n1\tanon-write\tfirst write to anonymous memory\t");
	assert_in("storm-costs.tsv", "\t1\thost\thost\trecycled\t1000\t900\t1100\t3000\t2700\t3300\t1\tNA\n");
	assert_in("storm-costs.tsv", "\thost\thost\tfresh\t3000\t2700\t3300\t9000\t8100\t9900\t1\t0.98\n");
	assert_in("storm-costs.tsv", "\n2\tthp-write\t");
	assert_not_in("storm-costs.tsv", "userfault");
	assert_in("report.md", "| host | anon-write | fresh | 3000 [2700, 3300] | 9000 [8100, 9900] | ");
	assert_in("report.md", "| host | hugetlb-write (recycled) | no free pages |");
	assert_in("report.md",
		"| host | userfault-missing (recycled), userfault-minor (recycled) | userfaultfd is \\<not");
	/* Only what was measured with several actors has a panel; one alone begins both lines. */
	assert_in("storm-rates.tsv", "\n1\tanon-write\t1\thost\thost\tthreads\trecycled\t1\t800000\t");
	assert_in("storm-rates.tsv", "\n1\tanon-write\t1\thost\thost\tprocesses\trecycled\t1\t800000\t");
	assert_in("storm-rates.tsv", "\tthreads\trecycled\t2\t1200000\t1080000\t1320000\t1600000\t0.75\t");
	assert_in("storm-rates.tsv", "\tprocesses\trecycled\t2\t1600000\t1440000\t1760000\t1600000\t1\t");
	assert_not_in("storm-rates.tsv", "thp-write");
	assert_in("report.md", "| host | anon-write | recycled | 1 alone | 800 k [720, 880] | | 90.0 % |");
	assert_in("report.md", "| host | anon-write | recycled | 2 threads | 1.20 M [1.08, 1.32] | 0.750 [");
	assert_in("report.md", "| host | thp-write | recycled | 1 alone | 9.00 k [8.10, 9.90] | | 90.0 % |");
	run_unload(&run);
}

static void latencies_have_their_percentiles(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storms(run.points, on_host);
	write_text_of(&run);
	assert_in("storm-latencies.tsv",
		"\n1\t1\tanon-write\t1\thost\t1\tone actor alone\trecycled\t1\t1000\t100\t90\t110\t");
	assert_in("storm-latencies.tsv", "\t1\thost\t2\t2 threads\trecycled\t2\t1000\t");
	assert_in("storm-latencies.tsv", "\t1\thost\t3\t2 processes\trecycled\t2\t1000\t");
	/* 90 % take 100 ns, whatever follows 200 ns, and the longest is told as it was and not as its bucket. */
	assert_in("storm-latencies.curves.tsv", "\n1\t0\t0\t100\n");
	assert_in("storm-latencies.curves.tsv", "\n1\t90\t1\t100\n");
	assert_in("storm-latencies.curves.tsv", "\n1\t99\t2\t200\n");
	assert_in("storm-latencies.curves.tsv", "\n1\t100\t3\t5000\n\n");
	assert_in("report.md", "| host | anon-write | recycled | 2 threads | 100 [90, 110] |");
	run_unload(&run);
}

static void one_actor_makes_no_lines(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "processes", 1, 1000, 800000 });
	add_storm(run.points, on_host, (struct storm){ "thp-write", "recycled", "threads", 1, 80000, 9000 });
	write_text_of(&run);
	assert_in("storm-rates.tsv", "\n1\tanon-write\t1\thost\thost\tthreads\trecycled\t1\t800000\t");
	assert_in("storm-rates.tsv", "\n2\tthp-write\t");
	assert_not_in("storm-rates.tsv", "processes");
	assert_in("report.md", "says nothing of scaling");
	assert_in("storm-latencies.tsv", "one actor alone");
	run_unload(&run);
}

static void many_without_one_have_no_efficiency(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "threads", 2, 1500, 1200000 });
	write_text_of(&run);
	assert_no_file("storm-costs.tsv");
	assert_in("storm-rates.tsv", "\tthreads\trecycled\t2\t1200000\t1080000\t1320000\tNA\tNA\tNA\tNA\t");
	assert_in("report.md", "| host | anon-write | recycled | 2 threads | 1.20 M [1.08, 1.32] | | 90.0 % |");
	run_unload(&run);
}

static void unknown_is_left_out(void **state)
{
	struct loaded_run run;
	json_t *point;

	(void)state;
	load_empty(&run);
	point = add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "threads", 1, 1000, NAN });
	add_metric(point, "fault_cycles", NAN);
	add_metric(point, "faults_per_page", NAN);
	point = add_storm(run.points, on_host, (struct storm){ "populate", "recycled", "threads", 1, NAN, 900000 });
	json_object_del(point, "latencies");
	add_metric(point, "system_share", NAN);
	point = add_malloc(run.points, on_host, (struct block){ 64, "pair", "no", 10, 0 });
	add_metric(point, "mapped_share", NAN);
	write_text_of(&run);
	assert_in("storm-costs.tsv", "\trecycled\t1000\t900\t1100\tNA\tNA\tNA\tNA\tNA\n");
	assert_not_in("storm-costs.tsv", "populate");
	assert_in("report.md", "| host | anon-write | recycled | 1000 [900, 1100] | – | – |  |");
	assert_in("storm-rates.tsv", "\n1\tpopulate\t");
	assert_not_in("storm-rates.tsv", "anon-write");
	assert_in("report.md", "| host | populate | recycled | 1 alone | 900 k [810, 990] | | |");
	assert_not_in("storm-latencies.tsv", "populate");
	assert_in("malloc-costs.tsv", "\tpair\tno\t64\t10\t9\t11\t5\t4.5\t5.5\tNA\tNA\tNA\t");
	assert_in("report.md", "`–`: nobody told.");
	run_unload(&run);
}

static void emulated_times_are_not_told(void **state)
{
	static const char *const files[] = { "storm-costs.tsv", "storm-rates.tsv", "storm-latencies.tsv",
		"malloc-costs.tsv" };
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storm(run.points, in_emulator, (struct storm){ "upgrade", "recycled", "threads", 1, 77777, 800000 });
	add_malloc(run.points, in_emulator, (struct block){ 4096, "pair", "no", 77777, 0 });
	write_text_of(&run);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_no_file(files[i]);
	add_storms(run.points, on_host);
	add_mallocs(run.points, on_host);
	write_text_of(&run);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_not_in(files[i], "77777");
		assert_not_in(files[i], "upgrade");
	}
	assert_not_in("report.md", "77777");
	run_unload(&run);
}

static void guests_stand_beside_the_host(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_storms(run.points, in_shadow);
	add_storms(run.points, in_nested);
	add_storms(run.points, on_host);
	add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "threads", 4, 1500, 2000000 });
	add_mallocs(run.points, on_host);
	add_mallocs(run.points, in_nested);
	write_text_of(&run);
	assert_in("storm-costs.tsv", "\t1\thost\thost\trecycled\t");
	assert_in("storm-costs.tsv", "\t2\tguest, nested paging\tguest\trecycled\t");
	assert_in("storm-costs.tsv", "\t3\tguest, shadow paging\tguest\tfresh\t");
	assert_in("storm-rates.tsv", "\n1\tanon-write\t3\tguest, shadow paging\tguest\tthreads\trecycled\t2\t");
	/* The host has 4 threads, the guests 2. */
	assert_in("storm-latencies.tsv", "\t1\thost\t2\tmost threads\trecycled\t4\t");
	assert_in("storm-latencies.tsv", "\t2\tguest, nested paging\t2\tmost threads\trecycled\t2\t");
	assert_in("malloc-costs.tsv", "\n2\tguest, nested paging\tguest\tpair\tno\t64\t");
	assert_in("report.md", "| guest, shadow paging | anon-write | recycled | 2 threads |");
	run_unload(&run);
}

static void malloc_turns_to_mmap(void **state)
{
	struct loaded_run run;

	(void)state;
	load_empty(&run);
	add_mallocs(run.points, on_host);
	write_text_of(&run);
	assert_in("malloc-costs.tsv", "\n1\thost\thost\tbatch\tyes\t131072\t5000\t4500\t5500\t2500\t");
	assert_in("malloc-costs.turns.tsv", "\n1\tbatch\tno\t65536\t131072\tmmap from 128 KiB\n");
	assert_not_in("malloc-costs.turns.tsv", "pair");
	/* The ends, and the sizes beside the turn. */
	assert_in("report.md", "| host | batch, touched | 64 bytes | 20.0 [18.0, 22.0] |");
	assert_in("report.md", "| host | batch, touched | 64 KiB | 50.0 [45.0, 55.0] |");
	assert_in("report.md", "| host | batch, touched | 128 KiB | 5000 [4500, 5500] |");
	assert_in("report.md", "| host | batch, untouched | 256 KiB | 6000 [5400, 6600] | 3000 [2700, 3300] | – |");
	run_unload(&run);
}

/* Faults of guests have kinds of their own, one of which has the name of one of these. */
static void other_points_are_no_storms(void **state)
{
	json_t *guests =
		json_pack("{s:{s:s, s:s, s:s}}", "params", "kind", "upgrade", "flush", "none", "frames", "contiguous");
	json_t *storm = json_pack("{s:{s:s, s:s}}", "params", "kind", "upgrade", "frames", "fresh");

	(void)state;
	assert_false(point_is_of_storm(guests));
	assert_true(point_is_of_storm(storm));
	assert_false(point_is_of_storm(NULL));
	for (size_t i = 0; i < STORM_KINDS; i++)
		assert_true(strlen(storm_meaning(storm_kind_names[i])) > 0);
	assert_string_equal(storm_meaning("guest-cold"), "");
	json_decref(guests);
	json_decref(storm);
}

static void assert_drawn(const struct loaded_run *run)
{
	static const char *const pictures[] = { "storm-costs.svg", "storm-rates.svg", "storm-latencies.svg",
		"malloc-costs.svg", "storm-costs.png", "storm-rates.png", "storm-latencies.png", "malloc-costs.png" };
	const struct report_request request = { .directory = directory, .plots = "plots" };
	struct reason why = { "" };

	if (report_write(run, &request, &why))
		fail_msg("%s", why.text);
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		char *picture = read_file(pictures[i]);

		if (!picture)
			fail_msg("there is no %s", pictures[i]);
		free(picture);
	}
	assert_in("storm-costs.svg", "first write to anonymous memory");
	assert_in("malloc-costs.svg", "core cycles");
}

static void figures_are_drawn(void **state)
{
	struct loaded_run run;

	(void)state;
	if (system("gnuplot --version >/dev/null 2>&1"))
		skip();
	load_empty(&run);
	add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "threads", 1, 1000, 800000 });
	add_malloc(run.points, on_host, (struct block){ 4096, "pair", "no", 20, 0 });
	assert_drawn(&run);
	add_storms(run.points, in_nested);
	add_mallocs(run.points, in_nested);
	assert_drawn(&run);
	add_storms(run.points, in_shadow);
	add_mallocs(run.points, in_shadow);
	add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "processes", 128, 2000, 50000000 });
	assert_drawn(&run);
	run_unload(&run);
}

static void wrong_kinds_do_not_crash(void **state)
{
	struct loaded_run run;
	json_t *storm, *block;

	(void)state;
	load_empty(&run);
	storm = add_storm(run.points, on_host, (struct storm){ "anon-write", "recycled", "threads", 1, 1000, 800000 });
	block = add_malloc(run.points, on_host, (struct block){ 65536, "batch", "yes", 50, 0.4 });
	add_storms(run.points, in_nested);
	add_mallocs(run.points, in_nested);
	with_every_value_wrong(storm, write_text_of, &run);
	with_every_value_wrong(json_object_get(storm, "params"), write_text_of, &run);
	with_every_value_wrong(json_object_get(storm, "metrics"), write_text_of, &run);
	with_every_value_wrong(json_object_get(storm, "samples"), write_text_of, &run);
	with_every_value_wrong(json_object_get(storm, "latencies"), write_text_of, &run);
	with_every_value_wrong(json_object_get(block, "params"), write_text_of, &run);
	with_every_value_wrong(json_object_get(block, "metrics"), write_text_of, &run);
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(storms_have_their_tables),
		TEST(latencies_have_their_percentiles),
		TEST(one_actor_makes_no_lines),
		TEST(many_without_one_have_no_efficiency),
		TEST(unknown_is_left_out),
		TEST(emulated_times_are_not_told),
		TEST(guests_stand_beside_the_host),
		TEST(malloc_turns_to_mmap),
		TEST(other_points_are_no_storms),
		TEST(figures_are_drawn),
		TEST(wrong_kinds_do_not_crash),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
