#include "guest/host_observer.h"

#include "base/affinity.h"
#include "base/units.h"
#include "machine/hypervisor.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VCPUS_MAX 1024u

/*
 * Hardware is counted from here to the end of the job. An emulator's threads run no guest code, so nothing is counted
 * there.
 */
static void count_begin(
	struct host_observer *observer, const struct guest_request *request, const int *threads, unsigned count)
{
	struct machine_source source;
	struct kvm_module module;

	if (request->shape.accel != GUEST_KVM) {
		fail(&observer->counters.why, 0, "a guest of QEMU's emulator has no hardware of its own");
		return;
	}
	machine_source_live(&source);
	machine_kvm_module(&source, &module);
	host_counters_begin(&observer->counters, &(struct host_counters_plan){
							 .threads = threads,
							 .vcpus = count,
							 .scope = count_scope_of_vcpu(&module),
						 });
	machine_source_close(&source);
}

/* QEMU is asked, but a guest that has taken it over must not have a thread of another process bound. */
static int threads_are_of(pid_t process, const int *threads, unsigned count, struct reason *why)
{
	char path[64];

	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)process, threads[i]);
		if (access(path, F_OK))
			return fail(why, EPROTO, "QEMU says that thread %d runs a vCPU, which is not one of its own",
				threads[i]);
	}
	return 0;
}

/* Bind each vCPU's thread to a CPU of its own. A thread that cannot be bound stays where it is, and its CPU is null. */
static int vcpus_pin(struct host_observer *observer, const struct guest_request *request, pid_t process,
	struct qmp *qmp, struct reason *why)
{
	int threads[VCPUS_MAX];
	unsigned count;
	int error = qmp_vcpu_threads(qmp, threads, VCPUS_MAX, &count, why);

	if (!error)
		error = threads_are_of(process, threads, count, why);
	if (error)
		return error;
	observer->pinned = json_array();
	/* An emulator has one thread for all its vCPUs, or one for each; QEMU says which. */
	for (unsigned i = 0; i < count; i++) {
		bool done = i < request->cpu_count && !affinity_bind(threads[i], (unsigned)request->cpus[i]);

		json_array_append_new(observer->pinned, done ? json_integer(request->cpus[i]) : json_null());
	}
	count_begin(observer, request, threads, count);
	return 0;
}

int host_observer_begin(struct host_observer *observer, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, struct reason *why)
{
	int error = vcpus_pin(observer, request, vm->process, qmp, why);

	if (error)
		return error;
	if (request->shape.accel != GUEST_KVM)
		return fail(&observer->kvm_why, 0, "QEMU's emulator is no KVM");
	error = qmp_kvm_stats(qmp, &observer->kvm, &observer->kvm_why);
	if (error == -ENODATA)
		return 0;
	if (error)
		*why = observer->kvm_why;
	return error;
}

/*
 * Find the guest's memory in QEMU: the one mapping of data of that size. (The emulator keeps the code it makes in
 * another mapping of a GiB.) False where there is none.
 */
static bool memory_find(pid_t process, uint64_t bytes, uint64_t *at, uint64_t *length)
{
	char path[64], line[512], may[5];
	uint64_t from = 0, to = 0;
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)process);
	maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof(line), maps))
		/*
		 * The kernel may have merged anonymous memory with a neighbour. The guest's RAM is then the larger
		 * part.
		 */
		found = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, may) == 3 && !strncmp(may, "rw-", 3) &&
			to - from >= bytes && to - from < 2 * bytes;
	if (maps)
		fclose(maps);
	*at = from;
	*length = to - from;
	return found;
}

static json_t *guest_memory_json(pid_t process, uint64_t bytes, struct reason *why)
{
	uint64_t at, length;
	struct smaps_pages pages;
	char path[64];
	FILE *stream;
	int error;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)process);
	stream = memory_find(process, bytes, &at, &length) ? fopen(path, "re") : NULL;
	if (!stream) {
		fail(why, ENODATA, "QEMU's memory map cannot be read, or has no mapping of the guest's size");
		return NULL;
	}
	error = smaps_parse(stream, at, length, &pages);
	fclose(stream);
	if (error) {
		fail(why, -error, "QEMU's memory map cannot be read");
		return NULL;
	}
	return json_pack("{s:I, s:I, s:I}", "mapped_bytes", (json_int_t)pages.mapped_bytes, "anon_huge_bytes",
		(json_int_t)pages.anon_huge_bytes, "page_bytes", (json_int_t)pages.kernel_page_bytes);
}

