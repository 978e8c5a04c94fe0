/*
 * What the host observes of a guest while it runs: the CPUs of its vCPUs, the pages behind its memory, KVM's counts
 * and hardware counters.
 */
#ifndef NESTWALK_HOST_OBSERVER_H
#define NESTWALK_HOST_OBSERVER_H

#include "guest/guest.h"
#include "guest/host_counters.h"
#include "guest/qmp.h"
#include "guest/vm.h"

#define FAULTS_UNKNOWN UINT64_MAX

struct host_observer {
	json_t *pinned; /* array: the CPU of each vCPU's thread, or null; NULL: not looked at */
	json_t *kvm; /* KVM's statistics when the job began; at the end, how much they grew; NULL: not known */
	json_t *memory; /* the guest's memory on this host, as smaps has it at the end; NULL: not known */
	struct host_counters counters; /* hardware events, while the job runs */
	json_t *hardware; /* the sums of the counters above; NULL: not known */
	struct reason kvm_why, memory_why, hardware_why;
	bool ended;
	uint64_t guest_faults; /* page faults that the guest took in its job, by its own count; or FAULTS_UNKNOWN */
};

/* Pin the vCPUs' threads one to one and take the first counts. 0; -errno with *why where QEMU does not answer. */
int host_observer_begin(struct host_observer *observer, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, struct reason *why);

/* Take the last counts. What cannot be had stays unknown, with a reason. */
void host_observer_end(struct host_observer *observer, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, uint64_t guest_faults);

/* Make guest_result.facts. New reference, or NULL. */
json_t *host_observer_facts(
	const struct host_observer *observer, const struct guest_request *request, uint64_t boot_ns, uint64_t all_ns);
void host_observer_free(struct host_observer *observer);

#endif
