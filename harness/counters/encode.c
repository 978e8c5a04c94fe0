#include "counters/encode.h"

#include "machine/cpu.h"

#include <errno.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <string.h>

int encode_start(struct reason *why)
{
	static bool started;
	int error;

	if (started)
		return 0;
	error = pfm_initialize();
	if (error != PFM_SUCCESS)
		return fail(why, ENOSYS, "libpfm4 does not start: %s", pfm_strerror(error));
	started = true;
	return 0;
}

/* Whether a core PMU that libpfm4 finds present has this name; with NULL, whether there is any. */
static bool core_pmu_is_present(const char *name)
{
	for (int pmu = PFM_PMU_NONE + 1; pmu < PFM_PMU_MAX; pmu++) {
		pfm_pmu_info_t info = { .size = sizeof(info) };

		if (pfm_get_pmu_info((pfm_pmu_t)pmu, &info) != PFM_SUCCESS || !info.is_present ||
			info.type != PFM_PMU_TYPE_CORE)
			continue;
		/* The architectural PMU does not tell CPUs apart: every Intel CPU has it. */
		if (name ? !strcmp(info.name, name) : strcmp(info.name, "ix86arch") != 0)
			return true;
	}
	return false;
}

static bool is_amd(void)
{
	/* Only leaf 0 is read, which is all that cpu_vendor() needs: executing CPUID in a guest is an exit. */
	static struct cpuid_table table;
	struct cpuid_record *leaf = &table.record[0];
	enum cpu_vendor vendor;

	__asm__("cpuid" : "=a"(leaf->eax), "=b"(leaf->ebx), "=c"(leaf->ecx), "=d"(leaf->edx) : "a"(0), "c"(0));
	table.count = 1;
	vendor = cpu_vendor(&table, NULL);
	return vendor == VENDOR_AMD || vendor == VENDOR_HYGON;
}

int encode_detect(const struct microarch **microarch, struct reason *why)
{
	int error = encode_start(why);

	if (error)
		return error;
	for (size_t i = 0; (*microarch = catalogue_at(i)); i++) {
		if ((*microarch)->fallback == FALLBACK_NO && core_pmu_is_present((*microarch)->pmu))
			return 0;
	}
	/* AMD cores before Zen have other generic events, and libpfm4 knows those cores. */
	*microarch = catalogue_fallback(is_amd() && !core_pmu_is_present(NULL) ? FALLBACK_AMD : FALLBACK_ANY);
	return 0;
}

int encode_event(const struct microarch *microarch, const char *event, struct perf_event_attr *attr, struct reason *why)
{
	struct perf_event_attr encoded = { .size = sizeof(encoded) };
	pfm_perf_encode_arg_t arguments = { .attr = &encoded, .size = sizeof(arguments) };
	char name[256];
	int error = encode_start(why);

	if (error)
		return error;
	if (strstr(event, "::"))
		snprintf(name, sizeof(name), "%s", event);
	else
		snprintf(name, sizeof(name), "%s::%s", microarch->pmu, event);
	error = pfm_get_os_event_encoding(name, PFM_PLM3, PFM_OS_PERF_EVENT, &arguments);
	if (error != PFM_SUCCESS)
		return fail(why, EINVAL, "libpfm4 does not resolve %s: %s", name, pfm_strerror(error));
	*attr = (struct perf_event_attr){
		.type = encoded.type,
		.size = sizeof(*attr),
		.config = encoded.config,
		.config1 = encoded.config1,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	return 0;
}
