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
#include <sys/mman.h>
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
	{ "pdf", "figure.pdf", "0" },
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
		if (strncmp(environ[i], "LC_", 3) && strncmp(environ[i], "GNU", 3)) /* GNUTERM, too */
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
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (scripts/setup build installs it)");
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
		return fail(why, ENOENT, "no gnuplot: figures are not drawn (scripts/setup build installs it)");
	if (WEXITSTATUS(status) == REFUSED_STATUS)
		return fail(why, ENOTSUP, "refused");
	return WEXITSTATUS(status) ? fail(why, EIO, "gnuplot failed") : 0;
}

/* A file that needs no directory to be writable. */
static FILE *memory_file(void)
{
	int fd = memfd_create("gnuplot", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

struct gnuplot_drawing {
	FILE *said; /* what gnuplot writes to stderr */
	pid_t child;
};

/* Text in single quotes, in which gnuplot replaces nothing. It stays on its line. */
static void quoted_write(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
	}
	fputc('\'', out);
}

/* The path of a file of gnuplot's own, named after the first picture, as several may draw in one directory. */
static char *own_path(const struct drawing *drawing, const char *suffix)
{
	size_t first = 0;
	char *path;

	while (!(drawing->pictures >> first & 1))
		first++;
	return asprintf(&path, "%s/%s.%s", drawing->directory, gnuplot_pictures[first].file, suffix) < 0 ? NULL : path;
}

/* What says that a directory has all of its pictures. */
#define DRAWN "drawn"

/* Each picture begins as in a new gnuplot: a reset keeps types of dashes, and nothing else that pictures set. */
static int script_write(const struct drawing *drawing, FILE *out)
{
	char *drawn = own_path(drawing, DRAWN);

	for (size_t i = 0; i < GNUPLOT_PICTURES && drawn; i++) {
		const struct gnuplot_picture *picture = &gnuplot_pictures[i];

		if (!(drawing->pictures >> i & 1))
			continue;
		fputs("reset session\nunset dashtype\ncd ", out);
		quoted_write(drawing->directory, out);
		/* An earlier folder's script goes before a later one's of its name: the user's own before ours. */
		fputs("\nset loadpath '" SCRATCH_PLOTS "0' '" SCRATCH_PLOTS "1'", out);
		fprintf(out, "\ncall 'style.gp' '%s' ", picture->format);
		quoted_write(drawing->title, out);
		fputc(' ', out);
		quoted_write(drawing->subtitle, out);
		fprintf(out, " '%.6g' '%s' '%s'\n", isfinite(drawing->ghz) ? drawing->ghz : 0.0, picture->mm,
			picture->file);
	}
	if (drawn) {
		fputs("set print ", out);
		quoted_write(drawn, out);
		fputs("; print 'all'; unset print\n", out);
	}
	free(drawn);
	return drawn ? 0 : -ENOMEM;
}

/* Write the script of all drawings, and start gnuplot with it. */
static int script_start(
	const struct drawing *drawings, size_t count, struct gnuplot_drawing *drawing, struct reason *why)
{
	char *path = own_path(&drawings[0], "gp");
	FILE *out = path ? fopen(path, "we") : NULL;
	int rc = 0;

	if (!path)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < count && out && !rc; i++)
		rc = script_write(&drawings[i], out);
	if (!out || fclose(out))
		rc = fail(why, EIO, "cannot write %s: %s", path, strerror(errno));
	else if (rc)
		fail(why, ENOMEM, "out of memory");
	/* argv is not const in POSIX, though nobody writes there. */
	if (!rc)
		rc = start(drawings[0].directory, (char *[]){ (char *)"gnuplot", (char *)"-d", path, NULL },
			drawing->said, &drawing->child, why);
	free(path);
	return rc;
}

int gnuplot_start(const struct drawing *drawings, size_t count, struct gnuplot_drawing **out, struct reason *why)
{
	struct gnuplot_drawing *drawing = calloc(1, sizeof(*drawing));
	int rc;

	*out = NULL;
	if (!drawing)
		return fail(why, ENOMEM, "out of memory");
	drawing->said = memory_file();
	rc = drawing->said ? script_start(drawings, count, drawing, why)
			   : fail(why, EIO, "cannot make a temporary file: %s", strerror(errno));
	if (!rc) {
		*out = drawing;
		return 0;
	}
	if (drawing->said)
		fclose(drawing->said);
	free(drawing);
	return rc;
}

int gnuplot_finish(struct gnuplot_drawing *drawing, struct reason *why)
{
	int rc = finish(drawing->child, why);
	char words[256];

	if (rc == -ENOTSUP) {
		first_words(drawing->said, true, words, sizeof(words));
		fail(why, ENOTSUP, "%s", words);
	} else if (rc == -EIO) {
		first_words(drawing->said, false, words, sizeof(words));
		fail(why, EIO, "gnuplot could not draw it: %s", words);
	}
	fclose(drawing->said);
	free(drawing);
	return rc;
}

bool gnuplot_has_drawn(const struct drawing *drawing)
{
	char *path = own_path(drawing, DRAWN);
	bool there = path && !access(path, F_OK);

	free(path);
	return there;
}
