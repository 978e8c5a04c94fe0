/* Sources of noise: sibling threads, frequency changes, stolen time, other load. */
#include "base/units.h"
#include "machine/cgroup.h"
#include "machine/describe.h"
#include "machine/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS "/sys/devices/system/cpu"

/* /proc/stat counts in USER_HZ, 100 on every x86 Linux (asm-generic/param.h). */
#define STAT_TICK_NS (NS_PER_S / 100)

static void flag_file(struct facts *facts, const char *key, const struct machine_source *source, const char *path)
{
	struct reason why;
	uint64_t value;

	if (source_read_u64(source, &value, &why, "%s", path))
		facts_null(facts, key, &why);
	else
		facts_bool(facts, key, value != 0);
}

/* Whether an array of strings holds a string. */
static bool has_string(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!strcmp(json_string_value(json_array_get(list, i)), text))
			return true;
	}
	return false;
}

/* The governors in use, each once. More than one means that the CPUs differ. */
static void governor_facts(struct facts *facts, const struct machine_source *source)
{
	struct source_names names;
	json_t *list = json_array();
	struct reason why;

	source_list(source, &names, NULL, CPUS "/cpufreq");
	for (size_t i = 0; i < names.count; i++) {
		char text[64];

		if (!strncmp(names.name[i], "policy", 6) &&
			!source_read_text(
				source, text, sizeof(text), NULL, CPUS "/cpufreq/%s/scaling_governor", names.name[i]) &&
			!has_string(list, text))
			facts_append(facts, list, facts_string(text));
	}
	source_names_free(&names);
	if (json_array_size(list)) {
		facts_json(facts, "governors", list);
		return;
	}
	json_decref(list);
	if (source_has_sysfs(source, &why))
		fail(&why, ENOENT, "no cpufreq here: a hypervisor or the firmware sets the frequency");
	facts_null(facts, "governors", &why);
}

/* The driver of any CPU: CPU 0, and its policy with it, may be offline. */
static void scaling_driver_facts(struct facts *facts, const struct machine_source *source)
{
	struct source_names names;
	const char *policy = "policy0";

	source_list(source, &names, NULL, CPUS "/cpufreq");
	for (size_t i = names.count; i; i--)
		if (source_exists(source, CPUS "/cpufreq/%s/scaling_driver", names.name[i - 1]))
			policy = names.name[i - 1];
	facts_file_text(facts, "scaling_driver", source, CPUS "/cpufreq/%s/scaling_driver", policy);
	source_names_free(&names);
}

static void boost_facts(struct facts *facts, const struct machine_source *source)
{
	struct reason why;
	uint64_t value;

	/* intel_pstate has its own switch, which means the opposite. */
	if (!source_read_u64(source, &value, NULL, CPUS "/intel_pstate/no_turbo")) {
		facts_bool(facts, "boost", !value);
	} else if (!source_read_u64(source, &value, NULL, CPUS "/cpufreq/boost")) {
		facts_bool(facts, "boost", value != 0);
	} else {
		fail(&why, ENOENT, "neither intel_pstate/no_turbo nor cpufreq/boost in %s", CPUS);
		facts_null(facts, "boost", &why);
	}
}

/* "cpu user nice system idle iowait irq softirq steal guest guest_nice" (proc(5)). */
static void stolen_facts(struct facts *facts, const struct machine_source *source)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal, used;
	struct reason why;
	char *text; /* its further lines may be many: one a CPU, and the counts of all interrupts */
	int fields;

	if (source_read_all(source, "/proc/stat", &text, &why)) {
		facts_null(facts, "stolen_ns", &why);
		facts_null(facts, "stolen_fraction", &why);
		return;
	}
	fields = sscanf(text,
		"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		&user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal);
	free(text);
	if (fields != 8) {
		fail(&why, EINVAL, "/proc/stat does not start with the times of all CPUs");
		facts_null(facts, "stolen_ns", &why);
		facts_null(facts, "stolen_fraction", &why);
		return;
	}
	used = user + nice + system + irq + softirq + steal;
	facts_u64(facts, "stolen_ns", steal * STAT_TICK_NS);
	facts_real(facts, "stolen_fraction", used ? (double)steal / (double)used : 0);
}

static void load_averages(struct facts *facts, const struct machine_source *source)
{
	static const char *const keys[] = { "load_1min", "load_5min", "load_15min" };
	double load[3];
	struct reason why;
	char text[128];
	int error = source_read_text(source, text, sizeof(text), &why, "/proc/loadavg");

	if (!error && sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]) != 3)
		error = fail(&why, EINVAL, "/proc/loadavg does not start with three numbers");
	for (size_t i = 0; i < 3; i++) {
		if (error)
			facts_null(facts, keys[i], &why);
		else
			facts_real(facts, keys[i], load[i]);
	}
}

/* The CPU quota of one group, in CPUs (1.5 is one and a half). False where the group has none. */
static bool read_quota(const struct machine_source *source, const struct cgroup *group, double *cpus)
{
	uint64_t quota, period;
	char text[64];

	if (group->v2) {
		/* "max 100000" or "150000 100000" */
		if (source_read_text(source, text, sizeof(text), NULL, "%s/cpu.max", group->directory) ||
			sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) != 2)
			return false;
	} else if (source_read_limit(source, &quota, NULL, "%s/cpu.cfs_quota_us", group->directory) ||
		   quota == SOURCE_UNLIMITED ||
		   source_read_u64(source, &period, NULL, "%s/cpu.cfs_period_us", group->directory)) {
		return false;
	}
	if (!period)
		return false;
	*cpus = (double)quota / (double)period;
	return true;
}

/*
 * The smallest quota of this process's group and the groups above it. A process that has used up its quota is stopped
 * in the middle of whatever it does.
 */
static void cpu_quota_facts(struct facts *facts, const struct machine_source *source)
{
	double cpus, least = 0;
	bool found = false;
	struct cgroup group;
	struct reason why, unknown;
	int error;

	error = cgroup_find(source, "cpu", &group, &why);
	do {
		if (!error && read_quota(source, &group, &cpus) && (!found || cpus < least)) {
			least = cpus;
			found = true;
		}
	} while (!error && cgroup_up(&group));
	if (!error || error == -ENODATA) {
		unknown = why;
		fail(&why, ENOENT, "no cgroup limits CPU time");
		if (!error && unknown.text[0])
			reason_add(&why, "%s", unknown.text);
	}
	if (found)
		facts_real(facts, "cpu_quota_cpus", least);
	else
		facts_null(facts, "cpu_quota_cpus", &why);
}

json_t *describe_noise(const struct machine_source *source)
{
	struct facts facts = facts_begin();

	flag_file(&facts, "smt_active", source, CPUS "/smt/active");
	governor_facts(&facts, source);
	scaling_driver_facts(&facts, source);
	boost_facts(&facts, source);
	stolen_facts(&facts, source);
	load_averages(&facts, source);
	facts_file_text(&facts, "isolated_cpus", source, CPUS "/isolated");
	facts_file_text(&facts, "nohz_full_cpus", source, CPUS "/nohz_full");
	cpu_quota_facts(&facts, source);
	return facts_end(&facts);
}
