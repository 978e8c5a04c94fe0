#include "machine/reserve.h"

#include "base/units.h"
#include "machine/process.h"
#include "machine/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int pool_parse(char *text, struct reserve_pool *pool)
{
	char *colon = strchr(text, ':'), *end;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (size_parse(text, &pool->page_bytes) || (pool->page_bytes != PAGE_2M && pool->page_bytes != PAGE_1G))
		return -EINVAL;
	errno = 0;
	pool->pages = strtoull(colon + 1, &end, 10);
	return errno || end == colon + 1 || *end || colon[1] == '-' || !pool->pages ? -EINVAL : 0;
}

static int pool_add(char *text, struct reservation *reservation)
{
	if (reservation->pools == RESERVE_POOLS_MAX)
		return -EINVAL;
	return pool_parse(text, &reservation->pool[reservation->pools++]);
}

static int size_add(char *text, struct reservation *reservation)
{
	struct reserve_size *size = &reservation->size[reservation->sizes];

	if (reservation->sizes == RESERVE_SIZES_MAX || size_parse(text, &size->page_bytes) ||
		!page_is_mthp(size->page_bytes))
		return -EINVAL;
	reservation->sizes++;
	return 0;
}

static int list_parse(
	const char *text, struct reservation *reservation, int (*add)(char *text, struct reservation *reservation))
{
	char *copy = strdup(text), *rest = NULL, *part = copy ? strtok_r(copy, ",", &rest) : NULL;
	int error = part ? 0 : -EINVAL;

	for (; part && !error; part = strtok_r(NULL, ",", &rest))
		error = add(part, reservation);
	free(copy);
	return error;
}

int reserve_parse_pools(const char *text, struct reservation *reservation, struct reason *why)
{
	reservation->pools = 0;
	if (list_parse(text, reservation, pool_add))
		return fail(why, EINVAL, "'%s' is not a list of SIZE:PAGES, e.g. 2M:512,1G:8", text);
	return 0;
}

int reserve_parse_sizes(const char *text, struct reservation *reservation, struct reason *why)
{
	reservation->sizes = 0;
	if (list_parse(text, reservation, size_add))
		return fail(why, EINVAL, "'%s' is not a list of page sizes between 4K and 2M, e.g. 16K,64K", text);
	return 0;
}

/* Only async-signal-safe calls are allowed here, as this process may have had other threads when it forked. */
static int text_write(const char *path, const char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	errno = 0;
	if (write(fd, text, length) != (ssize_t)length)
		error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

static int text_read(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char *got;

	if (!file)
		return -errno;
	got = fgets(text, (int)bytes, file);
	fclose(file);
	return got ? 0 : -EIO;
}

#define PATH_BYTES 512

static void pool_path(const struct reservation *reservation, const struct reserve_pool *pool, char *path)
{
	snprintf(path, PATH_BYTES, "%s/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", reservation->root,
		pool->page_bytes / KIB);
}

static int pool_read(const struct reservation *reservation, const struct reserve_pool *pool, uint64_t *pages)
{
	char path[PATH_BYTES], number[24];
	int error;

	pool_path(reservation, pool, path);
	error = text_read(path, number, sizeof(number));
	return error ? error : sscanf(number, "%" SCNu64, pages) == 1 ? 0 : -EIO;
}

static int pool_write(const struct reservation *reservation, const struct reserve_pool *pool, uint64_t pages)
{
	char path[PATH_BYTES], number[24];

	pool_path(reservation, pool, path);
	snprintf(number, sizeof(number), "%" PRIu64 "\n", pages);
	return text_write(path, number);
}

static void size_path(const struct reservation *reservation, const struct reserve_size *size, char *path)
{
	snprintf(path, PATH_BYTES, "%s/sys/kernel/mm/transparent_hugepage/hugepages-%" PRIu64 "kB/enabled",
		reservation->root, size->page_bytes / KIB);
}

static int size_read(const struct reservation *reservation, const struct reserve_size *size, char *word, size_t bytes)
{
	char path[PATH_BYTES], text[128];
	int error;

	size_path(reservation, size, path);
	error = text_read(path, text, sizeof(text));
	return error ? error : text_chosen(text, word, bytes) ? 0 : -EIO;
}

static int size_write(const struct reservation *reservation, const struct reserve_size *size, const char *word)
{
	char path[PATH_BYTES];

	size_path(reservation, size, path);
	return text_write(path, word);
}

/* The watcher process. It waits for the end of its pipe, and then restores every pool and every size. */
static void watcher_main(const struct reservation *reservation, int end)
{
	char byte;

	/* The watcher has a session of its own: Ctrl-C ends the run, which then closes the pipe. */
	setsid();
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	while (read(end, &byte, 1) != 0)
		;
	for (unsigned i = 0; i < reservation->pools; i++)
		pool_write(reservation, &reservation->pool[i], reservation->pool[i].before);
	for (unsigned i = 0; i < reservation->sizes; i++)
		size_write(reservation, &reservation->size[i], reservation->size[i].before);
	_exit(0);
}

static int watcher_start(struct reservation *reservation, struct reason *why)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail(why, errno, "pipe: %s", strerror(errno));
	reservation->watcher = fork();
	if (reservation->watcher < 0) {
		int error = errno;

		reservation->watcher = 0;
		close(ends[0]);
		close(ends[1]);
		return fail(why, error, "fork: %s%s", strerror(error), process_error_hint(error));
	}
	if (!reservation->watcher) {
		close(ends[1]);
		watcher_main(reservation, ends[0]);
	}
	close(ends[0]);
	reservation->pipe = ends[1];
	return 0;
}

