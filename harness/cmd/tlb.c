#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/database.h"

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
	const char *run;
	bool json, verbose;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j':
		arguments->json = true;
		return 0;
	case 'v':
		arguments->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->run)
			argp_error(state, "one run at a time; `nestwalk report` compares settings");
		arguments->run = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name a run directory");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "json", .key = 'j', .doc = "print everything as one JSON object" },
	{ .name = "verbose", .key = 'v', .doc = "also the steps that were rejected, the noise floors and the laws" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN",
	.doc = "The TLB levels and walk costs that a run's curves show: entries with their interval, beside what CPUID advertises, and what an access costs more that misses a level; and sets and ways, where the run has the bench tlb-geometry.\vdocs/METHOD.md says how they are inferred, and where that ends.",
};

/* --- for people --- */

/* A line says a reason at most, which has 480 bytes, and what it is a reason for. */
#define LINE_CHARACTERS_MOST 800

/*
 * Each query gives lines to print, for one curve (?1) or for the whole run. %s of printf() cannot know what a NULL is, so
 * that the lines are made by SQLite's own printf().
 */
static const char title_query[] =
	"SELECT 'TLB levels inferred on ' || COALESCE(cpu, 'an unknown CPU') || ', outer: ' || COALESCE(outer, 'unknown') ||"
	" CASE WHEN truncated THEN char(10) || 'The last line of points.jsonl was cut off and is left out.' ELSE '' END FROM run";

static const char heading_query[] =
	"SELECT char(10) || setting || ' (' || COALESCE(paging, 'unknown') || ' paging), ' || COALESCE(size(page_size_bytes), '?') || ' pages' ||"
	" COALESCE(' on ' || backing, '') || CASE WHEN stride_pages > 1 THEN ', ' || stride_pages || ' pages apart' ELSE '' END ||"
	" CASE WHEN parameters ->> 'frames' <> 'contiguous' THEN ', ' || (parameters ->> 'frames') || ' frames' ELSE '' END ||"
	" CASE WHEN parameters ->> 'guest_levels' > 4 THEN ', ' || (parameters ->> 'guest_levels') || '-level tables' ELSE '' END ||"
	" CASE WHEN leaf_bytes < page_size_bytes THEN ', held in pieces of ' || size(leaf_bytes) ELSE '' END"
	" FROM curve WHERE curve = ?1";

/*
 * The memory that a level reaches where all of it is used: its entries times the pieces in which pages are held, which may
 * be unknown. Pages a stride apart may share an entry, so that their number tells nothing about bytes.
 */
#define REACH "CASE WHEN c.stride_pages = 1 THEN tlb_level.entries * c.leaf_bytes END"

static const char levels_query[] =
	"SELECT printf('  %-5s  %-20s  %-10s  %-10s  %-20s  %s', 'level', 'entries', 'advertised', 'reach', 'added cycles', 'added ns')"
	" WHERE EXISTS (SELECT 1 FROM tlb_level WHERE curve = ?1)"
	" UNION ALL SELECT printf('  %-5d  %-20s  %-10s  %-10s  %-20s  %-20s%s', level, count_cell(entries, entries_lo, entries_hi),"
	" COALESCE((SELECT SUM(a.entries) FROM tlb_advertised a JOIN curve c ON c.curve = ?1 AND a.run = c.run"
	" AND a.page_size_bytes = c.page_size_bytes AND a.level = tlb_level.level), '-'),"
	" COALESCE((SELECT bytes(" REACH ") FROM curve c WHERE c.curve = ?1), '-'),"
	" COALESCE(cell(added_cycles, added_cycles_lo, added_cycles_hi), '-'),"
	" COALESCE(cell(added_ns, added_ns_lo, added_ns_hi), '-'), CASE WHEN confirmed THEN '' ELSE '  not confirmed' END)"
	" || COALESCE(char(10) || '         ' || note, '') || CASE WHEN ?2 THEN"
	" printf('%s         misses as of law ''%s'', clean up to %d pages, saturated from %d; noise floor %.2f cycles',"
	" char(10), law, clean_pages, saturated_pages, noise_cycles) ELSE '' END FROM tlb_level WHERE curve = ?1";

static const char walks_query[] =
	"SELECT '  walk: ' || cell(cycles, cycles_lo, cycles_hi) || ' cycles, ' || COALESCE(cell(ns, ns_lo, ns_hi), '-') ||"
	" printf(' ns per access, read between %d and %d pages', pages_from, pages_to) ||"
	" CASE WHEN grows THEN printf('; walk and data misses: %.0f cycles at %d pages', last_cycles, last_pages) ELSE '' END"
	" FROM tlb_walk WHERE curve = ?1";

