#include "guest/witness.h"

#include "base/units.h"
#include "machine/hypervisor.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define VCPUS_MAX 1024u

/* From here on until the job's end. What an emulator's threads do is no guest code. */
static void count_begin(
	struct witness *witness, const struct guest_request *request, const int *threads, unsigned count)
{
	struct machine_source source;
	struct kvm_module module;

	if (request->shape.accel != GUEST_KVM) {
		fail(&witness->counted.why, 0, "a guest of QEMU's emulator has no hardware of its own");
		return;
	}
	machine_source_live(&source);
	machine_kvm_module(&source, &module);
	guest_counted_begin(&witness->counted, &(struct guest_counted_plan){
						       .threads = threads,
						       .vcpus = count,
						       .scope = count_scope_of_vcpu(&module),
					       });
	machine_source_close(&source);
}

/* The thread of each vCPU to a CPU of its own. One that cannot be pinned is measured where it is, and says null. */
static int pin(struct witness *witness, const struct guest_request *request, struct qmp *qmp, struct reason *why)
{
	int threads[VCPUS_MAX];
	unsigned count;
	int error = qmp_vcpu_threads(qmp, threads, VCPUS_MAX, &count, why);

	if (error)
		return error;
	witness->pinned = json_array();
	/* An emulator has one thread for all its vCPUs, or one each: as it says. */
	for (unsigned i = 0; i < count; i++) {
		cpu_set_t set;
		bool done = false;

		if (i < request->cpu_count && request->cpus[i] < CPU_SETSIZE) {
			CPU_ZERO(&set);
			CPU_SET(request->cpus[i], &set);
			done = !sched_setaffinity(threads[i], sizeof(set), &set);
		}
		json_array_append_new(witness->pinned, done ? json_integer(request->cpus[i]) : json_null());
	}
	count_begin(witness, request, threads, count);
	return 0;
}

int witness_begin(struct witness *witness, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, struct reason *why)
{
	int error = pin(witness, request, qmp, why);

	(void)vm;
	if (error)
		return error;
	if (request->shape.accel != GUEST_KVM)
		return fail(&witness->kvm_why, 0, "QEMU's emulator is no KVM");
	error = qmp_kvm_stats(qmp, &witness->kvm, &witness->kvm_why);
	if (error == -ENODATA)
		return 0;
	if (error)
		*why = witness->kvm_why;
	return error;
}

/*
 * Where the guest's memory lies in QEMU: the one mapping of data that is as large (its emulator keeps code that it makes in
 * another one of a GiB). False where there is none.
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
		/* Anonymous memory may have grown together with a neighbour's: the RAM is the larger part of it. */
		found = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, may) == 3 && !strncmp(may, "rw-", 3) &&
			to - from >= bytes && to - from < 2 * bytes;
	if (maps)
		fclose(maps);
	*at = from;
	*length = to - from;
	return found;
}

static json_t *memory_look(pid_t process, uint64_t bytes, struct reason *why)
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

/* By how much counts grew; those that do not only grow (pages_4k: leaves there are now) as they stand at the end. */
static json_t *growth(const json_t *before, const json_t *after)
{
	json_t *grown = json_object();
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)after, name, value) {
		bool state = !strncmp(name, "pages_", 6) || !strcmp(name, "mmu_unsync");
		json_int_t from = state ? 0 : json_integer_value(json_object_get(before, name));

		json_object_set_new(grown, name, json_integer(json_integer_value(value) - from));
	}
	return grown;
}

/* One of KVM's counts per page fault that the guest took, under a name that says so. */
static void add_per_fault(json_t *kvm, const struct witness *witness, const char *name)
{
	const json_t *count = json_object_get(kvm, name);
	char per_fault[64];

	if (!count || !witness->guest_faults || witness->guest_faults == FAULTS_UNKNOWN)
		return;
	snprintf(per_fault, sizeof(per_fault), "%s_per_guest_fault", name);
	json_object_set_new(
		kvm, per_fault, json_real((double)json_integer_value(count) / (double)witness->guest_faults));
}

void witness_end(struct witness *witness, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, uint64_t guest_faults)
{
	json_t *after = NULL, *before = witness->kvm;

	witness->ended = true;
	witness->hardware = guest_counted_end(&witness->counted, &witness->hardware_why);
	witness->guest_faults = guest_faults;
	witness->kvm = NULL;
	if (before && !qmp_kvm_stats(qmp, &after, &witness->kvm_why)) {
		witness->kvm = growth(before, after);
		json_decref(after);
		add_per_fault(witness->kvm, witness, "pf_taken");
		add_per_fault(witness->kvm, witness, "exits");
	}
	json_decref(before);
	witness->memory = memory_look(vm->process, request->shape.memory_bytes, &witness->memory_why);
}

/* A value, or null with the reason beside it. */
static void put(json_t *facts, const char *key, const json_t *value, const char *why)
{
	char beside[64];

	json_object_set_new(facts, key, value ? json_incref((json_t *)value) : json_null());
	if (value)
		return;
	snprintf(beside, sizeof(beside), "%s_reason", key);
	json_object_set_new(facts, beside, json_string(why));
}

json_t *witness_facts(
	const struct witness *witness, const struct guest_request *request, uint64_t boot_ns, uint64_t all_ns)
{
	static const char unfinished[] = "the guest did not come to its end";
	json_t *facts = json_pack(
		"{s:o, s:f}", "shape", guest_shape_json(&request->shape), "run_ms", (double)all_ns / (double)NS_PER_MS);
	json_t *boot = boot_ns ? json_real((double)boot_ns / (double)NS_PER_MS) : NULL;
	bool counted = witness->ended && witness->guest_faults != FAULTS_UNKNOWN;
	json_t *faults = counted ? json_integer((json_int_t)witness->guest_faults) : NULL;

	if (!facts)
		return NULL;
	put(facts, "boot_ms", boot, "the guest did not come to begin its job");
	put(facts, "vcpus_pinned", witness->pinned, "the guest did not come to begin its job");
	put(facts, "memory", witness->memory, witness->memory_why.text[0] ? witness->memory_why.text : unfinished);
	put(facts, "guest_faults", faults,
		witness->ended ? "the guest's kernel does not count its page faults (perf_event_open)" : unfinished);
	put(facts, "kvm", witness->ended ? witness->kvm : NULL,
		witness->kvm_why.text[0] ? witness->kvm_why.text : unfinished);
	put(facts, "hardware", witness->hardware,
		witness->hardware_why.text[0] ? witness->hardware_why.text : unfinished);
	json_decref(boot);
	json_decref(faults);
	return facts;
}

void witness_free(struct witness *witness)
{
	json_decref(witness->pinned);
	json_decref(witness->kvm);
	json_decref(witness->memory);
	json_decref(witness->hardware);
	/* Of a job that did not come to its end. */
	if (!witness->ended)
		json_decref(guest_counted_end(&witness->counted, &witness->hardware_why));
	*witness = (struct witness){ 0 };
}
