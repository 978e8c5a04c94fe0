/* The results of a point's samples, and its line in points.jsonl. */
#include "measure/benches.h"
#include "measure/point.h"

#include <math.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct point_context context = {
	.paging = { "native", NULL },
	.paging_reason = "no module says",
	.outer = "KVM",
	.tsc_hz = 2e9,
	.seed = 1,
};

static void point_new(struct point *point, enum setting setting)
{
	point_init(point, benches_find("tlb-reach"), setting);
	/* page_size, backing, stride, frames, levels, sibling, pages: as tlb-reach orders them. */
	memcpy(point->value, (uint64_t[]){ 4096, BACKING_4K, 1, FRAMES_CONTIGUOUS, 4, SIBLING_IDLE, 96 },
		7 * sizeof(uint64_t));
}

static void add(struct point *point, double gross_tsc, double baseline_tsc, unsigned round)
{
	struct chase_sample sample = { .gross_tsc = gross_tsc, .baseline_tsc = baseline_tsc, .cycles_per_tsc = 1.5 };
	double values[CHASE_METRICS];

	chase_values(&sample, &context, values);
	assert_int_equal(point_add(point, values,
				 &(struct sample_facts){ .cycles_per_tsc = sample.cycles_per_tsc,
					 .round = round,
					 .weather = { .cycles = NAN } }),
		0);
}

static double metric(const json_t *json, const char *name, const char *what)
{
	return json_number_value(json_object_get(json_object_get(json_object_get(json, "metrics"), name), what));
}

static void metrics_are_medians_in_cycles_and_ns(void **state)
{
	struct point point;
	json_t *json;

	(void)state;
	point_new(&point, SETTING_HOST);
	for (unsigned i = 0; i < 5; i++)
		add(&point, 8 + i, 4, i);
	json = point_json(&point, &context);
	assert_non_null(json);
	/* Median 10 TSC cycles: 15 core cycles at 1.5, 5 ns at 2 GHz. */
	assert_true(fabs(metric(json, "gross_cycles", "median") - 15) < 1e-9);
	assert_true(fabs(metric(json, "gross_ns", "median") - 5) < 1e-9);
	assert_true(fabs(metric(json, "baseline_cycles", "median") - 6) < 1e-9);
	assert_true(fabs(metric(json, "net_cycles", "median") - 9) < 1e-9);
	assert_true(fabs(metric(json, "net_ns", "median") - 3) < 1e-9);
	assert_true(metric(json, "gross_cycles", "lo") <= 15 && metric(json, "gross_cycles", "hi") >= 15);
	assert_int_equal(json_array_size(json_object_get(json_object_get(json, "samples"), "round")), 5);
	assert_string_equal(json_string_value(json_object_get(json, "status")), "ok");
	assert_true(json_is_null(json_object_get(json, "reason")));
	assert_true(json_is_null(json_object_get(json, "kvm")));
	json_decref(json);
	point_free(&point);
}

/* One sample has no interval: null, not 0 and not the sample itself. */
static void one_sample_has_no_interval(void **state)
{
	struct point point;
	json_t *json, *gross;

	(void)state;
	point_new(&point, SETTING_HOST);
	add(&point, 8, 4, 0);
	assert_true(isinf(point_uncertainty(&point, &context)));
	json = point_json(&point, &context);
	gross = json_object_get(json_object_get(json, "metrics"), "gross_cycles");
	assert_true(json_is_real(json_object_get(gross, "median")));
	assert_true(json_is_null(json_object_get(gross, "lo")));
	assert_true(json_is_null(json_object_get(gross, "hi")));
	json_decref(json);
	point_free(&point);
}

static void an_unfinished_round_is_taken_back(void **state)
{
	struct point point;

	(void)state;
	point_new(&point, SETTING_HOST);
	for (unsigned i = 0; i < 40; i++)
		add(&point, 8, 4, i);
	point_drop_round(&point, 39);
	assert_int_equal(point.samples, 39);
	point_drop_round(&point, 7);
	assert_int_equal(point.samples, 39);
	point_free(&point);
}

