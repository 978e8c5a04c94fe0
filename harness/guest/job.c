#include "guest/job.h"

#include <stdio.h>
#include <stdlib.h>

/* Write one word for the shell. Within single quotes every character but the single quote stands for itself. */
static void shell_quote(FILE *out, const char *word)
{
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else if (*word != '\n') /* no argument of ours has a line break, and one could end the script */
			fputc(*word, out);
	}
	fputc('\'', out);
}

/*
 * The script runs in the directory whose content is sent home. File descriptor 3 is the control port, open in both
 * directions, because a port can be opened only once.
 */
static const char before[] = "#!/bin/sh\n"
			     "uname -r >kernel\n"
			     "echo begin >&3\n"
			     "read -r word <&3\n";

/*
 * While nestwalk runs, only a sleeping process reads the port, and a word from the host wakes it. A `stop` that arrives
 * after the end, or a part of one, does not count as `go`.
 */
static const char after[] = " -o run 3<&- &\n"
			    "job=$!\n"
			    "{ while read -r word <&3; do [ \"$word\" != stop ] || kill -TERM $job; done; } &\n"
			    "reader=$!\n"
			    "wait $job\n"
			    "status=$?\n"
			    "kill $reader 2>/dev/null\n"
			    "wait $reader 2>/dev/null\n"
			    "echo \"end $status $(cat page_faults 2>/dev/null || echo unknown)\" >&3\n"
			    "while read -r word <&3 && [ \"$word\" != go ]; do :; done\n"
			    "exit $status\n";

char *guest_job_script(const char *const *command)
{
	char *script = NULL;
	size_t bytes;
	FILE *out = open_memstream(&script, &bytes);

	if (!out)
		return NULL;
	fputs(before, out);
	fputs("faults page_faults nestwalk", out); /* guest-images/faults.c */
	for (size_t i = 0; command[i]; i++) {
		fputc(' ', out);
		shell_quote(out, command[i]);
	}
	fputs(after, out);
	if (fclose(out)) {
		free(script);
		return NULL;
	}
	return script;
}
