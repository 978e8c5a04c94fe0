#include "report/files.h"

#include "base/directory.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int names_add(struct names *names, const char *name)
{
	char **grown = reallocarray(names->name, names->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->name = grown;
	grown[names->count] = strdup(name);
	return grown[names->count] ? (names->count++, 0) : -ENOMEM;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){ 0 };
}

bool names_has(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* alphasort() would follow the language of the user. */
static int bytes_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int names_list(struct names *names, const char *directory, struct reason *why)
{
	struct dirent **entry;
	int count = scandir(directory, &entry, is_visible, bytes_compare), rc = 0;

	if (count < 0)
		return fail(why, errno, "cannot read the directory %s: %s", directory, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!rc && names_add(names, entry[i]->d_name))
			rc = fail(why, ENOMEM, "out of memory");
		free(entry[i]);
	}
	free(entry);
	return rc;
}

char *file_read(const char *directory, const char *name, struct reason *why)
{
	char *path, *text = NULL;
	size_t room = 0;
	FILE *file;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	file = fopen(path, "re");
	if (!file) {
		fail(why, errno, "cannot read %s: %s", path, strerror(errno));
	} else {
		/* A text holds no NUL, so this is the whole file; of an empty one nothing is read. */
		if (getdelim(&text, &room, '\0', file) < 0) {
			free(text);
			text = ferror(file) ? NULL : strdup("");
		}
		if (!text)
			fail(why, EIO, "cannot read %s", path);
		fclose(file);
	}
	free(path);
	return text;
}

/* Copy a file of bytes, which need not be text. */
int file_copy(
	const char *from_directory, const char *from, const char *to_directory, const char *to, struct reason *why)
{
	char bytes[65536], *source = NULL, *target = NULL;
	FILE *in = NULL, *out = NULL;
	size_t got;
	int rc = 0;

	if (asprintf(&source, "%s/%s", from_directory, from) < 0 || asprintf(&target, "%s/%s", to_directory, to) < 0)
		return fail(why, ENOMEM, "out of memory");
	in = fopen(source, "re");
	if (!in)
		rc = fail(why, errno, "cannot read %s: %s", source, strerror(errno));
	else if (!(out = fopen(target, "we")))
		rc = fail(why, errno, "cannot write %s: %s", target, strerror(errno));
	while (!rc && (got = fread(bytes, 1, sizeof(bytes), in)))
		if (fwrite(bytes, 1, got, out) != got)
			rc = fail(why, errno, "cannot write %s: %s", target, strerror(errno));
	if (in)
		fclose(in);
	/* A full disk may show up only when the buffer is flushed. */
	if (out && fclose(out) && !rc)
		rc = fail(why, errno, "cannot write %s: %s", target, strerror(errno));
	free(source);
	free(target);
	return rc;
}

/* A link from the scratch directory to a folder of scripts: gnuplot takes colons in names for the ends of names. */
static int plots_link(const char *plots, const char *scratch, size_t number, struct reason *why)
{
	char *real = realpath(plots, NULL), *link;
	int rc = 0;

	/* A folder that is not there has no scripts. */
	if (!real)
		return 0;
	if (asprintf(&link, "%s/" SCRATCH_PLOTS "%zu", scratch, number) < 0) {
		free(real);
		return fail(why, ENOMEM, "out of memory");
	}
	if (symlink(real, link))
		rc = fail(why, errno, "cannot make %s: %s", link, strerror(errno));
	free(link);
	free(real);
	return rc;
}

char *scratch_make(const char *const *plots, struct reason *why)
{
	char *scratch;
	int rc = 0;

	if (asprintf(&scratch, "%s/nestwalk-XXXXXX", directory_temporary()) < 0) {
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	if (!mkdtemp(scratch)) {
		fail(why, errno, "cannot make a temporary directory %s: %s; point TMPDIR elsewhere", scratch,
			strerror(errno));
		free(scratch);
		return NULL;
	}
	for (size_t i = 0; plots[i] && !rc; i++)
		rc = plots_link(plots[i], scratch, i, why);
	if (!rc)
		return scratch;
	scratch_remove(scratch);
	return NULL;
}

void scratch_empty(const char *scratch, const char *pattern)
{
	char *path;
	glob_t found;

	if (asprintf(&path, "%s/%s", scratch, pattern) < 0)
		return;
	if (!glob(path, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	free(path);
}

void scratch_remove(char *scratch)
{
	if (!scratch)
		return;
	scratch_empty(scratch, "*");
	rmdir(scratch);
	free(scratch);
}
