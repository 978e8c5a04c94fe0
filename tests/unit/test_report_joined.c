/* report/: runs of several settings and paging modes in one directory; what is drawn apart, and what is compared how. */
#include "report/lanes.h"
#include "report/pairs.h"
#include "report/panels.h"
#include "test_report_run.h"

#include <math.h>

static void every_paging_mode_has_its_curve(void **state)
{
	static const char *const labels[] = { "host", "vcpu, nested paging", "vcpu, shadow paging",
		"guest, nested paging", "guest, shadow paging" };
	struct loaded_run run;
	struct panel_set set;

	(void)state;
	load(RUNS "joined", &run);
	assert_int_equal(panels_gather(run.points, &set), 0);
	assert_int_equal(set.panels, 1);
	assert_int_equal(set.panel[0].count, 5);
	for (size_t i = 0; i < set.panel[0].count; i++) {
		assert_string_equal(set.panel[0].curve[i]->label, labels[i]);
		assert_int_equal(json_array_size(set.panel[0].curve[i]->points), 4);
	}
	panels_free(&set);
	run_unload(&run);
}

static bool any(const json_t *point)
{
	(void)point;
	return true;
}

static void every_paging_mode_has_its_lane(void **state)
{
	static const char *const axes[] = { "pages", NULL };
	static const char *const labels[] = { "host", "vcpu, nested paging", "vcpu, shadow paging",
		"guest, nested paging", "guest, shadow paging" };
	struct loaded_run run;
	struct lanes lanes;

	(void)state;
	load(RUNS "joined", &run);
	assert_int_equal(lanes_gather(run.points, any, axes, &lanes), 0);
	assert_int_equal(lanes.count, 5);
	for (size_t i = 0; i < lanes.count; i++)
		assert_string_equal(lanes.lane[i].label, labels[i]);
	lanes_free(&lanes);
	run_unload(&run);
}

static void a_guest_of_unknown_paging_says_so(void **state)
{
	char label[96] = "";

	(void)state;
	place_label("guest", NULL, label, sizeof(label));
	assert_string_equal(label, "guest, paging not known");
	assert_true(place_rank("guest", NULL) > place_rank("guest", "software"));
	assert_true(place_rank("guest", "nested") > place_rank("vcpu", NULL));
	assert_true(place_rank(NULL, NULL) > place_rank("guest", NULL));
	assert_true(place_rank("host", "native") == 0);
}

static struct ratio_request against_host(const struct panel_set *set, size_t curve)
{
	return (struct ratio_request){ .over = &set->curve[curve],
		.under = &set->curve[0],
		.metric = "gross_cycles",
		.pages_least = 4096,
		.pages_most = 4096,
		.seed = 1 };
}

/* Rounds of two runs have the same numbers, and nothing else in common. */
static void samples_of_different_runs_are_no_pairs(void **state)
{
	struct loaded_run run;
	struct panel_set set;
	struct ratio_request request;
	struct interval ratio;
	size_t pairs;

	(void)state;
	load(RUNS "joined", &run);
	assert_int_equal(panels_gather(run.points, &set), 0);
	request = against_host(&set, 1);
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_int_equal(pairs, 3);
	assert_true(fabs(ratio.median - 82.5 / 55) < 1e-3);
	for (size_t curve = 2; curve < 5; curve++) {
		const json_t *over = json_array_get(set.curve[curve].points, 3);
		double expected = metric_at(over, "gross_cycles").value / 55;
		const struct point_ratio_request points = { over, json_array_get(set.curve[0].points, 3),
			"gross_cycles", 1 };
		struct point_ratio of_points;

		request = against_host(&set, curve);
		assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
		assert_int_equal(pairs, 0);
		assert_true(fabs(ratio.median - expected) < 1e-3);
		assert_true(ratio.lo < ratio.median && ratio.median < ratio.hi);
		assert_int_equal(ratio_of_points(&points, &of_points), 0);
		assert_int_equal(of_points.pairs, 0);
		assert_true(of_points.ratio.median == ratio.median && of_points.ratio.lo == ratio.lo);
	}
	/* Over several places: the median of their ratios. 4 / 4, 4 / 4, 12.75 / 11. */
	request = against_host(&set, 2);
	request.pages_least = 1;
	request.pages_most = 256;
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_true(fabs(ratio.median - 1) < 1e-9);
	request.pages_least = 64;
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_true(fabs(ratio.median - (1 + 12.75 / 11) / 2) < 1e-3);
	/* Two curves of one other run are pairs. */
	request = (struct ratio_request){ &set.curve[3], &set.curve[3], "gross_cycles", 4096, 4096, 1 };
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_int_equal(pairs, 3);
	panels_free(&set);
	run_unload(&run);
}

/* Make the guest under shadow paging one of an emulator's. */
static void emulate(const struct loaded_run *run, bool mark_accel)
{
	size_t i;
	json_t *point;

	json_array_foreach (run->points, i, point) {
		if (!text_is(point, "setting", "guest") || !text_is(point, "paging", "shadow"))
			continue;
		if (mark_accel) {
			json_object_set_new(point, "paging", json_string("software"));
			json_object_set_new(point, "accel", json_string("tcg"));
		} else {
			json_object_set_new(point, "outer", json_string("KVM on QEMU TCG"));
			json_object_set_new(point, "paging", json_string("nested"));
			/* Beside those of the other guest. */
			json_object_set_new(json_object_get(point, "params"), "pages", json_integer((json_int_t)i + 9));
		}
	}
}

static void an_emulators_points_have_no_figure_with_a_processors(void **state)
{
	static const char *const axes[] = { "pages", NULL };

	(void)state;
	for (int accel = 0; accel <= 1; accel++) {
		struct loaded_run run;
		struct panel_set set;
		struct lanes lanes;
		size_t emulated = 0;
		char *table;

		load(RUNS "joined", &run);
		emulate(&run, accel);
		assert_int_equal(panels_gather(run.points, &set), 0);
		assert_int_equal(set.curves, 5);
		for (size_t i = 0; i < set.curves; i++)
			emulated += set.curve[i].emulated;
		assert_int_equal(emulated, 1);
		assert_int_equal(lanes_gather(run.points, any, axes, &lanes), 0);
		assert_int_equal(lanes.count, 4);
		for (size_t i = 0; i < lanes.count; i++)
			assert_false(lanes.lane[i].emulated);
		write_text_of(&run);
		table = read_file("tlb-reach-4K-stride1.tsv");
		assert_non_null(strstr(table, "\tguest, nested paging\t"));
		assert_null(strstr(table, "software"));
		assert_null(strstr(table, "guest, shadow"));
		free(table);
		lanes_free(&lanes);
		panels_free(&set);
		run_unload(&run);
	}
}

static void an_emulators_counts_may_stand_alone(void **state)
{
	static const char *const axes[] = { "pages", NULL };
	struct loaded_run run;
	struct lanes lanes;

	(void)state;
	load(RUNS "emulated", &run);
	assert_int_equal(lanes_gather(run.points, any, axes, &lanes), 0);
	assert_int_equal(lanes.count, 2);
	assert_true(lanes.lane[0].emulated && lanes.lane[1].emulated);
	lanes_drop_emulated(&lanes);
	assert_int_equal(lanes.count, 0);
	lanes_free(&lanes);
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_paging_mode_has_its_curve),
		TEST(every_paging_mode_has_its_lane),
		TEST(a_guest_of_unknown_paging_says_so),
		TEST(samples_of_different_runs_are_no_pairs),
		TEST(an_emulators_points_have_no_figure_with_a_processors),
		TEST(an_emulators_counts_may_stand_alone),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
