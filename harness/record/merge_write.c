/* The directory of joined runs: written beside its place, and moved there when it is whole. */
#include "base/directory.h"
#include "base/member.h"
#include "base/plain_file.h"
#include "record/merge.h"
#include "record/write.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 65536 /* of a copy's step; a run.json has some 10 KiB, topology.xml of a large machine 1 MiB */
#define OPEN_DIRECTORIES 4 /* while removing: the tree is two deep */

static int copy_failed(const char *path, const char *what, struct reason *why)
{
	int error = errno ? errno : EIO;

	return fail(why, error, "cannot %s %s: %s", what, path, strerror(error));
}

static int copy_opened(FILE *in, const char *to, const char *from, struct reason *why)
{
	FILE *out = fopen(to, "wxe");
	char *bytes = malloc(COPY_BYTES);
	size_t got;
	int rc = 0;

	if (!bytes)
		rc = fail(why, ENOMEM, "out of memory");
	else if (!out)
		rc = copy_failed(to, "write", why);
	while (!rc && (got = fread(bytes, 1, COPY_BYTES, in)) > 0) {
		if (fwrite(bytes, 1, got, out) != got)
			rc = copy_failed(to, "write", why);
	}
	if (!rc && ferror(in))
		rc = copy_failed(from, "read", why);
	if (out && fclose(out) && !rc)
		rc = copy_failed(to, "write", why);
	free(bytes);
	return rc;
}

/* Copy RUN/NAME to the file `as` of the new directory. */
static int copy_file(
	const char *run, const char *name, const struct run_writer *writer, const char *as, struct reason *why)
{
	FILE *in = plain_file_open(run, name, PLAIN_FILE_DOCUMENT_MOST, why);
	char to[4200];
	int rc;

	if (!in)
		return -errno;
	rc = copy_opened(in, writer_file(writer, as, to, sizeof(to)), name, why);
	fclose(in);
	return rc;
}

/* Copy the run.json of each joined run beside the new one. Files of an earlier join stay unchanged. */
static int copy_abouts(const struct merged *merged, const struct run_writer *writer, struct reason *why)
{
	char path[4200];
	size_t i;
	json_t *source;
	int rc = directory_make(writer_file(writer, "joined", path, sizeof(path)), why);

	if (rc)
		return rc;
	json_array_foreach (merged->sources, i, source) {
		const json_t *element = json_array_get(json_object_get(merged->about, "joined"), i);
		const char *file = member_text(element, "file"), *own = member_text(source, "file");

		if (strcmp(own, "run.json") && !joined_file_is_own(own))
			return fail(why, EINVAL, "%s: joined: %s is not a file of this run",
				member_text(source, "path"), own);
		if (!access(writer_file(writer, file, path, sizeof(path)), F_OK))
			continue;
		rc = copy_file(member_text(source, "path"), own, writer, file, why);
		if (rc)
			break;
	}
	return rc;
}

static int run_directory_fill(
	const struct merge_request *request, const struct merged *merged, struct run_writer *writer, struct reason *why)
{
	int rc = copy_file(request->base->path, "topology.xml", writer, "topology.xml", why);

	if (!rc)
		rc = copy_abouts(merged, writer, why);
	if (!rc)
		rc = run_write_points(writer, merged->points, why);
	return rc ? rc : run_write_about(writer, merged->about, why);
}

int merge_into_base(const struct merge_request *request, const struct merged *merged, struct reason *why)
{
	struct run_writer writer = { .points = NULL };
	int rc;

	snprintf(writer.path, sizeof(writer.path), "%s", request->base->path);
	rc = copy_abouts(merged, &writer, why);
	if (!rc)
		rc = run_write_points(&writer, merged->points, why);
	return rc ? rc : run_write_about(&writer, merged->about, why);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

/* rename() replaces an empty directory only. This check reports any other directory before all the work. */
static int must_be_free(const char *path, struct reason *why)
{
	DIR *listing = opendir(path);
	const struct dirent *entry;
	bool holds = false;

	if (!listing && errno == ENOENT)
		return 0;
	if (!listing)
		return fail(why, errno, "cannot use %s: %s; choose another directory with -o", path, strerror(errno));
	while (!holds && (entry = readdir(listing)))
		holds = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(listing);
	return holds ? fail(why, EEXIST, "%s is not empty; choose another directory with -o", path) : 0;
}

int merge_write(const struct merge_request *request, const struct merged *merged, const char *path, struct reason *why)
{
	struct run_writer writer = { .points = NULL };
	char *partial = NULL;
	size_t length = strlen(path);
	int rc;

	while (length > 1 && path[length - 1] == '/')
		length--;
	rc = must_be_free(path, why);
	if (rc)
		return rc;
	if (asprintf(&partial, "%.*s.partial-%d", (int)length, path, (int)getpid()) < 0)
		return fail(why, ENOMEM, "out of memory");
	rc = run_writer_open(&writer, partial, why);
	if (rc)
		goto out;
	rc = run_directory_fill(request, merged, &writer, why);
	run_writer_close(&writer);
	if (!rc) {
		/* The same path without its slashes at the end. */
		char *final = strndup(path, length);

		if (!final || rename(partial, final))
			rc = copy_failed(path, "put the joined runs in", why);
		free(final);
	}
	if (rc)
		nftw(partial, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
out:
	free(partial);
	return rc;
}
