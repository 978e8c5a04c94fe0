/* record/database.c: the rows that lines of runs become, and the SQL functions. */
#include "record/database.h"

#include "record/database_file.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RUNS "tests/fixtures/runs/"

static char directory[] = "/tmp/nestwalk-test-database-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static char *path_of(const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static void write_file(const char *name, const char *text)
{
	char *path = path_of(name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	free(path);
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "run.json", "points.jsonl", "file.sqlite", "other" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = path_of(names[i]);

		unlink(path);
		free(path);
	}
	return rmdir(directory);
}

#define ABOUT \
	"{\"schema\": 1, \"host\": \"h\", \"seed\": 7, \"state\": \"complete\", \"my_list\": [\"a\", {\"b-c\": 2}]}"
#define POINT(params, more) \
	"{\"bench\":\"tlb-reach\",\"setting\":\"host\",\"paging\":\"native\",\"pass\":\"sweep\",\"params\":" params \
	",\"status\":\"ok\"" more "}\n"
#define NS(median) ",\"metrics\":{\"net_ns\":{\"median\":" #median ",\"lo\":0,\"hi\":9,\"unit\":\"ns\"}}"

static sqlite3 *loaded(const char *points)
{
	struct reason why = { "" };
	sqlite3 *db;

	write_file("run.json", ABOUT);
	write_file("points.jsonl", points);
	assert_int_equal(database_open(&db, &why), 0);
	if (database_load(db, directory, DATABASE_SAMPLES, &why) || database_make_bench_tables(db, NULL, 0, &why) ||
		database_fill_bench_tables(db, NULL, &why))
		fail_msg("%s", why.text);
	return db;
}

/* The first value of a query as text; "" for NULL and for no row. */
static const char *value(sqlite3 *db, const char *sql)
{
	static char text[512];
	struct reason why = { "" };
	sqlite3_stmt *statement = database_prepare(db, sql, &why);
	const char *got;

	if (!statement)
		fail_msg("%s", why.text);
	got = database_step(statement, &why) > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	snprintf(text, sizeof(text), "%s", got ? got : "");
	sqlite3_finalize(statement);
	return text;
}

static void of_lines_with_one_identity_the_last_stands(void **state)
{
	sqlite3 *db = loaded(POINT("{\"pages\":8,\"backing\":\"4K\"}", NS(1)) POINT("{\"pages\":16}", NS(2))
			POINT("{\"backing\":\"4K\",\"pages\":8}", NS(3)));

	(void)state;
	assert_string_equal(
		value(db, "SELECT group_concat(point || ':' || pages || ':' || net_ns, ' ') FROM tlb_reach"),
		"1:8:3.0 2:16:2.0");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM metric"), "2");
	sqlite3_close(db);
}

static void what_a_later_line_leaves_out_is_gone(void **state)
{
	/* Between the two lie more lines than are read at once. */
	char *points = NULL;
	size_t size;
	FILE *out = open_memstream(&points, &size);
	sqlite3 *db;

	(void)state;
	fputs(POINT("{\"pages\":1}", NS(1) ",\"samples\":{\"round\":[0,1],\"net_ns\":[1,2]}"), out);
	for (int i = 2; i < 5000; i++)
		fprintf(out, POINT("{\"pages\":%d}", NS(5)), i);
	fputs("{\"bench\":\"tlb-reach\",\"setting\":\"host\",\"paging\":\"native\",\"pass\":\"sweep\",\"params\":{\"pages\":1},"
	      "\"status\":\"error\",\"reason\":\"why not\"}\n",
		out);
	fclose(out);
	db = loaded(points);
	assert_string_equal(value(db, "SELECT COUNT(*) FROM point"), "4999");
	assert_string_equal(value(db, "SELECT status || reason FROM point WHERE point = 1"), "errorwhy not");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM metric WHERE point = 1"), "0");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM sample WHERE point = 1"), "0");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM parameter WHERE point = 1"), "1");
	sqlite3_close(db);
	free(points);
}

static void a_cut_last_line_is_left_out_and_told(void **state)
{
	sqlite3 *db = loaded(POINT("{\"pages\":8}", NS(1)) "{\"bench\":\"tlb-re");

	(void)state;
	assert_string_equal(value(db, "SELECT truncated FROM run"), "1");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM point"), "1");
	sqlite3_close(db);
	/* A last line that is whole but for its newline was cut, too, and says all. */
	db = loaded("{\"bench\":\"a\",\"setting\":\"host\",\"params\":{},\"status\":\"ok\"}");
	assert_string_equal(value(db, "SELECT truncated FROM run"), "0");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM point"), "1");
	sqlite3_close(db);
}

