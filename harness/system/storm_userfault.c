/*
 * A thread that answers page faults from user space (userfaultfd(2), Linux 4.3; UFFD_USER_MODE_ONLY 5.11, minor faults
 * of shared memory 5.14). It reads and answers in turn, without poll(), as programs do that must be fast.
 */
#include "base/units.h"
#include "machine/process.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/userfaultfd.h; older headers lack them. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFDIO_REGISTER_MODE_MINOR
#define UFFDIO_REGISTER_MODE_MINOR ((__u64)1 << 2)
#define UFFD_FEATURE_MINOR_SHMEM ((__u64)1 << 10)
#define _UFFDIO_CONTINUE 0x07
struct uffdio_continue {
	struct uffdio_range range;
	__u64 mode;
	__s64 mapped;
};
#define UFFDIO_CONTINUE _IOWR(UFFDIO, _UFFDIO_CONTINUE, struct uffdio_continue)
#endif

struct userfault {
	struct userfault_spec spec;
	int fd;
	unsigned char *page; /* what missing pages are copies of */
	unsigned char *own; /* the last page of the range: touching it asks for usage */
	pthread_t thread;
	bool running;
	_Atomic bool over; /* the thread is to end with the next fault in its own page */
	_Atomic int error; /* of the thread: it has ended, and the kernel answers faults itself */
	struct helper_usage usage; /* written by the thread before it answers for its own page */
};

static int fault_answer(const struct userfault *userfault, uint64_t address)
{
	struct uffdio_continue map = { .range = { .start = address, .len = PAGE_4K } };
	struct uffdio_copy copy = { .dst = address, .src = (uintptr_t)userfault->page, .len = PAGE_4K };

	if (userfault->spec.minor)
		return ioctl(userfault->fd, UFFDIO_CONTINUE, &map) ? errno : 0;
	return ioctl(userfault->fd, UFFDIO_COPY, &copy) ? errno : 0;
}

static void usage_note(struct userfault *userfault)
{
	struct rusage usage;
	struct timespec cpu;

	getrusage(RUSAGE_THREAD, &usage);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	userfault->usage = (struct helper_usage){
		.cpu_ns = timespec_ns(cpu),
		.user_ns = timeval_ns(usage.ru_utime),
		.system_ns = timeval_ns(usage.ru_stime),
	};
}

static void *userfault_main(void *data)
{
	struct userfault *userfault = data;
	uint64_t own = (uintptr_t)userfault->own;
	bool over = false;
	int error = 0;

	while (!over && !error) {
		struct uffd_msg message;

		if (read(userfault->fd, &message, sizeof(message)) != (ssize_t)sizeof(message)) {
			error = errno == EINTR || errno == EAGAIN ? 0 : EIO;
			continue;
		}
		if (message.event != UFFD_EVENT_PAGEFAULT)
			continue;
		if (message.arg.pagefault.address / PAGE_4K * PAGE_4K == own) {
			usage_note(userfault);
			over = atomic_load(&userfault->over);
		}
		error = fault_answer(userfault, message.arg.pagefault.address / PAGE_4K * PAGE_4K);
	}
	atomic_store(&userfault->error, error);
	/*
	 * Closing the file wakes each thread that waits for an answer, and the kernel then handles faults in the usual
	 * way.
	 */
	if (error) {
		struct uffdio_range range = { .start = (uintptr_t)userfault->spec.at, .len = userfault->spec.bytes };

		ioctl(userfault->fd, UFFDIO_UNREGISTER, &range);
	}
	return NULL;
}

/* Touch the thread's own page, so that it notes its usage. */
static void call_thread(const struct userfault *userfault)
{
	madvise(userfault->own, PAGE_4K, MADV_DONTNEED);
	touch_store(userfault->own, PAGE_4K, 1);
}

static int descriptor_open(const struct userfault *userfault, struct reason *why)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 && errno == EPERM)
		return fail(why, EPERM,
			"userfaultfd is not allowed here (root may set vm.unprivileged_userfaultfd to 1; containers forbid it by seccomp)");
	if (fd < 0)
		return fail(why, errno, "userfaultfd: %s", strerror(errno));
	struct uffdio_api api = { .api = UFFD_API, .features = userfault->spec.minor ? UFFD_FEATURE_MINOR_SHMEM : 0 };
	if (ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return fail(why, EOPNOTSUPP, "this kernel's userfaultfd has no %s faults: Linux 5.14 has",
			userfault->spec.minor ? "minor" : "missing");
	}
	return fd;
}

static int range_register(const struct userfault *userfault, struct reason *why)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)userfault->spec.at, .len = userfault->spec.bytes },
		.mode = userfault->spec.minor ? UFFDIO_REGISTER_MODE_MINOR : UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(userfault->fd, UFFDIO_REGISTER, &range)
		       ? fail(why, EOPNOTSUPP, "userfaultfd does not take this memory: %s", strerror(errno))
		       : 0;
}

int userfault_open(struct userfault **out, const struct userfault_spec *spec, struct reason *why)
{
	struct userfault *userfault = calloc(1, sizeof(*userfault));
	int error = 0;

	if (!userfault)
		return fail(why, ENOMEM, "no memory for a handler of faults");
	userfault->spec = *spec;
	userfault->own = spec->at + spec->bytes - PAGE_4K;
	userfault->fd = -1;
	userfault->page = aligned_alloc(PAGE_4K, PAGE_4K);
	if (!userfault->page)
		error = fail(why, ENOMEM, "no memory for a handler of faults");
	if (!error) {
		memset(userfault->page, 1, PAGE_4K);
		userfault->fd = descriptor_open(userfault, why);
		error = userfault->fd < 0 ? userfault->fd : 0;
	}
	if (!error)
		error = range_register(userfault, why);
	if (!error) {
		int code = pthread_create(&userfault->thread, NULL, userfault_main, userfault);

		error = code ? fail(why, code, "no thread: %s%s", strerror(code), process_error_hint(code)) : 0;
		userfault->running = !error;
	}
	if (error) {
		userfault_close(userfault);
		return error;
	}
	*out = userfault;
	return 0;
}

int userfault_usage(struct userfault *userfault, struct helper_usage *usage, struct reason *why)
{
	int error;

	call_thread(userfault);
	error = atomic_load(&userfault->error);
	if (error)
		return fail(why, error, "answering a fault from user space: %s", strerror(error));
	*usage = userfault->usage;
	return 0;
}

void userfault_close(struct userfault *userfault)
{
	if (!userfault)
		return;
	if (userfault->running) {
		atomic_store(&userfault->over, true);
		call_thread(userfault);
		pthread_join(userfault->thread, NULL);
	}
	if (userfault->fd >= 0)
		close(userfault->fd);
	free(userfault->page);
	free(userfault);
}