static void what_failed_has_a_reason_and_no_number(void **state)
{
	struct point point;
	struct reason why = { "the chase did not end where it must" };
	json_t *json;

	(void)state;
	point_new(&point, SETTING_VCPU);
	point_fail(&point, POINT_ERROR, &why);
	json = point_json(&point, &context);
	assert_string_equal(json_string_value(json_object_get(json, "status")), "error");
	assert_string_equal(json_string_value(json_object_get(json, "reason")), why.text);
	assert_int_equal(json_object_size(json_object_get(json, "metrics")), 0);
	assert_int_equal(json_object_size(json_object_get(json, "samples")), 0);
	json_decref(json);
	point_free(&point);
}

static void what_fails_late_keeps_its_samples(void **state)
{
	struct point point;
	struct reason why = { "the CPU went offline" };
	json_t *json;

	(void)state;
	point_new(&point, SETTING_VCPU);
	add(&point, 8, 4, 0);
	add(&point, 9, 4, 1);
	point_fail(&point, POINT_ERROR, &why);
	assert_true(point.exhausted && point.failed);
	json = point_json(&point, &context);
	assert_string_equal(json_string_value(json_object_get(json, "status")), "ok");
	assert_true(json_is_null(json_object_get(json, "reason")));
	assert_string_equal(json_string_value(json_object_get(json, "stopped")), why.text);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(json, "samples"), "gross_cycles")), point.samples);
	json_decref(json);
	point_free(&point);
}

static void params_hold_what_means_something_in_the_setting(void **state)
{
	struct point point;
	json_t *json, *params;

	(void)state;
	point_new(&point, SETTING_HOST);
	json = point_json(&point, &context);
	params = json_object_get(json, "params");
	assert_int_equal(json_integer_value(json_object_get(params, "page_size_bytes")), 4096);
	assert_string_equal(json_string_value(json_object_get(params, "backing")), "4K");
	assert_int_equal(json_integer_value(json_object_get(params, "pages")), 96);
	assert_null(json_object_get(params, "frames"));
	json_decref(json);

	point.setting = SETTING_VCPU;
	point.without_pages = true;
	json = point_json(&point, &context);
	params = json_object_get(json, "params");
	assert_string_equal(json_string_value(json_object_get(params, "frames")), "contiguous");
	assert_null(json_object_get(params, "pages"));
	/* An unknown paging mode is null and says why. */
	assert_true(json_is_null(json_object_get(json, "paging")));
	assert_string_equal(json_string_value(json_object_get(json, "paging_reason")), "no module says");
	json_decref(json);
	point_free(&point);
}

/* A count that KVM does not have is null, also after adding. */
/* Each metric says why it is not known, not why another one is. */
static void what_is_unknown_has_its_own_reason(void **state)
{
	struct reason unknown_of[METRICS_MAX] = { [CHASE_BASELINE_NS] = { "there was no baseline" } };
	const json_t *metrics;
	struct point point;
	json_t *json;

	(void)state;
	point_new(&point, SETTING_HOST);
	add(&point, 8, 4, 0);
	point.series[CHASE_BASELINE_NS][0] = NAN;
	point.series[CHASE_NET_NS][0] = NAN;
	strcpy(point.unknown.text, "nobody says");
	assert_int_equal(point_tell_unknown(&point, unknown_of), 0);
	/*
	 * A later sample that knows the metric does not remove the reason, as the point has a sample that does not know
	 * it.
	 */
	unknown_of[CHASE_BASELINE_NS].text[0] = '\0';
	assert_int_equal(point_tell_unknown(&point, unknown_of), 0);
	json = point_json(&point, &context);
	metrics = json_object_get(json, "metrics");
	assert_string_equal(json_string_value(json_object_get(json_object_get(metrics, "baseline_ns"), "reason")),
		"there was no baseline");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(metrics, "net_ns"), "reason")), "nobody says");
	json_decref(json);
	point_free(&point);
}

