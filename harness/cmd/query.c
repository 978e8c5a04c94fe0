#include "cmd/cmd.h"
#include "cmd/database.h"
#include "infer/tables.h"
#include "report/rows.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
	.args_doc = "RUN... 'SQL'\n--schema RUN...",
	.doc = "Ask the results of one or more runs a question in SQL."
	       "\vThe table of a bench has its name, with a column for each parameter and metric:\n"
	       "  nestwalk query RUN \"SELECT place, pages, net_cycles FROM tlb_reach WHERE page_size_bytes = 4096\"\n"
	       "  nestwalk query RUN \"SELECT place, level, entries FROM tlb_level JOIN curve USING (curve)\"\n"
	       "  nestwalk query RUN \"SELECT bench, status, COUNT(*) FROM point GROUP BY bench, status\"\n"
	       "docs/RESULTS.md describes the tables, and functions such as median(x), interval(x) and bytes(x). "
	       "The runs are only read.",
};

/* What a query touches: tables are filled only where they are asked for. */
struct reading {
	bool samples; /* the query reads more of points than their parameters and metrics */
	bool inferred; /* the query reads derived tables, which are made from samples */
	char **table; /* owned, and the names: all tables that it reads */
	size_t tables;
};

static void reading_free(struct reading *reading)
{
	for (size_t i = 0; i < reading->tables; i++)
		free(reading->table[i]);
	free(reading->table);
	*reading = (struct reading){ .samples = false };
}

static int reading_add(struct reading *reading, const char *table)
{
	char **grown;

	for (size_t i = 0; i < reading->tables; i++)
		if (!strcmp(reading->table[i], table))
			return 0;
	grown = reallocarray(reading->table, reading->tables + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reading->table = grown;
	grown[reading->tables] = strdup(table);
	return grown[reading->tables] ? (reading->tables++, 0) : -ENOMEM;
}

/* A query may read what is loaded, and nothing else: no files, no settings, no changes. */
static int authorize(
	void *context, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	struct reading *reading = context;

	(void)database;
	(void)trigger;
	if (action == SQLITE_READ) {
		if (reading_add(reading, first))
			return SQLITE_DENY;
		for (const char *const *table = infer_table_names; *table; table++)
			reading->inferred = reading->inferred || !strcmp(first, *table);
		/* What is left out at first: parts of a point that are neither parameters nor metrics. */
		if (!strcmp(first, "part") && strcmp(second, "point") && strcmp(second, "params"))
			reading->samples = reading->samples || strcmp(second, "metrics");
	}
	if (action == SQLITE_FUNCTION)
		reading->samples = reading->samples || !strcmp(second, "ratio_of_pairs");
	if (action == SQLITE_FUNCTION && !strcmp(second, "load_extension"))
		return SQLITE_DENY;
	return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
			       action == SQLITE_RECURSIVE
		       ? SQLITE_OK
		       : SQLITE_DENY;
}

/* One statement, or NULL with *why. What it touches is told in *reading. */
static sqlite3_stmt *query_prepare(sqlite3 *db, const char *sql, struct reading *reading, struct reason *why)
{
	sqlite3_stmt *statement = NULL;
	const char *rest = "";
	int rc;

	sqlite3_set_authorizer(db, authorize, reading);
	rc = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);
	if (rc == SQLITE_AUTH)
		fail(why, EPERM, "a query may only read the runs: SELECT, or WITH ... SELECT");
	else if (rc != SQLITE_OK)
		fail(why, EINVAL, "the query is not understood: %s", sqlite3_errmsg(db));
	else if (!statement)
		fail(why, EINVAL, "the query is empty");
	if (statement && rest[strspn(rest, " \t\r\n;")]) {
		fail(why, EINVAL, "one query at a time: something follows its end");
		sqlite3_finalize(statement);
		return NULL;
	}
	return statement;
}

static const char schema_query[] =
	"SELECT m.name AS \"table\", group_concat(c.name, ', ') AS columns FROM sqlite_master m, pragma_table_info(m.name) c"
	" WHERE m.type = 'table' GROUP BY m.name";

/* Fill the tables that the query reads; nothing is forbidden to that. */
static int tables_fill(sqlite3 *db, const struct reading *reading, struct reason *why)
{
	int rc = 0;

	sqlite3_set_authorizer(db, NULL, NULL);
	if (reading->inferred)
		rc = infer_tables_fill(db, why);
	for (size_t i = 0; i < reading->tables && !rc; i++)
		rc = database_fill_bench_tables(db, reading->table[i], why);
	return rc;
}

/* The query is looked at before samples are loaded, as most questions do without them. */
static int query_run(const struct arguments *arguments, struct reason *why)
{
	const char *const *runs = (const char *const *)arguments->words;
	size_t count = (size_t)arguments->count - !arguments->schema;
	const char *sql = arguments->schema ? schema_query : arguments->words[count];
	struct reading reading = { .samples = false };
	sqlite3_stmt *statement;
	sqlite3 *db;
	int rc = cmd_database_open(runs, count, DATABASE_POINTS, &db, why);

	if (rc)
		return rc;
	statement = arguments->schema ? database_prepare(db, sql, why) : query_prepare(db, sql, &reading, why);
	if (statement && (reading.samples || reading.inferred)) {
		sqlite3_finalize(statement);
		sqlite3_close(db);
		statement = NULL;
		rc = cmd_database_open(runs, count, DATABASE_SAMPLES, &db, why);
		if (!rc)
			statement = query_prepare(db, sql, &reading, why);
	}
	if (!rc)
		rc = statement ? tables_fill(db, &reading, why) : -EINVAL;
	if (!rc)
		rc = rows_write(statement, arguments->format, stdout, NULL, why);
	sqlite3_finalize(statement);
	reading_free(&reading);
	sqlite3_close(db);
	return rc;
}

int cmd_query(int argc, char **argv)
{
	struct arguments arguments = { .format = ROWS_TABLE };
	struct reason why = { "" };

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return query_run(&arguments, &why) ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}
