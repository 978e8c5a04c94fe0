#include "infer/compare_warnings.h"

#include "base/quiet.h"
#include "base/text.h"
#include "record/database.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What may differ between runs unnoticed: values of run.json, by their dotted paths, in which * stands for anything. Each path
 * that differs, or that one run has and another has not, is told.
 */
static const struct {
	const char *what, *paths;
} dimensions[] = {
	{ "host", "host" },
	{ "CPU", "machine.cpu.name" },
	{ "CPU", "machine.cpu.brand" },
	{ "CPU", "machine.cpu.family" },
	{ "CPU", "machine.cpu.model" },
	{ "CPU", "machine.cpu.stepping" },
	{ "microcode", "machine.cpu.microcode" },
	{ "what the host runs on", "machine.outer.name" },
	{ "kernel", "machine.kernel.release" },
	{ "kernel", "machine.kernel.version" },
	{ "kernel command line", "machine.kernel.command_line*" },
	{ "clock source", "machine.kernel.clocksource" },
	{ "KVM", "machine.kvm.module" },
	{ "paging of guests", "machine.kvm.paging" },
	{ "KVM's parameters", "machine.kvm.*parameters.*" },
	{ "governor", "machine.noise.governors*" },
	{ "frequency driver", "machine.noise.scaling_driver" },
	{ "boost", "machine.noise.boost" },
	{ "SMT", "machine.noise.smt_active" },
	{ "isolated CPUs", "machine.noise.isolated_cpus" },
	{ "CPU quota", "machine.noise.cpu_quota_cpus" },
	{ "transparent huge pages", "machine.page_sizes.thp.mode" },
	{ "transparent huge pages", "machine.page_sizes.thp.defrag" },
	{ "effective leaf", "machine.effective_leaf.*.leaf_bytes" },
	{ "mitigations", "machine.mitigations.*" },
	{ "memory", "machine.memory.total_bytes" },
	{ "allocator", "machine.allocator.version" },
	{ "nestwalk", "version" },
	{ "effort", "effort" },
	{ "rounds", "rounds" },
	{ "measured CPU", "cpu" },
};

/* A clock that differs by more is another clock, and no error of its calibration. */
#define CLOCK_DIFFERS "0.02"
/* Of the readings of a run's weather: the reference runs have 0.9 and more. */
#define QUIET_SHARE "0.8"
/* Of rounds: more of them without a sample is a machine that does something else. */
#define CONTAMINATED_SHARE "0.05"
#define A_A_FACTOR 1.1 /* the host should be like itself within this */

struct warning_list {
	sqlite3 *db;
	struct compare_warnings *out;
	struct reason *why;
};

static int add(struct warning_list *list, char *line)
{
	struct compare_warnings *out = list->out;
	char **grown = line ? reallocarray(out->line, out->lines + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(line);
		return fail(list->why, ENOMEM, "out of memory");
	}
	out->line = grown;
	grown[out->lines++] = line;
	return 0;
}

static int warn(struct warning_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int warn(struct warning_list *list, const char *format, ...)
{
	char *line;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	return add(list, length < 0 ? NULL : line);
}

/* Each row of a query is a warning: its first column, with a text ?1 and a text ?2. */
static int warn_of_rows(struct warning_list *list, const char *sql, const char *first, const char *second)
{
	sqlite3_stmt *rows = database_prepare(list->db, sql, list->why);
	int rc = rows ? 1 : -EIO;

	if (rows) {
		sqlite3_bind_text(rows, 1, first, -1, SQLITE_STATIC);
		sqlite3_bind_text(rows, 2, second, -1, SQLITE_STATIC);
	}
	while (rc > 0 && (rc = database_step(rows, list->why)) > 0) {
		int error = warn(list, "%s", (const char *)sqlite3_column_text(rows, 0));

		rc = error ? error : rc;
	}
	sqlite3_finalize(rows);
	return rc;
}

#define COMPARED "(SELECT DISTINCT run FROM compare_point)"

/* The values of the paths ?2 that are not the same in all runs, in the order of the runs. What is missing is unknown. */
static const char find_differences[] =
	"WITH compared AS (SELECT DISTINCT run FROM compare_point), path AS (SELECT DISTINCT f.path FROM fact f WHERE f.path GLOB ?2"
	" AND f.run IN (SELECT run FROM compared)), told AS (SELECT path.path, r.run, COALESCE((SELECT CAST(value AS TEXT) FROM fact f"
	" WHERE f.run = r.run AND f.path = path.path), 'unknown') AS value FROM path, compared r),"
	" apart AS (SELECT path, value, MIN(run) AS first FROM told GROUP BY path, value)"
	" SELECT ?1 || ' differs: ' || group_concat(value, ', ') || CASE WHEN instr(?2, '*') THEN ' (' || path || ')' ELSE '' END"
	" FROM (SELECT * FROM apart ORDER BY path, first) GROUP BY path HAVING COUNT(*) > 1";

static const char find_clocks[] =
	"SELECT 'core clock differs: ' || number(MIN(ghz)) || ' to ' || number(MAX(ghz)) || ' GHz (boost, a governor, or the hypervisor)'"
	" FROM run WHERE run IN " COMPARED " HAVING MAX(ghz) > MIN(ghz) * (1 + " CLOCK_DIFFERS ")";

static const char find_unfinished[] =
	"SELECT path || ' is ' || state || COALESCE(': ' || reason, '') FROM run WHERE state <> 'complete' AND run IN " COMPARED
	" UNION ALL SELECT path || ' is truncated: the last line of its points was left out' FROM run WHERE truncated AND run IN " COMPARED;

static const char find_weather[] =
	"SELECT path || ': the core was quiet in ' || number(100 * value) || ' % of readings: somebody else used its other thread'"
	" FROM run JOIN (SELECT run, value FROM fact WHERE path = 'weather.quiet_share') USING (run)"
	" WHERE value < " QUIET_SHARE " AND run IN " COMPARED;

static const char find_contaminated[] =
	"SELECT r.path || ': ' || SUM(contaminated) || ' rounds have no sample, as something disturbed it each time' FROM point p"
	" JOIN run r USING (run) WHERE point IN (SELECT point FROM compare_point) GROUP BY run"
	" HAVING SUM(contaminated) > " CONTAMINATED_SHARE " * SUM(samples + contaminated)";

/* Points whose samples were mostly taken while somebody else used the core. ?1: how many quiet ones are enough. */
static const char find_disturbed[] =
	"SELECT r.path || ': ' || COUNT(*) || CASE COUNT(*) WHEN 1 THEN ' point has' ELSE ' points have' END"
	" || ' fewer than ' || ?1 || ' quiet samples, so that all of their samples count' FROM"
	" (SELECT point FROM compare_sample WHERE name = 'quiet' GROUP BY point HAVING SUM(value > 0) < CAST(?1 AS INTEGER)"
	" AND SUM(value > 0) < COUNT(*)) q JOIN compare_point c USING (point) JOIN run r USING (run) GROUP BY run";

static int of_runs(struct warning_list *list, const struct compare_question *question)
{
	char least[16];
	int rc = 0;

	for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]) && !rc; i++) {
		if (text_is(question->by, dimensions[i].what) || text_is(question->by, dimensions[i].paths))
			continue;
		rc = warn_of_rows(list, find_differences, dimensions[i].what, dimensions[i].paths);
	}
	snprintf(least, sizeof(least), "%d", QUIET_LEAST);
	if (!rc)
		rc = warn_of_rows(list, find_clocks, NULL, NULL);
	if (!rc)
		rc = warn_of_rows(list, find_unfinished, NULL, NULL);
	if (!rc)
		rc = warn_of_rows(list, find_weather, NULL, NULL);
	if (!rc)
		rc = warn_of_rows(list, find_contaminated, NULL, NULL);
	return rc ? rc : warn_of_rows(list, find_disturbed, least, NULL);
}

