#include "cmd/cmd.h"
#include "cmd/database.h"
#include "infer/tables.h"
#include "report/rows.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct arguments {
	char **words;
	int count;
	enum rows_format format;
	bool schema;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	int format = 0;

	switch (key) {
	case 'f':
		while (format < ROWS_FORMATS && strcmp(argument, rows_format_names[format]))
			format++;
		if (format == ROWS_FORMATS)
			argp_error(state, "no format '%s'; there are table, csv, tsv, json and markdown", argument);
		arguments->format = (enum rows_format)format;
		return 0;
	case 's':
		arguments->schema = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->words = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_SUCCESS:
		if (arguments->schema ? arguments->count < 1 : arguments->count < 2)
			argp_error(state, "name one or more run directories, and then the query in quotes");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "format", .key = 'f', .arg = "FORMAT", .doc = "table (the default), csv, tsv, json or markdown" },
	{ .name = "schema", .key = 's', .doc = "print the tables and their columns; no query is needed" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN... 'SQL'\nFILE.sqlite 'SQL'\n--schema RUN...",
	.doc = "Ask the results of one or more runs a question in SQL."
	       "\vThe table of a bench has its name, with a column for each parameter and metric:\n"
	       "  nestwalk query RUN \"SELECT place, pages, net_cycles FROM tlb_reach WHERE page_size_bytes = 4096\"\n"
	       "  nestwalk query RUN \"SELECT place, level, entries FROM tlb_level JOIN curve USING (curve)\"\n"
	       "  nestwalk query RUN \"SELECT bench, status, COUNT(*) FROM point GROUP BY bench, status\"\n"
	       "docs/RESULTS.md describes the tables, and functions such as median(x), interval(x) and bytes(x). "
	       "A file of `nestwalk export` may stand in place of runs. They are only read.",
};

/* A query may read what is loaded, and nothing else: no files, no settings, no changes. */
static int authorize(
	void *context, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	(void)context;
	(void)first;
	(void)database;
	(void)trigger;
	if (action == SQLITE_FUNCTION && !strcmp(second, "load_extension"))
		return SQLITE_DENY;
	return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
			       action == SQLITE_RECURSIVE
		       ? SQLITE_OK
		       : SQLITE_DENY;
}

/*
 * What a query may ask for decides what is loaded and filled. The query's text is looked through for names, since SQLite
 * does not tell of tables that a join reads by USING alone. A name that means something else costs some time, no more.
 */
static bool mentions(const char *sql, const char *const *names)
{
	for (; *names; names++)
		if (strcasestr(sql, *names))
			return true;
	return false;
}

/* Parts of points that are neither parameters nor metrics. */
static const char *const from_samples[] = { "sample", "latency", "counter", "hardware", "part", "ratio_of_pairs",
	NULL };

static int tables_fill(sqlite3 *db, const char *sql, struct reason *why)
{
	int rc = 0;

	if (cmd_database_is_exported(db))
		return 0;
	if (mentions(sql, infer_table_names))
		rc = infer_tables_fill(db, why);
	return rc ? rc : database_fill_bench_tables(db, sql, why);
}

/* One statement, or NULL with *why. */
static sqlite3_stmt *query_prepare(sqlite3 *db, const char *sql, struct reason *why)
{
	sqlite3_stmt *statement = NULL;
	const char *rest = "";
	int rc;

	sqlite3_set_authorizer(db, authorize, NULL);
	rc = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);
	/* VACUUM is denied only when it runs. */
	if (rc == SQLITE_AUTH || (statement && !sqlite3_stmt_readonly(statement)))
		fail(why, EPERM, "a query may only read the runs: SELECT, or WITH ... SELECT");
	else if (rc != SQLITE_OK)
		fail(why, EINVAL, "the query is not understood: %s", sqlite3_errmsg(db));
	else if (!statement)
		fail(why, EINVAL, "the query is empty");
	else if (rest[strspn(rest, " \t\r\n;")])
		fail(why, EINVAL, "one query at a time: something follows its end");
	else
		return statement;
	sqlite3_finalize(statement);
	return NULL;
}

static const char schema_query[] =
	"SELECT m.name AS \"table\", group_concat(c.name, ', ') AS columns FROM sqlite_master m, pragma_table_info(m.name) c"
	" WHERE m.type IN ('table', 'view') GROUP BY m.name";

static int query_run(const struct arguments *arguments, struct reason *why)
{
	const char *const *runs = (const char *const *)arguments->words;
	size_t count = (size_t)arguments->count - !arguments->schema;
	const char *sql = arguments->schema ? schema_query : arguments->words[count];
	bool samples = mentions(sql, from_samples) || mentions(sql, infer_table_names);
	sqlite3_stmt *statement = NULL;
	sqlite3 *db;
	int rc = cmd_database_open(
		runs, count, samples && !arguments->schema ? DATABASE_SAMPLES : DATABASE_POINTS, &db, why);

	if (!rc && !arguments->schema)
		rc = tables_fill(db, sql, why);
	if (!rc) {
		statement = arguments->schema ? database_prepare(db, sql, why) : query_prepare(db, sql, why);
		rc = statement ? rows_write(statement, arguments->format, stdout, NULL, why) : -EINVAL;
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return rc;
}

/* A query may begin with lines of comment, as those of figures do: none of them is an option of ours. */
static char *comments_skip(char *sql)
{
	while (!strncmp(sql, "--", 2) && strchr(sql, '\n'))
		sql = strchr(sql, '\n') + 1;
	return sql;
}

int cmd_query(int argc, char **argv)
{
	struct arguments arguments = { .format = ROWS_TABLE };
	struct reason why = { "" };

	argv[argc - 1] = comments_skip(argv[argc - 1]);
	cmd_parse(&argp, argc, argv, &arguments);
	return query_run(&arguments, &why) ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}
