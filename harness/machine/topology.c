#include "machine/topology.h"

#include "base/new_file.h"
#include "base/plain_file.h"
#include "machine/topology_internal.h"
#include "machine/trial.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An environment variable that makes hwloc read a recorded sysfs. Its old value is restored afterwards. */
struct environment {
	const char *name;
	char *before;
};

static void environment_set(struct environment *variable, const char *name, const char *value)
{
	const char *before = getenv(name);

	variable->name = name;
	variable->before = before ? strdup(before) : NULL;
	setenv(name, value, 1);
}

static void environment_restore(struct environment *variable)
{
	if (variable->before)
		setenv(variable->name, variable->before, 1);
	else
		unsetenv(variable->name);
	free(variable->before);
}

static int topology_load(hwloc_topology_t topology, const char *what, struct reason *why)
{
	struct environment hide;
	int error;

	/* hwloc would print about odd firmware to stderr, and a library must not print. */
	environment_set(&hide, "HWLOC_HIDE_ERRORS", "2");
	errno = 0;
	error = hwloc_topology_load(topology) ? fail(why, errno ? errno : EINVAL, "hwloc cannot read %s", what) : 0;
	environment_restore(&hide);
	return error;
}

/* A recorded machine: its topology.xml, or a directory with its sysfs. */
struct recording {
	const char *name; /* for messages */
	const char *xml, *root; /* one of them */
	size_t xml_bytes; /* with the NUL */
};

/* With these components hwloc reads files below its root only: its x86 one would execute CPUID here. */
static int sysfs_load(const char *directory, hwloc_topology_t topology, struct reason *why)
{
	struct environment root, components;
	int error;

	environment_set(&root, "HWLOC_FSROOT", directory);
	environment_set(&components, "HWLOC_COMPONENTS", "linux,stop");
	error = topology_load(topology, directory, why);
	environment_restore(&components);
	environment_restore(&root);
	return error;
}

/* Whether any CPU's topology is there: an offline CPU has none, and CPU 0 may be offline. */
static bool has_cpu_topology(const struct machine_source *source)
{
	struct source_names names;
	bool found = false;

	source_list(source, &names, NULL, "/sys/devices/system/cpu");
	for (size_t i = 0; i < names.count && !found; i++)
		found = !strncmp(names.name[i], "cpu", 3) && isdigit((unsigned char)names.name[i][3]) &&
			source_exists(source, "/sys/devices/system/cpu/%s/topology", names.name[i]);
	source_names_free(&names);
	return found;
}

static int recording_load(const struct recording *recording, hwloc_topology_t topology, struct reason *why)
{
	hwloc_topology_set_icache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
	if (!recording->xml)
		return sysfs_load(recording->root, topology, why);
	if (hwloc_topology_set_xmlbuffer(topology, recording->xml, (int)recording->xml_bytes))
		return fail(why, EINVAL, "%s: hwloc cannot read it", recording->name);
	return topology_load(topology, recording->name, why);
}

static int recording_attempt(const void *context)
{
	hwloc_topology_t topology;
	int error;

	if (hwloc_topology_init(&topology))
		return -ENOMEM;
	error = recording_load(context, topology, NULL);
	hwloc_topology_destroy(topology);
	return error;
}

/* hwloc trusts what it reads: a misspelt word or deep nesting in its XML crashes it, a pipe in a sysfs stops it. */
static int recording_try(const struct recording *recording, struct reason *why)
{
	char what[300];

	snprintf(what, sizeof(what), "%.200s: hwloc", recording->name);
	return trial_run(recording_attempt, recording, what, why);
}

/* The text of DIRECTORY/topology.xml, which the caller frees; NULL with *why and errno. */
static char *xml_read(const char *directory, size_t *bytes, struct reason *why)
{
	FILE *file = plain_file_open(directory, "topology.xml", PLAIN_FILE_DOCUMENT_MOST, why);
	char *text = file ? plain_file_rest(file, bytes, why) : NULL;
	int error = errno;

	if (file)
		fclose(file);
	errno = error;
	++*bytes;
	return text;
}

int topology_check_xml(const char *directory, struct reason *why)
{
	struct recording recording = { .name = "topology.xml" };
	char *xml = xml_read(directory, &recording.xml_bytes, why);
	int error;

	if (!xml)
		return -errno;
	recording.xml = xml;
	error = recording_try(&recording, why);
	free(xml);
	return error;
}

static int recording_open(const struct machine_source *source, hwloc_topology_t topology, struct reason *why)
{
	struct recording recording = { .name = source->name };
	char *xml = NULL;
	int error;

	if (source_exists(source, "/topology.xml")) {
		xml = xml_read(source->name, &recording.xml_bytes, why);
		if (!xml)
			return -errno;
		recording.xml = xml;
	} else if (has_cpu_topology(source)) {
		recording.root = source->name;
	} else {
		/* Without these files hwloc makes up a machine with one CPU. */
		return fail(why, ENODATA,
			"recorded machine: it has neither topology.xml nor a topology of any CPU in /sys/devices/system/cpu");
	}
	error = recording_try(&recording, why);
	if (!error)
		error = recording_load(&recording, topology, why);
	free(xml);
	return error;
}

