#include "base/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: opening a named pipe must not wait for a writer. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static FILE *refuse(const char *path, int error, const char *what, struct reason *why)
{
	fail(why, error, "cannot read %s: %s", path, what);
	errno = error;
	return NULL;
}

static FILE *opened(int fd, const char *path, uint64_t most_bytes, struct reason *why)
{
	struct stat status;
	char what[64];
	FILE *file;

	if (fd < 0)
		return refuse(path, errno, errno == ELOOP ? "it is a link" : strerror(errno), why);
	if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		close(fd);
		return refuse(path, EINVAL, "it is not a regular file", why);
	}
	if ((uint64_t)status.st_size > most_bytes) {
		close(fd);
		snprintf(what, sizeof(what), "it has more than %llu MiB", (unsigned long long)(most_bytes >> 20));
		return refuse(path, EFBIG, what, why);
	}
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return refuse(path, ENOMEM, "out of memory", why);
	}
	return file;
}

/* One part of a name, and whether it is one: not "", "." or "..", nor too long. */
static bool part_take(const char **name, char *part, size_t bytes)
{
	size_t length = strcspn(*name, "/");

	if (!length || length >= bytes)
		return false;
	memcpy(part, *name, length);
	part[length] = '\0';
	*name += length;
	return strcmp(part, ".") && strcmp(part, "..");
}

/* A descriptor, or -1 with errno. */
static int open_beneath(const char *directory, const char *name)
{
	char part[256];
	int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), next, error;

	while (at >= 0) {
		bool is_last;

		if (!part_take(&name, part, sizeof(part))) {
			close(at);
			errno = EINVAL;
			return -1;
		}
		is_last = !*name;
		next = openat(
			at, part, is_last ? READ_FLAGS | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = errno;
		close(at);
		errno = error;
		if (is_last)
			return next;
		at = next;
		name++;
	}
	return -1;
}

FILE *plain_file_open(const char *directory, const char *name, uint64_t most_bytes, struct reason *why)
{
	char *path;
	FILE *file;
	int error;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return refuse(name, ENOMEM, "out of memory", why);
	file = opened(open_beneath(directory, name), path, most_bytes, why);
	error = errno;
	free(path);
	errno = error;
	return file;
}

FILE *plain_file_open_path(const char *path, uint64_t most_bytes, struct reason *why)
{
	return opened(open(path, READ_FLAGS | O_NOFOLLOW), path, most_bytes, why);
}

FILE *plain_file_open_named(const char *path, uint64_t most_bytes, struct reason *why)
{
	return opened(open(path, READ_FLAGS), path, most_bytes, why);
}

char *plain_file_rest(FILE *file, size_t *length, struct reason *why)
{
	char *text = NULL, bytes[65536];
	FILE *whole = open_memstream(&text, length);
	size_t got;
	int error = 0;

	while (whole && (got = fread(bytes, 1, sizeof(bytes), file)))
		fwrite(bytes, 1, got, whole);
	if (ferror(file))
		error = EIO;
	if (!whole || fclose(whole))
		error = ENOMEM;
	if (!error)
		return text;
	free(text);
	fail(why, error, "cannot read a file: %s", strerror(error));
	errno = error;
	return NULL;
}

/* Twice the room, or the least. */
static bool line_grow(char **text, size_t *room)
{
	size_t more = *text && *room ? 2 * *room : 4096;
	char *grown = realloc(*text, more);

	if (!grown)
		return false;
	*text = grown;
	*room = more;
	return true;
}

ssize_t plain_file_line(char **text, size_t *room, FILE *file)
{
	size_t length = 0;
	int byte = 0;

	while (byte != '\n' && (byte = getc_unlocked(file)) != EOF) {
		if (length == PLAIN_FILE_LINE_MOST) {
			errno = EFBIG;
			return -1;
		}
		/* One more is for the NUL. */
		if ((!*text || length + 2 > *room) && !line_grow(text, room))
			return -1;
		(*text)[length++] = (char)byte;
	}
	if (!length || ferror(file))
		return -1;
	(*text)[length] = '\0';
	return (ssize_t)length;
}