/* What kinds of rows there are. */
struct kinds {
	size_t few, of_samples, fewest_base, fewest_other;
	double least_luck, most_luck;
};

static struct kinds kinds_of(const struct comparison *found)
{
	struct kinds kinds = { .least_luck = INFINITY };

	for (size_t i = 0; i < found->rows; i++) {
		const struct compare_row *row = &found->row[i];

		kinds.of_samples += row->test == COMPARE_SAMPLES;
		if (row->luck > 0) {
			kinds.least_luck = fmin(kinds.least_luck, row->luck);
			kinds.most_luck = fmax(kinds.most_luck, row->luck);
		}
		if (!row->few)
			continue;
		if (!kinds.few++ || row->base_count + row->other_count < kinds.fewest_base + kinds.fewest_other) {
			kinds.fewest_base = row->base_count;
			kinds.fewest_other = row->other_count;
		}
	}
	return kinds;
}

static int of_rows(struct warning_list *list, const struct comparison *found)
{
	struct kinds kinds = kinds_of(found);
	int rc = 0;

	if (kinds.of_samples)
		rc = warn(list,
			"%zu of %zu rows rest on fewer than three runs a side, which cannot tell a change from the luck of"
			" frames and of the time of day; give three or more: nestwalk compare A1,A2,A3 B1,B2,B3",
			kinds.of_samples, found->rows);
	if (!rc && kinds.of_samples && kinds.most_luck > 0)
		rc = warn(list,
			"assumed that nine tenths of comparable rows did not change, or changed alike: two runs then differ"
			" by %.1f %% to %.1f %% by luck, depending on the row",
			100 * kinds.least_luck, 100 * kinds.most_luck);
	if (!rc && kinds.few)
		rc = warn(list,
			"%zu of %zu rows have too few samples (%zu against %zu at the least) for so many comparisons, and are"
			" unknown: choose benches (--bench), give more runs, or measure with more effort",
			kinds.few, found->rows, kinds.fewest_base, kinds.fewest_other);
	if (!rc && !found->controls)
		rc = warn(list,
			"these runs have no A/A control, so that nothing says how much the host differs from itself");
	if (!rc && found->control_factor > A_A_FACTOR)
		rc = warn(list,
			"A/A: measured twice in a run, the host differs from itself by up to %.0f %% (99 %% of %zu pairs)",
			100 * (found->control_factor - 1), found->controls);
	if (!rc && found->emulated)
		rc = warn(list,
			"%zu points are an emulated machine's or of interpreted code: their times were left out",
			found->emulated);
	if (!rc && found->alone)
		rc = warn(list, "%zu points have no counterpart that was measured in the same way", found->alone);
	if (!rc && found->undirected)
		rc = warn(list, "%zu rows are of metrics without a better direction, or of runs too old to tell one",
			found->undirected);
	return rc;
}

int compare_warnings_find(sqlite3 *db, const struct compare_question *question, const struct comparison *found,
	struct compare_warnings *out, struct reason *why)
{
	struct warning_list list = { db, out, why };
	int rc;

	*out = (struct compare_warnings){ 0 };
	rc = of_runs(&list, question);
	if (!rc)
		rc = of_rows(&list, found);
	if (rc)
		compare_warnings_free(out);
	return rc;
}

void compare_warnings_free(struct compare_warnings *warnings)
{
	for (size_t i = 0; i < warnings->lines; i++)
		free(warnings->line[i]);
	free(warnings->line);
	*warnings = (struct compare_warnings){ 0 };
}
