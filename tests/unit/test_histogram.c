/* Log-linear buckets: they tile the numbers, and their rounding is bounded. */
#include "base/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct histogram *empty(void)
{
	static struct histogram histogram;

	memset(&histogram, 0, sizeof(histogram));
	return &histogram;
}

static void buckets_tile_the_numbers(void **state)
{
	(void)state;
	assert_int_equal(histogram_from(0), 0);
	for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t from = histogram_from(i), to = histogram_to(i);

		assert_true(from < to);
		assert_int_equal(to, histogram_from(i + 1));
		assert_int_equal(histogram_bucket(from), i);
		assert_int_equal(histogram_bucket(to - 1), i);
		assert_true(to - from == 1 || (to - from) * HISTOGRAM_PARTS <= from);
	}
	/* The last octave is the one that the header promises. */
	assert_true(histogram_to(HISTOGRAM_BUCKETS - 1) == UINT64_C(1) << HISTOGRAM_OCTAVES);
}

static void what_is_beyond_is_counted(void **state)
{
	struct histogram *histogram = empty();

	(void)state;
	histogram_add(histogram, UINT64_MAX);
	assert_int_equal(histogram->count[HISTOGRAM_BUCKETS - 1], 1);
	assert_true(histogram->most == UINT64_MAX);
}

static void quantiles_are_within_a_bucket(void **state)
{
	struct histogram *histogram = empty();

	(void)state;
	for (uint64_t value = 1; value <= 100000; value++)
		histogram_add(histogram, value);
	for (double share = 0.01; share < 1; share += 0.01) {
		double told = histogram_quantile(histogram, share);

		assert_true(fabs(told / (share * 100000) - 1) < 1. / HISTOGRAM_PARTS);
	}
	assert_true(histogram_quantile(histogram, 1) <= 100000);
	assert_true(histogram_quantile(histogram, 0.9) < histogram_quantile(histogram, 1));
}

static void none_is_not_a_number(void **state)
{
	(void)state;
	assert_true(isnan(histogram_quantile(empty(), 0.5)));
}

static void one_value_is_itself(void **state)
{
	struct histogram *histogram = empty();

	(void)state;
	histogram_add(histogram, 7);
	assert_true(histogram_quantile(histogram, 0.5) == 7);
	assert_true(histogram_quantile(histogram, 0.999) == 7);
}

static void merging_adds(void **state)
{
	struct histogram *into = empty();
	struct histogram *from = calloc(1, sizeof(*from));

	(void)state;
	assert_non_null(from);
	histogram_add(into, 100);
	histogram_add(from, 100);
	histogram_add(from, 5000);
	histogram_merge(into, from);
	assert_int_equal(into->total, 3);
	assert_int_equal(into->count[histogram_bucket(100)], 2);
	assert_int_equal(into->most, 5000);
	free(from);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_the_numbers),
		cmocka_unit_test(what_is_beyond_is_counted),
		cmocka_unit_test(quantiles_are_within_a_bucket),
		cmocka_unit_test(none_is_not_a_number),
		cmocka_unit_test(one_value_is_itself),
		cmocka_unit_test(merging_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
