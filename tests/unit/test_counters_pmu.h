/*
 * A made-up PMU for tests, beneath counters/group.h: it has as many counters as a test gives it, other users who take
 * them, and missing events. Included once, after cmocka.
 */
#ifndef NESTWALK_TEST_COUNTERS_PMU_H
#define NESTWALK_TEST_COUNTERS_PMU_H

#include "counters/group.h"
#include "test_counters_named.h"

#include <errno.h>
#include <string.h>

#define EVENTS_MAX 512
#define FD_FIRST 1000
#define ON_NS 1000 /* how long an event is on before the first work */

enum fake_state { FAKE_FREE, FAKE_OFF, FAKE_ON, FAKE_ERROR };

static struct {
	unsigned counters; /* of this model: larger groups are refused when they are opened */
	unsigned held; /* by others now: larger pinned groups get nothing, others wait */
	bool turns; /* groups that wait get half of the time */
	bool rdpmc; /* user code may read */
	uint64_t without; /* config of an event that this PMU does not have */
	unsigned descriptors; /* 0: any number of events may be open */
	unsigned opened, open_now, mapped; /* events */
	struct fake_event {
		enum fake_state state;
		struct perf_event_attr attr;
		struct fake_event *leader;
		uint64_t count, enabled_ns, running_ns;
		struct perf_event_mmap_page page;
	} event[EVENTS_MAX];
} pmu;

static struct fake_event *event_of(int fd)
{
	assert_in_range(fd, FD_FIRST, FD_FIRST + EVENTS_MAX - 1);
	assert_int_not_equal(pmu.event[fd - FD_FIRST].state, FAKE_FREE);
	return &pmu.event[fd - FD_FIRST];
}

static bool is_hardware(const struct fake_event *event)
{
	return event->attr.type != PERF_TYPE_SOFTWARE;
}

static unsigned group_size(const struct fake_event *leader)
{
	unsigned size = 0;

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		size += pmu.event[i].state != FAKE_FREE && pmu.event[i].leader == leader && is_hardware(&pmu.event[i]);
	return size;
}

/* The counter of event i is i; user code sees it only while it has one. */
static void update_page(struct fake_event *event)
{
	bool has_counter = event->leader->state == FAKE_ON && group_size(event->leader) <= pmu.counters - pmu.held;

	event->page.lock++;
	event->page.cap_user_rdpmc = pmu.rdpmc && is_hardware(event);
	event->page.pmc_width = 48;
	event->page.index = has_counter ? (uint32_t)(event - pmu.event) + 1 : 0;
	event->page.offset = has_counter ? 0 : (int64_t)event->count;
	event->page.time_enabled = event->enabled_ns;
	event->page.time_running = event->running_ns;
}

static int fake_open(struct perf_event_attr *attr, pid_t thread, int group_fd)
{
	struct fake_event *leader = group_fd < 0 ? NULL : event_of(group_fd);
	unsigned at = 0;

	(void)thread;
	pmu.opened++;
	if (attr->config == pmu.without && attr->type != PERF_TYPE_SOFTWARE)
		return -ENOENT;
	if (attr->type != PERF_TYPE_SOFTWARE && (leader ? group_size(leader) : 0) + 1 > pmu.counters)
		return pmu.counters ? -EINVAL : -ENOENT;
	if (pmu.descriptors && pmu.open_now == pmu.descriptors)
		return -EMFILE;
	while (pmu.event[at].state != FAKE_FREE)
		assert_true(++at < EVENTS_MAX);
	pmu.event[at] = (struct fake_event){ .state = FAKE_OFF, .attr = *attr };
	pmu.event[at].leader = leader ? leader : &pmu.event[at];
	pmu.open_now++;
	return FD_FIRST + (int)at;
}

