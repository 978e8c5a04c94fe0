#include "machine/reserve.h"

#include "base/units.h"

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

int reserve_parse(const char *text, struct reservation *reservation, struct reason *why)
{
	char *copy = strdup(text), *rest = NULL;
	int error = copy ? 0 : -ENOMEM;

	*reservation = (struct reservation){ .pipe = -1, .root = "" };
	for (char *part = copy ? strtok_r(copy, ",", &rest) : NULL; part && !error; part = strtok_r(NULL, ",", &rest)) {
		if (reservation->pools == RESERVE_POOLS_MAX)
			error = -EINVAL;
		else
			error = pool_parse(part, &reservation->pool[reservation->pools++]);
	}
	free(copy);
	if (error || !reservation->pools)
		return fail(why, EINVAL, "'%s' is not a list of SIZE:PAGES, e.g. 2M:512,1G:8", text);
	return 0;
}

static void pool_path(const struct reservation *reservation, const struct reserve_pool *pool, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", reservation->root,
		pool->page_bytes / KIB);
}

static int pool_read(const struct reservation *reservation, const struct reserve_pool *pool, uint64_t *pages)
{
	char path[512];
	FILE *file;
	int got;

	pool_path(reservation, pool, path, sizeof(path));
	file = fopen(path, "re");
	if (!file)
		return -errno;
	got = fscanf(file, "%" SCNu64, pages);
	fclose(file);
	return got == 1 ? 0 : -EIO;
}

/* Only async-signal-safe calls are allowed here, as this process may have had other threads when it forked. */
static int pool_write(const struct reservation *reservation, const struct reserve_pool *pool, uint64_t pages)
{
	char path[512], number[24];
	int fd, length, error = 0;

	pool_path(reservation, pool, path, sizeof(path));
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = snprintf(number, sizeof(number), "%" PRIu64 "\n", pages);
	if (write(fd, number, (size_t)length) != length)
		error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

/* The watcher process. It waits for the end of its pipe, and then restores every pool. */
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
		return fail(why, error, "fork: %s", strerror(error));
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
		return fail(why, EACCES, "reserving huge pages needs root");
	if (error)
		return fail(why, -error, "reserving huge pages of %s: %s", size_format(pool->page_bytes, &size),
			strerror(-error));
	error = pool_read(reservation, pool, &got);
	if (error)
		return fail(why, -error, "the hugetlb pool cannot be read back: %s", strerror(-error));
	if (got < pool->before + pool->pages)
		return fail(why, ENOMEM,
			"the kernel found only %" PRIu64 " of %" PRIu64
			" huge pages of %s: ask for fewer, or ask soon after a boot, while memory is not fragmented",
			got - pool->before, pool->pages, size_format(pool->page_bytes, &size));
	return 0;
}

int reserve_take(struct reservation *reservation, struct reason *why)
{
	struct size_text size;
	int error = 0;

	if (!reservation->pools)
		return 0;
	for (unsigned i = 0; i < reservation->pools && !error; i++) {
		struct reserve_pool *pool = &reservation->pool[i];

		error = pool_read(reservation, pool, &pool->before);
		if (error)
			fail(why, -error, "this kernel has no hugetlb pool of %s pages (%s)",
				size_format(pool->page_bytes, &size), strerror(-error));
	}
	/* The watcher is started before anything is changed, so that each change will be undone. */
	if (!error)
		error = watcher_start(reservation, why);
	for (unsigned i = 0; i < reservation->pools && !error; i++)
		error = pool_take(reservation, &reservation->pool[i], why);
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
