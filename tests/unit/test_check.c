/* record/check.c: valid runs pass, and each defect is found at its place. */
#include "record/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS "tests/fixtures/runs/"

struct findings {
	char text[8192];
};

static void collect(void *context, enum finding_kind kind, const char *line)
{
	struct findings *findings = context;
	size_t used = strlen(findings->text);

	snprintf(findings->text + used, sizeof(findings->text) - used, "%s %s\n", kind == FINDING_WARNING ? "W" : "P",
		line);
}

static struct check_result check(const char *run, struct findings *findings)
{
	struct check_result result;
	struct reason why = { "" };

	findings->text[0] = '\0';
	assert_int_equal(check_run(run, collect, findings, &result, &why), 0);
	return result;
}

static void valid_runs(void **state)
{
	static const struct {
		const char *run;
		size_t points, ok, skipped;
	} cases[] = {
		{ RUNS "complete", 48, 46, 2 },
		{ RUNS "inside-guest", 30, 30, 0 },
		{ RUNS "emulated", 6, 6, 0 },
		{ RUNS "all-skipped", 2, 0, 2 },
		{ RUNS "join-host", 10, 8, 2 },
		{ RUNS "join-guest", 5, 5, 0 },
		{ RUNS "join-shadow", 4, 4, 0 },
		{ RUNS "joined", 22, 20, 2 },
		{ RUNS "counted", 48, 46, 2 },
		{ RUNS "guests", 118, 118, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct findings findings;
		struct check_result result = check(cases[i].run, &findings);

		assert_string_equal(findings.text, "");
		assert_true(result.valid);
		assert_int_equal(result.points, cases[i].points);
		assert_int_equal(result.ok, cases[i].ok);
		assert_int_equal(result.skipped, cases[i].skipped);
		assert_string_equal(result.state, "complete");
	}
}

static void killed_runs_are_usable(void **state)
{
	struct findings findings;
	struct check_result result = check(RUNS "truncated", &findings);

	(void)state;
	assert_true(result.valid);
	assert_int_equal(result.points, 5);
	assert_int_equal(result.warnings, 2);
	assert_non_null(strstr(findings.text, "W " RUNS "truncated/points.jsonl:6: cut off"));
	assert_non_null(strstr(findings.text, "still goes on"));

	result = check(RUNS "killed", &findings);
	assert_true(result.valid);
	assert_int_equal(result.points, 4);

	result = check(RUNS "empty", &findings);
	assert_true(result.valid);
	assert_int_equal(result.points, 0);
}

static void what_is_wrong_is_found(void **state)
{
	static const struct {
		const char *run, *finding;
	} cases[] = {
		{ "bad-schema", "run.json:1: schema is not 1" },
		{ "unfinished-point", "points.jsonl:1: an unfinished point" },
		{ "twice", "points.jsonl:7: the same point as line 1" },
		{ "wrong-metrics", "points.jsonl:1: metric gross_cycles: median 9, but its samples' is 4" },
		{ "wrong-metrics", "points.jsonl:2: metric net_ns is said to be in cycles" },
		{ "wrong-metrics", "points.jsonl:7: samples baseline_ns: 0 is not a time" },
		{ "wrong-metrics", "points.jsonl:3: samples gross_ns: 2 numbers, but 3 rounds" },
		{ "wrong-metrics", "points.jsonl:4: a vcpu point without KVM's counters" },
		{ "wrong-metrics", "points.jsonl:5: memory: 384 faults expected, 283 counted" },
		{ "wrong-metrics", "points.jsonl:6: samples gross_cycles and gross_ns" },
		{ "wrong-points", "points.jsonl:1: a skipped point without a reason" },
		{ "wrong-points", "points.jsonl:1: a skipped point with metrics" },
		{ "wrong-points", "points.jsonl:2: counters.page_faults is null without a reason" },
		{ "wrong-points", "points.jsonl:3: setting 'cloud'" },
		{ "wrong-points", "points.jsonl:4: final is missing" },
		{ "wrong-points", "points.jsonl:5: " },
		{ "wrong-joined", "run.json:1: guest is not an object" },
		{ "wrong-joined", "run.json:1: joined.accel 'xen'" },
		{ "wrong-joined", "run.json:1: joined: cannot read " RUNS "wrong-joined/joined/2-run.json" },
		{ "wrong-joined", "run.json:1: joined.paging is null without a reason" },
		{ "wrong-joined", "run.json:1: joined: ../joined/run.json is not a file of this run" },
		{ "wrong-joined", "points.jsonl:1: accel outside a guest" },
		{ "wrong-joined", "points.jsonl:3: accel tcg without software paging" },
		{ "wrong-joined", "points.jsonl:4: software paging without accel tcg" },
		{ "wrong-joined", "points.jsonl:4: a guest has no counters of KVM's" },
		{ "wrong-joined", "points.jsonl:5: paging is null without a paging_reason" },
		{ "wrong-joined", "points.jsonl:5: joined is not the number of a run" },
		{ "wrong-joined", "points.jsonl:1: joined run 1 has 1 points here, but run.json says 5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct findings findings;
		char run[128], line[256];

		snprintf(run, sizeof(run), RUNS "%s", cases[i].run);
		snprintf(line, sizeof(line), "P " RUNS "%s/%s", cases[i].run, cases[i].finding);
		assert_false(check(run, &findings).valid);
		if (!strstr(findings.text, line))
			fail_msg("no '%s' in:\n%s", line, findings.text);
	}
}

static void no_run(void **state)
{
	struct findings findings = { "" };
	struct check_result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(check_run(RUNS "nowhere", collect, &findings, &result, &why), -ENOENT);
	assert_int_equal(check_run("tests/unit", collect, &findings, &result, &why), -ENOENT);
	assert_non_null(strstr(why.text, "not a run directory"));
	assert_false(result.valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_runs),
		cmocka_unit_test(killed_runs_are_usable),
		cmocka_unit_test(what_is_wrong_is_found),
		cmocka_unit_test(no_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
