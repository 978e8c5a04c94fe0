/* The kinds of storms, and how each brings its region into the state that faults. */
#include "base/units.h"
#include "machine/process.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const storm_frames_names[STORM_FRAMES] = { "recycled", "fresh" };

const char *const storm_kind_names[STORM_KINDS] = {
	[STORM_ANON_WRITE] = "anon-write",
	[STORM_ANON_READ] = "anon-read",
	[STORM_ZERO_WRITE] = "zero-write",
	[STORM_THP_WRITE] = "thp-write",
	[STORM_HUGETLB_WRITE] = "hugetlb-write",
	[STORM_SHARED_WRITE] = "shared-write",
	[STORM_FILE_READ] = "file-read",
	[STORM_FILE_COPY] = "file-copy",
	[STORM_FORK_COPY] = "fork-copy",
	[STORM_DONTNEED_WRITE] = "dontneed-write",
	[STORM_FREE_WRITE] = "free-write",
	[STORM_UPGRADE] = "upgrade",
	[STORM_POPULATE] = "populate",
	[STORM_USERFAULT_MISSING] = "userfault-missing",
	[STORM_USERFAULT_MINOR] = "userfault-minor",
};

/* fault_around_bytes as the kernel has it unless debugfs says otherwise (mm/memory.c). */
#define FAULT_AROUND_BYTES (64 * KIB)

static int map_any(struct storm_place *place, int flags, uint64_t bytes, struct reason *why)
{
	place->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, place->fd, 0);
	if (place->map == MAP_FAILED) {
		int error = errno;

		place->map = NULL;
		return fail(why, error, "mapping %" PRIu64 " MiB: %s%s", bytes / MIB, strerror(error),
			process_error_hint(error));
	}
	place->map_bytes = bytes;
	place->at = place->map;
	/* A kernel without huge pages refuses the advice, and does not need it. */
	if (!(flags & MAP_HUGETLB))
		madvise(place->at, bytes, MADV_NOHUGEPAGE);
	return 0;
}

static int map_anon(struct storm_place *place, struct reason *why)
{
	return map_any(place, MAP_PRIVATE | MAP_ANONYMOUS, place->bytes, why);
}

static int map_shared(struct storm_place *place, struct reason *why)
{
	return map_any(place, MAP_SHARED, place->bytes, why);
}

static int map_private(struct storm_place *place, struct reason *why)
{
	return map_any(place, MAP_PRIVATE, place->bytes, why);
}

static int region_unmap(struct storm_place *place, struct reason *why)
{
	if (place->map && munmap(place->map, place->map_bytes))
		return fail(why, errno, "munmap: %s", strerror(errno));
	place->map = NULL;
	return 0;
}

static int map_zero(struct storm_place *place, struct reason *why)
{
	int error = map_anon(place, why);

	return error ? error : touch_load(place->at, PAGE_4K, place->bytes / PAGE_4K);
}

/*
 * Large pages need an aligned address. smaps tells of this region alone only if the kernel does not merge it with a
 * neighbour. So the region lies between addresses that are inaccessible.
 */
static int map_large(struct storm_place *place, int flags, struct reason *why)
{
	uint64_t bytes = place->bytes + 2 * PAGE_2M;
	unsigned char *reserved = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (reserved == MAP_FAILED)
		return fail(why, errno, "reserving addresses: %s%s", strerror(errno), process_error_hint(errno));
	place->map = reserved;
	place->map_bytes = bytes;
	/* At least one page stays inaccessible in front of it. */
	place->at = (unsigned char *)(((uintptr_t)reserved + PAGE_2M) / PAGE_2M * PAGE_2M);
	if (mmap(place->at, place->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1,
		    0) == MAP_FAILED)
		return fail(why, errno, "mapping %" PRIu64 " MiB%s: %s", place->bytes / MIB,
			flags ? " of the hugetlb pool" : "", strerror(errno));
	return 0;
}

