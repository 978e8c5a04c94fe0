#include "report/plots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NESTWALK_DATADIR
#define NESTWALK_DATADIR "/usr/local/share/nestwalk"
#endif

#define ABOVE_PROGRAM_MOST 5 /* build/sanitize/tests/unit/test_x is five below the source tree */

static bool has_plots(const char *directory)
{
	char *report;
	bool there;

	if (asprintf(&report, "%s/report.md", directory) < 0)
		return false;
	there = !access(report, R_OK);
	free(report);
	return there;
}

static char *plots_near_program(void)
{
	static const char *const below[] = { "share/nestwalk/plots", "plots" };
	char program[4096];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (length < 0)
		return NULL;
	program[length] = '\0';
	for (int up = 0; up < ABOVE_PROGRAM_MOST; up++) {
		char *slash = strrchr(program, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
		for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
			char *plots;

			if (asprintf(&plots, "%s/%s", program, below[i]) < 0)
				return NULL;
			if (has_plots(plots))
				return plots;
			free(plots);
		}
	}
	return NULL;
}

char *plots_find(struct reason *why)
{
	const char *asked = getenv("NESTWALK_PLOTS");
	char *plots;

	plots = asked ? strdup(asked) : plots_near_program();
	if (!plots)
		plots = strdup(NESTWALK_DATADIR "/plots");
	if (plots && has_plots(plots))
		return plots;
	fail(why, ENOENT, "no figures in %s: install nestwalk (`make install`) or set NESTWALK_PLOTS",
		plots ? plots : "memory");
	free(plots);
	return NULL;
}
