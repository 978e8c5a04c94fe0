/* Files and memfds for storms, with all their pages in memory. */
#include "base/directory.h"
#include "base/units.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The file is written page by page. Filesystems choose the size of a folio by the length of the write, and a fault may
 * map a large folio as a whole (mm/filemap.c); the storm means one page a fault, or one window.
 */
static int file_fill(int fd, uint64_t bytes)
{
	static const unsigned char page[PAGE_4K] = { 1 };

	for (uint64_t done = 0; done < bytes; done += sizeof(page)) {
		ssize_t written = write(fd, page, sizeof(page));

		if (written != (ssize_t)sizeof(page))
			return written < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

/* A file without a name, so that nothing is left over in whatever way this ends. */
static int nameless_open(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	/* Not every file system can: the overlays of containers can since Linux 6.2. */
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (asprintf(&path, "%s/nestwalk-XXXXXX", directory) < 0)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

int file_make(uint64_t bytes, int *fd, struct reason *why)
{
	const char *directory = directory_temporary();
	int error;

	*fd = nameless_open(directory);
	if (*fd < 0)
		return fail(
			why, errno, "no temporary file in %s (%s): point TMPDIR elsewhere", directory, strerror(errno));
	error = file_fill(*fd, bytes);
	if (error) {
		close(*fd);
		*fd = -1;
		return fail(why, -error, "writing %" PRIu64 " MiB in %s: %s: point TMPDIR elsewhere", bytes / MIB,
			directory, strerror(-error));
	}
	return 0;
}

int memfd_make(uint64_t bytes, int *fd, struct reason *why)
{
	unsigned char *at = MAP_FAILED;
	int error = 0;

	*fd = memfd_create("nestwalk", MFD_CLOEXEC);
	if (*fd < 0)
		return fail(why, errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(*fd, (off_t)bytes))
		error = -errno;
	if (!error)
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (!error && at == MAP_FAILED)
		error = -errno;
	if (!error) {
		/* Faults of such a mapping are answered with small folios, whatever shmem_enabled says. */
		madvise(at, bytes, MADV_NOHUGEPAGE);
		touch_store(at, PAGE_4K, bytes / PAGE_4K);
		munmap(at, bytes);
	}
	if (error) {
		close(*fd);
		*fd = -1;
		return fail(why, -error, "a memfd of %" PRIu64 " MiB: %s", bytes / MIB, strerror(-error));
	}
	return 0;
}
