/*
 * Hardware counters around real chases, on a made-up PMU. From the sample over the point to the line in points.jsonl:
 * counts that are known, that wait for their turn, that are scaled, and that are not believed.
 */
#include "measure/benches.h"
#include "measure/point.h"
#include "record/check_point.h"
#include "space/permutation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Asserts, so it comes after cmocka. */
#include "test_counted.h"

#define PAGES 256

/* A space in this process with a chain over 4K pages, and the packed baseline. */
struct chase_under_test {
	struct backed memory, packed;
	struct space *space;
	uint32_t order[PAGES], next[PAGES];
	struct sample_plan plan;
};

static void chase_make(struct chase_under_test *configuration)
{
	const struct chase chase = { .page_bytes = PAGE_4K, .count = PAGES, .distance_bytes = PAGE_4K };
	struct cycle cycle = { configuration->order, configuration->next };
	struct space_spec spec = { .setting = SETTING_HOST, .page_bytes = PAGE_4K };
	gsl_rng *random = random_new(3);
	struct reason why = { "" };

	if (backed_alloc(&configuration->memory, BACKING_4K, PAGES * PAGE_4K, NULL, &why) ||
		backed_alloc(&configuration->packed, BACKING_4K, PAGE_2M, NULL, &why)) {
		print_message("%s\n", why.text);
		skip();
	}
	spec.memory = &configuration->memory;
	spec.packed = &configuration->packed;
	assert_int_equal(space_open(&spec, &configuration->space, &why), 0);
	cycle_draw(&cycle, PAGES, random);
	configuration->plan = (struct sample_plan){
		.chain = chain_over_units(&chase, (uintptr_t)configuration->memory.at, NULL, &cycle, random),
		.packed = chain_packed(PAGES, (uintptr_t)configuration->packed.at, &cycle),
	};
	gsl_rng_free(random);
}

static void chase_drop(struct chase_under_test *configuration)
{
	space_close(configuration->space);
	backed_free(&configuration->memory);
	backed_free(&configuration->packed);
}

/* page_size, backing, stride, frames, levels, sibling, pages: as tlb-reach orders them. */
static void point_new(struct point *point)
{
	point_init(point, benches_find("tlb-reach"), SETTING_HOST);
	memcpy(point->value, (uint64_t[]){ 4096, BACKING_4K, 1, FRAMES_CONTIGUOUS, 4, SIBLING_IDLE, PAGES },
		7 * sizeof(uint64_t));
}

/* Take a sample of a point, as if its chase had this many pages. */
static void take(struct chase_under_test *configuration, struct hardware *hardware, struct point *point, uint64_t pages)
{
	struct point_context context = context_of(hardware);
	double values[CHASE_METRICS];
	struct chase_sample sample;
	struct reason why = { "" };

	configuration->plan.counting = hardware_turn(hardware, SETTING_HOST, point->samples);
	sample_lay(configuration->space, &configuration->plan);
	assert_int_equal(sample_take(configuration->space, &configuration->plan, &sample, &why), 0);
	assert_true(sample.counted_accesses == (double)LAPS * LAP_ACCESSES);
	chase_values(&sample, &context, values);
	assert_int_equal(point_add(point, values,
				 &(struct sample_facts){ .cycles_per_tsc = sample.cycles_per_tsc,
					 .round = (unsigned)point->samples,
					 .weather = { .cycles = NAN } }),
		0);
	if (!configuration->plan.counting)
		return;
	hardware_judge(hardware, SETTING_HOST,
		&(struct hardware_chase){ .accesses = sample.counted_accesses, .pages = pages, .page_bytes = PAGE_4K },
		&sample.counts);
	assert_int_equal(
		point_counts_add(&point->counts, point->samples - 1, &sample.counts, sample.counted_accesses), 0);
}

static json_t *line_of(const struct point *point, struct hardware *hardware)
{
	const struct point_context context = context_of(hardware);
	json_t *json = point_json(point, &context), *about = json_pack("{s:o}", "counters", hardware_json(hardware));

	assert_non_null(json);
	assert_int_equal(problems(json, about), 0);
	json_decref(about);
	return json;
}

