#include "counters/kernel_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "/sys/bus/event_source/devices"

/* Put the bits of a value where "0-7,32-35" says, the lowest first. False where that is no such list, or is too short. */
static bool bits_place(const char *where, uint64_t value, uint64_t *config)
{
	while (*where) {
		char *end;
		unsigned long from = strtoul(where, &end, 10), to = from;

		if (end == where)
			return false;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (to > 63 || from > to || (*end && *end != ','))
			return false;
		for (unsigned long bit = from; bit <= to; bit++, value >>= 1)
			*config |= (value & 1) << bit;
		where = end + (*end == ',');
	}
	return !value;
}

/* One term of an event: "umask=0x08", or "inv", which means 1. */
static int term_place(const struct machine_source *source, const struct core_pmu *pmu, char *term,
	struct perf_event_attr *attr, struct reason *why)
{
	char *equals = strchr(term, '='), *end = NULL, *format;
	uint64_t value = 1, config = 0;
	const char *bits;
	bool placed;
	int error;

	if (equals) {
		*equals = '\0';
		value = strtoull(equals + 1, &end, 0);
		if (end == equals + 1 || *end)
			return fail(why, EINVAL, "the kernel's event has a term %s of '%s'", term, equals + 1);
	}
	error = strchr(term, '/') ? -ENOENT
				  : source_read_line(source, &format, NULL, DEVICES "/%s/format/%s", pmu->name, term);
	if (error)
		return fail(why, EINVAL, "the PMU %s does not say where the term %s belongs", pmu->name, term);
	bits = strchr(format, ':');
	placed = bits && bits_place(bits + 1, value, &config);
	if (placed && !strncmp(format, "config:", 7))
		attr->config |= config;
	else if (placed && !strncmp(format, "config1:", 8))
		attr->config1 |= config;
	else
		error = fail(why, EINVAL, "the PMU %s wants the term %s in '%.40s'", pmu->name, term, format);
	free(format);
	return error;
}

int kernel_event_encode(const struct machine_source *source, const struct core_pmu *pmu, const char *event,
	struct perf_event_attr *attr, struct reason *why)
{
	char *words, *rest, *term;
	int error = source_read_line(source, &words, why, DEVICES "/%s/events/%s", pmu->name, event);

	if (error)
		return error;
	*attr = (struct perf_event_attr){
		.type = pmu->type, .size = sizeof(*attr), .disabled = 1, .exclude_kernel = 1, .exclude_hv = 1
	};
	rest = words;
	while (!error && (term = strsep(&rest, ",")))
		error = term_place(source, pmu, term, attr, why);
	free(words);
	return error;
}
