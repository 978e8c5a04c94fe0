/* Sizes, reasons, directories, and which samples count. */
#include "base/directory.h"
#include "base/quiet.h"
#include "base/reason.h"
#include "base/text.h"
#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka defines a macro of that name, below. */
static int refuse(struct reason *why, int error, const char *text)
{
	return fail(why, error, "%s", text);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sizes_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "4K", PAGE_4K }, { "4k", PAGE_4K }, { "4KiB", PAGE_4K }, { "4KB", PAGE_4K }, { "2M", PAGE_2M },
		{ "1G", PAGE_1G }, { "1GiB", PAGE_1G }, { "4096", PAGE_4K }, { "4096B", PAGE_4K }, { "0", 0 },
		{ "18446744073709551615", UINT64_MAX } };
	static const char *const bad[] = { "", "K", "-4K", "4X", "4KK", "4 K", "4.5K", "0x10", "99999999999999999999",
		"18446744073709551615K", "4Ki", "4iB" };
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(size_parse(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes = 77;
		assert_int_equal(size_parse(bad[i], &bytes), -EINVAL);
		assert_int_equal(bytes, 77);
	}
}

static void sizes_are_written_short_and_exact(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { PAGE_4K, "4K" }, { PAGE_2M, "2M" }, { PAGE_1G, "1G" }, { 1536 * KIB, "1536K" },
		{ 1000, "1000" }, { 0, "0" }, { 512 * GIB, "512G" } };
	struct size_text text;
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(size_format(cases[i].bytes, &text), cases[i].text);
		assert_int_equal(size_parse(text.text, &back), 0);
		assert_int_equal(back, cases[i].bytes);
	}
}

