/* nestwalk: what does it cost to translate an address, here? This file finds the subcommand. */
#include "base/text.h"
#include "cmd/cmd.h"

#include "machine/environment.h"

#include <argp.h>
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	const char *question;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "env", "what this machine is, and what it lets nestwalk measure", cmd_env },
	{ "list", "the benches, their parameters and the settings they run in", cmd_list },
	{ "run", "measure, and write a run directory", cmd_run },
	{ "tlb", "the TLB levels and walk costs that a run's curves show", cmd_tlb },
	{ "model", "what theory predicts: walks, tables, exits, a curve", cmd_model },
	{ "query", "ask the results of runs a question in SQL", cmd_query },
	{ "export", "write the results of runs as one SQLite or CSV file", cmd_export },
	{ "report", "draw a run's figures and explain them", cmd_report },
	{ "compare", "say what differs beyond chance between runs, or within them", cmd_compare },
	{ "site", "make pages of all runs, and an index of them", cmd_site },
	{ "merge", "join the runs of a host and of its guests, to compare them", cmd_merge },
	{ "check", "validate a run directory", cmd_check },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fprintf(out, "Usage: nestwalk COMMAND [OPTION...]\n"
		     "What does it cost to translate an address, here?\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].question);
	fprintf(out, "\n`nestwalk COMMAND --help` explains each. To measure this machine and read the answer:\n"
		     "  nestwalk run --effort quick -o my-run && nestwalk report my-run\n"
		     "Exit codes: 0 done, 1 failed, 2 wrong usage, 77 skipped (this machine cannot do it).\n");
}

void cmd_say(FILE *out, const char *format, ...)
{
	char *line;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0) {
		fprintf(out, "nestwalk: out of memory, for this message, too\n");
		return;
	}
	fprintf(out, "%s\n", text_clean(line));
	free(line);
}

int cmd_fail(enum exit_code code, const struct reason *why)
{
	cmd_say(stderr, "nestwalk: %s", why->text);
	return code;
}

int cmd_error(int error, const struct reason *why)
{
	return cmd_fail(error == -WRONG_REQUEST ? EXIT_USAGE : error == -CANNOT_HERE ? EXIT_SKIPPED : EXIT_FAILED, why);
}

void cmd_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	int error = argp_parse(argp, argc, argv, 0, NULL, input);

	if (!error)
		return;
	fprintf(stderr, "nestwalk: the command line cannot be read: %s\n", strerror(error));
	exit(EXIT_FAILED);
}

#define STDOUT_BYTES (1 << 20) /* `tlb --json` of a thorough run is some 100 KiB */

/* A full disk or a closed pipe shows only when the last of the output is written, which happens at exit. */
static void close_stdout(void)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (!fclose(stdout) && !failed)
		return;
	fprintf(stderr, "nestwalk: standard output could not be written: %s\n", strerror(errno ? errno : EIO));
	_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	static char name[64];

	environment_clean();
	/* An error of GSL, which would end the program with a signal, is told by what its functions return. */
	gsl_set_error_handler_off();
	/*
	 * The buffer holds all that a command prints, so that a failure to write happens at exit, where the reason is
	 * still known.
	 */
	setvbuf(stdout, NULL, _IOFBF, STDOUT_BYTES);
	atexit(close_stdout);

	argp_program_version = "nestwalk " NESTWALK_VERSION;
	argp_err_exit_status = EXIT_USAGE;
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("%s\n", argp_program_version);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(name, sizeof(name), "nestwalk %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	cmd_say(stderr, "nestwalk: no command named '%s'; `nestwalk --help` lists them", argv[1]);
	return EXIT_USAGE;
}