static int map_thp(struct storm_place *place, struct reason *why)
{
	int error = map_large(place, 0, why);

	if (!error && madvise(place->at, place->bytes, MADV_HUGEPAGE))
		error = fail(why, ENOTSUP, "this kernel has no transparent huge pages (madvise: %s)", strerror(errno));
	return error;
}

static int map_hugetlb(struct storm_place *place, struct reason *why)
{
	return map_large(place, MAP_HUGETLB | MAP_HUGE_2MB, why);
}

static int open_file(struct storm_place *place, struct reason *why)
{
	return file_make(place->bytes, &place->fd, why);
}

static int open_memfd(struct storm_place *place, struct reason *why)
{
	return memfd_make(place->bytes, &place->fd, why);
}

static int open_anon(struct storm_place *place, struct reason *why)
{
	int error = map_anon(place, why);

	return error ? error : touch_store(place->at, PAGE_4K, place->bytes / PAGE_4K);
}

static int region_advise(const struct storm_place *place, int advice, const char *name, struct reason *why)
{
	return madvise(place->at, place->bytes, advice) ? fail(why, errno, "madvise(%s): %s", name, strerror(errno))
							: 0;
}

static int map_dontneed(struct storm_place *place, struct reason *why)
{
	return region_advise(place, MADV_DONTNEED, "MADV_DONTNEED", why);
}

static int map_free(struct storm_place *place, struct reason *why)
{
	return region_advise(place, MADV_FREE, "MADV_FREE", why);
}

static int map_upgrade(struct storm_place *place, struct reason *why)
{
	if (mprotect(place->at, place->bytes, PROT_READ) || mprotect(place->at, place->bytes, PROT_READ | PROT_WRITE))
		return fail(why, errno, "mprotect: %s", strerror(errno));
	return 0;
}

/* --- a child that keeps the pages --- */

static int open_fork(struct storm_place *place, struct reason *why)
{
	if (pipe2(place->ready, O_CLOEXEC))
		return fail(why, errno, "a pipe: %s", strerror(errno));
	return open_anon(place, why);
}

static _Noreturn void child_main(int ready, pid_t parent)
{
	/* The child ends with the thread that forked it, in whatever way that ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int map_fork(struct storm_place *place, struct reason *why)
{
	pid_t self = getpid(), child = fork();
	char byte;

	if (!child)
		child_main(place->ready[1], self);
	if (child < 0)
		return fail(why, errno, "fork: %s%s", strerror(errno), process_error_hint(errno));
	place->child = child;
	/* Wait until the child sleeps: it must not take this CPU's time while the worker is timed. */
	if (read(place->ready[0], &byte, 1) != 1)
		return fail(why, EIO, "a forked child did not come up");
	return 0;
}

static int unmap_fork(struct storm_place *place, struct reason *why)
{
	struct rusage usage = { 0 };
	pid_t reaped;

	if (!place->child)
		return 0;
	kill(place->child, SIGKILL);
	do
		reaped = wait4(place->child, NULL, 0, &usage);
	while (reaped < 0 && errno == EINTR);
	place->child = 0;
	if (reaped < 0)
		return fail(why, errno, "waiting for a forked child: %s", strerror(errno));
	place->helper.user_ns += timeval_ns(usage.ru_utime);
	place->helper.system_ns += timeval_ns(usage.ru_stime);
	/* The usage of a child that has ended is exact. */
	place->helper.cpu_ns = place->helper.user_ns + place->helper.system_ns;
	return 0;
}

/* --- userfaults: a page more than the region is the handler's --- */

static int open_userfault(struct storm_place *place, bool minor, struct reason *why)
{
	struct userfault_spec spec = { .bytes = place->bytes + PAGE_4K, .minor = minor };
	int error = minor ? memfd_make(spec.bytes, &place->fd, why) : 0;

	if (!error)
		error = map_any(place, minor ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, spec.bytes, why);
	spec.at = place->at;
	return error ? error : userfault_open(&place->userfault, &spec, why);
}

static int open_missing(struct storm_place *place, struct reason *why)
{
	return open_userfault(place, false, why);
}

