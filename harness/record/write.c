#include "record/write.h"

#include "base/directory.h"
#include "base/new_file.h"
#include "record/journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/*
 * Significant digits written. A latency is known to three or four digits, and half of a run's size is samples; rates of
 * clocks in run.json are known to eight or nine.
 */
#define POINT_DIGITS JSON_REAL_PRECISION(6)
#define ABOUT_DIGITS JSON_REAL_PRECISION(12)

char *writer_file(const struct run_writer *writer, const char *name, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s/%s", writer->path, name);
	return text;
}

char *run_host_name(char name[HOST_NAME_MAX + 1])
{
	/* POSIX leaves open whether a name that is cut off is ended. */
	if (gethostname(name, HOST_NAME_MAX + 1))
		name[0] = '\0';
	name[HOST_NAME_MAX] = '\0';
	return name;
}

/* A host name as the name of a directory: the kernel lets it be anything, also "..", "a/b" or a control character. */
static void directory_of_host(char *host)
{
	for (char *c = host; *c; c++)
		if (*c == '/' || iscntrl((unsigned char)*c))
			*c = '-';
	/* Neither "." nor "..", and nothing hidden. */
	for (char *c = host; *c == '.'; c++)
		*c = '-';
	if (!host[0])
		strcpy(host, "unknown-host");
}

void run_default_path(char *text, size_t bytes)
{
	char host[HOST_NAME_MAX + 1], stamp[32];
	time_t now = time(NULL);
	struct tm utc;

	directory_of_host(run_host_name(host));
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(text, bytes, "results/%s/%s", host, stamp);
}

static int make_directories(const char *path, struct reason *why)
{
	char partial[4096];
	size_t length = strlen(path);
	int error = 0;

	if (!length)
		return fail(why, ENOENT, "the path of the run directory is empty");
	if (length >= sizeof(partial))
		return fail(why, ENAMETOOLONG, "the path of the run directory is too long: %zu characters", length);
	memcpy(partial, path, length + 1);
	for (char *slash = partial + 1; *slash && !error; slash++) {
		if (*slash != '/')
			continue;
		*slash = '\0';
		error = directory_make(partial, why);
		*slash = '/';
	}
	if (!error)
		error = directory_make(partial, why);
	if (error)
		strncat(why->text, "; choose another with -o", sizeof(why->text) - strlen(why->text) - 1);
	return error;
}

static int write_failed(const char *path, struct reason *why)
{
	int error = errno ? errno : EIO;

	return fail(why, error, "cannot write %s: %s%s", path, strerror(error),
		error == ENOSPC || error == EDQUOT ? "; free some space, or choose another place with -o"
		: error == EROFS || error == EACCES || error == EPERM ? "; choose another place with -o"
								      : "");
}

/* A new file of the run, that each line is appended to. 0, or -errno with *why: -EEXIST it is there. */
static int lines_open(const struct run_writer *writer, const char *file, FILE **lines, struct reason *why)
{
	char name[4200];
	int fd = open(writer_file(writer, file, name, sizeof(name)), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
		0666);

	if (fd < 0 && errno == EEXIST)
		return fail(why, EEXIST, "%s holds a run already; choose another directory with -o", writer->path);
	if (fd < 0)
		return write_failed(name, why);
	/* Held until the run ends: nobody resumes it meanwhile. */
	flock(fd, LOCK_EX | LOCK_NB);
	*lines = fdopen(fd, "a");
	if (*lines)
		return 0;
	close(fd);
	return fail(why, ENOMEM, "no memory to write %s", name);
}

int run_writer_open(struct run_writer *writer, const char *path, struct reason *why)
{
	int error;

	*writer = (struct run_writer){ 0 };
	error = make_directories(path, why);
	if (error)
		return error;
	snprintf(writer->path, sizeof(writer->path), "%s", path);
	error = lines_open(writer, "points.jsonl", &writer->points, why);
	return error ? error : lines_open(writer, JOURNAL_NAME, &writer->journal, why);
}

/* The length of a file without a last line that has no end. */
static off_t whole_lines(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char byte = '\n';

	while (end > 0 && pread(fd, &byte, 1, end - 1) == 1 && byte != '\n')
		end--;
	return end;
}

static int lines_reopen(const struct run_writer *writer, const char *file, FILE **lines, struct reason *why)
{
	char name[4200];
	int fd = open(writer_file(writer, file, name, sizeof(name)),
		O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, whole_lines(fd))) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		if (error == EWOULDBLOCK)
			return fail(why, EBUSY, "%s still goes on: another nestwalk writes there", writer->path);
		errno = error;
		return write_failed(name, why);
	}
	*lines = fdopen(fd, "a");
	return *lines ? 0 : fail(why, ENOMEM, "no memory to write %s", name);
}

int run_writer_resume(struct run_writer *writer, const char *path, struct reason *why)
{
	int error;

	*writer = (struct run_writer){ 0 };
	if (strlen(path) >= sizeof(writer->path))
		return fail(why, ENAMETOOLONG, "the path of the run directory is too long");
	strcpy(writer->path, path);
	error = lines_reopen(writer, "points.jsonl", &writer->points, why);
	return error ? error : lines_reopen(writer, JOURNAL_NAME, &writer->journal, why);
}

void run_writer_close(struct run_writer *writer)
{
	if (writer->points)
		fclose(writer->points);
	if (writer->journal)
		fclose(writer->journal);
	writer->points = writer->journal = NULL;
}

/* Write a file beside its final name, make it durable, and only then put it in place. */
static int file_replace(
	const struct run_writer *writer, const char *name, const json_t *lines, const json_t *whole, struct reason *why)
{
	struct new_file file;
	char final[4200];
	size_t i;
	const json_t *line;
	bool bad;
	int rc = new_file_open(&file, writer_file(writer, name, final, sizeof(final)), why);

	if (rc)
		return rc;
	errno = 0;
	bad = whole && (json_dumpf(whole, file.out, JSON_INDENT(2) | ABOUT_DIGITS) || fputc('\n', file.out) == EOF);
	json_array_foreach (lines, i, line)
		bad = bad || json_dumpf(line, file.out, JSON_COMPACT | POINT_DIGITS) || fputc('\n', file.out) == EOF;
	if (!bad && !fflush(file.out) && !fsync(fileno(file.out)))
		return new_file_put(&file, why);
	rc = write_failed(final, why);
	new_file_drop(&file);
	return rc;
}

int run_write_about(const struct run_writer *writer, const json_t *about, struct reason *why)
{
	return file_replace(writer, "run.json", NULL, about, why);
}

int run_write_points(struct run_writer *writer, const json_t *points, struct reason *why)
{
	char name[4200];
	int error = file_replace(writer, "points.jsonl", points, NULL, why);

	if (!error)
		unlink(writer_file(writer, JOURNAL_NAME, name, sizeof(name)));
	return error;
}

static int line_append(
	const struct run_writer *writer, const char *file, FILE *lines, const json_t *line, struct reason *why)
{
	char name[4200];

	errno = 0;
	if (!json_dumpf(line, lines, JSON_COMPACT | POINT_DIGITS) && fputc('\n', lines) != EOF && !fflush(lines))
		return 0;
	return write_failed(writer_file(writer, file, name, sizeof(name)), why);
}

int run_write_point(struct run_writer *writer, const json_t *point, struct reason *why)
{
	return line_append(writer, "points.jsonl", writer->points, point, why);
}

int run_write_journal(struct run_writer *writer, const json_t *entry, struct reason *why)
{
	return line_append(writer, JOURNAL_NAME, writer->journal, entry, why);
}

json_t *run_utc_now(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}
