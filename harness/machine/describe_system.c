/* Facts about the kernel: KVM, counters, command line, mitigations. */
#include "machine/describe.h"
#include "machine/facts.h"
#include "machine/hypervisor.h"
#include "machine/perf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* {name: value} of a directory of one-line files; files that may not be read are left out. */
static json_t *directory_texts(const struct machine_source *source, const char *directory)
{
	struct facts facts = facts_begin();
	struct source_names names;

	source_list(source, &names, NULL, "%s", directory);
	for (size_t i = 0; i < names.count; i++) {
		char *text;

		if (!source_read_line(source, &text, NULL, "%s/%s", directory, names.name[i]))
			facts_text_under(&facts, names.name[i], text);
		free(text);
	}
	source_names_free(&names);
	return facts_end(&facts);
}

static void describe_module(struct facts *facts, const struct machine_source *source, const struct kvm_module *module)
{
	struct reason why;
	char path[PATH_MAX];

	if (module->name[0])
		facts_text(facts, "module", module->name);
	else
		facts_null(facts, "module", &module->reason);
	if (paging_name(module->paging)) {
		facts_text(facts, "paging", paging_name(module->paging));
		facts_text(facts, "paging_told_by", module->reason.text);
	} else {
		facts_null(facts, "paging", &module->reason);
	}
	facts_file_text(facts, "tdp_mmu", source, "/sys/module/kvm/parameters/tdp_mmu");
	if (module->name[0]) {
		facts_file_text(facts, "nested", source, "/sys/module/%s/parameters/nested", module->name);
		snprintf(path, sizeof(path), "/sys/module/%s/parameters", module->name);
		facts_json(facts, "module_parameters", directory_texts(source, path));
	} else {
		fail(&why, ENODATA, "%s", module->reason.text);
		facts_null(facts, "nested", &why);
		facts_null(facts, "module_parameters", &why);
	}
	facts_json(facts, "kvm_parameters", directory_texts(source, "/sys/module/kvm/parameters"));
}

json_t *describe_kvm(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct kvm_device device;

	machine_kvm(source, &device);
	if (device.access == KVM_NOT_TRIED) {
		facts_null(&facts, "usable", &device.reason);
	} else {
		facts_bool(&facts, "usable", device.access == KVM_USABLE);
		if (device.access != KVM_USABLE)
			facts_text(&facts, "usable_reason", device.reason.text);
	}
	if (device.api_version >= 0)
		facts_u64(&facts, "api_version", (uint64_t)device.api_version);
	else
		facts_null(&facts, "api_version", &device.reason);
	describe_module(&facts, source, &device.module);
	return facts_end(&facts);
}

static void list_pmus(struct facts *facts, const struct machine_source *source)
{
	struct source_names names;
	struct reason why;
	json_t *list;

	if (source_list(source, &names, &why, "/sys/bus/event_source/devices")) {
		source_names_free(&names);
		facts_null(facts, "pmus", &why);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < names.count; i++)
		facts_append(facts, list, facts_string(names.name[i]));
	source_names_free(&names);
	facts_json(facts, "pmus", list);
}

/* perf_event_paranoid goes from -1 to 4, so it is not an unsigned number. */
static void paranoid_facts(struct facts *facts, const struct machine_source *source)
{
	static const char path[] = "/proc/sys/kernel/perf_event_paranoid";
	char text[16], *end;
	struct reason why;
	int error = source_read_text(source, text, sizeof(text), &why, "%s", path);
	long level = error ? 0 : strtol(text, &end, 10);

	if (!error && (end == text || *end))
		error = fail(&why, EINVAL, "%s: '%s' is not a number", path, text);
	if (error)
		facts_null(facts, "perf_event_paranoid", &why);
	else
		facts_json(facts, "perf_event_paranoid", json_integer(level));
}