/* The numbers of a point are those of its quiet samples, where there are enough; all samples are kept. */
static void numbers_come_from_quiet_samples_where_there_are_enough(void **state)
{
	static const double gross[] = { 100, 10, 11, 90, 12, 13, 14, 80 };

	(void)state;
	for (unsigned quiets = 4; quiets <= 5; quiets++) {
		struct point point;
		unsigned given = 0;
		const json_t *samples;
		json_t *json;

		point_new(&point, SETTING_HOST);
		for (unsigned i = 0; i < 8; i++) {
			struct sample_facts facts = { .cycles_per_tsc = 1.5, .round = i, .weather = { .cycles = 9 } };
			double values[CHASE_METRICS];

			for (unsigned k = 0; k < CHASE_METRICS; k++)
				values[k] = gross[i];
			if (gross[i] < 50 && given < quiets) {
				facts.weather = (struct weather_reading){ 4, true };
				given++;
			}
			assert_int_equal(point_add(&point, values, &facts), 0);
		}
		assert_int_equal(point_samples_counted(&point), quiets == 5 ? 5 : 8);
		json = point_json(&point, &context);
		samples = json_object_get(json, "samples");
		assert_int_equal(json_array_size(json_object_get(samples, "gross_cycles")), 8);
		assert_int_equal(json_array_size(json_object_get(samples, "weather")), 8);
		assert_int_equal(json_array_size(json_object_get(samples, "quiet")), 8);
		assert_true(json_number_value(json_object_get(
				    json_object_get(json_object_get(json, "metrics"), "gross_cycles"), "median")) ==
			    (quiets == 5 ? 12 : 13.5));
		json_decref(json);
		point_free(&point);
	}
}

static void unknown_counts_stay_unknown(void **state)
{
	struct point point;
	struct disturbance known = { 0 }, unknown = { 0 };
	json_t *json, *kvm;

	(void)state;
	known.kvm[KVM_COUNT_EXITS] = 3;
	unknown.kvm[KVM_COUNT_PF_TAKEN] = KVM_COUNT_UNKNOWN;
	point_new(&point, SETTING_VCPU);
	add(&point, 8, 4, 0);
	disturbance_add(&point.disturbance, &known);
	disturbance_add(&point.disturbance, &unknown);
	disturbance_add(&point.disturbance, &known);
	json = point_json(&point, &context);
	kvm = json_object_get(json, "kvm");
	assert_int_equal(json_integer_value(json_object_get(kvm, "exits")), 6);
	assert_true(json_is_null(json_object_get(kvm, "pf_taken")));
	assert_true(json_is_null(json_object_get(kvm, "pages_4k")));
	assert_non_null(strstr(json_string_value(json_object_get(kvm, "reason")), "does not count"));
	json_decref(json);
	point_free(&point);
}

/* A bench without timed regions: counts that were not taken are null with a reason, not 0. */
static void counters_of_what_was_not_timed_are_null(void **state)
{
	struct point point;
	double values[METRICS_MAX] = { 1 };
	json_t *json;

	(void)state;
	point_init(&point, benches_find("table-memory"), SETTING_VCPU);
	assert_int_equal(point_add(&point, values,
				 &(struct sample_facts){ .cycles_per_tsc = 1.5, .weather = { .cycles = NAN } }),
		0);
	json = point_json(&point, &context);
	assert_true(json_is_null(json_object_get(json, "counters")));
	assert_non_null(json_string_value(json_object_get(json, "counters_reason")));
	json_decref(json);
	point.disturbance.elapsed_ns = 1000;
	json = point_json(&point, &context);
	assert_int_equal(json_object_size(json_object_get(json, "counters")), 3);
	assert_null(json_object_get(json, "counters_reason"));
	json_decref(json);
	point_free(&point);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_medians_in_cycles_and_ns),
		cmocka_unit_test(one_sample_has_no_interval),
		cmocka_unit_test(an_unfinished_round_is_taken_back),
		cmocka_unit_test(what_failed_has_a_reason_and_no_number),
		cmocka_unit_test(what_fails_late_keeps_its_samples),
		cmocka_unit_test(params_hold_what_means_something_in_the_setting),
		cmocka_unit_test(what_is_unknown_has_its_own_reason),
		cmocka_unit_test(numbers_come_from_quiet_samples_where_there_are_enough),
		cmocka_unit_test(unknown_counts_stay_unknown),
		cmocka_unit_test(counters_of_what_was_not_timed_are_null),
	};

	return cmocka_run_group_tests_name("point", tests, NULL, NULL);
}
