#include "report/report.h"
#include "cmd/cmd.h"
#include "record/load.h"

#include <argp.h>
#include <stdio.h>

struct arguments {
	char **runs;
	int count;
	const char *directory;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->directory = argument;
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
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN...",
	.doc = "Draw a run's figures and explain them: derived tables (.tsv), figures (.svg, .png), report.md, report.html.\vThe figures are drawn by gnuplot from the tables, with the scripts in plots/ (or $NESTWALK_PLOTS).",
};

static int report_one(const char *path, const char *directory)
{
	const struct report_request request = { .directory = directory };
	struct loaded_run run;
	struct reason why;
	int rc = run_load(path, &run, &why);

	if (rc)
		return cmd_fail(EXIT_FAILED, &why);
	rc = report_write(&run, &request, &why);
	run_unload(&run);
	if (rc)
		return cmd_fail(EXIT_FAILED, &why);
	if (directory)
		printf("%s/report.html\n", directory);
	else
		printf("%s/report/report.html\n", path);
	return EXIT_DONE;
}

int cmd_report(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int code = EXIT_DONE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	for (int i = 0; i < arguments.count; i++) {
		if (report_one(arguments.runs[i], arguments.directory) != EXIT_DONE)
			code = EXIT_FAILED;
	}
	return code;
}
