/* report/rows.c: rows of a query as text, in every format. */
#include "report/rows.h"

#include "record/database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sqlite3 *db;

static int open_database(void **state)
{
	struct reason why;

	(void)state;
	return database_open(&db, &why);
}

static int close_database(void **state)
{
	(void)state;
	return sqlite3_close(db);
}

static void assert_rows(const char *sql, enum rows_format format, const char *expected)
{
	struct reason why = { "" };
	sqlite3_stmt *statement = database_prepare(db, sql, &why);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(statement);
	assert_int_equal(rows_write(statement, format, out, NULL, &why), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	sqlite3_finalize(statement);
}

#define MIXED \
	"SELECT 1 AS n, 'a' AS word, 0.5 AS x UNION ALL SELECT 100, NULL, 1234567.891 UNION ALL SELECT NULL, 'b c', 1e300"

static void a_table_is_aligned(void **state)
{
	(void)state;
	assert_rows(
		MIXED, ROWS_TABLE, "  n  word        x\n  1  a         0.5\n100  -     1234568\n  -  b c    1e+300\n");
}

static void text_is_aligned_by_characters(void **state)
{
	(void)state;
	assert_rows("SELECT 'µs' AS a, 1 AS b UNION ALL SELECT 'abc', 22", ROWS_TABLE, "a     b\nµs    1\nabc  22\n");
}

static void csv_quotes_what_needs_it(void **state)
{
	(void)state;
	assert_rows("SELECT 'a,b' AS \"x,y\", 'say \"no\"' AS q, 'two\nlines' AS l, NULL AS \"none\", 0.1 + 0.2 AS d",
		ROWS_CSV, "\"x,y\",q,l,none,d\r\n\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,0.3\r\n");
}

static void tsv_has_one_line_for_each_row(void **state)
{
	(void)state;
	assert_rows("SELECT 'a\tb\n\"c\"' AS t, NULL AS n, 2.50 AS x, 12345678 AS i", ROWS_TSV,
		"t\tn\tx\ti\na b  c \tNA\t2.5\t12345678\n");
}

static void json_is_json(void **state)
{
	(void)state;
	assert_rows(
		"SELECT 'a\"\\\n' AS t, NULL AS n, 2.5 AS x, 3 AS i, 9e999 AS inf UNION ALL SELECT '', 1, 2, 3, -9e999",
		ROWS_JSON,
		"[{\"t\": \"a\\\"\\\\\\n\", \"n\": null, \"x\": 2.5, \"i\": 3, \"inf\": 9e999},\n"
		" {\"t\": \"\", \"n\": 1, \"x\": 2, \"i\": 3, \"inf\": -9e999}]\n");
	assert_rows("SELECT 1 AS a WHERE 0", ROWS_JSON, "[]\n");
}

static void markdown_takes_nothing_for_markup(void **state)
{
	(void)state;
	assert_rows("SELECT '<b>|*x*' AS \"a\", 5 AS n", ROWS_MARKDOWN,
		"| a | n |\n| --- | ---: |\n| \\<b\\>\\|\\*x\\* | 5 |\n");
	assert_rows(
		"SELECT 'two\nlines' AS a, NULL AS b", ROWS_MARKDOWN, "| a | b |\n| --- | --- |\n| two lines |  |\n");
	/* A cell with an interval is a number to a reader. */
	assert_rows("SELECT '1.5 [1, 2]' AS a", ROWS_MARKDOWN, "| a |\n| ---: |\n| 1.5 [1, 2] |\n");
}

static void of_no_rows_there_is_a_header(void **state)
{
	(void)state;
	assert_rows("SELECT 1 AS a, 2 AS b WHERE 0", ROWS_TABLE, "a  b\n");
	assert_rows("SELECT 1 AS a, 2 AS b WHERE 0", ROWS_CSV, "a,b\r\n");
	assert_rows("SELECT 1 AS a, 2 AS b WHERE 0", ROWS_TSV, "a\tb\n");
	assert_rows("SELECT 1 AS a, 2 AS b WHERE 0", ROWS_MARKDOWN, "");
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
	(void)state;
	assert_rows("SELECT 'a' || char(27) || '[31mb' AS a", ROWS_TABLE, "a\na?[31mb\n");
}

static void rows_are_counted_and_failures_told(void **state)
{
	struct reason why = { "" };
	sqlite3_stmt *statement = database_prepare(db, "SELECT 1 UNION SELECT 2", &why);
	FILE *out = fopen("/dev/null", "w");
	size_t count = 0;

	(void)state;
	assert_int_equal(rows_write(statement, ROWS_TSV, out, &count, &why), 0);
	assert_int_equal(count, 2);
	sqlite3_finalize(statement);
	statement = database_prepare(db, "SELECT json_extract('{', '$')", &why);
	for (int format = 0; format < ROWS_FORMATS; format++) {
		assert_true(rows_write(statement, (enum rows_format)format, out, &count, &why) < 0);
		assert_string_equal(why.text, "malformed JSON");
		sqlite3_reset(statement);
	}
	sqlite3_finalize(statement);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_aligned),
		cmocka_unit_test(text_is_aligned_by_characters),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(tsv_has_one_line_for_each_row),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(markdown_takes_nothing_for_markup),
		cmocka_unit_test(of_no_rows_there_is_a_header),
		cmocka_unit_test(control_characters_do_not_reach_a_terminal),
		cmocka_unit_test(rows_are_counted_and_failures_told),
	};

	return cmocka_run_group_tests(tests, open_database, close_database);
}
