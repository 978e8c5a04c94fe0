/* report/text.c: numbers as a reader wants them, and text that no markup gets out of. */
#include "report/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void three_digits(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{ 6.9234, "6.92" },
		{ 10, "10.0" },
		{ 112.6, "113" },
		{ 65536, "65536" },
		{ 0.0041, "0.0041" },
		{ 0, "0" },
		{ -0.00001, "0" },
		{ -1.234, "-1.23" },
		{ 999.96, "1000" },
		{ 9.9996, "10.0" },
		{ 0.99999, "1.00" },
		{ NAN, "?" },
		{ INFINITY, "?" },
		{ 1e300, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text text = number_text(cases[i].number);

		if (cases[i].text)
			assert_string_equal(text.text, cases[i].text);
		else
			assert_true(strlen(text.text) < sizeof(text.text));
	}
}

static void counts_and_sizes(void **state)
{
	(void)state;
	assert_string_equal(count_text(72).text, "72");
	assert_string_equal(count_text(4096).text, "4096");
	assert_string_equal(count_text(65536).text, "65 536");
	assert_string_equal(count_text(1234567).text, "1 234 567");
	assert_string_equal(count_text(NAN).text, "?");
	assert_string_equal(bytes_text(72 * 4096.).text, "288 KiB");
	assert_string_equal(bytes_text(3072 * 4096.).text, "12 MiB");
	assert_string_equal(bytes_text(2900 * 4096.).text, "11.3 MiB");
	assert_string_equal(bytes_text(64).text, "64 bytes");
	assert_string_equal(bytes_text(5. * (1 << 30)).text, "5 GiB");
	assert_string_equal(bytes_text(NAN).text, "? bytes");
}

static void intervals(void **state)
{
	(void)state;
	assert_string_equal(interval_text(6.92, 6.8, 7.011).text, " [6.80, 7.01]");
	assert_string_equal(interval_text(113, 99.7, 121).text, " [100, 121]");
	assert_string_equal(interval_text(1, NAN, 2).text, "");
	assert_string_equal(count_interval_text(72, 75).text, " [72, 75]");
	assert_string_equal(ratio_text(1.0004, 0.998, 1.002).text, "1.000 [0.998, 1.002]");
	assert_string_equal(ratio_text(1.5, NAN, NAN).text, "1.500");
	assert_string_equal(ratio_text(NAN, 1, 1).text, "?");
	assert_string_equal(ordinal_suffix(2), "nd");
	assert_string_equal(ordinal_suffix(4), "th");
	assert_string_equal(ordinal_suffix(11), "th");
	assert_string_equal(ordinal_suffix(23), "rd");
}

static void markup_is_escaped(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	markdown_text(out, "a_b <script>| [x](y)\n# `c`");
	fputc('\n', out);
	markdown_text(out, NULL);
	fputc('\n', out);
	table_text(out, "a\tb\n\"c\"");
	fputc('\t', out);
	table_number(out, NAN);
	table_number(out, 0.1);
	fclose(out);
	assert_string_equal(text, "a\\_b \\<script\\>\\| \\[x\\](y) # \\`c\\`\nunknown\na b  c \tNA0.1");
	free(text);
}

static void paths(void **state)
{
	json_t *object = json_pack("{s:{s:{s:f, s:s}, s:n}}", "a", "b", "n", 1.5, "s", "x", "z");

	(void)state;
	assert_true(number_at(object, "a.b.n") == 1.5);
	assert_string_equal(string_at(object, "a.b.s"), "x");
	assert_null(string_at(object, "a.b.n"));
	assert_true(isnan(number_at(object, "a.b.s")));
	assert_true(isnan(number_at(object, "a.z")));
	assert_true(isnan(number_at(object, "a.x.y.z")));
	assert_true(isnan(number_at(NULL, "a")));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_digits),
		cmocka_unit_test(counts_and_sizes),
		cmocka_unit_test(intervals),
		cmocka_unit_test(markup_is_escaped),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
