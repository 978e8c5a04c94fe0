#include "counters/group.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the system calls --- */

static int linux_open(struct perf_event_attr *event, pid_t thread, int group_fd)
{
	int fd = (int)syscall(SYS_perf_event_open, event, thread, -1, group_fd, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static ssize_t linux_read(int fd, void *buffer, size_t bytes)
{
	ssize_t got = read(fd, buffer, bytes);

	return got < 0 ? -errno : got;
}

static int linux_control(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static const volatile struct perf_event_mmap_page *linux_map(int fd)
{
	/* Without PROT_WRITE the kernel does not record how far the page was read. */
	void *page = mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

static void linux_unmap(const volatile struct perf_event_mmap_page *page)
{
	munmap((void *)(uintptr_t)page, page_bytes());
}

static void linux_close(int fd)
{
	close(fd);
}

const struct perf_calls perf_calls_linux = {
	.open = linux_open,
	.read = linux_read,
	.control = linux_control,
	.map = linux_map,
	.unmap = linux_unmap,
	.close = linux_close,
	.rdpmc = reading_rdpmc,
};

/* --- groups --- */

/* Whether all events of the group may be read by rdpmc: /sys/bus/event_source/devices/cpu/rdpmc decides. */
static bool counter_pages_map(struct event_group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		group->page[i] = group->calls->map(group->fd[i]);
		if (!group->page[i] || !group->page[i]->cap_user_rdpmc)
			return false;
	}
	return true;
}

static void counter_pages_unmap(struct event_group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group->page[i])
			group->calls->unmap(group->page[i]);
		group->page[i] = NULL;
	}
}

int group_open(struct event_group *group, const struct group_plan *plan, size_t *refused)
{
	*group = (struct event_group){ .calls = plan->calls, .pinned = plan->pinned };
	for (size_t i = 0; i < plan->count; i++) {
		struct perf_event_attr event = plan->event[i];
		int fd, error;

		event.read_format = READING_FORMAT;
		event.exclude_host = plan->guest_only;
		/* The first event leads the group: the others count whenever it does. */
		event.disabled = i == 0;
		event.pinned = i == 0 && plan->pinned;
		fd = plan->calls->open(&event, plan->thread, i ? group->fd[0] : -1);
		error = fd < 0 ? fd : plan->calls->control(fd, PERF_EVENT_IOC_ID, &group->id[i]);
		if (fd >= 0)
			group->fd[group->count++] = fd;
		if (error) {
			*refused = i;
			group_close(group);
			return error;
		}
	}
	group->by_rdpmc = plan->by_rdpmc && !plan->thread && counter_pages_map(group);
	if (!group->by_rdpmc)
		counter_pages_unmap(group);
	return 0;
}

static int switch_group(struct event_group *group, unsigned long request, struct reason *why)
{
	int error = group->calls->control(group->fd[0], request, (void *)(uintptr_t)PERF_IOC_FLAG_GROUP);

	if (error)
		return fail(why, -error, "perf's ioctl: %s", strerror(-error));
	return 0;
}

static int read_group(struct event_group *group, struct reading *out, struct reason *why)
{
	uint64_t buffer[READING_WORDS(GROUP_EVENTS_MAX)];
	ssize_t bytes = group->calls->read(group->fd[0], buffer, READING_WORDS(group->count) * sizeof(uint64_t));

	if (bytes < 0)
		return fail(why, (int)-bytes, "a group of counters: %s", strerror((int)-bytes));
	return reading_decode(buffer, (size_t)bytes, group->id, group->count, out, why);
}

/* Whether all events have a counter that user code may read now. */
static bool counter_pages_read(struct event_group *group, struct page_reading *out)
{
	bool on = true;

	for (size_t i = 0; i < group->count; i++) {
		reading_page(group->page[i], group->calls->rdpmc, &out[i]);
		on = on && out[i].on;
	}
	return on;
}

int group_begin(struct event_group *group, struct reason *why)
{
	int error = switch_group(group, PERF_EVENT_IOC_ENABLE, why);

	if (error)
		return error;
	if (group->by_rdpmc) {
		if (counter_pages_read(group, group->from))
			return 0;
		/* The event cannot be read by rdpmc now. From here on the group is read by read(2). */
		counter_pages_unmap(group);
		group->by_rdpmc = false;
		group->stale = true;
	}
	if (!group->stale)
		return 0;
	error = read_group(group, &group->last, why);
	group->stale = error != 0;
	return error;
}

static int end_by_rdpmc(struct event_group *group, struct counted *out, struct reason *why)
{
	struct page_reading to[GROUP_EVENTS_MAX];
	bool on = counter_pages_read(group, to);
	int error = switch_group(group, PERF_EVENT_IOC_DISABLE, why);

	/*
	 * A pinned event that lost its counter stopped counting, and its clock stopped too, so nobody can tell how
	 * much is missing.
	 */
	if (!error && !on && group->pinned)
		return fail(why, EBUSY, "the counters were taken by others");
	for (size_t i = 0; !error && i < group->count; i++) {
		const struct page_reading *from = &group->from[i];

		out[i] = reading_between(to[i].count - from->count, to[i].enabled_ns - from->enabled_ns,
			to[i].running_ns - from->running_ns);
	}
	return error;
}

int group_end(struct event_group *group, struct counted *out, struct reason *why)
{
	struct reading now;
	int error;

	if (group->by_rdpmc)
		return end_by_rdpmc(group, out, why);
	error = switch_group(group, PERF_EVENT_IOC_DISABLE, why);
	if (!error)
		error = read_group(group, &now, why);
	if (error) {
		group->stale = true;
		return error;
	}
	for (size_t i = 0; i < group->count; i++)
		out[i] = reading_between(now.count[i] - group->last.count[i], now.enabled_ns - group->last.enabled_ns,
			now.running_ns - group->last.running_ns);
	group->last = now;
	return 0;
}

void group_close(struct event_group *group)
{
	if (!group->calls)
		return;
	counter_pages_unmap(group);
	/* The leader is closed last, because closing it would make each other event a leader. */
	while (group->count)
		group->calls->close(group->fd[--group->count]);
	memset(group, 0, sizeof(*group));
}