static void durations_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "10s", 10 * NS_PER_S }, { "10", 10 * NS_PER_S }, { "500ms", 500 * NS_PER_MS },
		{ "2m", 120 * NS_PER_S }, { "1h", 3600 * NS_PER_S }, { "0s", 0 } };
	static const char *const bad[] = { "", "s", "-1s", "1.5s", "10x", "10 s", "10ss", "0x10s", "10S",
		"99999999999999999999", "18446744073709551615h" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(duration_parse(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ns = 77;
		assert_int_equal(duration_parse(bad[i], &ns), -EINVAL);
		assert_int_equal(ns, 77);
	}
}

static void reasons_fill_and_never_overflow(void **state)
{
	struct reason why;
	char longer[2 * sizeof(why.text)];

	(void)state;
	assert_int_equal(refuse(&why, ENOENT, "no such thing"), -ENOENT);
	assert_string_equal(why.text, "no such thing");
	assert_int_equal(refuse(NULL, EIO, "unheard"), -EIO);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	refuse(&why, EIO, longer);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

static void a_directory_may_be_there_already_but_nothing_else(void **state)
{
	char root[] = "/tmp/nestwalk-base-XXXXXX", path[64], link[64];
	struct reason why;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/a", root);
	snprintf(link, sizeof(link), "%s/link", root);
	assert_int_equal(directory_make(path, &why), 0);
	assert_int_equal(directory_make(path, &why), 0);
	assert_int_equal(symlink(path, link), 0);
	/* A link may lead anywhere, also to a directory. */
	assert_int_equal(directory_make(link, &why), -ELOOP);
	assert_non_null(strstr(why.text, "is a link"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(directory_make(link, &why), -ELOOP);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(directory_make(path, &why), -EEXIST);
	assert_non_null(strstr(why.text, path));
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/not/there", root);
	assert_int_equal(directory_make(path, &why), -ENOENT);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(root), 0);
}

static void numbers_are_made_of_quiet_samples_where_there_are_enough(void **state)
{
	json_t *samples = json_pack("[i, i, i, i, i, i, n]", 1, 2, 3, 4, 5, 6);
	json_t *enough = json_pack("[i, i, i, i, i, i, i]", 1, 1, 0, 1, 1, 0, 1);
	json_t *few = json_pack("[i, i, i, i, i, i, i]", 1, 1, 0, 1, 1, 0, 0), *other = json_pack("[i]", 1);
	const json_t *all[] = { few, other, NULL };
	size_t count;
	double *selected = quiet_samples(samples, enough, &count);

	(void)state;
	assert_int_equal(count, 5);
	assert_true(selected[2] == 4 && selected[3] == 5 && isnan(selected[4]));
	free(selected);
	for (size_t i = 0; i < 3; i++) {
		selected = quiet_samples(samples, all[i], &count);
		assert_int_equal(count, 7);
		assert_true(selected[2] == 3 && isnan(selected[6]));
		free(selected);
	}
	assert_null(quiet_samples(NULL, enough, &count));
	assert_int_equal(count, 0);
	json_decref(samples);
	json_decref(enough);
	json_decref(few);
	json_decref(other);
}

static void assert_clean(const char *text, const char *cleaned)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_string_equal(text_clean(copy), cleaned);
}

static void texts_are_cleaned(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("plain µs … 漢字 😀", "plain µs … 漢字 😀");
	assert_clean("a\tb\nc\r\n", "a b c  ");
	assert_clean("\033[31m\x7f\a", "?[31m??");
	/* C1, marks and overrides of direction, non-characters, the mark of byte order. */
	assert_clean("\xc2\x9b \xc2\x85 \u202e \u2066 \u200f \u2028", "?   ? ? ?  ");
	assert_clean("\xef\xbf\xbe \xef\xbb\xbf \xf0\x9f\xbf\xbf", "? ? ?");
	/* Not UTF-8: stray and missing bytes, more bytes than needed, half of a pair, beyond Unicode. */
	assert_clean("\xff \x80 \xc3", "? ? ?");
	assert_clean("\xc0\xaf \xe0\x80\xaf", "?? ???");
	assert_clean("\xed\xa0\x80 \xf4\x90\x80\x80 \xf5", "??? ???? ?");
}

static void assert_clean_json(const char *json, const char *cleaned)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", json);
	copy[text_clean_json(copy, strlen(copy))] = '\0';
	assert_string_equal(copy, cleaned);
}

static void strings_of_json_are_cleaned(void **state)
{
	(void)state;
	assert_clean_json("{\"a\": [1, \"x\\\\n\\\"\\/\"]}\n", "{\"a\": [1, \"x\\\\n\\\"\\/\"]}\n");
	assert_clean_json("\"\\n\\t\\r\\f\\b\"", "\"    ?\"");
	assert_clean_json("\"\\u0000\\u001b\\u0041\\u202e\\uFFFE\\u000a\"", "\"??\\u0041?? \"");
	assert_clean_json("\"\\ud83d\\ude00 \\ud83d \\ude00 \\ud83dx\"", "\"\\ud83d\\ude00 ? ? ?x\"");
	assert_clean_json("\"\xff\xc2\x9b\"", "\"??\"");
	/* What is no JSON stays none. */
	assert_clean_json("\"\033\"", "\"\033\"");
	assert_clean_json("\"\\u12\"", "\"\\u12\"");
	assert_clean_json("\\", "\\");
}

static void long_texts_are_shortened(void **state)
{
	char words[64] = "one two three four five six", few[64] = "ééééééééééééééééééééé";

	(void)state;
	assert_string_equal(text_shorten(words, 30), "one two three four five six");
	assert_string_equal(text_shorten(words, 12), "one two …six");
	assert_string_equal(text_shorten(few, 10), "éééééé…ééé");
}

static void reasons_are_one_clean_line(void **state)
{
	struct reason why;

	(void)state;
	assert_int_equal(refuse(&why, ENOENT, "no such\nfile \033[0m\xff"), -ENOENT);
	assert_string_equal(why.text, "no such file ?[0m?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_cleaned),
		cmocka_unit_test(strings_of_json_are_cleaned),
		cmocka_unit_test(long_texts_are_shortened),
		cmocka_unit_test(reasons_are_one_clean_line),
		cmocka_unit_test(sizes_are_read_as_people_write_them),
		cmocka_unit_test(sizes_are_written_short_and_exact),
		cmocka_unit_test(durations_are_read_as_people_write_them),
		cmocka_unit_test(reasons_fill_and_never_overflow),
		cmocka_unit_test(numbers_are_made_of_quiet_samples_where_there_are_enough),
		cmocka_unit_test(a_directory_may_be_there_already_but_nothing_else),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
