/* report/template.c: Markdown with queries in it. */
#include "report/template.h"

#include "record/database.h"

#include <errno.h>
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
	if (database_open(&db, &why))
		return -1;
	return database_run(db,
		"CREATE TABLE fruit (name TEXT, colour TEXT, weight REAL);"
		"INSERT INTO fruit VALUES ('apple', 'red', 150), ('plum', 'blue', 42.5), ('*kiwi*', NULL, NULL);",
		&why);
}

static int close_database(void **state)
{
	(void)state;
	return sqlite3_close(db);
}

/* Callbacks for figures and includes that print their arguments. */
static int tell_figure(void *context, const struct figure_words *words, const struct template_scope *scope, FILE *out,
	struct reason *why)
{
	sqlite3_value *figure = template_value(scope, "figure");

	(void)context;
	if (!strcmp(words->title, "broken"))
		return (fail)(why, EIO, "table.sql: no such table: x");
	fprintf(out, "(%s/%s%s%s/%s)", words->title, words->alt, words->along ? "/" : "",
		words->along ? words->along : "", figure ? (const char *)sqlite3_value_text(figure) : "-");
	return 0;
}

static int tell_include(void *context, const char *name, FILE *out, struct reason *why)
{
	(void)context;
	if (!strcmp(name, "nowhere"))
		return (fail)(why, ENOENT, "there is no figure 'nowhere'");
	fprintf(out, "<%s>", name);
	return 0;
}

static const struct template_hooks hooks = { tell_figure, tell_include, NULL, NULL };

static void assert_written(const char *text, const char *expected)
{
	struct reason why = { "" };
	char *written = NULL;
	size_t size;
	FILE *out = open_memstream(&written, &size);
	int rc = template_write(db, text, &hooks, out, &why);

	fclose(out);
	if (rc)
		fail_msg("%s", why.text);
	assert_string_equal(written, expected);
	free(written);
}

static void assert_fails(const char *text, const char *words)
{
	struct reason why = { "" };
	char *written = NULL;
	size_t size;
	FILE *out = open_memstream(&written, &size);
	int rc = template_write(db, text, &hooks, out, &why);

	fclose(out);
	free(written);
	assert_true(rc < 0);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
}

static void text_without_tags_stays(void **state)
{
	(void)state;
	assert_written("# Head\n\n*a* { b } }} {c\n", "# Head\n\n*a* { b } }} {c\n");
	assert_written("", "");
}

static void a_value_is_the_first_of_the_first_row(void **state)
{
	(void)state;
	assert_written("A {{value: SELECT name, colour FROM fruit ORDER BY name DESC}} a day.", "A plum a day.");
	assert_written("{{value: SELECT 2.0}} {{value: SELECT 1234567.8}} {{value: SELECT 7}}", "2 1234568 7");
	assert_written("a{{value: SELECT 1 WHERE 0}}b{{value: SELECT NULL}}c", "abc");
}

static void values_are_data_and_no_markup(void **state)
{
	(void)state;
	assert_written("{{value: SELECT '<b>*x*|`y`'}}.", "\\<b\\>\\*x\\*\\|\\`y\\`.");
	assert_written("{{value: SELECT '{{value: SELECT 1}}'}}.", "{{value: SELECT 1}}.");
	assert_written("{{value: SELECT 'a' || char(10) || '# b'}}.", "a # b.");
}

static void a_line_with_nothing_in_it_goes(void **state)
{
	(void)state;
	assert_written("a\n{{value: SELECT 1 WHERE 0}}\nb\n", "a\nb\n");
	assert_written("a\n{{value: SELECT 1}}\nb\n", "a\n1\nb\n");
	assert_written("a\n  {{# gone }}\nb\n", "a\n  b\n");
	assert_written("a{{# gone }}b\n", "ab\n");
}

static void a_table_has_rows_or_is_none(void **state)
{
	(void)state;
	assert_written("x\n{{table: SELECT name, weight FROM fruit WHERE weight > 100}}\ny\n",
		"x\n| name | weight |\n| --- | ---: |\n| apple | 150 |\ny\n");
	assert_written("x\n{{table: SELECT name FROM fruit WHERE 0}}\ny\n", "x\ny\n");
	assert_written(
		"{{table: SELECT name FROM fruit WHERE name LIKE '%kiwi%'}}\n", "| name |\n| --- |\n| \\*kiwi\\* |\n");
}

static void code_is_as_it_is(void **state)
{
	(void)state;
	assert_written("{{code: SELECT 'a_*b*' || char(10) || 'c' UNION ALL SELECT NULL UNION ALL SELECT 'd'}}\n",
		"    a_*b* c\n    d\n");
}

