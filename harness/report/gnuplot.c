#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static int start(const char *directory, char *const *arguments, FILE *said, pid_t *child, struct reason *why)
{
	/* Numbers with points whatever the user's language, and no colour from anybody's settings. */
	static char numbers_in_c[] = "LC_ALL=C.UTF-8";
	posix_spawn_file_actions_t actions;
	char **environment;
	size_t count = 0, kept = 0;
	int rc;

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
	posix_spawn_file_actions_addchdir_np(&actions, directory);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fileno(said), STDERR_FILENO);
	rc = posix_spawnp(child, "gnuplot", &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	if (rc == ENOENT)
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (apt-get install gnuplot-nox)");
	if (rc)
		return fail(why, rc, "cannot start gnuplot: %s", strerror(rc));
	return 0;
}

static int finish(pid_t child, struct reason *why)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return fail(why, errno, "cannot wait for gnuplot: %s", strerror(errno));
	}
	if (WIFSIGNALED(status))
		return fail(why, EIO, "gnuplot was killed by signal %d", WTERMSIG(status));
	/* posix_spawnp() of some libraries tells so that there is no such program. */
	if (WEXITSTATUS(status) == 127)
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (apt-get install gnuplot-nox)");
	return WEXITSTATUS(status) ? fail(why, EIO, "gnuplot failed") : 0;
}

/* One picture that is being drawn. */
struct picture_process {
	const char *format;
	FILE *said; /* what gnuplot writes to stderr */
	pid_t child; /* 0: it was not started */
};

static int process_start(const struct drawing *drawing, struct picture_process *picture, struct reason *why)
{
	char ghz[32];

	picture->said = tmpfile();
	if (!picture->said)
		return fail(why, errno, "cannot make a temporary file: %s", strerror(errno));
	snprintf(ghz, sizeof(ghz), "%.6g", isfinite(drawing->ghz) ? drawing->ghz : 0.0);
	/* argv is not const in POSIX, though nobody writes there. */
	return start(drawing->directory,
		(char *[]){ (char *)"gnuplot", (char *)"-d", (char *)"-c", (char *)"style.gp", (char *)picture->format,
			(char *)drawing->title, (char *)drawing->subtitle, ghz, NULL },
		picture->said, &picture->child, why);
}

static int process_finish(struct picture_process *picture, struct reason *why)
{
	int rc = picture->child ? finish(picture->child, why) : 0;

	if (rc == -EIO && picture->said) {
		char words[256];

		first_words(picture->said, words, sizeof(words));
		fail(why, EIO, "gnuplot could not draw it: %s", words);
	}
	if (picture->said)
		fclose(picture->said);
	return rc;
}

struct gnuplot_drawing {
	struct picture_process picture[2];
};

/* Both at the same time: each takes a tenth of a second. */
int gnuplot_start(const struct drawing *drawing, struct gnuplot_drawing **out, struct reason *why)
{
	static const char *const formats[] = { "svg", "png" };
	int rc = 0;

	*out = calloc(1, sizeof(**out));
	if (!*out)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && !rc; i++) {
		(*out)->picture[i].format = formats[i];
		rc = process_start(drawing, &(*out)->picture[i], why);
	}
	if (rc) {
		struct reason ignored;

		gnuplot_finish(*out, &ignored);
		*out = NULL;
	}
	return rc;
}

int gnuplot_finish(struct gnuplot_drawing *drawing, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(drawing->picture) / sizeof(drawing->picture[0]); i++) {
		struct reason own;
		int error = process_finish(&drawing->picture[i], rc ? &own : why);

		rc = rc ? rc : error;
	}
	free(drawing);
	return rc;
}