/* Counts are taken around the chain, not around the baseline. They are per access. Implausible counts are unknown. */
static void counts_are_per_access(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point point;
	json_t *line;

	(void)state;
	pmu.counters = 16;
	hardware = open_hardware();
	chase_make(&configuration);
	point_new(&point);
	for (unsigned i = 0; i < 3; i++)
		take(&configuration, hardware, &point, PAGES);
	assert_int_equal(begun, 3 * 1);
	assert_int_equal(ended, begun);
	line = line_of(&point, hardware);
	assert_true(fabs(median_of(line, "dtlb_load_walks_per_access") - UNITS * 0x0e08 / (9. * 8192)) < 1e-9);
	assert_int_equal(
		json_integer_value(json_object_get(metric_of(line, "dtlb_load_walks_per_access"), "samples")), 3);
	assert_false(json_is_true(json_object_get(metric_of(line, "dtlb_load_walks_per_access"), "scaled")));
	/* Both in the same samples: cycles of one walk. Skylake's are the sum of two events, 0x1008 and 0x104f. */
	assert_true(fabs(median_of(line, "walk_cycles_per_walk") - (0x1008 + 0x104f) / (double)0x0e08) < 1e-9);
	assert_string_equal(reason_in(metric_of(line, "dtlb_walk_cycles_per_access"), "unit"), "cycles per access");
	/* 192 x 18 instructions for 73728 accesses are not believed. */
	assert_true(json_is_null(json_object_get(metric_of(line, "instructions_per_access"), "median")));
	assert_non_null(strstr(reason_in(metric_of(line, "instructions_per_access"), "reason"), "possible"));
	/* Metrics that this CPU cannot count are in run.json only. Stores and page faults were not asked for. */
	assert_null(metric_of(line, "walker_loads_l1_per_access"));
	assert_null(metric_of(line, "dtlb_store_walks_per_access"));
	assert_null(metric_of(line, "page_faults_per_access"));
	json_decref(line);
	point_free(&point);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/* Points take the groups in turn, each by itself; a sample that waited is null. */
static void groups_take_turns_in_each_point(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point point[2];
	size_t groups;

	(void)state;
	pmu.counters = 4;
	hardware = open_hardware();
	groups = counting_groups(hardware_turn(hardware, SETTING_HOST, 0));
	assert_in_range(groups, 2, 8);
	chase_make(&configuration);
	point_new(&point[0]);
	point_new(&point[1]);
	for (size_t i = 0; i < 2 * groups; i++)
		for (unsigned p = 0; p < 2; p++)
			take(&configuration, hardware, &point[p], PAGES);
	for (unsigned p = 0; p < 2; p++) {
		json_t *line = line_of(&point[p], hardware), *metric;
		const json_t *samples = json_object_get(line, "hardware_samples");
		const json_t *walks = json_object_get(samples, "dtlb_load_walks_per_access");
		const char *name;

		json_object_foreach (json_object_get(line, "hardware"), name, metric) {
			if (json_is_number(json_object_get(metric, "median")))
				assert_int_equal(json_integer_value(json_object_get(metric, "samples")), 2);
			else
				assert_true(strlen(reason_in(metric, "reason")) > 0);
		}
		assert_int_equal(json_array_size(walks), 2 * groups);
		for (size_t i = 0; i < groups; i++)
			assert_int_equal(json_is_null(json_array_get(walks, i)),
				json_is_null(json_array_get(walks, i + groups)));
		json_decref(line);
	}
	/* Fewer samples than groups: what waits says so. */
	point[1].samples = 1;
	for (unsigned p = 0; p < 1; p++) {
		json_t *line = line_of(&point[1], hardware), *metric;
		const char *name;
		size_t waiting = 0;

		json_object_foreach (json_object_get(line, "hardware"), name, metric)
			waiting += strstr(reason_in(metric, "reason"), "counted in other samples") != NULL;
		assert_true(waiting > 0);
		json_decref(line);
	}
	point_free(&point[0]);
	point_free(&point[1]);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/* Another user of the PMU leaves one counter: two events take turns with it, and are marked. */
static void what_was_scaled_says_so(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point point;
	json_t *line;
	size_t groups;

	(void)state;
	pmu.held = 3;
	pmu.turns = true;
	hardware = open_hardware();
	groups = counting_groups(hardware_turn(hardware, SETTING_HOST, 0));
	chase_make(&configuration);
	point_new(&point);
	for (size_t i = 0; i < groups; i++)
		take(&configuration, hardware, &point, PAGES);
	line = line_of(&point, hardware);
	assert_true(json_is_true(json_object_get(metric_of(line, "dtlb_walk_cycles_per_access"), "scaled")));
	assert_false(json_is_true(json_object_get(metric_of(line, "dtlb_load_walks_per_access"), "scaled")));
	json_decref(line);
	point_free(&point);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/* A group that loses its counters knows nothing of that sample, and says why; the sample's times stand. */
static void counters_that_are_taken_away_leave_no_number(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point point;
	json_t *line;

	(void)state;
	pmu.counters = 16;
	hardware = open_hardware();
	chase_make(&configuration);
	point_new(&point);
	taken_away = true;
	take(&configuration, hardware, &point, PAGES);
	line = line_of(&point, hardware);
	assert_true(json_is_null(json_object_get(metric_of(line, "dtlb_load_walks_per_access"), "median")));
	assert_string_not_equal(reason_in(metric_of(line, "dtlb_load_walks_per_access"), "reason"), "");
	assert_null(strstr(reason_in(metric_of(line, "dtlb_load_walks_per_access"), "reason"), "other samples"));
	assert_int_equal(json_array_size(json_object_get(json_object_get(line, "samples"), "round")), 1);
	json_decref(line);
	point_free(&point);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/*
 * A hidden event counts 0. A chase over few pages may cause 0 walks. Over more pages than any TLB holds it may not:
 * then the event is unknown in the whole setting, also in earlier samples.
 */
static void an_event_that_counts_nothing_is_unknown_everywhere(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point few, many;
	json_t *line, *about;

	(void)state;
	pmu.counters = 16;
	units = 0;
	hardware = open_hardware();
	chase_make(&configuration);
	point_new(&few);
	point_new(&many);
	take(&configuration, hardware, &few, PAGES);
	line = line_of(&few, hardware);
	assert_true(json_is_number(json_object_get(metric_of(line, "dtlb_load_walks_per_access"), "median")));
	json_decref(line);
	take(&configuration, hardware, &many, 1u << 20);
	assert_non_null(
		strstr(hardware_reason(hardware, SETTING_HOST, COUNT_DTLB_LOAD_WALKS)->text, "does not count here"));
	/* The other setting is not affected, nor is a metric that may be 0. */
	assert_null(hardware_reason(hardware, SETTING_VCPU, COUNT_DTLB_LOAD_WALKS));
	assert_null(hardware_reason(hardware, SETTING_HOST, COUNT_DTLB_LOAD_MISSES_L1));
	line = line_of(&few, hardware);
	assert_null(metric_of(line, "dtlb_load_walks_per_access"));
	assert_null(metric_of(line, "walk_cycles_per_walk"));
	assert_non_null(metric_of(line, "dtlb_load_misses_l1_per_access"));
	json_decref(line);
	about = hardware_json(hardware);
	assert_non_null(
		strstr(reason_in(json_object_get(json_object_get(about, "host"), "unavailable"), "dtlb_load_walks"),
			"does not count here"));
	json_decref(about);
	point_free(&few);
	point_free(&many);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/* Without a PMU: nothing to take turns with, null with the one reason, and nothing left to close. */
static void without_a_pmu_one_reason_is_told(void **state)
{
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct point point;
	json_t *line, *about, *host;

	(void)state;
	pmu.counters = 0;
	hardware = open_hardware();
	assert_null(hardware_turn(hardware, SETTING_HOST, 0));
	chase_make(&configuration);
	point_new(&point);
	take(&configuration, hardware, &point, PAGES);
	assert_int_equal(begun, 0);
	line = line_of(&point, hardware);
	about = hardware_json(hardware);
	host = json_object_get(about, "host");
	assert_true(json_is_null(json_object_get(line, "hardware")));
	assert_true(strlen(reason_in(line, "hardware_reason")) > 0);
	assert_string_equal(reason_in(line, "hardware_reason"), reason_in(host, "reason"));
	assert_int_equal(json_array_size(json_object_get(host, "available")), 0);
	assert_int_equal(json_object_size(json_object_get(host, "unavailable")), 0);
	json_decref(about);
	json_decref(line);
	point_free(&point);
	chase_drop(&configuration);
	hardware_close(hardware);
}

/* Whatever this machine has: each metric is available or has a reason, and a sample can be taken. */
static void this_machine_counts_or_says_why(void **state)
{
	struct hardware_request request = { .settings = SETTING_BIT(SETTING_HOST), .source = &source };
	struct chase_under_test configuration;
	struct hardware *hardware;
	struct reason why = { "" };
	struct point point;
	json_t *line, *about;

	(void)state;
	assert_int_equal(hardware_open(&request, &hardware, &why), 0);
	chase_make(&configuration);
	point_new(&point);
	for (unsigned i = 0; i < 8; i++)
		take(&configuration, hardware, &point, PAGES);
	line = line_of(&point, hardware);
	about = hardware_json(hardware);
	assert_int_equal(json_is_null(json_object_get(line, "hardware")),
		!json_array_size(json_object_get(json_object_get(about, "host"), "available")));
	assert_null(json_object_get(about, "vcpu"));
	json_decref(about);
	json_decref(line);
	point_free(&point);
	chase_drop(&configuration);
	hardware_close(hardware);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_are_per_access),
		TEST(groups_take_turns_in_each_point),
		TEST(what_was_scaled_says_so),
		TEST(counters_that_are_taken_away_leave_no_number),
		TEST(an_event_that_counts_nothing_is_unknown_everywhere),
		TEST(without_a_pmu_one_reason_is_told),
		TEST(this_machine_counts_or_says_why),
	};

	return cmocka_run_group_tests_name("sample counters", tests, encode_every_cpu, NULL);
}
