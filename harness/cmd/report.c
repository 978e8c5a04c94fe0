#include "report/report.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/database.h"
#include "cmd/signals.h"
#include "record/load.h"
#include "report/labels.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_PAPER = 256 };

/* Where a directory is named after labels, so many bytes of them: a name may have 255. */
#define NAME_BYTES_MOST 160

struct arguments {
	char **runs;
	int count;
	const char *directory, *plots;
	bool on_paper;
	const char **label; /* owned */
	size_t labels;
};

static int label_add(struct arguments *arguments, const char *label)
{
	const char **grown = reallocarray(arguments->label, arguments->labels + 1, sizeof(*grown));

	if (!grown)
		return ENOMEM;
	arguments->label = grown;
	grown[arguments->labels++] = label;
	return 0;
}

static bool label_is_twice(const struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->labels; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(arguments->label[i], arguments->label[k]))
				return true;
	return false;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->directory = argument;
		return 0;
	case 'p':
		arguments->plots = argument;
		return 0;
	case KEY_PAPER:
		arguments->on_paper = true;
		return 0;
	case 'l':
		if (!*argument)
			argp_error(state, "a label needs at least one character");
		return label_add(arguments, argument);
	case ARGP_KEY_ARGS:
		arguments->runs = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name a run directory");
		return EINVAL;
	case ARGP_KEY_SUCCESS:
		if (arguments->labels && arguments->labels != (size_t)arguments->count)
			argp_error(state, "%zu labels for %d runs: name --label once for each run, in their order",
				arguments->labels, arguments->count);
		if (label_is_twice(arguments))
			argp_error(state, "two runs have one label");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "output",
		.key = 'o',
		.arg = "DIR",
		.doc = "write there instead of to RUN/report or, of several runs, to LAST/report-against-OTHERS" },
	{ .name = "label",
		.key = 'l',
		.arg = "NAME",
		.doc = "what figures call a run, once for each of several runs, in their order; otherwise they are called by what they differ in: host, directory, kernel, effort or time" },
	{ .name = "plots", .key = 'p', .arg = "DIR", .doc = "also the figures in DIR, a folder for each" },
	{ .name = "paper",
		.key = KEY_PAPER,
		.doc = "also paper/ in it: each figure as PDF and SVG, 85 and 175 mm wide; method.txt; nestwalk.bib" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN...",
	.doc = "Draw a run's figures and explain them: derived tables (.tsv), figures (.svg, .png), report.md, report.html. Of several runs all are drawn into the same figures, and the first is what the others are held against.\vA figure is a folder in plots/ (or $NESTWALK_PLOTS): table.sql selects what is drawn, figure.gp draws it, text.md says it. docs/ARCHITECTURE.md tells how to add one.\n\nBefore against after:\n  nestwalk report -l before -l after -o overlay RUN1 RUN2",
};

/* "before-and-more": the labels of all runs but the last, as a part of a file's name. The caller frees. */
static char *others_name(sqlite3 *db, struct reason *why)
{
	sqlite3_stmt *others = database_prepare(db,
		"SELECT group_concat(label, '-') FROM (SELECT label FROM run_label"
		" WHERE run < (SELECT MAX(run) FROM run_label) ORDER BY run)",
		why);
	const char *name =
		others && database_step(others, why) > 0 ? (const char *)sqlite3_column_text(others, 0) : NULL;
	char *copy = strndup(name ? name : "others", NAME_BYTES_MOST);

	for (char *c = copy; c && *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			*c = '-';
	sqlite3_finalize(others);
	return copy;
}

static void refusal_print(const char *line)
{
	cmd_say(stderr, "nestwalk: %s", line);
}

/* Where the report goes when nobody says: beside the results of the last run. The caller frees; NULL with *why. */
static char *directory_find(sqlite3 *db, const struct arguments *arguments, struct reason *why)
{
	char *name = NULL, *others, *directory = NULL;

	if (arguments->directory)
		directory = strdup(arguments->directory);
	else if (arguments->count == 1)
		directory = run_file(arguments->runs[0], "report");
	else {
		others = others_name(db, why);
		if (others && asprintf(&name, "report-against-%s", others) >= 0)
			directory = run_file(arguments->runs[arguments->count - 1], name);
		free(others);
		free(name);
	}
	if (!directory)
		fail(why, ENOMEM, "out of memory");
	return directory;
}

/* An exported file is read as it is, and its places do not tell runs apart. */
static int exported_check(sqlite3 *db, const char *path, struct reason *why)
{
	sqlite3_stmt *runs = database_prepare(db, "SELECT COUNT(*) FROM run", why);
	int rc = runs ? database_step(runs, why) : -EIO;

	if (rc > 0)
		rc = sqlite3_column_int(runs, 0) > 1
			     ? fail(why, EINVAL,
				       "%s holds several runs; a report of several is made of their directories: name those",
				       path)
			     : 0;
	sqlite3_finalize(runs);
	return rc;
}

static int runs_open(const struct arguments *arguments, sqlite3 **db, struct reason *why)
{
	int rc = cmd_database_open(
		(const char *const *)arguments->runs, (size_t)arguments->count, DATABASE_SAMPLES, db, why);

	if (rc)
		return rc;
	rc = cmd_database_is_exported(*db) ? exported_check(*db, arguments->runs[0], why)
					   : labels_put(*db, arguments->label, arguments->labels, why);
	if (!rc)
		rc = cmd_database_fill(*db, why);
	if (rc)
		sqlite3_close(*db);
	return rc;
}

int cmd_report(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct reason why;
	char *directory;
	sqlite3 *db;
	int rc;

	cmd_parse(&argp, argc, argv, &arguments);
	signals_catch();
	rc = runs_open(&arguments, &db, &why);
	if (!rc) {
		directory = directory_find(db, &arguments, &why);
		rc = directory ? report_write(db,
					 &(struct report_request){
						 .directory = directory,
						 .plots = arguments.plots,
						 .on_paper = arguments.on_paper,
						 .refused = refusal_print,
						 .stop = stop_asked,
					 },
					 &why)
			       : -ENOMEM;
		if (!rc)
			cmd_say(stdout, "%s/report.html", directory);
		free(directory);
		sqlite3_close(db);
	}
	free(arguments.label);
	return rc ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}
