#include "report/gnuplot.h"

#include "base/text.h"
#include "report/files.h"

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

/* Texts of this suite's own have 45 characters; a legend as wide as a picture has room for twice as many. */
#define TEXT_CHARACTERS_MOST 60

static void field_write(char *field, bool is_first, FILE *out)
{
	text_shorten(field, TEXT_CHARACTERS_MOST);
	if (is_first && *field == '#') {
		fputs("\\043", out);
		field++;
	}
	for (; *field; field++) {
		if (*field == '\\')
			fputc('\\', out);
		fputc(*field, out);
	}
}

static void table_write(char *table, FILE *out)
{
	char *line, *field;
	bool is_head = true;

	while ((line = strsep(&table, "\n"))) {
		bool is_first = true;

		/* Comments end at the names of the columns. */
		is_head = is_head && *line == '#';
		while (!is_head && (field = strsep(&line, "\t"))) {
			fputs(is_first ? "" : "\t", out);
			field_write(field, is_first, out);
			is_first = false;
		}
		if (table && !is_head)
			fputc('\n', out);
	}
}

int gnuplot_table_prepare(const char *directory, const char *stem, struct reason *why)
{
	char *path = NULL, *name = NULL, *table = NULL;
	FILE *out = NULL;
	int rc = 0;

	if (asprintf(&name, "%s.tsv", stem) < 0 || asprintf(&path, "%s/%s", directory, name) < 0)
		return fail(why, ENOMEM, "out of memory");
	table = file_read(directory, name, why);
	out = table ? fopen(path, "we") : NULL;
	if (out)
		table_write(table, out);
	if (!table)
		rc = -EIO;
	else if (!out || fclose(out))
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	free(table);
	free(path);
	free(name);
	return rc;
}

/* In the order in which they are published: the widths are those of a column, and of a page of two of them. */
const struct gnuplot_picture gnuplot_pictures[GNUPLOT_PICTURES] = {
	{ "svg", "figure.svg", "0" },
	{ "png", "figure.png", "0" },
	{ "pdf", "figure-85mm.pdf", "85" },
	{ "svg", "figure-85mm.svg", "85" },
	{ "pdf", "figure-175mm.pdf", "175" },
	{ "svg", "figure-175mm.svg", "175" },
};

/* style.gp ends so where a figure has no room on paper, and says why behind this word. */
#define REFUSED_STATUS 3
static const char refused[] = "refused: ";

/*
 * The first line gnuplot wrote that says something: it puts the script's line and a caret before it. Where a script
 * refused, what that says.
 */
static void first_words(FILE *said, bool is_refusal, char *words, size_t size)
{
	char line[256];

	snprintf(words, size, "it said nothing");
	rewind(said);
	while (fgets(line, sizeof(line), said)) {
		bool refuses = !strncmp(line, refused, strlen(refused));

		line[strcspn(line, "\n")] = '\0';
		if (is_refusal ? !refuses : !strstr(line, "line ") || !strchr(line, ':'))
			continue;
		snprintf(words, size, "%s", line + (refuses ? strlen(refused) : 0));
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
	if (WEXITSTATUS(status) == REFUSED_STATUS)
		return fail(why, ENOTSUP, "refused");
	return WEXITSTATUS(status) ? fail(why, EIO, "gnuplot failed") : 0;
}

/* One picture that is being drawn. */
struct picture_process {
	FILE *said; /* what gnuplot writes to stderr */
	pid_t child; /* 0: it was not started */
};

static int process_start(const struct drawing *drawing, const struct gnuplot_picture *kind,
	struct picture_process *picture, struct reason *why)
{
	char ghz[32];

	picture->said = tmpfile();
	if (!picture->said)
		return fail(why, errno, "cannot make a temporary file: %s", strerror(errno));
	snprintf(ghz, sizeof(ghz), "%.6g", isfinite(drawing->ghz) ? drawing->ghz : 0.0);
	/* argv is not const in POSIX, though nobody writes there. */
	return start(drawing->directory,
		(char *[]){ (char *)"gnuplot", (char *)"-d", (char *)"-c", (char *)"style.gp", (char *)kind->format,
			(char *)drawing->title, (char *)drawing->subtitle, ghz, (char *)kind->mm, (char *)kind->file,
			NULL },
		picture->said, &picture->child, why);
}

static int process_finish(struct picture_process *picture, struct reason *refusal, struct reason *why)
{
	int rc = picture->child ? finish(picture->child, why) : 0;
	char words[256];

	if (rc == -ENOTSUP && picture->said) {
		first_words(picture->said, true, words, sizeof(words));
		fail(refusal, ENOTSUP, "%s", words);
		rc = 0;
	} else if (rc == -EIO && picture->said) {
		first_words(picture->said, false, words, sizeof(words));
		fail(why, EIO, "gnuplot could not draw it: %s", words);
	}
	if (picture->said)
		fclose(picture->said);
	return rc;
}

struct gnuplot_drawing {
	struct picture_process picture[GNUPLOT_PICTURES];
};

/* All at the same time: each takes a tenth of a second. */
int gnuplot_start(const struct drawing *drawing, struct gnuplot_drawing **out, struct reason *why)
{
	int rc = 0;

	*out = calloc(1, sizeof(**out));
	if (!*out)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < GNUPLOT_PICTURES && !rc; i++) {
		if (drawing->on_paper || !strcmp(gnuplot_pictures[i].mm, "0"))
			rc = process_start(drawing, &gnuplot_pictures[i], &(*out)->picture[i], why);
	}
	if (rc) {
		struct gnuplot_refusals refusals;
		struct reason ignored;

		gnuplot_finish(*out, &refusals, &ignored);
		*out = NULL;
	}
	return rc;
}

int gnuplot_finish(struct gnuplot_drawing *drawing, struct gnuplot_refusals *refusals, struct reason *why)
{
	int rc = 0;

	*refusals = (struct gnuplot_refusals){ 0 };
	for (size_t i = 0; i < GNUPLOT_PICTURES; i++) {
		struct reason own;
		int error = process_finish(&drawing->picture[i], &refusals->of[i], rc ? &own : why);

		rc = rc ? rc : error;
	}
	free(drawing);
	return rc;
}
