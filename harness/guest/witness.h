/* What is seen of a guest from outside while it runs: its vCPUs' places, its memory's pages, KVM's counts. */
#ifndef NESTWALK_GUEST_WITNESS_H
#define NESTWALK_GUEST_WITNESS_H

#include "guest/counted.h"
#include "guest/guest.h"
#include "guest/qmp.h"
#include "guest/vm.h"

#define FAULTS_UNKNOWN UINT64_MAX

struct witness {
	json_t *pinned; /* array: the CPU of each vCPU's thread, or null; NULL: not looked at */
	json_t *kvm; /* KVM's statistics when the job began; at the end, how much they grew; NULL: not known */
	json_t *memory; /* the guest's memory on this host, as smaps has it at the end; NULL: not known */
	struct guest_counted counted; /* hardware events, while the job runs */
	json_t *hardware; /* what they came to; NULL: not known */
	struct reason kvm_why, memory_why, hardware_why;
	bool ended;
	uint64_t guest_faults; /* page faults that the guest took in its job, by its own count; or FAULTS_UNKNOWN */
};

/* Pin the vCPUs' threads one to one and take the first counts. 0; -errno with *why where QEMU does not answer. */
int witness_begin(struct witness *witness, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, struct reason *why);

/* Take the last counts. What cannot be had stays unknown, with a reason. */
void witness_end(struct witness *witness, const struct guest_request *request, const struct guest_vm *vm,
	struct qmp *qmp, uint64_t guest_faults);

/* guest_result.facts. New reference, or NULL. */
json_t *witness_facts(
	const struct witness *witness, const struct guest_request *request, uint64_t boot_ns, uint64_t all_ns);
void witness_free(struct witness *witness);

#endif
