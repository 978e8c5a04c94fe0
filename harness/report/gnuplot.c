#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef NESTWALK_DATADIR
#define NESTWALK_DATADIR "/usr/local/share/nestwalk"
#endif

#define ABOVE_PROGRAM_MOST 5 /* build/sanitize/tests/unit/test_x is five below the source tree */

static bool has_plots(const char *directory)
{
	char *style;
	bool there;

	if (asprintf(&style, "%s/style.gp", directory) < 0)
		return false;
	there = !access(style, R_OK);
	free(style);
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

char *plots_find(const char *asked, struct reason *why)
{
	char *plots;

	if (!asked)
		asked = getenv("NESTWALK_PLOTS");
	plots = asked ? strdup(asked) : plots_near_program();
	if (!plots)
		plots = strdup(NESTWALK_DATADIR "/plots");
	if (plots && has_plots(plots))
		return plots;
	fail(why, ENOENT, "no gnuplot scripts in %s: install nestwalk (`make install`) or set NESTWALK_PLOTS",
		plots ? plots : "memory");
	free(plots);
	return NULL;
}

/* The first line gnuplot wrote that says something: it puts the script's line and a caret before it. */
static void first_words(FILE *said, char *words, size_t size)
{
	char line[256];

	snprintf(words, size, "it said nothing");
	rewind(said);
	while (fgets(line, sizeof(line), said)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strstr(line, "line ") || !strchr(line, ':'))
			continue;
		snprintf(words, size, "%s", line);
		return;
	}
}

static int spawn(char *const *arguments, FILE *said, struct reason *why)
{
	/* Numbers with points whatever the user's language, and no colour from anybody's settings. */
	static char numbers_in_c[] = "LC_ALL=C.UTF-8";
	posix_spawn_file_actions_t actions;
	char **environment;
	size_t count = 0, kept = 0;
	int status = 0, rc;
	pid_t child;

	while (environ[count])
		count++;
	environment = calloc(count + 2, sizeof(*environment));
	if (!environment)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if (strncmp(environ[i], "LC_", 3) && strncmp(environ[i], "GNUPLOT", 7))
			environment[kept++] = environ[i];
	}
	environment[kept] = numbers_in_c;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fileno(said), STDERR_FILENO);
	rc = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	if (rc == ENOENT)
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (apt-get install gnuplot-nox)");
	if (rc)
		return fail(why, rc, "cannot start gnuplot: %s", strerror(rc));
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return fail(why, errno, "cannot wait for gnuplot: %s", strerror(errno));
	}
	if (WIFSIGNALED(status))
		return fail(why, EIO, "gnuplot was killed by signal %d", WTERMSIG(status));
	/* posix_spawnp() of some libraries tells so that there is no such program. */
	if (WEXITSTATUS(status) == 127)
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (apt-get install gnuplot-nox)");
	return WEXITSTATUS(status) ? -EIO : 0;
}

int gnuplot_draw(const struct drawing *drawing, struct reason *why)
{
	FILE *said = tmpfile();
	char *script = NULL, *picture = NULL;
	char ghz[32];
	int rc;

	if (!said)
		return fail(why, errno, "cannot make a temporary file: %s", strerror(errno));
	snprintf(ghz, sizeof(ghz), "%.6g", isfinite(drawing->ghz) ? drawing->ghz : 0.0);
	if (asprintf(&script, "%s/%s.gp", drawing->plots, drawing->script) < 0 ||
		asprintf(&picture, "%s/%s.%s", drawing->directory, drawing->name, drawing->format) < 0) {
		rc = fail(why, ENOMEM, "out of memory");
		goto out;
	}
	/* argv is not const in POSIX, though nobody writes there. */
	rc = spawn((char *[]){ (char *)"gnuplot", (char *)"-d", (char *)"-c", script, (char *)drawing->plots,
			   (char *)drawing->directory, (char *)drawing->name, (char *)drawing->format,
			   (char *)drawing->title, (char *)drawing->subtitle, ghz, NULL },
		said, why);
	if (rc == -EIO) {
		char words[256];

		first_words(said, words, sizeof(words));
		fail(why, EIO, "gnuplot could not draw %s: %s", picture, words);
	}
out:
	free(picture);
	free(script);
	fclose(said);
	return rc;
}