static const char doubts_query[] =
	"SELECT '  not resolved: ' || reason FROM tlb_unresolved WHERE curve = ?1 AND kind = 'not resolved'"
	" UNION ALL SELECT printf('  rejected, %d to %d pages: ', pages_from, pages_to) || reason FROM tlb_unresolved"
	" WHERE curve = ?1 AND kind <> 'not resolved' AND ?2"
	" UNION ALL SELECT printf('  %d other step%s rejected: --verbose says why', COUNT(*), CASE WHEN COUNT(*) > 1 THEN 's' ELSE '' END)"
	" FROM tlb_unresolved WHERE curve = ?1 AND kind <> 'not resolved' AND NOT ?2 HAVING COUNT(*) > 0"
	" UNION ALL SELECT printf('  noise: equals differ by %.2f cycles, 95 %% of them by less than %.2f (%d comparisons)',"
	" null_cycles, null_cycles_p95, comparisons) FROM tlb_noise WHERE curve = ?1 AND ?2 AND comparisons > 0"
	" UNION ALL SELECT '  not resolved: these times are an emulated machine''s, not a processor''s' FROM curve"
	" WHERE curve = ?1 AND emulated";

/* Curves that were not measured, once for all settings and strides that share page size, backing and reason. */
static const char not_measured_query[] =
	"SELECT CASE WHEN row_number() OVER () = 1 THEN char(10) || 'Not measured:' || char(10) ELSE '' END || '  ' || line FROM"
	" (SELECT COALESCE(size(page_size_bytes), '?') || ' pages on ' || COALESCE(backing, '?') || ': ' || substr(u.reason, 15) AS line,"
	" MIN(curve) AS first FROM tlb_unresolved u JOIN curve USING (curve) WHERE u.reason LIKE 'not measured: %'"
	" GROUP BY 1 ORDER BY first)";

/* The curves, in the order of tables; without --verbose only those that were measured. */
static const char curves_query[] =
	"SELECT curve FROM curve WHERE ?2 OR curve NOT IN (SELECT curve FROM tlb_unresolved WHERE reason LIKE 'not measured: %')"
	" ORDER BY place_rank, page_size_bytes, backing, stride_pages, curve";

/* A text of several lines, each of which may quote a stranger. */
static void text_print(const char *text)
{
	char *copy = strdup(text ? text : ""), *line, *rest = copy;

	while ((line = strsep(&rest, "\n")))
		cmd_say(stdout, "%s", text_shorten(line, LINE_CHARACTERS_MOST));
	free(copy);
}

/* Print the first column of each row. 0, or a negative errno with *why. */
static int lines_print(sqlite3 *db, const char *sql, sqlite3_int64 curve, bool verbose, struct reason *why)
{
	sqlite3_stmt *lines = database_prepare(db, sql, why);
	int rc = lines ? 1 : -EIO;

	if (lines && sqlite3_bind_parameter_count(lines) > 0)
		sqlite3_bind_int64(lines, 1, curve);
	if (lines && sqlite3_bind_parameter_count(lines) > 1)
		sqlite3_bind_int(lines, 2, verbose);
	while (rc > 0 && (rc = database_step(lines, why)) > 0)
		text_print((const char *)sqlite3_column_text(lines, 0));
	sqlite3_finalize(lines);
	return rc;
}

static int curves_print(sqlite3 *db, bool verbose, struct reason *why)
{
	static const char *const parts[] = { heading_query, levels_query, walks_query, doubts_query };
	sqlite3_stmt *curves = database_prepare(db, curves_query, why);
	int rc = curves ? 1 : -EIO;

	if (curves)
		sqlite3_bind_int(curves, 2, verbose);
	while (rc > 0 && (rc = database_step(curves, why)) > 0)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc >= 0; i++) {
			int error = lines_print(db, parts[i], sqlite3_column_int64(curves, 0), verbose, why);

			rc = error ? error : rc;
		}
	sqlite3_finalize(curves);
	return rc;
}

/* What the levels are made of. */
static const char geometry_query[] =
	"SELECT char(10) || 'Sets and ways:' || char(10) ||"
	" printf('  %-26s  %-5s  %-12s  %-6s  %-20s  %-10s  %s', 'setting, pages', 'level', 'sets x ways', 'usable', 'entries',"
	" 'advertised', 'set chosen by; replacement') WHERE EXISTS (SELECT 1 FROM geometry)"
	" UNION ALL SELECT printf('  %-26s  %-5d  %-12s  %-6s  %-20s  %-10s  %s',"
	" setting || ' (' || COALESCE(paging, 'unknown') || '), ' || COALESCE(size(page_size_bytes), '?'), level,"
	" COALESCE(sets || ' x ' || ways, '-'), COALESCE(usable_ways, '-'), COALESCE(count_cell(entries, entries_lo, entries_hi), '-'),"
	" COALESCE((SELECT SUM(a.entries) FROM tlb_advertised a WHERE a.run = geometry.run AND"
	" a.page_size_bytes = geometry.page_size_bytes AND a.level = geometry.level), '-'),"
	" COALESCE(index_function || '; ' || COALESCE(replacement, 'unknown'), '')) ||"
	" COALESCE(char(10) || '         ' || reason, '') FROM geometry";

