#include "machine/memory.h"
#include "base/units.h"
#include "machine/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v1 writes "no limit" as the largest number of whole pages: 2^63 - 4096. */
#define UNLIMITED (1ULL << 62)

/* Read a limit file of a group. False where the group has no limit ("max", a huge number, no such file). */
static bool read_limit(
	const struct machine_source *source, const struct cgroup *group, const char *file, uint64_t *bytes)
{
	return !source_read_u64(source, bytes, NULL, "%s/%s", group->directory, file) && *bytes < UNLIMITED;
}

/* The inactive file cache of a group and the groups below it. The kernel drops this cache before it refuses memory. */
static uint64_t droppable_cache_bytes(const struct machine_source *source, const struct cgroup *group)
{
	/* "key value" lines; v1 counts the groups below under total_ names. */
	const char *key = group->v2 ? "inactive_file " : "total_inactive_file ";
	char path[PATH_MAX + 16], *text;
	uint64_t bytes = 0;

	snprintf(path, sizeof(path), "%s/memory.stat", group->directory);
	if (source_read_all(source, path, &text, NULL))
		return 0;
	for (char *at = text; (at = strstr(at, key)); at++) {
		if (at == text || at[-1] == '\n') {
			bytes = strtoull(at + strlen(key), NULL, 10);
			break;
		}
	}
	free(text);
	return bytes;
}

/* Lower *bytes to the amount that one limit of one group leaves. */
static void apply_limit(const struct machine_source *source, const struct cgroup *group, const char *file,
	uint64_t *bytes, struct reason *why)
{
	const char *usage_file = group->v2 ? "memory.current" : "memory.usage_in_bytes";
	uint64_t limit, usage, cache, left;

	if (!read_limit(source, group, file, &limit))
		return;
	if (source_read_u64(source, &usage, NULL, "%s/%s", group->directory, usage_file))
		usage = 0;
	cache = droppable_cache_bytes(source, group);
	usage -= cache < usage ? cache : usage;
	left = limit > usage ? limit - usage : 0;
	if (left < *bytes) {
		*bytes = left;
		fail(why, 0, "cgroup limit %s/%s of %" PRIu64 " MiB", group->directory, file, limit / MIB);
	}
}

int memory_available(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	char *meminfo, value[64];
	struct cgroup group;
	bool found;
	int error = source_read_all(source, "/proc/meminfo", &meminfo, why);

	if (error)
		return error;
	found = text_field(meminfo, "MemAvailable", value, sizeof(value));
	free(meminfo);
	if (!found)
		return fail(why, ENODATA, "/proc/meminfo has no MemAvailable (Linux before 3.14)");
	*bytes = strtoull(value, NULL, 10) * KIB;
	fail(why, 0, "MemAvailable");
	if (cgroup_find(source, "memory", &group, NULL))
		return 0;
	do {
		if (group.v2) {
			apply_limit(source, &group, "memory.max", bytes, why);
			apply_limit(source, &group, "memory.high", bytes, why);
		} else {
			apply_limit(source, &group, "memory.limit_in_bytes", bytes, why);
		}
	} while (cgroup_up(&group));
	return 0;
}

int memory_budget(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	int error = memory_available(source, bytes, why);

	if (!error)
		*bytes /= 2;
	return error;
}

/* Lower *pages to what hugetlb cgroups allow. Their files are named by the size: hugetlb.2MB, hugetlb.1GB. */
static void apply_hugetlb_limits(
	const struct machine_source *source, uint64_t page_bytes, uint64_t *pages, struct reason *why)
{
	struct cgroup group;
	uint64_t limit, usage, left;
	char size[24];

	if (cgroup_find(source, "hugetlb", &group, NULL))
		return;
	snprintf(size, sizeof(size), "%" PRIu64 "%s", page_bytes / (page_bytes >= GIB ? GIB : MIB),
		page_bytes >= GIB ? "GB" : "MB");
	do {
		if (source_read_u64(source, &limit, NULL, "%s/hugetlb.%s.%s", group.directory, size,
			    group.v2 ? "max" : "limit_in_bytes"))
			continue;
		if (source_read_u64(source, &usage, NULL, "%s/hugetlb.%s.%s", group.directory, size,
			    group.v2 ? "current" : "usage_in_bytes"))
			usage = 0;
		left = limit > usage ? (limit - usage) / page_bytes : 0;
		if (left < *pages) {
			*pages = left;
			fail(why, 0, "the cgroup %s allows %" PRIu64 " more huge pages of %s", group.directory, left,
				size);
		}
	} while (cgroup_up(&group));
}

