#include "record/check.h"
#include "cmd/cmd.h"

#include <argp.h>
#include <stdio.h>

struct arguments {
	char **runs;
	int count;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)argument;
	switch (key) {
	case ARGP_KEY_ARGS:
		arguments->runs = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name a run directory");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "RUN...",
	.doc = "Validate run directories against docs/RESULTS.md: a line for each thing that is wrong, then a verdict.\vExit code: 0 all are valid, 1 one is not, 2 wrong usage. A run that still goes on, or was killed in the middle of a line, is said to be so, and is valid.",
};

static void print(void *context, enum finding_kind kind, const char *line)
{
	(void)context;
	cmd_say(stdout, "%s%s", line, kind == FINDING_WARNING ? " (warning)" : "");
}

static void verdict_print(const char *run, const struct check_result *result)
{
	char verdict[64] = "valid";

	if (!result->valid)
		snprintf(verdict, sizeof(verdict), "not valid, %zu problem%s", result->problems,
			result->problems == 1 ? "" : "s");
	cmd_say(stdout, "%s: %zu points (%zu ok, %zu skipped, %zu error), state %s: %s", run, result->points,
		result->ok, result->skipped, result->error, result->state, verdict);
}

int cmd_check(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int code = EXIT_DONE;

	cmd_parse(&argp, argc, argv, &arguments);
	for (int i = 0; i < arguments.count; i++) {
		struct check_result result;
		struct reason why;

		if (check_run(arguments.runs[i], print, NULL, &result, &why)) {
			code = cmd_fail(EXIT_FAILED, &why);
			continue;
		}
		verdict_print(arguments.runs[i], &result);
		if (!result.valid)
			code = EXIT_FAILED;
	}
	return code;
}