/* The CPUs that this process may use: those that cpusets and affinity allow. */
static int find_allowed(const struct machine_source *source, struct topology *topology)
{
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();
	char *status, *list;

	topology->allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology->hwloc));
	if (!bound || !topology->allowed) {
		hwloc_bitmap_free(bound);
		return -ENOMEM;
	}
	if (source_is_live(source)) {
		if (!hwloc_get_cpubind(topology->hwloc, bound, HWLOC_CPUBIND_PROCESS) && !hwloc_bitmap_iszero(bound))
			hwloc_bitmap_and(topology->allowed, topology->allowed, bound);
	} else if (!source_read_all(source, "/proc/self/status", &status, NULL)) {
		list = text_field_copy(status, "Cpus_allowed_list");
		if (list && !hwloc_bitmap_list_sscanf(bound, list) && !hwloc_bitmap_iszero(bound))
			hwloc_bitmap_and(topology->allowed, topology->allowed, bound);
		free(list);
		free(status);
	}
	hwloc_bitmap_free(bound);
	return 0;
}

/* More CPUs than any kernel has: it refuses a smaller set than its own. */
#define CPUS_MOST (1u << 17)

/* Without this call hwloc asks for ever larger sets, and never ends. */
static int affinity_check(struct reason *why)
{
	cpu_set_t *set = CPU_ALLOC(CPUS_MOST);
	int error = 0;

	if (!set)
		return fail(why, ENOMEM, "out of memory");
	if (sched_getaffinity(0, CPU_ALLOC_SIZE(CPUS_MOST), set))
		error = fail(why, errno, "which CPUs this process may use cannot be asked: sched_getaffinity: %s",
			strerror(errno));
	CPU_FREE(set);
	return error;
}

int topology_read(const struct machine_source *source, unsigned long flags, hwloc_topology_t *hwloc, struct reason *why)
{
	int error = source_is_live(source) ? affinity_check(why) : 0;

	*hwloc = NULL;
	if (error)
		return error;
	if (hwloc_topology_init(hwloc)) {
		*hwloc = NULL;
		return fail(why, ENOMEM, "hwloc cannot be initialised");
	}
	hwloc_topology_set_icache_types_filter(*hwloc, HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_flags(*hwloc, flags);
	return source_is_live(source) ? topology_load(*hwloc, "this machine's topology", why)
				      : recording_open(source, *hwloc, why);
}

int topology_open(const struct machine_source *source, struct topology *out, struct reason *why)
{
	int error = 0;

	memset(out, 0, sizeof(*out));
	out->source = source;
	out->live = source_is_live(source);
	if (source->kind == SOURCE_CPUID)
		return source_not_tried(source, why);
	error = topology_read(source, 0, &out->hwloc, why);
	if (!error && out->live && !hwloc_topology_is_thissystem(out->hwloc))
		error = fail(why, EIO, "hwloc describes another machine than this one");
	if (!error) {
		error = find_allowed(source, out);
		if (error)
			fail(why, -error, "out of memory");
	}
	if (error)
		topology_close(out);
	return error;
}

void topology_close(struct topology *topology)
{
	if (topology->hwloc)
		hwloc_topology_destroy(topology->hwloc);
	hwloc_bitmap_free(topology->allowed);
	topology->hwloc = NULL;
	topology->allowed = NULL;
}

/*
 * The rank of a CPU's kind of core on machines that mix kinds: a higher rank is a faster core; -1 where that is not
 * known.
 */
static int core_efficiency(const struct topology *topology, hwloc_const_bitmap_t cpus)
{
	int kind = hwloc_cpukinds_get_by_cpuset(topology->hwloc, cpus, 0), efficiency = -1;

	if (kind < 0 || hwloc_cpukinds_get_info(topology->hwloc, (unsigned)kind, NULL, &efficiency, NULL, NULL, 0))
		return -1;
	return efficiency;
}

static int cpu_choose(const struct topology *topology)
{
	int chosen = -1, chosen_efficiency = 0;
	hwloc_bitmap_t usable = hwloc_bitmap_alloc();
	hwloc_obj_t core = NULL;

	while (usable && (core = hwloc_get_next_obj_by_type(topology->hwloc, HWLOC_OBJ_CORE, core))) {
		int efficiency = core_efficiency(topology, core->cpuset);

		hwloc_bitmap_and(usable, core->cpuset, topology->allowed);
		if (hwloc_bitmap_iszero(usable) || hwloc_bitmap_isset(core->cpuset, 0))
			continue;
		if (chosen < 0 || efficiency > chosen_efficiency) {
			chosen = hwloc_bitmap_first(usable);
			chosen_efficiency = efficiency;
		}
	}
	hwloc_bitmap_free(usable);
	return chosen >= 0 ? chosen : hwloc_bitmap_first(topology->allowed);
}

int topology_choose_cpu(const struct topology *topology, int requested, int *cpu, struct reason *why)
{
	char *list;

	if (requested < 0) {
		*cpu = cpu_choose(topology);
		return *cpu < 0 ? fail(why, EINVAL, "this process may run on no CPU at all") : 0;
	}
	if (hwloc_bitmap_isset(topology->allowed, (unsigned)requested)) {
		*cpu = requested;
		return 0;
	}
	if (hwloc_bitmap_list_asprintf(&list, topology->allowed) < 0)
		return fail(why, ENOMEM, "out of memory");
	fail(why, WRONG_REQUEST, "CPU %d %s; this process may run on %s", requested,
		hwloc_get_pu_obj_by_os_index(topology->hwloc, (unsigned)requested) ? "is not allowed to this process"
										   : "is not there or not online",
		list);
	free(list);
	return -WRONG_REQUEST;
}

/* Append the n-th allowed thread, from 0, of each core that has one. `first` counts as thread 0 of its core. */
static unsigned worker_cpus_add(const struct topology *topology, int first, unsigned n, int *cpus, unsigned count)
{
	hwloc_obj_t home = hwloc_get_pu_obj_by_os_index(topology->hwloc, (unsigned)first);
	unsigned cores = (unsigned)hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_CORE);
	hwloc_bitmap_t usable = hwloc_bitmap_alloc();

	while (home && home->type != HWLOC_OBJ_CORE)
		home = home->parent;
	for (unsigned i = 0; usable && i < cores; i++) {
		hwloc_obj_t core = hwloc_get_obj_by_type(
			topology->hwloc, HWLOC_OBJ_CORE, ((home ? home->logical_index : 0) + i) % cores);
		bool has_first = hwloc_bitmap_isset(core->cpuset, (unsigned)first);
		int cpu;

		if (has_first && !n)
			continue;
		hwloc_bitmap_and(usable, core->cpuset, topology->allowed);
		hwloc_bitmap_clr(usable, (unsigned)first);
		cpu = hwloc_bitmap_first(usable);
		for (unsigned k = has_first; k < n && cpu >= 0; k++)
			cpu = hwloc_bitmap_next(usable, cpu);
		if (cpu >= 0)
			cpus[count++] = cpu;
	}
	hwloc_bitmap_free(usable);
	return count;
}

