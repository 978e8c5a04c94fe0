/*
 * Decoding what perf gives to read: the buffer of read(2) on a group's leader, and the page through which user code
 * reads a running counter. Nothing here makes a system call. Formats: Linux include/uapi/linux/perf_event.h,
 * perf_event_open(2).
 */
#ifndef NESTWALK_READING_H
#define NESTWALK_READING_H

#include "base/reason.h"

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters of one CPU: 8 general and 4 fixed of Intel today (16 and more of them to come), 6 of AMD. */
#define GROUP_EVENTS_MAX 16

#define READING_FORMAT \
	(PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING | PERF_FORMAT_ID)

/* Times since the events were opened. */
struct reading {
	uint64_t count[GROUP_EVENTS_MAX];
	uint64_t enabled_ns, running_ns; /* equal unless the group had to give its counters to others */
};

/* What read(2) returns of a group with READING_FORMAT: number of events, two times, then value and id of each. */
#define READING_WORDS(events) (3 + 2 * (size_t)(events))

/*
 * Write the counts in the order of id[events], whatever the order in the buffer. @bytes: what read(2) returned. -EBUSY:
 * nothing was read, which is how a pinned group says that it got no counters; -EIO: not a reading of that group.
 */
int reading_decode(const uint64_t *buffer, size_t bytes, const uint64_t *id, size_t events, struct reading *out,
	struct reason *why);

/* The instruction rdpmc; tests replace it by a table. @counter: perf_event_mmap_page.index - 1. */
typedef uint64_t (*read_counter)(uint32_t counter);
uint64_t reading_rdpmc(uint32_t counter);

/* A reading of one event through its page. */
struct page_reading {
	uint64_t count, enabled_ns, running_ns;
	/* the event has a hardware counter now that user code may read, so .count is its value at this instant */
	bool on;
};

/*
 * The lock-free protocol of perf_event.h: the page is read again if the kernel changed it meanwhile. The counter has
 * pmc_width bits (48) and is signed, as the kernel loads it with a negative number.
 */
void reading_page(const volatile struct perf_event_mmap_page *page, read_counter rdpmc, struct page_reading *out);

/* The growth of one event between two readings. */
struct counted {
	/* scaled up to the whole time where the event ran for a part of it; NAN where the event never ran */
	double count;
	bool scaled;
};
struct counted reading_between(uint64_t count, uint64_t enabled_ns, uint64_t running_ns);

#endif
