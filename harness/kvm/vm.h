/*
 * A thin, typed wrapping of /dev/kvm: a VM, its memory, one vCPU started in long mode at CPL 3.
 * Source of all numbers and structures: Documentation/virt/kvm/api.rst and <linux/kvm.h>. Needs read-write access to
 * /dev/kvm and nothing else.
 */
#ifndef NESTWALK_VM_H
#define NESTWALK_VM_H

#include "base/reason.h"
#include "kvm/address.h"
#include "kvm/stats.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>

struct kvm_vm {
	int kvm_fd, vm_fd;
	unsigned slots; /* memory slots in use */
	struct kvm_cpuid2 *cpuid; /* KVM_GET_SUPPORTED_CPUID; the vCPU gets all of it */
	struct kvm_stats stats;
};

struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_bytes;
	struct kvm_stats stats;
};

/* 0, or -ENOENT no /dev/kvm, -EACCES no permission, -ENOTSUP an API version other than 12, other errnos of the ioctls. */
int kvm_vm_open(struct kvm_vm *vm, struct reason *why);

/* Write to *why what prevents opening /dev/kvm, by the errno of open(2), and what to do. Returns -error. */
int kvm_device_refused(int error, struct reason *why);
void kvm_vm_close(struct kvm_vm *vm);

/* Back [gpa, gpa + bytes) with the host memory at `host`, which must outlive the VM. */
struct kvm_memory {
	gpa_t gpa;
	void *host;
	uint64_t bytes;
};
int kvm_vm_add_memory(struct kvm_vm *vm, const struct kvm_memory *memory, struct reason *why);

/* What the guest's CPUID says: 5-level paging (leaf 7 ECX bit 16), 1G leaves (0x80000001 EDX bit 26), address bits. */
bool kvm_vm_has_la57(const struct kvm_vm *vm);
bool kvm_vm_has_1g_pages(const struct kvm_vm *vm);
unsigned kvm_vm_physical_bits(const struct kvm_vm *vm);

/* ... and process-context identifiers (CR4.PCIDE): leaf 1 ECX bit 17. */
bool kvm_vm_has_pcid(const struct kvm_vm *vm);

/* The state in which the vCPU starts: 64-bit mode, CPL 3, interrupts off; registers that are not named here are 0. */
struct kvm_start {
	gpa_t root; /* of the guest's page tables */
	unsigned levels;
	gva_t rip, rsp;
	uint64_t rbx, rbp;
	gva_t descriptors; /* a page laid out by kvm_descriptors_write(); 0: none, and any exception ends the vCPU */
};
int kvm_vcpu_open(struct kvm_vm *vm, struct kvm_vcpu *vcpu, const struct kvm_start *start, struct reason *why);
void kvm_vcpu_close(struct kvm_vcpu *vcpu);

/*
 * Turn CR4.PCIDE on or off while the guest does not run, and load CR3 with `root` (PCID 0). 0; -ENOTSUP the guest's
 * CPUID does not have PCIDs; other errnos of the ioctls.
 */
int kvm_vcpu_set_pcid(struct kvm_vm *vm, struct kvm_vcpu *vcpu, bool on, gpa_t root, struct reason *why);

/*
 * Run until the guest stores to guest-physical page `door`. 0; -EINTR it was asked to stop (base/stop.h; call again to go
 * on); -EIO the vCPU stopped for another reason, which *why names together with the registers. Other signals only make the
 * call take longer.
 */
int kvm_vcpu_run(struct kvm_vcpu *vcpu, gpa_t door, struct reason *why);

/* "KVM_EXIT_MMIO" for 6; "exit reason 99", in *text, for a reason that this version does not know. */
const char *kvm_exit_name(unsigned reason, char *text, size_t bytes);

#endif