int topology_worker_cpus(const struct topology *topology, int first, int **cpus, unsigned *count)
{
	unsigned most = (unsigned)hwloc_bitmap_weight(topology->allowed);

	*cpus = calloc(most, sizeof(**cpus));
	if (!*cpus)
		return -ENOMEM;
	(*cpus)[0] = first;
	*count = 1;
	/* No core has more threads than there are CPUs. */
	for (unsigned n = 0; n < most && *count < most; n++)
		*count = worker_cpus_add(topology, first, n, *cpus, *count);
	return 0;
}

int topology_sibling(const struct topology *topology, int cpu, int *sibling, struct reason *why)
{
	hwloc_obj_t core = hwloc_get_pu_obj_by_os_index(topology->hwloc, (unsigned)cpu);
	hwloc_bitmap_t others = hwloc_bitmap_alloc();
	int other = -1;

	while (core && core->type != HWLOC_OBJ_CORE)
		core = core->parent;
	if (!others)
		return fail(why, ENOMEM, "out of memory");
	if (core) {
		hwloc_bitmap_and(others, core->cpuset, topology->allowed);
		hwloc_bitmap_clr(others, (unsigned)cpu);
		other = hwloc_bitmap_first(others);
	}
	hwloc_bitmap_free(others);
	if (other < 0)
		return fail(why, ENODEV,
			"this Linux sees no other thread of CPU %d's core that this process may use (in a virtual machine it may still be there, and somebody else's)",
			cpu);
	*sibling = other;
	return 0;
}

int topology_not_live(struct reason *why)
{
	return fail(why, ENODATA, "a recorded machine: nothing can be bound on it");
}

int topology_bind_thread(const struct topology *topology, int cpu, struct reason *why)
{
	hwloc_bitmap_t set;
	int error = 0;

	if (!topology->live)
		return topology_not_live(why);
	set = hwloc_bitmap_alloc();
	if (!set || hwloc_bitmap_only(set, (unsigned)cpu))
		error = fail(why, ENOMEM, "out of memory");
	else if (hwloc_set_cpubind(topology->hwloc, set, HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT))
		error = fail(why, errno, "cannot bind the thread to CPU %d: %s", cpu, strerror(errno));
	hwloc_bitmap_free(set);
	return error;
}

int topology_export(const struct topology *topology, const char *path, struct reason *why)
{
	struct new_file file;
	char *xml;
	int length, error;

	errno = 0;
	if (hwloc_topology_export_xmlbuffer(topology->hwloc, &xml, &length, 0))
		return fail(why, errno ? errno : EIO, "%s: hwloc cannot write it%s%s", path, errno ? ": " : "",
			errno ? strerror(errno) : "");
	error = new_file_open(&file, path, why);
	if (!error) {
		/* The length counts the NUL. */
		fwrite(xml, 1, (size_t)length - 1, file.out);
		error = new_file_put(&file, why);
	}
	hwloc_free_xmlbuffer(topology->hwloc, xml);
	return error;
}
