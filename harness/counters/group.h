/* A group of events that are opened, switched on and off around measured code, and read together. */
#ifndef NESTWALK_GROUP_H
#define NESTWALK_GROUP_H

#include "base/reason.h"
#include "counters/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The system calls of a group, replaceable so that tests can put a PMU of their own beneath. Failures are negative
 * errnos.
 */
struct perf_calls {
	int (*open)(struct perf_event_attr *event, pid_t thread, int group_fd); /* a descriptor */
	ssize_t (*read)(int fd, void *buffer, size_t bytes);
	int (*control)(int fd, unsigned long request, void *argument); /* ioctl(2) */
	const volatile struct perf_event_mmap_page *(*map)(int fd); /* NULL where the page cannot be mapped */
	void (*unmap)(const volatile struct perf_event_mmap_page *page);
	void (*close)(int fd);
	read_counter rdpmc;
};

extern const struct perf_calls perf_calls_linux;

struct group_plan {
	const struct perf_event_attr *event;
	size_t count; /* 1 .. GROUP_EVENTS_MAX */
	pid_t thread; /* 0: the caller's own */
	bool guest_only; /* count only while the thread runs a guest: exclude_host */
	/*
	 * the group counts all the time or not at all; otherwise it takes turns with other groups, and counts are
	 * scaled
	 */
	bool pinned;
	bool by_rdpmc; /* read without a system call, where the kernel allows that; the caller's own thread only */
	const struct perf_calls *calls;
};

struct event_group {
	const struct perf_calls *calls;
	size_t count; /* 0: closed */
	int fd[GROUP_EVENTS_MAX];
	uint64_t id[GROUP_EVENTS_MAX];
	const volatile struct perf_event_mmap_page *page[GROUP_EVENTS_MAX];
	bool pinned, by_rdpmc;
	bool stale; /* .last is not valid, as the group got no counters */
	struct reading last; /* read(2): at the last end */
	struct page_reading from[GROUP_EVENTS_MAX]; /* by_rdpmc: at begin */
};

/*
 * Open a group, switched off. 0 with *group, which the caller closes with group_close(); or -errno of
 * perf_event_open(2) for event *refused (machine_perf_refused() says what it means). -EINVAL for an event that is not
 * the first may also mean that this PMU has no room for that many events.
 */
int group_open(struct event_group *group, const struct group_plan *plan, size_t *refused);

/*
 * Count from here to group_end(). The group holds its counters only between the two calls, so several groups of one
 * thread do not hinder each other. Switching is a system call. Reading takes some tens of cycles an event by rdpmc, or
 * another system call. The events count user code only, so system calls are not counted. -EBUSY, -errno of ioctl(2) or
 * read(2).
 */
int group_begin(struct event_group *group, struct reason *why);

/*
 * End counting, and write the counts to out[group->count]. -EBUSY: a pinned group had to give up its counters, so its
 * counts are not known.
 */
int group_end(struct event_group *group, struct counted *out, struct reason *why);

/* Closing a closed (all zero) group does nothing. */
void group_close(struct event_group *group);

#endif