int hugetlb_free(
	const struct machine_source *source, uint64_t page_bytes, int numa_node, uint64_t *pages, struct reason *why)
{
	uint64_t kib = page_bytes / KIB, available, promised, of_node;
	struct size_text size;
	int error = source_read_u64(
		source, &available, why, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", kib);

	*pages = 0;
	size_format(page_bytes, &size);
	if (error == -ENOENT)
		return fail(why, ENOENT, "this kernel or CPU has no huge pages of %s", size.text);
	if (error)
		return error;
	if (source_read_u64(
		    source, &promised, NULL, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/resv_hugepages", kib))
		promised = 0;
	available -= promised < available ? promised : available;
	if (numa_node >= 0 && source_exists(source, "/sys/devices/system/node/node%d/hugepages", numa_node)) {
		error = source_read_u64(source, &of_node, why,
			"/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", numa_node,
			kib);
		if (error)
			return error;
		available = of_node < available ? of_node : available;
	}
	*pages = available;
	if (!available)
		fail(why, 0,
			"no free huge pages of %s; as root: echo N > /sys/kernel/mm/hugepages/hugepages-%" PRIu64
			"kB/nr_hugepages",
			size.text, kib);
	else
		fail(why, 0, "%" PRIu64 " free huge pages of %s", available, size.text);
	apply_hugetlb_limits(source, page_bytes, pages, why);
	return 0;
}

static enum thp_mode mode_of(const char *word)
{
	if (!strcmp(word, "always"))
		return THP_ALWAYS;
	if (!strcmp(word, "madvise"))
		return THP_MADVISE;
	return !strcmp(word, "never") ? THP_NEVER : THP_UNKNOWN;
}

#define THP "/sys/kernel/mm/transparent_hugepage"

/* The general switch. */
static enum thp_mode general_mode(const struct machine_source *source, struct reason *why)
{
	char text[128], word[32] = "";
	enum thp_mode mode;
	int error = source_read_text(source, text, sizeof(text), why, THP "/enabled");

	if (error) {
		if (error == -ENOENT)
			fail(why, ENOENT, "this kernel has no transparent huge pages (no " THP "/enabled)");
		return THP_UNKNOWN;
	}
	mode = text_chosen(text, word, sizeof(word)) ? mode_of(word) : THP_UNKNOWN;
	if (mode == THP_UNKNOWN)
		fail(why, EINVAL, THP "/enabled: '%.64s' has no mode in brackets", text);
	else if (mode == THP_NEVER)
		fail(why, 0, "transparent huge pages are off: as root: echo madvise > " THP "/enabled");
	else
		fail(why, 0, THP "/enabled is %s", thp_mode_name(mode));
	return mode;
}

/* The word chosen in a size's own switch, which overrides the general one unless it says "inherit". False: no switch. */
static bool size_switch(const struct machine_source *source, uint64_t page_bytes, char *word, size_t bytes)
{
	char text[128];

	return !source_read_text(
		       source, text, sizeof(text), NULL, THP "/hugepages-%" PRIu64 "kB/enabled", page_bytes / KIB) &&
	       text_chosen(text, word, bytes);
}

enum thp_mode thp_mode(const struct machine_source *source, struct reason *why)
{
	enum thp_mode mode = general_mode(source, why);
	char word[32];

	if (mode == THP_UNKNOWN || !size_switch(source, PAGE_2M, word, sizeof(word)) || !strcmp(word, "inherit"))
		return mode;
	mode = mode_of(word);
	if (mode == THP_NEVER)
		fail(why, 0, "huge pages of 2M are off: as root: echo inherit > " THP "/hugepages-2048kB/enabled");
	else
		fail(why, 0, THP "/hugepages-2048kB/enabled is %s", word);
	return mode;
}

enum thp_mode mthp_mode(const struct machine_source *source, uint64_t page_bytes, struct reason *why)
{
	enum thp_mode mode = general_mode(source, why);
	struct size_text size;
	char word[32];

	if (mode == THP_UNKNOWN)
		return mode;
	size_format(page_bytes, &size);
	if (!size_switch(source, page_bytes, word, sizeof(word))) {
		fail(why, ENOENT, "this kernel has no transparent huge pages of %s: Linux 6.8 and later have",
			size.text);
		return THP_UNKNOWN;
	}
	if (strcmp(word, "inherit"))
		mode = mode_of(word);
	if (mode == THP_ALWAYS || mode == THP_MADVISE)
		fail(why, 0, THP "/hugepages-%" PRIu64 "kB/enabled is %s", page_bytes / KIB, word);
	else
		fail(why, 0,
			"transparent huge pages of %s are off: `echo madvise | sudo tee " THP "/hugepages-%" PRIu64
			"kB/enabled` turns them on, --mthp %s for the time of a run",
			size.text, page_bytes / KIB, size.text);
	return mode;
}

uint64_t mthp_offered(const struct machine_source *source)
{
	uint64_t offered = 0;

	for (uint64_t page_bytes = MTHP_LEAST_BYTES; page_bytes <= MTHP_MOST_BYTES; page_bytes *= 2) {
		enum thp_mode mode = mthp_mode(source, page_bytes, NULL);

		if (mode == THP_ALWAYS || mode == THP_MADVISE)
			offered |= page_bytes;
	}
	return offered;
}

const char *thp_mode_name(enum thp_mode mode)
{
	static const char *const names[] = {
		[THP_UNKNOWN] = "unknown",
		[THP_ALWAYS] = "always",
		[THP_MADVISE] = "madvise",
		[THP_NEVER] = "never",
	};

	return names[mode];
}