static void each_is_written_for_every_row(void **state)
{
	(void)state;
	assert_written("{{each: SELECT name FROM fruit ORDER BY weight}}\n- {{name}}\n{{end}}\nz\n",
		"- \\*kiwi\\*\n- plum\n- apple\nz\n");
	assert_written("a{{each: SELECT 1 AS n WHERE 0}}{{n}}{{end}}b", "ab");
	assert_written("{{each: SELECT 1 AS n UNION SELECT 2}}{{n}}{{end}}", "12");
}

static void if_is_written_once(void **state)
{
	(void)state;
	assert_written("{{if: SELECT name FROM fruit ORDER BY name DESC}}{{name}}{{end}}", "plum");
	assert_written("a\n{{if: SELECT 1 WHERE 0}}\nb\n{{end}}\nc\n", "a\nc\n");
	assert_written("{{if: SELECT NULL AS n}}[{{n}}]{{end}}", "[]");
}

static void names_of_surrounding_rows_are_known_in_queries(void **state)
{
	(void)state;
	assert_written("{{each: SELECT name FROM fruit WHERE colour IS NOT NULL ORDER BY name}}"
		       "{{value: SELECT colour FROM fruit WHERE name = :name}} {{end}}",
		"red blue ");
	assert_written(
		"{{each: SELECT 1 AS a, 2 AS b}}{{each: SELECT 3 AS a}}{{a}}{{b}}{{value: SELECT :a + :b}}{{end}}{{a}}{{end}}",
		"3251");
}

static void figures_have_words_of_their_rows(void **state)
{
	(void)state;
	assert_written("{{figure: Title | Alt text}}\n", "(Title/Alt text/-)\n");
	assert_written("{{figure: Alone}}\n", "(Alone/Alone/-)\n");
	assert_written("{{figure: Title | Alt text | pages}}\n", "(Title/Alt text/pages/-)\n");
	assert_written(
		"{{each: SELECT name, 'f-' || colour AS figure FROM fruit WHERE colour = 'red'}}{{figure: Of {{name}} | {{name}}s}}{{end}}",
		"(Of apple/apples/f-red)");
	assert_written("{{include: other}}\n", "<other>\n");
}

static void failures_name_the_line(void **state)
{
	(void)state;
	assert_fails("a\nb {{value: SELECT nope}}", "line 2: no such column: nope");
	assert_fails("\n\n{{table: SELEKT}}", "line 3: near \"SELEKT\": syntax error");
	assert_fails("{{each: SELECT 1 AS a}}\n{{b}}\n{{end}}", "line 2: nothing here has the name b");
	assert_fails("\n{{value: SELECT :who}}", "line 2: nothing around this query has the name :who");
	assert_fails("\n{{nonsense: 1}}", "line 2: there is no 'nonsense:'");
	assert_fails("\n{{each: SELECT 1}}\nx", "line 2: a block is not closed: {{end}} is missing");
	assert_fails("\n\n{{value: SELECT 1", "line 3: what is opened here is not closed");
	assert_fails("{{end}}", "line 1");
	assert_fails("{{value: SELECT json_extract('{', '$')}}", "line 1: malformed JSON");
	assert_fails("\n{{code: SELECT x}}", "line 2: no such column: x");
	assert_fails("\n{{figure: broken}}", "line 2: table.sql: no such table: x");
	assert_fails("{{include: nowhere}}", "there is no figure 'nowhere'");
	assert_fails("{{each: SELECT 1}}\n\n{{value: nope}}{{end}}", "line 3");
}

static void without_hooks_there_are_no_figures(void **state)
{
	const struct template_hooks none = { NULL, NULL, NULL, NULL };
	struct reason why = { "" };
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	assert_true(template_write(db, "{{figure: a}}", &none, out, &why) < 0);
	assert_true(template_write(db, "{{include: a}}", &none, out, &why) < 0);
	assert_non_null(strstr(why.text, "line 1"));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_without_tags_stays),
		cmocka_unit_test(a_value_is_the_first_of_the_first_row),
		cmocka_unit_test(values_are_data_and_no_markup),
		cmocka_unit_test(a_line_with_nothing_in_it_goes),
		cmocka_unit_test(a_table_has_rows_or_is_none),
		cmocka_unit_test(code_is_as_it_is),
		cmocka_unit_test(each_is_written_for_every_row),
		cmocka_unit_test(if_is_written_once),
		cmocka_unit_test(names_of_surrounding_rows_are_known_in_queries),
		cmocka_unit_test(figures_have_words_of_their_rows),
		cmocka_unit_test(failures_name_the_line),
		cmocka_unit_test(without_hooks_there_are_no_figures),
	};

	return cmocka_run_group_tests(tests, open_database, close_database);
}
