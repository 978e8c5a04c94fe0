#include "report/files.h"

#include "base/directory.h"
#include "base/new_file.h"
#include "base/plain_file.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A picture or table of a figure: more than anybody can look at. */
#define PICTURE_BYTES_MOST (256ULL << 20)

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
	size_t length;
	FILE *file;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	file = plain_file_open_named(path, PLAIN_FILE_DOCUMENT_MOST, why);
	if (file) {
		text = plain_file_rest(file, &length, why);
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
	struct new_file file = { NULL };
	FILE *in;
	size_t got;
	int rc;

	if (asprintf(&source, "%s/%s", from_directory, from) < 0 || asprintf(&target, "%s/%s", to_directory, to) < 0)
		return fail(why, ENOMEM, "out of memory");
	in = plain_file_open_named(source, PICTURE_BYTES_MOST, why);
	rc = in ? new_file_open(&file, target, why) : -errno;
	while (!rc && (got = fread(bytes, 1, sizeof(bytes), in)))
		fwrite(bytes, 1, got, file.out);
	if (in)
		fclose(in);
	if (!rc)
		rc = new_file_put(&file, why);
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