static int tlb_print(sqlite3 *db, bool verbose, struct reason *why)
{
	int rc = lines_print(db, title_query, 0, verbose, why);

	if (!rc)
		rc = curves_print(db, verbose, why);
	if (!rc)
		rc = lines_print(db, geometry_query, 0, verbose, why);
	if (!rc && !verbose)
		rc = lines_print(db, not_measured_query, 0, verbose, why);
	if (!rc)
		rc = lines_print(db,
			"SELECT 'No curve: the run has no points with a number of pages.' WHERE NOT EXISTS (SELECT 1 FROM curve)"
			" AND NOT EXISTS (SELECT 1 FROM geometry)",
			0, verbose, why);
	return rc;
}

/* --- for machines --- */

/* Each list of the answer, and the rows of its elements; what names the curve is put before them. */
static const struct {
	const char *list, *sql;
} lists[] = {
	{ "levels", "SELECT n.*, tlb_level.*, c.leaf_bytes, " REACH
		    " AS reach_bytes FROM tlb_level JOIN named n USING (curve)"
		    " JOIN curve c USING (curve) ORDER BY n.rank, level" },
	{ "walks", "SELECT c.*, t.* FROM tlb_walk t JOIN named c USING (curve) ORDER BY c.rank" },
	{ "rejected",
		"SELECT c.*, pages_from, pages_to, effect_cycles, noise_cycles, reason FROM tlb_unresolved JOIN named c"
		" USING (curve) WHERE kind <> 'not resolved' ORDER BY c.rank, pages_from" },
	{ "unresolved",
		"SELECT c.*, reason FROM tlb_unresolved JOIN named c USING (curve) WHERE kind = 'not resolved' ORDER BY c.rank" },
	{ "geometry",
		"SELECT setting, paging, page_size_bytes, backing, level, sets, ways, usable_ways, entries, entries_lo,"
		" entries_hi, index_function AS \"index\", replacement, reason FROM geometry ORDER BY map, level" },
	{ "noise", "SELECT c.*, t.* FROM tlb_noise t JOIN named c USING (curve) ORDER BY c.rank" },
};

static const char named_view[] =
	"CREATE TEMP VIEW named AS SELECT curve, row_number() OVER (ORDER BY place_rank, page_size_bytes, backing, stride_pages,"
	" curve) AS rank, bench, setting, paging, outer, parameters FROM curve";

/* A column of a row into the element: `parameters` are spread, numbers of curves are ours alone, 0 and 1 may be a no or yes. */
static int member_set(json_t *element, sqlite3_stmt *row, int column)
{
	const char *name = sqlite3_column_name(row, column);
	const char *text = (const char *)sqlite3_column_text(row, column);
	json_t *value = NULL;
	int rc;

	if (!strcmp(name, "curve") || !strcmp(name, "rank"))
		return 0;
	if (!strcmp(name, "parameters")) {
		value = json_loads(text ? text : "{}", 0, NULL);
		rc = json_object_update(element, value);
		json_decref(value);
		return rc;
	}
	if (!text)
		return strcmp(name, "note") ? json_object_set_new(element, name, json_null()) : 0;
	if (!strcmp(name, "confirmed") || !strcmp(name, "grows"))
		value = json_boolean(sqlite3_column_int(row, column));
	else if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
		value = json_integer(sqlite3_column_int64(row, column));
	else if (sqlite3_column_type(row, column) == SQLITE_FLOAT)
		value = json_real(sqlite3_column_double(row, column));
	else
		value = json_string(text);
	return json_object_set_new(element, name, value);
}

static int list_make(sqlite3 *db, const char *sql, json_t *list, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db, sql, why);
	int rc = rows ? 1 : -EIO;

	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		json_t *element = json_object();

		for (int i = 0; i < sqlite3_column_count(rows) && rc > 0; i++)
			if (member_set(element, rows, i))
				rc = fail(why, ENOMEM, "out of memory");
		json_array_append_new(list, element);
	}
	sqlite3_finalize(rows);
	return rc;
}

static int tlb_print_json(sqlite3 *db, struct reason *why)
{
	json_t *answer = json_object();
	int rc = database_run(db, named_view, why);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !rc; i++) {
		json_t *list = json_array();

		json_object_set_new(answer, lists[i].list, list);
		rc = list_make(db, lists[i].sql, list, why);
	}
	if (!rc) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
	json_decref(answer);
	return rc;
}

int cmd_tlb(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct reason why;
	sqlite3 *db;
	int rc;

	cmd_parse(&argp, argc, argv, &arguments);
	rc = cmd_database_open(&arguments.run, 1, DATABASE_SAMPLES, &db, &why);
	if (rc)
		return cmd_fail(EXIT_FAILED, &why);
	rc = cmd_database_fill(db, &why);
	if (!rc)
		rc = arguments.json ? tlb_print_json(db, &why) : tlb_print(db, arguments.verbose, &why);
	sqlite3_close(db);
	return rc ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}