static int pool_take(struct reservation *reservation, struct reserve_pool *pool, struct reason *why)
{
	struct size_text size;
	uint64_t got;
	int error = pool_write(reservation, pool, pool->before + pool->pages);

	if (error == -EACCES || error == -EPERM)
		return fail(why, EACCES, "reserving huge pages needs root%s",
			geteuid() ? "" : ", and this is root of a container only");
	if (error)
		return fail(why, -error, "reserving huge pages of %s: %s", size_format(pool->page_bytes, &size),
			strerror(-error));
	error = pool_read(reservation, pool, &got);
	if (error)
		return fail(why, -error, "the hugetlb pool cannot be read back: %s", strerror(-error));
	if (got < pool->before + pool->pages)
		return fail(why, CANNOT_HERE,
			"the kernel found only %" PRIu64 " of %" PRIu64
			" huge pages of %s: ask for fewer, or ask soon after a boot, while memory is not fragmented",
			got - pool->before, pool->pages, size_format(pool->page_bytes, &size));
	return 0;
}

static int size_take(const struct reservation *reservation, const struct reserve_size *size, struct reason *why)
{
	struct size_text text;
	char word[16];
	int error;

	if (!strcmp(size->before, "always"))
		return 0;
	error = size_write(reservation, size, "madvise");
	if (error == -EACCES || error == -EPERM)
		return fail(why, EACCES, "turning on sizes of transparent huge pages needs root%s",
			geteuid() ? "" : ", and this is root of a container only");
	if (!error)
		error = size_read(reservation, size, word, sizeof(word));
	if (!error && strcmp(word, "madvise"))
		error = -EIO;
	return error ? fail(why, -error, "turning on transparent huge pages of %s: %s",
			       size_format(size->page_bytes, &text), strerror(-error))
		     : 0;
}

/* Read what is to be given back. */
static int before_read(struct reservation *reservation, struct reason *why)
{
	struct size_text text;
	int error = 0;

	for (unsigned i = 0; i < reservation->pools && !error; i++) {
		struct reserve_pool *pool = &reservation->pool[i];

		error = pool_read(reservation, pool, &pool->before);
		if (error)
			fail(why, -error, "this kernel has no hugetlb pool of %s pages (%s)",
				size_format(pool->page_bytes, &text), strerror(-error));
	}
	for (unsigned i = 0; i < reservation->sizes && !error; i++) {
		struct reserve_size *size = &reservation->size[i];

		error = size_read(reservation, size, size->before, sizeof(size->before));
		if (error)
			fail(why, -error,
				"this kernel has no transparent huge pages of %s (%s): Linux 6.8 and later have",
				size_format(size->page_bytes, &text), strerror(-error));
	}
	return error;
}

int reserve_take(struct reservation *reservation, struct reason *why)
{
	int error;

	if (!reservation->pools && !reservation->sizes)
		return 0;
	error = before_read(reservation, why);
	/* The watcher is started before anything is changed, so that each change will be undone. */
	if (!error)
		error = watcher_start(reservation, why);
	for (unsigned i = 0; i < reservation->pools && !error; i++)
		error = pool_take(reservation, &reservation->pool[i], why);
	for (unsigned i = 0; i < reservation->sizes && !error; i++)
		error = size_take(reservation, &reservation->size[i], why);
	if (error)
		reserve_release(reservation);
	return error;
}

void reserve_release(struct reservation *reservation)
{
	if (!reservation->watcher)
		return;
	close(reservation->pipe);
	while (waitpid(reservation->watcher, NULL, 0) < 0 && errno == EINTR)
		;
	reservation->watcher = 0;
	reservation->pipe = -1;
}