static int open_minor(struct storm_place *place, struct reason *why)
{
	return open_userfault(place, true, why);
}

#define TOUCH_STORE .touch = touch_store, .touch_timed = touch_store_timed
#define TOUCH_LOAD .touch = touch_load, .touch_timed = touch_load_timed
#define PAGES_4K .page_bytes = PAGE_4K, .step_bytes = PAGE_4K
#define PAGES_2M .page_bytes = PAGE_2M, .step_bytes = PAGE_2M

const struct storm_row storm_rows[STORM_KINDS] = {
	[STORM_ANON_WRITE] = { PAGES_4K, .map = map_anon, .unmap = region_unmap, TOUCH_STORE, .regions = 1 },
	[STORM_ANON_READ] = { PAGES_4K, .map = map_anon, .unmap = region_unmap, TOUCH_LOAD },
	[STORM_ZERO_WRITE] = { PAGES_4K, .map = map_zero, .unmap = region_unmap, TOUCH_STORE, .regions = 1 },
	[STORM_THP_WRITE] = { PAGES_2M, .map = map_thp, .unmap = region_unmap, TOUCH_STORE, .regions = 1 },
	[STORM_HUGETLB_WRITE] = { PAGES_2M, .map = map_hugetlb, .unmap = region_unmap, TOUCH_STORE },
	[STORM_SHARED_WRITE] = { PAGES_4K, .open = open_memfd, .map = map_shared, .unmap = region_unmap, TOUCH_STORE,
		.regions = 1 },
	[STORM_FILE_READ] = { .page_bytes = PAGE_4K,
		.step_bytes = FAULT_AROUND_BYTES,
		.open = open_file,
		.map = map_private,
		.unmap = region_unmap,
		TOUCH_LOAD,
		.regions = 1 },
	[STORM_FILE_COPY] = { PAGES_4K, .open = open_file, .map = map_private, .unmap = region_unmap, TOUCH_STORE,
		.regions = 2 },
	[STORM_FORK_COPY] = { PAGES_4K, .open = open_fork, .map = map_fork, .unmap = unmap_fork, TOUCH_STORE,
		.regions = 2 },
	[STORM_DONTNEED_WRITE] = { PAGES_4K, .open = open_anon, .map = map_dontneed, TOUCH_STORE, .regions = 1 },
	[STORM_FREE_WRITE] = { PAGES_4K, .open = open_anon, .map = map_free, TOUCH_STORE, .expect = EXPECT_NONE,
		.regions = 1 },
	[STORM_UPGRADE] = { PAGES_4K, .open = open_anon, .map = map_upgrade, TOUCH_STORE, .expect = EXPECT_ONE_OR_NONE,
		.regions = 1 },
	[STORM_POPULATE] = { PAGES_4K, .map = map_anon, .unmap = region_unmap, .touch = touch_populate, .regions = 1 },
	[STORM_USERFAULT_MISSING] = { PAGES_4K, .open = open_missing, .map = map_dontneed, TOUCH_STORE, .regions = 1 },
	[STORM_USERFAULT_MINOR] = { PAGES_4K, .open = open_minor, .map = map_dontneed, TOUCH_STORE, .regions = 1 },
};

int place_open(struct storm_place *place, enum storm_kind kind, uint64_t bytes, struct reason *why)
{
	*place = (struct storm_place){
		.row = &storm_rows[kind],
		.bytes = bytes,
		.fd = -1,
		.ready = { -1, -1 },
	};
	return place->row->open ? place->row->open(place, why) : 0;
}

int place_helper(struct storm_place *place, struct reason *why)
{
	return place->userfault ? userfault_usage(place->userfault, &place->helper, why) : 0;
}

void place_close(struct storm_place *place, bool keep)
{
	userfault_close(place->userfault);
	if (!keep) {
		unmap_fork(place, NULL);
		region_unmap(place, NULL);
		if (place->fd >= 0)
			close(place->fd);
	}
	for (unsigned i = 0; i < 2; i++)
		if (place->ready[i] >= 0)
			close(place->ready[i]);
}