json_t *describe_counters(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct perf_state perf;

	machine_perf(source, &perf);
	if (perf.access == PERF_NOT_TRIED) {
		facts_null(&facts, "available", &perf.reason);
	} else {
		facts_bool(&facts, "available", perf.access == PERF_AVAILABLE);
		if (perf.access == PERF_UNAVAILABLE)
			facts_text(&facts, "available_reason", perf.reason.text);
	}
	if (perf.access == PERF_AVAILABLE)
		facts_bool(&facts, "kernel_available", perf.kernel_available);
	else
		facts_null(&facts, "kernel_available", &perf.reason);
	paranoid_facts(&facts, source);
	list_pmus(&facts, source);
	/* The watchdog takes one counter of each CPU for itself. */
	facts_file_u64(&facts, "nmi_watchdog", source, "/proc/sys/kernel/nmi_watchdog");
	return facts_end(&facts);
}

/*
 * Whether a word of the kernel's command line affects measurements. Other words are not recorded, as results get
 * published.
 */
static bool bears_on_measuring(const char *word)
{
	static const char *const beginnings[] = { "mitigations=", "spectre", "nospectre", "spec_",
		"retbleed=", "l1tf=", "mds=", "tsx",
		"mmio_stale_data=", "srbds=", "gather_data_sampling=", "reg_file_data_sampling=", "pti", "nopti",
		"kpti", "no5lvl", "nopcid", "noinvpcid", "nokaslr", "nosmt", "noxsave", "kvm", "hugepages",
		"hugepagesz=", "default_hugepagesz=", "hugetlb", "transparent_hugepage", "thp_", "isolcpus=", "nohz",
		"rcu_nocbs", "irqaffinity=", "intel_pstate=", "amd_pstate=", "intel_idle", "processor.",
		"idle=", "cpuidle", "cpufreq", "haltpoll", "tsc", "clocksource=", "nmi_watchdog=", "nowatchdog",
		"intel_iommu=", "amd_iommu=", "iommu", "numa", "mem=", "memmap=", "maxcpus=", "nr_cpus=", "preempt",
		"threadirqs", "lockdown=", "xen", "srso", "vmscape=", "indirect_target_selection=", "tsa=", "nogbpages",
		"gbpages", "clearcpuid=", "nomodule" };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		if (!strncmp(word, beginnings[i], strlen(beginnings[i])))
			return true;
	}
	return false;
}

static void command_line(struct facts *facts, const struct machine_source *source)
{
	json_t *words;
	struct reason why;
	char *text, *rest, *word;

	if (source_read_all(source, "/proc/cmdline", &text, &why)) {
		facts_null(facts, "command_line", &why);
		return;
	}
	rest = text;
	words = json_array();
	while ((word = strsep(&rest, " \t\n"))) {
		if (!strcmp(word, "--")) /* what follows is for init */
			break;
		if (bears_on_measuring(word))
			facts_append(facts, words, facts_string(word));
	}
	free(text);
	facts_json(facts, "command_line", words);
}

/* "none [integrity] confidentiality": the bracketed word. */
static void lockdown_facts(struct facts *facts, const struct machine_source *source)
{
	struct reason why;
	char text[128], word[32];
	int error = source_read_text(source, text, sizeof(text), &why, "/sys/kernel/security/lockdown");

	if (error == -ENOENT)
		fail(&why, ENOENT, "securityfs is not mounted, or the kernel has no lockdown");
	if (error)
		facts_null(facts, "lockdown", &why);
	else
		facts_text(facts, "lockdown", text_chosen(text, word, sizeof(word)) ? word : text);
}

json_t *describe_kernel(const struct machine_source *source)
{
	struct facts facts = facts_begin();

	facts_file_text(&facts, "release", source, "/proc/sys/kernel/osrelease");
	facts_file_text(&facts, "version", source, "/proc/sys/kernel/version");
	lockdown_facts(&facts, source);
	facts_file_text(
		&facts, "clocksource", source, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	command_line(&facts, source);
	return facts_end(&facts);
}

json_t *describe_mitigations(const struct machine_source *source)
{
	static const char directory[] = "/sys/devices/system/cpu/vulnerabilities";
	struct reason why;
	struct facts facts;

	if (source_exists(source, "%s", directory))
		return directory_texts(source, directory);
	facts = facts_begin();
	fail(&why, ENOENT, "no %s", directory);
	facts_null(&facts, "all", &why);
	return facts_end(&facts);
}