static void a_wrong_line_is_named(void **state)
{
	static const char *const wrong[] = { "nonsense\n", "[1]\n", "{\"bench\":null}\n", "{\"bench\":5}\n", "{\n" };
	struct reason why = { "" };

	(void)state;
	write_file("run.json", ABOUT);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *text;
		sqlite3 *db;

		assert_true(asprintf(&text, "%s%s%s", POINT("{}", ""), wrong[i], POINT("{\"pages\":1}", "")) > 0);
		write_file("points.jsonl", text);
		assert_int_equal(database_open(&db, &why), 0);
		assert_int_equal(database_load(db, directory, DATABASE_POINTS, &why), -EINVAL);
		if (!strstr(why.text, "points.jsonl:2: not a JSON object that describes a point"))
			fail_msg("%s: %s", wrong[i], why.text);
		sqlite3_close(db);
		free(text);
	}
}

static void a_run_that_does_not_tell_its_place_has_its_first_points(void **state)
{
	static const struct {
		const char *about, *outer, *place;
	} cases[] = {
		{ "{\"schema\":1}", "bare-metal", "host on bare metal" },
		{ "{\"schema\":1,\"machine\":{\"outer\":{\"name\":\"unknown\"}}}", "KVM",
			"this host is itself a KVM guest" },
		{ "{\"schema\":1,\"machine\":{\"outer\":{\"name\":\"Xen\"}}}", "KVM",
			"this host is itself a Xen guest" },
		{ "{\"schema\":1}", "unknown", "unknown whether this host is itself a guest" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { "" };
		char *text;
		sqlite3 *db;

		assert_true(asprintf(&text,
				    POINT("{\"pages\":1}", ",\"joined\":1,\"outer\":\"other\"")
					    POINT("{\"pages\":2}", ",\"outer\":\"%s\""),
				    cases[i].outer) > 0);
		write_file("run.json", cases[i].about);
		write_file("points.jsonl", text);
		assert_int_equal(database_open(&db, &why), 0);
		assert_int_equal(database_load(db, directory, DATABASE_POINTS, &why), 0);
		assert_string_equal(value(db, "SELECT place FROM run"), cases[i].place);
		sqlite3_close(db);
		free(text);
	}
}

static void values_of_the_wrong_kind_are_left_out(void **state)
{
	static const char *const more[] = { ",\"metrics\":5", ",\"metrics\":[1]", ",\"metrics\":{\"a\":\"b\"}",
		",\"samples\":\"no\"", ",\"samples\":{\"net_ns\":5,\"round\":\"x\"}", ",\"samples\":[[1]]",
		",\"latencies\":{\"buckets\":[1,[null],\"x\",{}]}", ",\"hardware\":{\"a\":1}", ",\"kvm\":[1]",
		",\"memory\":\"x\"" };
	static const char *const params[] = { "null", "5", "[1,2]", "\"x\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		char *text;
		sqlite3 *db;

		assert_true(asprintf(&text, POINT("{\"pages\":8}", "%s"), more[i]) > 0);
		db = loaded(text);
		assert_string_equal(value(db, "SELECT pages FROM tlb_reach"), "8");
		sqlite3_close(db);
		free(text);
	}
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		char *text;
		sqlite3 *db;

		assert_true(asprintf(&text, POINT("%s", ""), params[i]) > 0);
		db = loaded(text);
		assert_string_equal(value(db, "SELECT COUNT(*) FROM point"), "1");
		sqlite3_close(db);
		free(text);
	}
}

static void benches_nobody_knows_have_tables(void **state)
{
	/* A name with dashes, one of a table, one with a quote, one that is SQL. */
	sqlite3 *db =
		loaded("{\"bench\":\"my-own-bench\",\"params\":{\"big-size\":1},\"metrics\":{\"a-b\":{\"median\":2}}}\n"
		       "{\"bench\":\"point\",\"params\":{\"x\":3}}\n"
		       "{\"bench\":\"a\\\"b\",\"params\":{}}\n"
		       "{\"bench\":\"x; DROP TABLE run\",\"params\":{\"y\\\" TEXT); --\":4}}\n");

	(void)state;
	assert_string_equal(value(db, "SELECT big_size + a_b FROM my_own_bench"), "3.0");
	assert_string_equal(value(db, "SELECT x FROM point_bench"), "3");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM \"a'b\""), "1");
	assert_string_equal(value(db, "SELECT \"y' TEXT); __\" FROM \"x; DROP TABLE run\""), "4");
	assert_string_equal(value(db, "SELECT COUNT(*) FROM run"), "1");
	sqlite3_close(db);
}

