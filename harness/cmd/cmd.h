/* The subcommands. Only this layer prints, reads the command line and exits. */
#ifndef NESTWALK_CMD_H
#define NESTWALK_CMD_H

#include "base/reason.h"
#include "base/version.h"

#include <argp.h>
#include <stdio.h>

/* The exit codes of the process. automake and bats call 77 "skipped". */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_SKIPPED = 77,
};

/*
 * Each subcommand takes its own argv (argv[0] is "nestwalk NAME", for argp's messages) and returns an enum exit_code.
 * argp answers --help, --version and usage errors; argp_err_exit_status is EXIT_USAGE.
 */
int cmd_env(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_tlb(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_site(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_check(int argc, char **argv);

/* Print a line of text that quotes what may come from anybody, a file's name or a run, cleaned (base/text.h). */
void cmd_say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print one line on stderr, "nestwalk: TEXT", and return the code. */
int cmd_fail(enum exit_code code, const struct reason *why);

/*
 * The same with the code of an error of the library: the only place where one follows from the other. -WRONG_REQUEST is
 * EXIT_USAGE, -CANNOT_HERE is EXIT_SKIPPED, everything else EXIT_FAILED, whatever its number.
 */
int cmd_error(int error, const struct reason *why);

/* argp_parse(), which answers wrong usage itself. Exits where it fails for another reason: it has no memory. */
void cmd_parse(const struct argp *argp, int argc, char **argv, void *input);

#endif