/* Time and work of all groups that are on. Counts are of the event's code, so that sums can be told. */
static void work(uint64_t ns, uint64_t units)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		struct fake_event *event = &pmu.event[i];
		bool fits;

		if (event->state == FAKE_FREE || event->leader->state != FAKE_ON)
			continue;
		fits = group_size(event->leader) <= pmu.counters - pmu.held;
		if (!fits && event->leader->attr.pinned) {
			continue; /* in error before long: lose_counters() */
		}
		event->enabled_ns += ns;
		if (fits || pmu.turns) {
			event->running_ns += fits ? ns : ns / 2;
			event->count += (fits ? units : units / 2) * (event->attr.config & 0xffff);
		}
		update_page(event);
	}
}

/* Others take all counters but `left`: pinned groups that are on and too large are in error from then on. */
static void lose_counters(unsigned left)
{
	pmu.held = pmu.counters - left;
	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		struct fake_event *event = &pmu.event[i];

		if (event->state == FAKE_ON && event->leader == event && event->attr.pinned && group_size(event) > left)
			event->state = FAKE_ERROR;
	}
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (pmu.event[i].state != FAKE_FREE)
			update_page(&pmu.event[i]);
}

static int fake_control(int fd, unsigned long request, void *argument)
{
	struct fake_event *event = event_of(fd);

	if (request == PERF_EVENT_IOC_ID) {
		*(uint64_t *)argument = (uint64_t)(5000 - fd); /* descending: not the order of opening */
		return 0;
	}
	assert_ptr_equal(event->leader, event);
	assert_int_equal((uintptr_t)argument, PERF_IOC_FLAG_GROUP);
	if (request == PERF_EVENT_IOC_DISABLE) {
		event->state = event->state == FAKE_ERROR ? FAKE_ERROR : FAKE_OFF;
	} else {
		assert_int_equal(request, PERF_EVENT_IOC_ENABLE);
		event->state = event->attr.pinned && group_size(event) > pmu.counters - pmu.held ? FAKE_ERROR : FAKE_ON;
		work(ON_NS, 0);
	}
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (pmu.event[i].state != FAKE_FREE && pmu.event[i].leader == event)
			update_page(&pmu.event[i]);
	return 0;
}

static ssize_t fake_read(int fd, void *buffer, size_t bytes)
{
	const struct fake_event *leader = event_of(fd);
	uint64_t *word = buffer;
	size_t at = 3;

	if (leader->state == FAKE_ERROR)
		return 0;
	word[1] = leader->enabled_ns;
	word[2] = leader->running_ns;
	for (unsigned i = EVENTS_MAX; i-- > 0;) {
		if (pmu.event[i].state == FAKE_FREE || pmu.event[i].leader != leader)
			continue;
		assert_true((at + 2) * sizeof(*word) <= bytes);
		word[at++] = pmu.event[i].count;
		word[at++] = 5000 - (uint64_t)(FD_FIRST + i);
	}
	word[0] = (at - 3) / 2;
	return (ssize_t)(at * sizeof(*word));
}

static const volatile struct perf_event_mmap_page *fake_map(int fd)
{
	struct fake_event *event = event_of(fd);

	pmu.mapped++;
	update_page(event);
	return &event->page;
}

static void fake_unmap(const volatile struct perf_event_mmap_page *page)
{
	(void)page;
	pmu.mapped--;
}

static void fake_close(int fd)
{
	event_of(fd)->state = FAKE_FREE;
	pmu.open_now--;
}

static uint64_t fake_rdpmc(uint32_t counter)
{
	return pmu.event[counter].count & ((UINT64_C(1) << 48) - 1);
}

static const struct perf_calls fake_calls = {
	.open = fake_open,
	.read = fake_read,
	.control = fake_control,
	.map = fake_map,
	.unmap = fake_unmap,
	.close = fake_close,
	.rdpmc = fake_rdpmc,
};

static int pmu_reset(void **state)
{
	(void)state;
	memset(&pmu, 0, sizeof(pmu));
	pmu.counters = 4;
	pmu.without = UINT64_MAX;
	return 0;
}

/* Everything given back. */
static int pmu_check(void **state)
{
	(void)state;
	return pmu.open_now || pmu.mapped ? -1 : 0;
}

#endif
