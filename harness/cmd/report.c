#include "report/report.h"
#include "cmd/cmd.h"
#include "cmd/database.h"
#include "cmd/signals.h"
#include "record/load.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_PAPER = 256 };

struct arguments {
	char **runs;
	int count;
	const char *directory, *plots;
	bool on_paper;
};

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
	case ARGP_KEY_ARGS:
		arguments->runs = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name a run directory");
		return EINVAL;
	case ARGP_KEY_SUCCESS:
		if (arguments->directory && arguments->count > 1)
			argp_error(state, "-o is for one run: each of several has a report of its own");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "output", .key = 'o', .arg = "DIR", .doc = "write there instead of to RUN/report" },
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
	.doc = "Draw a run's figures and explain them: derived tables (.tsv), figures (.svg, .png), report.md, report.html.\vA figure is a folder in plots/ (or $NESTWALK_PLOTS): table.sql selects what is drawn, figure.gp draws it, text.md says it. docs/ARCHITECTURE.md tells how to add one.",
};

/* Where a run's report goes when nobody says: REPORT beside its results. The caller frees. */
static char *report_directory(const char *run, const char *asked)
{
	return asked ? strdup(asked) : run_file(run, "report");
}

static void refusal_print(const char *line)
{
	cmd_say(stderr, "nestwalk: %s", line);
}

static int report_one(const char *run, const struct arguments *arguments)
{
	char *directory = report_directory(run, arguments->directory);
	const struct report_request request = {
		.directory = directory,
		.plots = arguments->plots,
		.on_paper = arguments->on_paper,
		.refused = refusal_print,
		.stop = signals_stop,
	};
	struct reason why;
	sqlite3 *db;
	int rc = directory ? cmd_database_open(&run, 1, DATABASE_SAMPLES, &db, &why)
			   : fail(&why, ENOMEM, "out of memory");

	if (!rc) {
		rc = cmd_database_fill(db, &why);
		if (!rc)
			rc = report_write(db, &request, &why);
		sqlite3_close(db);
	}
	if (!rc)
		cmd_say(stdout, "%s/report.html", directory);
	free(directory);
	return rc ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}

int cmd_report(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int code = EXIT_DONE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	signals_catch();
	for (int i = 0; i < arguments.count && !signals_stop(); i++) {
		if (report_one(arguments.runs[i], &arguments) != EXIT_DONE)
			code = EXIT_FAILED;
	}
	return code;
}
