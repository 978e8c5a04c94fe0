/*
 * The catalogue of events: no gap, no duplicate, and every event encodes as in the golden file. The golden file was
 * checked by hand against the vendors' event lists. Where libpfm4 changes an encoding, somebody must check it again.
 */
#include "counters/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_counters_named.h"

#define GOLDEN "tests/fixtures/counters/golden.tsv"

/* libpfm4 looks at this once, when it starts. */
static int encode_every_cpu(void **state)
{
	(void)state;
	return setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
}

static void test_no_gaps(void **state)
{
	const struct microarch *microarch;

	(void)state;
	for (size_t i = 0; (microarch = catalogue_at(i)); i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(catalogue_at(k)->pmu, microarch->pmu);
		assert_true(microarch->name && *microarch->name && microarch->manual && *microarch->manual);
		for (unsigned m = 0; m < COUNT_METRICS; m++) {
			const struct count_row *row = &microarch->rows[m];
			bool counted = count_terms(row) != 0;

			if (counted == (row->why_not != NULL) || counted != (row->counts != NULL) ||
				(counted && row->proxy))
				fail_msg("%s %s: neither or both of events and a reason why not", microarch->pmu,
					count_meanings[m].name);
			for (size_t term = 0; term < count_terms(row); term++)
				assert_int_equal(abs(row->term[term].sign), 1);
		}
	}
	assert_non_null(catalogue_at(23));
	assert_null(catalogue_at(24));
}

static void test_meanings(void **state)
{
	(void)state;
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		const struct count_meaning *meaning = &count_meanings[m];

		for (unsigned other = 0; other < m; other++)
			assert_string_not_equal(count_meanings[other].name, meaning->name);
		assert_true(meaning->meaning && *meaning->meaning);
		assert_true(meaning->bounds.least >= 0 && meaning->bounds.least < meaning->bounds.most);
	}
}

static void test_flags_tell_the_truth(void **state)
{
	const struct microarch *microarch;

	(void)state;
	for (size_t i = 0; (microarch = catalogue_at(i)); i++) {
		for (unsigned m = 0; m < COUNT_METRICS; m++) {
			const struct count_row *row = &microarch->rows[m];
			bool minus = false, ept = false, generic = false;

			for (size_t term = 0; term < count_terms(row); term++) {
				minus = minus || row->term[term].sign < 0;
				ept = ept || (term && strstr(row->term[term].event, "EPT"));
				generic = generic || strstr(row->term[term].event, "PERF_COUNT_HW_");
			}
			assert_int_equal(minus, (row->flags & COUNT_DIFFERENCE) != 0);
			assert_int_equal(ept, (row->flags & COUNT_ADDS_EPT) != 0);
			assert_int_equal(generic, (row->flags & COUNT_GENERIC) != 0);
		}
	}
}

/* Compare the terms of the catalogue with the lines of the golden file, one by one in order. */
static void test_golden(void **state)
{
	FILE *golden = fopen(GOLDEN, "re");
	const struct microarch *microarch;
	char line[512], expected[512];
	struct reason why = { "" };

	(void)state;
	assert_non_null(golden);
	assert_non_null(fgets(line, sizeof(line), golden)); /* the names of the columns */
	assert_int_equal(line[0], '#');
	for (size_t i = 0; (microarch = catalogue_at(i)); i++) {
		for (unsigned m = 0; m < COUNT_METRICS; m++) {
			for (size_t t = 0; t < count_terms(&microarch->rows[m]); t++) {
				const struct count_term *term = &microarch->rows[m].term[t];
				struct perf_event_attr attr;

				if (encode_event(microarch, term->event, &attr, &why))
					fail_msg("%s", why.text);
				assert_true(attr.disabled && attr.exclude_kernel && attr.exclude_hv);
				snprintf(line, sizeof(line), "%s\t%s\t%+d\t%s\t%u\t0x%" PRIx64 "\t0x%" PRIx64 "\n",
					microarch->pmu, count_meanings[m].name, term->sign, term->event, attr.type,
					(uint64_t)attr.config, (uint64_t)attr.config1);
				if (!fgets(expected, sizeof(expected), golden))
					fail_msg("not in %s: %s", GOLDEN, line);
				assert_string_equal(line, expected);
			}
		}
	}
	assert_null(fgets(expected, sizeof(expected), golden));
	fclose(golden);
}

static void test_unknown_strings(void **state)
{
	static const struct count_row rows[COUNT_METRICS] = { { .why_not = "" } };
	const struct microarch invented = { "nowhere", "", "", rows, FALLBACK_NO };
	static const char *const wrong[] = { "DTLB_LOAD_MISSES", "DTLB_LOAD_MISSES:NO_SUCH_MASK", "NO_SUCH_EVENT",
		"DTLB_LOAD_MISSES:WALK_COMPLETED_4K:WALK_COMPLETED_2M_4M", "nowhere::EVENT", "" };
	struct perf_event_attr attr;
	struct reason why;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		why.text[0] = 0;
		assert_int_equal(encode_event(microarch_named("skx"), wrong[i], &attr, &why), -EINVAL);
		assert_non_null(strstr(why.text, "libpfm4 does not resolve"));
	}
	assert_int_equal(encode_event(&invented, "UNHALTED_CORE_CYCLES", &attr, &why), -EINVAL);
}

static void test_this_cpu(void **state)
{
	const struct microarch *microarch;
	struct reason why;

	(void)state;
	assert_int_equal(encode_detect(&microarch, &why), 0);
	assert_non_null(microarch);
	assert_string_equal(catalogue_fallback(FALLBACK_ANY)->pmu, "generic");
	assert_string_equal(catalogue_fallback(FALLBACK_AMD)->pmu, "generic-amd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_gaps),
		cmocka_unit_test(test_meanings),
		cmocka_unit_test(test_flags_tell_the_truth),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_unknown_strings),
		cmocka_unit_test(test_this_cpu),
	};

	return cmocka_run_group_tests(tests, encode_every_cpu, NULL);
}
