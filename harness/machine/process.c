#include "machine/process.h"

#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef PR_GET_THP_DISABLE
#define PR_GET_THP_DISABLE 42 /* include/uapi/linux/prctl.h */
#endif

#define THP_OFF \
	"transparent huge pages are off for this process (PR_SET_THP_DISABLE; THP_enabled: 0 in /proc/self/status): what started nestwalk has set it"

/* 3 means that advised memory has them still (Linux 6.18), and all that is measured is advised. */
const char *process_thp_off_hint(void)
{
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 ? THP_OFF : NULL;
}

bool process_thp_is_off(const struct machine_source *source, struct reason *why)
{
	char *status, value[16] = "";

	if (source_read_all(source, "/proc/self/status", &status, NULL))
		return false;
	text_field(status, "THP_enabled", value, sizeof(value));
	free(status);
	if (strcmp(value, "0"))
		return false;
	fail(why, 0, "%s", THP_OFF);
	return true;
}

/* "Max address space         unlimited            unlimited            bytes     " */
int process_limit(const struct machine_source *source, const char *name, uint64_t *limit, struct reason *why)
{
	size_t length = strlen(name);
	char *limits, *rest, *line;
	int error = source_read_all(source, "/proc/self/limits", &limits, why);

	if (error)
		return error;
	error = fail(why, ENODATA, "/proc/self/limits has no '%s'", name);
	for (rest = limits; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, name, length) || !isspace((unsigned char)line[length]))
			continue;
		line += length + strspn(line + length, " \t");
		error = text_limit(line, limit) ? 0 : fail(why, EINVAL, "'%s' of /proc/self/limits is no limit", name);
		break;
	}
	free(limits);
	return error;
}

void process_memory_limit(const struct machine_source *source, uint64_t *bytes, struct reason *why)
{
	static const struct {
		const char *limit, *used, *option;
	} limits[] = {
		{ "Max address space", "VmSize", "-v" },
		{ "Max data size", "VmData", "-d" },
	};
	char *status, value[32];

	if (source_read_all(source, "/proc/self/status", &status, NULL))
		return;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t limit, used, left;

		if (process_limit(source, limits[i].limit, &limit, NULL) || limit == SOURCE_UNLIMITED)
			continue;
		used = text_field(status, limits[i].used, value, sizeof(value)) ? strtoull(value, NULL, 10) * KIB : 0;
		left = limit > used ? limit - used : 0;
		if (left >= *bytes)
			continue;
		*bytes = left;
		fail(why, 0, "this process's limit (ulimit %s) of %" PRIu64 " MiB", limits[i].option, limit / MIB);
	}
	free(status);
}

/* Fields of /proc/self/stat (proc(5)), counted from the one behind the name in parentheses, which is the third. */
#define STAT_FIRST 3
#define STAT_NICE 19
#define STAT_POLICY 41

static int stat_field(const char *stat, unsigned number, long *value, struct reason *why)
{
	const char *at = strrchr(stat, ')');
	char *end;

	for (unsigned field = STAT_FIRST - 1; at && field < number; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return fail(why, EINVAL, "/proc/self/stat has no field %u", number);
	*value = strtol(at + 1, &end, 10);
	return end == at + 1 ? fail(why, EINVAL, "field %u of /proc/self/stat is no number", number) : 0;
}

int process_scheduling(const struct machine_source *source, struct process_scheduling *scheduling, struct reason *why)
{
	/* include/uapi/linux/sched.h */
	static const char *const names[] = { "other", "fifo", "rr", "batch", NULL, "idle", "deadline", "ext" };
	const long count = sizeof(names) / sizeof(names[0]);
	long policy = 0;
	char *stat;
	int error = source_read_all(source, "/proc/self/stat", &stat, why);

	if (!error)
		error = stat_field(stat, STAT_NICE, &scheduling->nice, why);
	if (!error)
		error = stat_field(stat, STAT_POLICY, &policy, why);
	free(stat);
	if (!error && (policy < 0 || policy >= count || !names[policy]))
		error = fail(why, EINVAL, "/proc/self/stat tells an unknown policy, %ld", policy);
	if (!error)
		scheduling->policy = names[policy];
	return error;
}

bool process_has_ordinary_share(const struct machine_source *source, struct reason *why)
{
	struct process_scheduling scheduling;

	if (process_scheduling(source, &scheduling, NULL))
		return true;
	if (!strcmp(scheduling.policy, "other") && scheduling.nice <= 0)
		return true;
	fail(why, 0, "what started nestwalk has set scheduling policy %s and nice %ld (chrt, nice)", scheduling.policy,
		scheduling.nice);
	return false;
}

static const char *limit_hint(int resource, const char *option, uint64_t unit, const char *name)
{
	static _Thread_local char text[96];
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return "";
	snprintf(text, sizeof(text), " (ulimit %s is %" PRIu64 "%s)", option, (uint64_t)limit.rlim_cur / unit, name);
	return text;
}

const char *process_error_hint(int error)
{
	const char *hint = "";

	if (error == ENOMEM) {
		hint = limit_hint(RLIMIT_AS, "-v", MIB, " MiB");
		return hint[0] ? hint : limit_hint(RLIMIT_DATA, "-d", MIB, " MiB");
	}
	/* pthread_create() and fork(): either limit gives the same error. */
	if (error == EAGAIN)
		hint = limit_hint(RLIMIT_NPROC, "-u", 1, ", or the cgroup's pids.max is reached");
	return error == EAGAIN && !hint[0] ? " (limits: pids.max of the cgroup, kernel.pid_max)" : hint;
}
