#include "machine/process.h"

#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

bool process_thp_is_off(const struct machine_source *source, struct reason *why)
{
	char *status, value[16] = "";

	if (source_read_all(source, "/proc/self/status", &status, NULL))
		return false;
	text_field(status, "THP_enabled", value, sizeof(value));
	free(status);
	if (strcmp(value, "0"))
		return false;
	fail(why, 0,
		"transparent huge pages are off for this process (PR_SET_THP_DISABLE; THP_enabled: 0 in /proc/self/status): what started nestwalk has set it");
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
	/* pthread_create() and fork() */
	return error == EAGAIN ? limit_hint(RLIMIT_NPROC, "-u", 1, "") : "";
}
