#include "machine/pmu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "/sys/bus/event_source/devices"

size_t machine_core_pmus(const struct machine_source *source, struct core_pmu pmus[CORE_PMUS_MOST])
{
	struct source_names names;
	size_t count = 0;

	source_list(source, &names, NULL, DEVICES);
	for (size_t i = 0; i < names.count && count < CORE_PMUS_MOST; i++) {
		const char *name = names.name[i];
		struct core_pmu *pmu = &pmus[count];
		uint64_t type;

		if ((strcmp(name, "cpu") && strncmp(name, "cpu_", 4)) || strlen(name) >= sizeof(pmu->name) ||
			source_read_u64(source, &type, NULL, DEVICES "/%s/type", name))
			continue;
		*pmu = (struct core_pmu){ .type = (uint32_t)type };
		strcpy(pmu->name, name);
		if (source_read_line(source, &pmu->cpus, NULL, DEVICES "/%s/cpus", name))
			pmu->cpus = NULL;
		count++;
	}
	source_names_free(&names);
	return count;
}

void core_pmus_free(struct core_pmu *pmus, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(pmus[i].cpus);
}

/* Whether a CPU is in a list as the kernel writes it: "0-3,8,10-11". */
static bool list_has(const char *list, int cpu)
{
	while (*list) {
		char *end;
		long from = strtol(list, &end, 10), to = from;

		if (end == list)
			return false;
		if (*end == '-')
			to = strtol(end + 1, &end, 10);
		if (cpu >= from && cpu <= to)
			return true;
		list = end + (*end == ',');
		if (*end && *end != ',')
			return false;
	}
	return false;
}

const struct core_pmu *core_pmu_of(const struct core_pmu *pmus, size_t count, int cpu)
{
	for (size_t i = 0; i < count; i++)
		if (pmus[i].cpus ? list_has(pmus[i].cpus, cpu) : count == 1)
			return &pmus[i];
	return NULL;
}
