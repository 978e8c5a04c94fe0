/* Huge pages of a pool of hugetlb pages. */
#include "base/units.h"
#include "machine/cgroup.h"
#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* A limit of a hugetlb cgroup: names of files after "hugetlb.2MB.". */
struct hugetlb_limit {
	const char *limit, *usage;
};

/* A mapping reserves its pages, which the second kind limits (Linux 5.7), and a touch takes one, which the first limits. */
static const struct hugetlb_limit limits_v2[] = { { "max", "current" }, { "rsvd.max", "rsvd.current" } };
static const struct hugetlb_limit limits_v1[] = { { "limit_in_bytes", "usage_in_bytes" },
	{ "rsvd.limit_in_bytes", "rsvd.usage_in_bytes" } };

/* What limits are applied to. */
struct hugetlb_room {
	const struct machine_source *source;
	uint64_t page_bytes;
	char size[24]; /* as the names of cgroup files have it: 2MB, 1GB */
	uint64_t *pages;
	struct reason *why;
	struct reason unknown; /* which limits are not known */
};

static void apply_hugetlb_limit(
	struct hugetlb_room *room, const struct cgroup *group, const struct hugetlb_limit *names)
{
	struct reason unread;
	uint64_t limit, usage, left;
	int error = source_read_limit(
		room->source, &limit, &unread, "%s/hugetlb.%s.%s", group->directory, room->size, names->limit);

	if (error && error != -ENOENT)
		reason_add(&room->unknown, "a limit is not known: %s", unread.text);
	if (error || limit == SOURCE_UNLIMITED)
		return;
	if (source_read_u64(room->source, &usage, NULL, "%s/hugetlb.%s.%s", group->directory, room->size, names->usage))
		usage = 0;
	left = limit > usage ? (limit - usage) / room->page_bytes : 0;
	if (left >= *room->pages)
		return;
	*room->pages = left;
	fail(room->why, 0, "the cgroup %s (hugetlb.%s.%s) allows %" PRIu64 " more huge pages", group->directory,
		room->size, names->limit, left);
}

static void apply_hugetlb_limits(struct hugetlb_room *room)
{
	bool giant = room->page_bytes >= GIB;
	struct cgroup group;
	int error = cgroup_find(room->source, "hugetlb", &group, &room->unknown);

	if (error == -ENODATA)
		return;
	snprintf(room->size, sizeof(room->size), "%" PRIu64 "%s", room->page_bytes / (giant ? GIB : MIB),
		giant ? "GB" : "MB");
	do {
		for (size_t i = 0; i < sizeof(limits_v2) / sizeof(limits_v2[0]) && !error; i++)
			apply_hugetlb_limit(room, &group, group.v2 ? &limits_v2[i] : &limits_v1[i]);
	} while (!error && cgroup_up(&group));
	if (room->unknown.text[0])
		reason_add(room->why, "%s", room->unknown.text);
}

/* A number of the pool, or 0 where there is none. */
static uint64_t pool_number(const struct hugetlb_room *room, const char *file)
{
	uint64_t value;

	return source_read_u64(room->source, &value, NULL, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		       room->page_bytes / KIB, file)
		       ? 0
		       : value;
}

/* There are two sizes of pages, and what both take is to leave the rest of a run half of its budget. */
#define SURPLUS_PART 4

/*
 * Pages that the kernel makes of ordinary memory when they are mapped: as many as it may (nr_overcommit_hugepages), less
 * those that it has made, and no more than a part of a run's budget.
 */
static uint64_t surplus_pages(const struct hugetlb_room *room)
{
	uint64_t most = pool_number(room, "nr_overcommit_hugepages"), made = pool_number(room, "surplus_hugepages");
	uint64_t left = most > made ? most - made : 0, budget_bytes, affordable;

	if (!left || memory_budget(room->source, &budget_bytes, NULL))
		return 0;
	affordable = budget_bytes / SURPLUS_PART / room->page_bytes;
	return left < affordable ? left : affordable;
}

static void tell_pages(const struct hugetlb_room *room, uint64_t surplus)
{
	struct size_text size;

	size_format(room->page_bytes, &size);
	if (!*room->pages)
		fail(room->why, 0,
			"no free huge pages of %s; as root: echo N > /sys/kernel/mm/hugepages/hugepages-%" PRIu64
			"kB/nr_hugepages",
			size.text, room->page_bytes / KIB);
	else if (surplus)
		fail(room->why, 0,
			"%" PRIu64 " huge pages of %s, %" PRIu64
			" of which the kernel makes when they are mapped (nr_overcommit_hugepages)",
			*room->pages, size.text, surplus);
	else
		fail(room->why, 0, "%" PRIu64 " free huge pages of %s", *room->pages, size.text);
}

int hugetlb_free(
	const struct machine_source *source, uint64_t page_bytes, int numa_node, uint64_t *pages, struct reason *why)
{
	struct hugetlb_room room = { .source = source, .page_bytes = page_bytes, .pages = pages, .why = why };
	uint64_t kib = page_bytes / KIB, available, promised, of_node, surplus;
	struct size_text size;
	int error = source_read_u64(
		source, &available, why, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", kib);

	*pages = 0;
	size_format(page_bytes, &size);
	if (error == -ENOENT && !source_has_sysfs(source, why))
		return error;
	if (error == -ENOENT)
		return fail(why, ENOENT, "this kernel or CPU has no huge pages of %s", size.text);
	if (error)
		return error;
	promised = pool_number(&room, "resv_hugepages");
	available -= promised < available ? promised : available;
	if (numa_node >= 0 && source_exists(source, "/sys/devices/system/node/node%d/hugepages", numa_node)) {
		error = source_read_u64(source, &of_node, why,
			"/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", numa_node,
			kib);
		if (error)
			return error;
		available = of_node < available ? of_node : available;
	}
	surplus = surplus_pages(&room);
	*pages = available + surplus;
	tell_pages(&room, surplus);
	apply_hugetlb_limits(&room);
	return 0;
}