/*
 * By how much each count grew. Counts that also fall (pages_4k is the number of leaves now) are given as they stand
 * at the end.
 */
static json_t *counts_growth(const json_t *before, const json_t *after)
{
	json_t *grown = json_object();
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)after, name, value) {
		bool state = !strncmp(name, "pages_", 6) || !strcmp(name, "mmu_unsync");
		json_int_t from = state ? 0 : json_integer_value(json_object_get(before, name)), growth;

		if (!__builtin_sub_overflow(json_integer_value(value), from, &growth))
			json_object_set_new(grown, name, json_integer(growth));
	}
	return grown;
}

/* Add one of KVM's counts divided by the guest's page faults, as "NAME_per_guest_fault". */
static void add_per_fault(json_t *kvm, const struct host_observer *observer, const char *name)
{
	const json_t *count = json_object_get(kvm, name);
	char per_fault[64];

	if (!count || !observer->guest_faults || observer->guest_faults == FAULTS_UNKNOWN)
		return;
	snprintf(per_fault, sizeof(per_fault), "%s_per_guest_fault", name);
	json_object_set_new(
		kvm, per_fault, json_real((double)json_integer_value(count) / (double)observer->guest_faults));
}

void host_observer_end(struct host_observer *observer, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, uint64_t guest_faults)
{
	json_t *after = NULL, *before = observer->kvm;

	observer->ended = true;
	observer->hardware = host_counters_end(&observer->counters, &observer->hardware_why);
	observer->guest_faults = guest_faults;
	observer->kvm = NULL;
	if (before && !qmp_kvm_stats(qmp, &after, &observer->kvm_why)) {
		observer->kvm = counts_growth(before, after);
		json_decref(after);
		add_per_fault(observer->kvm, observer, "pf_taken");
		add_per_fault(observer->kvm, observer, "exits");
	}
	json_decref(before);
	observer->memory = guest_memory_json(vm->process, request->shape.memory_bytes, &observer->memory_why);
}

/* Put a value; where there is none, put null and the reason beside it. */
static void value_or_reason_put(json_t *facts, const char *key, const json_t *value, const char *why)
{
	char beside[64];

	json_object_set_new(facts, key, value ? json_incref((json_t *)value) : json_null());
	if (value)
		return;
	snprintf(beside, sizeof(beside), "%s_reason", key);
	json_object_set_new(facts, beside, json_string(why));
}

json_t *host_observer_facts(
	const struct host_observer *observer, const struct guest_request *request, uint64_t boot_ns, uint64_t all_ns)
{
	static const char unfinished[] = "the guest did not end by itself";
	json_t *facts = json_pack(
		"{s:o, s:f}", "shape", guest_shape_json(&request->shape), "run_ms", (double)all_ns / (double)NS_PER_MS);
	json_t *boot = boot_ns ? json_real((double)boot_ns / (double)NS_PER_MS) : NULL;
	bool counted = observer->ended && observer->guest_faults != FAULTS_UNKNOWN;
	json_t *faults = counted ? json_integer((json_int_t)observer->guest_faults) : NULL;

	if (!facts)
		return NULL;
	value_or_reason_put(facts, "boot_ms", boot, "the guest did not come to begin its job");
	value_or_reason_put(facts, "vcpus_pinned", observer->pinned, "the guest did not come to begin its job");
	value_or_reason_put(facts, "memory", observer->memory,
		observer->memory_why.text[0] ? observer->memory_why.text : unfinished);
	value_or_reason_put(facts, "guest_faults", faults,
		observer->ended ? "the guest's kernel does not count its page faults (perf_event_open)" : unfinished);
	value_or_reason_put(facts, "kvm", observer->ended ? observer->kvm : NULL,
		observer->kvm_why.text[0] ? observer->kvm_why.text : unfinished);
	value_or_reason_put(facts, "hardware", observer->hardware,
		observer->hardware_why.text[0] ? observer->hardware_why.text : unfinished);
	json_decref(boot);
	json_decref(faults);
	return facts;
}

void host_observer_free(struct host_observer *observer)
{
	json_decref(observer->pinned);
	json_decref(observer->kvm);
	json_decref(observer->memory);
	json_decref(observer->hardware);
	/* The counters of a job that did not end by itself are still open. */
	if (!observer->ended)
		json_decref(host_counters_end(&observer->counters, &observer->hardware_why));
	*observer = (struct host_observer){ 0 };
}