static void columns_that_are_there_already_get_other_names(void **state)
{
	sqlite3 *db =
		loaded("{\"bench\":\"b\",\"params\":{\"status\":1,\"net\":2,\"RUN\":3},\"status\":\"ok\",\"metrics\":"
		       "{\"net\":{\"median\":4,\"lo\":5,\"hi\":6},\"reason\":{\"median\":7}}}\n");

	(void)state;
	assert_string_equal(value(db, "SELECT status || status_parameter || net || RUN_parameter FROM b"), "ok123");
	sqlite3_close(db);
}

static void known_benches_have_tables_without_points(void **state)
{
	static const char *const parameters[] = { "pages", NULL }, *const metrics[] = { "net_ns", NULL };
	const struct database_bench known[] = { { "never-run", parameters, metrics } };
	struct reason why = { "" };
	sqlite3 *db;

	(void)state;
	assert_int_equal(database_open(&db, &why), 0);
	assert_int_equal(database_make_bench_tables(db, known, 1, &why), 0);
	assert_int_equal(database_fill_bench_tables(db, NULL, &why), 0);
	assert_string_equal(value(db, "SELECT COUNT(pages) + COUNT(net_ns_lo) FROM never_run"), "0");
	sqlite3_close(db);
}

static void several_runs_are_told_apart(void **state)
{
	struct reason why = { "" };
	sqlite3 *db;

	(void)state;
	assert_int_equal(database_open(&db, &why), 0);
	assert_int_equal(database_load(db, RUNS "complete", DATABASE_POINTS, &why), 0);
	assert_int_equal(database_load(db, RUNS "complete", DATABASE_SAMPLES, &why), 0);
	assert_int_equal(database_load(db, RUNS "twice", DATABASE_SAMPLES, &why), 0);
	assert_int_equal(database_make_bench_tables(db, NULL, 0, &why), 0);
	assert_int_equal(database_fill_bench_tables(db, NULL, &why), 0);
	assert_string_equal(
		value(db, "SELECT group_concat(n) FROM (SELECT COUNT(*) AS n FROM point GROUP BY run)"), "48,48,6");
	assert_string_equal(value(db, "SELECT COUNT(DISTINCT run) FROM tlb_reach"), "3");
	/* The first was loaded without its samples. */
	assert_string_equal(value(db, "SELECT MIN(run) FROM sample JOIN point USING (point)"), "2");
	assert_int_equal(database_load(db, RUNS "nowhere", DATABASE_POINTS, &why), -ENOENT);
	assert_int_equal(database_load(db, RUNS "bad-schema", DATABASE_POINTS, &why), -EINVAL);
	sqlite3_close(db);
}

static void facts_have_dotted_paths(void **state)
{
	sqlite3 *db = loaded("");

	(void)state;
	assert_string_equal(value(db, "SELECT value FROM fact WHERE path = 'my_list[0]'"), "a");
	assert_string_equal(value(db, "SELECT value FROM fact WHERE path = 'my_list[1].b-c'"), "2");
	assert_string_equal(value(db, "SELECT host || seed FROM run"), "h7");
	sqlite3_close(db);
}

static void an_emulators_points_say_so(void **state)
{
	sqlite3 *db = loaded(
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"nested\",\"outer\":\"QEMU TCG\",\"params\":{}}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"software\",\"params\":{}}\n"
		"{\"bench\":\"a\",\"setting\":\"guest\",\"accel\":\"tcg\",\"params\":{}}\n"
		"{\"bench\":\"a\",\"setting\":\"vcpu\",\"paging\":\"shadow\",\"outer\":\"KVM\",\"interpreted\":true,\"params\":{}}\n");

	(void)state;
	assert_string_equal(value(db, "SELECT group_concat(emulated, '') FROM point"), "1110");
	assert_string_equal(
		value(db, "SELECT series FROM point WHERE point = 1"), "vcpu, nested paging, emulated machine");
	assert_string_equal(value(db, "SELECT series FROM point WHERE point = 4"), "vcpu, shadow paging, interpreted");
	sqlite3_close(db);
}

