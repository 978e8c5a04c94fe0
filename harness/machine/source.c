#include "machine/source.h"

#include "base/plain_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The most that is read of a file. /proc/cpuinfo has about 1.6 KiB a CPU, and a kernel 8192 CPUs at most; what is larger
 * is no file of a system.
 */
#define WHOLE_FILE_MAX (64UL << 20)
#define WHOLE_FILE_FIRST 4096UL /* most files of /sys and /proc fit */

void machine_source_live(struct machine_source *source)
{
	memset(source, 0, sizeof(*source));
	source->kind = SOURCE_LIVE;
	source->root_fd = -1;
	snprintf(source->name, sizeof(source->name), "this machine");
	cpuid_execute(&source->cpuid);
}

/* A descriptor for an absolute path on the described machine, or -errno. */
static int source_open(const struct machine_source *source, const char *path, int flags)
{
	/* Without RESOLVE_IN_ROOT an absolute link in the tree would show this machine's value as the recorded one's. */
	struct open_how how = { .flags = (uint64_t)flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	if (source->kind == SOURCE_CPUID)
		return -ENODATA;
	if (source->kind == SOURCE_LIVE)
		fd = open(path, flags);
	else
		fd = (int)syscall(SYS_openat2, source->root_fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static int open_failed(const struct machine_source *source, const char *path, int error, struct reason *why)
{
	const char *root = source->kind == SOURCE_RECORDED ? source->name : "";

	switch (error) {
	case ENODATA:
		return source_not_tried(source, why);
	case ENOENT:
		return fail(why, error, "no %s%s", root, path);
	case ENOSYS:
		return fail(why, error,
			"%s%s: reading a recorded tree needs openat2, which this kernel does not have (before Linux 5.6), or which a sandbox hides",
			root, path);
	case EPERM:
		/* Of a recorded tree, openat2 itself says so only of files that are immutable and opened for writing. */
		if (source->kind == SOURCE_RECORDED)
			return fail(why, error,
				"%s%s: openat2 is refused, as by the seccomp filter of a container that does not know it; a newer container runtime allows it, or --security-opt seccomp=unconfined",
				root, path);
		return fail(why, error, "%s%s: %s", root, path, strerror(error));
	default:
		return fail(why, error, "%s%s: %s", root, path, strerror(error));
	}
}

/* A recorded machine has one of these. Where none can be opened, the reason says whether it is that none is there. */
static int look_like_machine(const struct machine_source *source, struct reason *why)
{
	static const char *const expected[] = { "/proc", "/sys" };
	int refused = 0;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int fd = source_open(source, expected[i], O_PATH | O_CLOEXEC);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (fd != -ENOENT)
			refused = open_failed(source, expected[i], -fd, why);
	}
	return refused ? refused
		       : fail(why, EINVAL, "%s: has neither proc nor sys, so it is not a recorded machine",
				 source->name);
}

/* The dump of a recorded machine: no link to a file of this one, no pipe. */
static int dump_is_plain(const char *root, struct reason *why)
{
	FILE *dump = plain_file_open(root, "cpuid.txt", PLAIN_FILE_DOCUMENT_MOST, why);

	if (!dump)
		return -errno;
	fclose(dump);
	return 0;
}

int machine_source_root(struct machine_source *source, const char *root, struct reason *why)
{
	char dump[PATH_MAX];
	int error;

	memset(source, 0, sizeof(*source));
	source->kind = SOURCE_RECORDED;
	source->root_fd = -1;
	if (snprintf(source->name, sizeof(source->name), "%s", root) >= (int)sizeof(source->name))
		return fail(why, ENAMETOOLONG, "%.64s...: path too long", root);
	source->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source->root_fd < 0)
		return fail(why, errno, "%s: cannot be opened as a directory: %s", root, strerror(errno));
	error = look_like_machine(source, why);
	if (error) {
		machine_source_close(source);
		return error;
	}
	if (!source_exists(source, "/cpuid.txt")) {
		fail(&source->cpuid_reason, ENODATA, "recorded machine: it has no cpuid.txt");
		return 0;
	}
	if (snprintf(dump, sizeof(dump), "%s/cpuid.txt", root) >= (int)sizeof(dump)) {
		machine_source_close(source);
		return fail(why, ENAMETOOLONG, "%s: path too long", root);
	}
	error = dump_is_plain(root, why);
	if (!error)
		error = cpuid_load(dump, &source->cpuid, why);
	if (error)
		machine_source_close(source);
	return error;
}

int machine_source_cpuid(struct machine_source *source, const char *path, struct reason *why)
{
	memset(source, 0, sizeof(*source));
	source->kind = SOURCE_CPUID;
	source->root_fd = -1;
	snprintf(source->name, sizeof(source->name), "%s", path);
	return cpuid_load(path, &source->cpuid, why);
}

int machine_source_replace_cpuid(struct machine_source *source, const char *path, struct reason *why)
{
	struct cpuid_table table;
	int error = cpuid_load(path, &table, why);

	if (!error)
		source->cpuid = table;
	return error;
}

void machine_source_close(struct machine_source *source)
{
	if (source->root_fd >= 0)
		close(source->root_fd);
	source->root_fd = -1;
}

bool source_is_live(const struct machine_source *source)
{
	return source->kind == SOURCE_LIVE;
}

int source_not_tried(const struct machine_source *source, struct reason *why)
{
	if (source->kind == SOURCE_CPUID)
		return fail(why, ENODATA, "register dump: nothing but CPUID is known");
	return fail(why, ENODATA, "recorded machine: not tried");
}

/* Read a descriptor to its end into memory that grows: *text is the caller's to free(), also after an error. */
static ssize_t read_to_end(int fd, const char *path, char **text, struct reason *why)
{
	size_t used = 0, room = 0;

	for (;;) {
		ssize_t got;

		/* One byte stays free for the NUL. */
		if (used + 1 >= room) {
			size_t larger = room ? 2 * room : WHOLE_FILE_FIRST;
			char *grown = used < WHOLE_FILE_MAX ? realloc(*text, larger) : NULL;

			if (used >= WHOLE_FILE_MAX)
				return fail(why, EFBIG, "%s: over %lu MiB", path, WHOLE_FILE_MAX >> 20);
			if (!grown)
				return fail(why, ENOMEM, "%s: out of memory", path);
			*text = grown;
			room = larger;
		}
		got = read(fd, *text + used, room - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(why, errno, "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		used += (size_t)got;
	}
	(*text)[used] = 0;
	if (memchr(*text, 0, used))
		return fail(why, EINVAL, "%s: holds a NUL byte, so it is not text", path);
	return (ssize_t)used;
}

/* Read a whole file: its length and *text, which is the caller's, or -errno with *why and NULL. */
static ssize_t read_file(const struct machine_source *source, const char *path, char **text, struct reason *why)
{
	/* O_NONBLOCK, because opening a named pipe in a recorded tree must not wait for a writer. */
	int fd = source_open(source, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	ssize_t length;

	*text = NULL;
	if (fd < 0)
		return open_failed(source, path, -fd, why);
	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		length = fail(why, S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "%s: not a file", path);
	else
		length = read_to_end(fd, path, text, why);
	close(fd);
	if (length < 0) {
		free(*text);
		*text = NULL;
	}
	return length;
}

static void trim_end(char *text, size_t length)
{
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = 0;
}

/* Where a file holds no value, say so: 0, or -ENODATA with an empty text. Blanks before a value are taken away. */
static int placeholder_refuse(const char *path, char *text, struct reason *why)
{
	size_t blanks = strspn(text, " \t");

	memmove(text, text + blanks, strlen(text + blanks) + 1);
	if (!text_is_placeholder(text))
		return 0;
	fail(why, ENODATA, "%s holds no value, but '%.64s'", path, text);
	text[0] = 0;
	return -ENODATA;
}

/* Format a path into path[PATH_MAX] with the caller's va_list. */
static int make_path(char *path, const char *format, va_list args, struct reason *why)
{
	int length = vsnprintf(path, PATH_MAX, format, args);

	return length < 0 || length >= PATH_MAX ? fail(why, ENAMETOOLONG, "path too long: %.64s", path) : 0;
}

static int read_text(const struct machine_source *source, const char *path, char *text, size_t size, struct reason *why)
{
	char *whole;
	ssize_t length = read_file(source, path, &whole, why);

	text[0] = 0;
	if (length < 0)
		return (int)length;
	trim_end(whole, (size_t)length);
	/* A part of a value would be taken for the value. */
	if (strlen(whole) >= size) {
		length = fail(why, EFBIG, "%s: has %zu characters, more than the %zu that it was expected to have",
			path, strlen(whole), size - 1);
	} else {
		strcpy(text, whole);
		length = placeholder_refuse(path, text, why);
	}
	free(whole);
	return length < 0 ? (int)length : 0;
}

int source_read_text(
	const struct machine_source *source, char *text, size_t size, struct reason *why, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	int error;

	text[0] = 0;
	va_start(args, path_format);
	error = make_path(path, path_format, args, why);
	va_end(args);
	return error ? error : read_text(source, path, text, size, why);
}

int source_read_all(const struct machine_source *source, const char *path, char **text, struct reason *why)
{
	ssize_t length = read_file(source, path, text, why);

	return length < 0 ? (int)length : 0;
}

int source_read_line(const struct machine_source *source, char **text, struct reason *why, const char *path_format, ...)
{
	char path[PATH_MAX];
	ssize_t length;
	va_list args;

	*text = NULL;
	va_start(args, path_format);
	length = make_path(path, path_format, args, why);
	va_end(args);
	if (!length)
		length = read_file(source, path, text, why);
	if (length < 0)
		return (int)length;
	trim_end(*text, (size_t)length);
	length = placeholder_refuse(path, *text, why);
	if (length) {
		free(*text);
		*text = NULL;
	}
	return (int)length;
}

int source_read_u64(
	const struct machine_source *source, uint64_t *value, struct reason *why, const char *path_format, ...)
{
	char path[PATH_MAX], text[64], *end;
	uint64_t number;
	va_list args;
	int error;

	va_start(args, path_format);
	error = make_path(path, path_format, args, why);
	va_end(args);
	if (!error)
		error = read_text(source, path, text, sizeof(text), why);
	if (error)
		return error;
	errno = 0;
	number = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (!isdigit((unsigned char)text[0]) || *end)
		return fail(why, EINVAL, "%s: '%s' is not a number", path, text);
	if (errno)
		return fail(why, ERANGE, "%s: %s is too large", path, text);
	*value = number;
	return 0;
}

int source_read_limit(
	const struct machine_source *source, uint64_t *limit, struct reason *why, const char *path_format, ...)
{
	char path[PATH_MAX], text[64];
	va_list args;
	int error;

	va_start(args, path_format);
	error = make_path(path, path_format, args, why);
	va_end(args);
	if (!error)
		error = read_text(source, path, text, sizeof(text), why);
	if (!error && !text_limit(text, limit))
		error = fail(why, EINVAL, "%s: '%s' is no limit", path, text);
	return error;
}

bool source_exists(const struct machine_source *source, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	int fd;

	va_start(args, path_format);
	fd = make_path(path, path_format, args, NULL);
	va_end(args);
	if (!fd)
		fd = source_open(source, path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool source_has_sysfs(const struct machine_source *source, struct reason *why)
{
	/* The kernel makes the first four always, and the last for guests of Xen. Little may be recorded. */
	static const char *const expected[] = { "/sys/kernel", "/sys/module", "/sys/devices", "/sys/bus",
		"/sys/hypervisor" };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (source_exists(source, "%s", expected[i]))
			return true;
	fail(why, ENOENT, "/sys is not there, or is hidden from this process");
	return false;
}

static int version_compare(const void *a, const void *b)
{
	/* node2 before node10 */
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *directory, struct source_names *names)
{
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		char **grown;

		if (entry->d_name[0] == '.')
			continue;
		grown = realloc(names->name, (names->count + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		names->name = grown;
		names->name[names->count] = strdup(entry->d_name);
		if (!names->name[names->count])
			return -ENOMEM;
		names->count++;
	}
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), version_compare);
	return 0;
}

int source_list(const struct machine_source *source, struct source_names *names, struct reason *why,
	const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	DIR *directory;
	int error, fd;

	*names = (struct source_names){ 0 };
	va_start(args, path_format);
	error = make_path(path, path_format, args, why);
	va_end(args);
	if (error)
		return error;
	fd = source_open(source, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return open_failed(source, path, -fd, why);
	directory = fdopendir(fd);
	if (!directory) {
		error = errno;
		close(fd);
		return fail(why, error, "%s: %s", path, strerror(error));
	}
	error = read_names(directory, names);
	closedir(directory);
	return error ? fail(why, -error, "%s: out of memory", path) : 0;
}

void source_names_free(struct source_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct source_names){ 0 };
}
