/*
 * Traits of metrics: the traits that a run's benches write, how they are looked up, and how the traits of two runs are
 * joined.
 */
#include "measure/benches.h"
#include "measure/point.h"
#include "measure/traits.h"
#include "record/traits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static json_t *about_of(const char *json)
{
	json_t *about = json_loads(json, 0, NULL);

	assert_non_null(about);
	return about;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && !strcmp(text + length - tail, end);
}

/* The contract of bench.h, of every bench that was linked in. */
static void every_bench_keeps_the_contract(void **state)
{
	(void)state;
	assert_true(benches_count() > 0);
	for (size_t i = 0; i < benches_count(); i++) {
		const struct bench *bench = benches_at(i);
		const struct metric *metrics = bench_metrics(bench);
		size_t count = 0;

		assert_true(!bench->chase != !bench->experiment.measure);
		assert_true(bench->axis_count <= AXES_MAX && bench->sweep_axis < (int)bench->axis_count);
		for (; metrics[count].name; count++) {
			/* A name ends in its unit, so that a table of bare numbers can be read. */
			if (metrics[count].unit == UNIT_NS)
				assert_true(
					ends_with(metrics[count].name, "_ns") || strstr(metrics[count].name, "_ns_"));
			if (metrics[count].unit == UNIT_CYCLES)
				assert_true(ends_with(metrics[count].name, "_cycles"));
		}
		assert_true(count > 0 && count <= METRICS_MAX);
		for (size_t a = 0; a < bench->axis_count; a++)
			assert_true(bench->axes[a].name && bench->axes[a].key && bench->axes[a].help);
	}
}

static const struct axis axes[] = {
	{ .name = "region", .key = "region_bytes", .kind = AXIS_BYTES, .help = "memory" },
	{ .name = "kind", .key = "kind", .kind = AXIS_CHOICE, .help = "what it is" },
};
static const struct metric metrics[] = {
	{ .name = "lost_ns", .unit = UNIT_NS, .per = "call", .better = LESS, .signed_value = true },
	{ .name = "calls_per_s", .unit = UNIT_PER_S, .better = MORE },
	{ .name = NULL },
};
static const struct bench toy = { .name = "toy", .axes = axes, .axis_count = COUNT(axes), .metrics = metrics };
static const struct bench chaser = { .name = "chaser" };

static void what_a_bench_has_is_written(void **state)
{
	const struct bench *const benches[] = { &toy, &chaser };
	json_t *about =
		json_pack("{s:o, s:o}", "metrics", traits_of_metrics(benches, 2), "axes", traits_of_axes(benches, 2));
	json_t *expected = about_of("{\"lost_ns\": {\"unit\": \"ns\", \"per\": \"call\", \"better\": \"less\","
				    " \"signed\": true, \"time\": true},"
				    " \"calls_per_s\": {\"unit\": \"1/s\", \"per\": null, \"better\": \"more\","
				    " \"signed\": false, \"time\": false}}");
	struct metric_traits found;

	(void)state;
	assert_true(json_equal(json_object_get(json_object_get(about, "metrics"), "toy"), expected));
	json_decref(expected);
	expected = about_of("{\"region_bytes\": {\"kind\": \"bytes\", \"help\": \"memory\"},"
			    " \"kind\": {\"kind\": \"choice\", \"help\": \"what it is\"}}");
	assert_true(json_equal(json_object_get(json_object_get(about, "axes"), "toy"), expected));
	json_decref(expected);

	found = traits_find(about, "toy", "lost_ns");
	assert_true(found.known && found.time && found.signed_value);
	assert_string_equal(found.unit, "ns");
	found = traits_find(about, "chaser", "gross_cycles");
	assert_true(found.known && found.time && !found.signed_value);
	assert_false(traits_find(about, "toy", "gross_cycles").known);
	assert_false(traits_find(about, "nobody", "lost_ns").known);
	assert_false(traits_find(NULL, "toy", "lost_ns").known);
	json_decref(about);
}

static void runs_are_united(void **state)
{
	json_t *about = about_of("{\"metrics\": {\"a\": {\"x_ns\": {\"unit\": \"ns\", \"signed\": true}}}}");
	json_t *shared = json_incref(json_object_get(about, "metrics"));
	json_t *other = about_of("{\"metrics\": {\"a\": {\"x_ns\": {\"unit\": \"ns\"}, \"y\": {\"unit\": \"count\"}},"
				 " \"b\": {\"z\": {\"unit\": \"bytes\"}}, \"c\": 7},"
				 " \"axes\": {\"b\": {\"pages\": {\"kind\": \"count\"}}}}");
	json_t *old = about_of("{}");

	(void)state;
	assert_int_equal(traits_unite(about, other, NULL), 0);
	assert_true(traits_find(about, "a", "x_ns").signed_value);
	assert_string_equal(traits_find(about, "a", "y").unit, "count");
	assert_string_equal(traits_find(about, "b", "z").unit, "bytes");
	assert_non_null(json_object_get(json_object_get(json_object_get(about, "axes"), "b"), "pages"));
	/* Another holder of the object sees no change. */
	assert_int_equal(json_object_size(shared), 1);

	/* A run that was written before runs had traits adds none, and gets those of the other. */
	assert_int_equal(traits_unite(about, old, NULL), 0);
	assert_int_equal(traits_unite(old, old, NULL), 0);
	assert_int_equal(json_object_size(old), 0);
	assert_int_equal(traits_unite(old, other, NULL), 0);
	assert_true(traits_find(old, "b", "z").known);
	json_decref(shared);
	json_decref(old);
	json_decref(other);
	json_decref(about);
}

static void two_units_of_one_metric_do_not_join(void **state)
{
	json_t *about = about_of("{\"metrics\": {\"a\": {\"x\": {\"unit\": \"ns\"}}}}");
	json_t *other = about_of("{\"metrics\": {\"a\": {\"x\": {\"unit\": \"cycles\"}}}}");
	struct reason why;

	(void)state;
	assert_int_equal(traits_unite(about, other, &why), -EINVAL);
	assert_string_equal(why.text, "metric x of a is in ns in one run and in cycles in another");
	json_decref(other);
	json_decref(about);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bench_keeps_the_contract),
		cmocka_unit_test(what_a_bench_has_is_written),
		cmocka_unit_test(runs_are_united),
		cmocka_unit_test(two_units_of_one_metric_do_not_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