static void functions_compute_and_format(void **state)
{
	static const struct {
		const char *sql, *expected;
	} cases[] = {
		{ "SELECT median(value) FROM json_each('[5, 1, 3, null, \"x\"]')", "3.0" },
		{ "SELECT median(value) FROM json_each('[]')", "" },
		{ "SELECT quantile(value, 0.25) FROM json_each('[1, 2, 3, 4, 5]')", "2.0" },
		{ "SELECT quantile(value, 2) FROM json_each('[1, 2]')", "" },
		{ "SELECT interval(value) ->> 3 FROM json_each('[1, 2, 3]')", "3" },
		{ "SELECT interval(value) ->> 0 FROM json_each('[1, 2, 3]')", "2" },
		{ "SELECT interval(value) = interval(value, 99) FROM json_each('[1, 2, 3]')", "1" },
		{ "SELECT spread(value) FROM json_each('[4]')", "" },
		{ "SELECT number(6.9249)", "6.92" },
		{ "SELECT number(NULL)", "" },
		{ "SELECT number('x')", "" },
		{ "SELECT thousands(65536)", "65 536" },
		{ "SELECT bytes(294912)", "288 KiB" },
		{ "SELECT size(2097152) || size(1536)", "2M1536" },
		{ "SELECT cell(54.21, 53.1, 55)", "54.2 [53.1, 55.0]" },
		{ "SELECT cell(54.21, NULL, NULL)", "54.2" },
		{ "SELECT cell(4744550, 4202400, 6057680)", "4 740 000 [4 200 000, 6 060 000]" },
		{ "SELECT cell(102972, 102217, 105695)", "103 000 [102 000, 106 000]" },
		{ "SELECT cell(1552, 905, 2431)", "1550 [910, 2430]" },
		{ "SELECT cell(15520, 905, 24310)", "15 500 [900, 24 300]" },
		{ "SELECT cell(5552, 3550, 91000)", "5600 [3600, 91 000]" },
		{ "SELECT cell(8193, 8193, 8193)", "8193" },
		{ "SELECT number(65536) || ', ' || number(4744550)", "65 536, 4 740 000" },
		{ "SELECT ratio(1.0031, 0.9977, 1.0068)", "1.003 [0.998, 1.007]" },
		{ "SELECT ordinal(4) || ordinal(2)", "4th2nd" },
		{ "SELECT place_label('vcpu', 'shadow')", "vcpu, shadow paging" },
		{ "SELECT place_rank('host', 'native') < place_rank('guest', 'nested')", "1" },
		{ "SELECT place_colour('host', 'native')", "#0072B2" },
		{ "SELECT place_colour('host', 'native', 1)", "#0072B2" },
		{ "SELECT place_colour('host', 'native', 5)", "#0072B2" },
		{ "SELECT COUNT(DISTINCT place_colour('host', 'native', value)) FROM json_each('[1, 2, 3, 4]')", "4" },
		{ "SELECT place_colour('host', 'native', -1) = paging_colour('native', NULL)", "1" },
	};
	struct reason why = { "" };
	sqlite3 *db;

	(void)state;
	assert_int_equal(database_open(&db, &why), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(value(db, cases[i].sql), cases[i].expected))
			fail_msg("%s gives '%s'", cases[i].sql, value(db, cases[i].sql));
	sqlite3_close(db);
}

static void a_file_has_all_that_the_database_had(void **state)
{
	sqlite3 *db = loaded(POINT("{\"pages\":8}", NS(1))), *file;
	char *path = path_of("file.sqlite"), *partial = path_of("file.sqlite.partial"), *other = path_of("other");
	struct reason why = { "" };

	(void)state;
	write_file("file.sqlite", "something else");
	assert_int_equal(database_file_write(db, path, &why), 0);
	sqlite3_close(db);
	assert_int_equal(access(partial, F_OK), -1);
	assert_int_equal(database_file_open(path, &file, &why), 0);
	assert_string_equal(value(file, "SELECT number(net_ns) FROM tlb_reach"), "1.00");
	assert_true(database_run(file, "DELETE FROM run", &why) < 0);
	sqlite3_close(file);

	write_file("other", "no database at all, but long enough for somebody to think that it might be one");
	assert_int_equal(database_file_open(other, &file, &why), -EINVAL);
	assert_non_null(strstr(why.text, "neither a run directory nor a file of"));
	assert_null(file);
	assert_int_equal(sqlite3_open(path, &file), SQLITE_OK);
	assert_int_equal(database_run(file, "PRAGMA user_version = 99", &why), 0);
	sqlite3_close(file);
	assert_int_equal(database_file_open(path, &file, &why), -EINVAL);
	assert_non_null(strstr(why.text, "version 99"));
	free(path);
	free(partial);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_lines_with_one_identity_the_last_stands),
		cmocka_unit_test(what_a_later_line_leaves_out_is_gone),
		cmocka_unit_test(a_cut_last_line_is_left_out_and_told),
		cmocka_unit_test(a_wrong_line_is_named),
		cmocka_unit_test(a_run_that_does_not_tell_its_place_has_its_first_points),
		cmocka_unit_test(values_of_the_wrong_kind_are_left_out),
		cmocka_unit_test(benches_nobody_knows_have_tables),
		cmocka_unit_test(columns_that_are_there_already_get_other_names),
		cmocka_unit_test(known_benches_have_tables_without_points),
		cmocka_unit_test(several_runs_are_told_apart),
		cmocka_unit_test(facts_have_dotted_paths),
		cmocka_unit_test(an_emulators_points_say_so),
		cmocka_unit_test(functions_compute_and_format),
		cmocka_unit_test(a_file_has_all_that_the_database_had),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
