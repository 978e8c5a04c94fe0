#include "machine/memory.h"
#include "base/units.h"
#include "machine/cgroup.h"
#include "machine/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of a group's memory.stat, which has "key value" lines. False where there is no such line. */
static bool read_stat(const struct machine_source *source, const struct cgroup *group, const char *key, uint64_t *value)
{
	char path[PATH_MAX + 16], *text;
	size_t length = strlen(key);
	bool found = false;

	snprintf(path, sizeof(path), "%s/memory.stat", group->directory);
	if (source_read_all(source, path, &text, NULL))
		return false;
	for (char *at = text; !found && (at = strstr(at, key)); at += length)
		found = (at == text || at[-1] == '\n') && at[length] == ' ' && text_limit(at + length + 1, value);
	free(text);
	return found;
}

/* The inactive file cache of a group and the groups below it. The kernel drops this cache before it refuses memory. */
static uint64_t droppable_cache_bytes(const struct machine_source *source, const struct cgroup *group)
{
	uint64_t bytes;

	/* v1 counts the groups below under total_ names. */
	return read_stat(source, group, group->v2 ? "inactive_file" : "total_inactive_file", &bytes) ? bytes : 0;
}

/* Lower *bytes to what a limit of a group, or of one above it, leaves. Swap is not counted: nothing measured may swap. */
static void apply_limit(const struct machine_source *source, const struct cgroup *group, const char *file,
	uint64_t limit, uint64_t *bytes, struct reason *why)
{
	const char *usage_file = group->v2 ? "memory.current" : "memory.usage_in_bytes";
	uint64_t usage, cache, left;

	if (limit == SOURCE_UNLIMITED)
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

/* What is lowered, and the words about it. */
struct lowering {
	uint64_t *bytes;
	struct reason *why; /* what set the limit */
	struct reason unknown; /* which limits are not known */
};

/* The same for a limit in a file. A group without the file has no such limit. */
static void apply_limit_file(
	const struct machine_source *source, const struct cgroup *group, const char *file, struct lowering *lowering)
{
	struct reason unread;
	uint64_t limit;
	int error = source_read_limit(source, &limit, &unread, "%s/%s", group->directory, file);

	if (!error)
		apply_limit(source, group, file, limit, lowering->bytes, lowering->why);
	else if (error != -ENOENT)
		reason_add(&lowering->unknown, "a limit is not known: %s", unread.text);
}

static void apply_cgroup_limits(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	struct lowering lowering = { .bytes = bytes, .why = why };
	struct cgroup group;
	uint64_t limit;
	int error = cgroup_find(source, "memory", &group, &lowering.unknown);

	if (error == -ENODATA)
		return;
	/* v1 tells the least limit of all groups above, also of those that are not mounted here. */
	if (!error && !group.v2 && read_stat(source, &group, "hierarchical_memory_limit", &limit))
		apply_limit(source, &group, "memory.stat: hierarchical_memory_limit", limit, bytes, why);
	do {
		if (error)
			break;
		if (group.v2) {
			apply_limit_file(source, &group, "memory.max", &lowering);
			apply_limit_file(source, &group, "memory.high", &lowering);
		} else {
			apply_limit_file(source, &group, "memory.limit_in_bytes", &lowering);
		}
	} while (cgroup_up(&group));
	if (lowering.unknown.text[0])
		reason_add(why, "%s", lowering.unknown.text);
}

int memory_available(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	char *meminfo, value[64];
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
	process_memory_limit(source, bytes, why);
	apply_cgroup_limits(source, bytes, why);
	return 0;
}

int memory_budget(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	int error = memory_available(source, bytes, why);

	if (!error)
		*bytes /= 2;
	return error;
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
		if (error == -ENOENT && source_has_sysfs(source, why))
			fail(why, ENOENT, "this kernel has no transparent huge pages (no " THP "/enabled)");
		return THP_UNKNOWN;
	}
	mode = text_chosen(text, word, sizeof(word)) ? mode_of(word) : THP_UNKNOWN;
	if (mode != THP_UNKNOWN && process_thp_is_off(source, why))
		return THP_NEVER;
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

	if (mode == THP_UNKNOWN || process_thp_is_off(source, NULL) ||
		!size_switch(source, PAGE_2M, word, sizeof(word)) || !strcmp(word, "inherit"))
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

	if (mode == THP_UNKNOWN || process_thp_is_off(source, NULL))
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
