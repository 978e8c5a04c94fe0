/*
 * KVM's binary statistics of a VM or a vCPU (KVM_GET_STATS_FD, Linux 5.14, Documentation/virt/kvm/api.rst 4.133).
 * Needs no privilege beyond the VM's own file descriptor.
 */
#ifndef NESTWALK_KVM_STATS_H
#define NESTWALK_KVM_STATS_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_stat {
	char name[48];
	uint32_t offset; /* of its value in the data block, bytes */
	bool cumulative; /* counts up; otherwise an instantaneous or peak value */
};

/* The statistics that results hold, by their names in the kernel (virt/kvm, arch/x86/include/asm/kvm_host.h). */
enum kvm_count {
	/* of a vCPU, counting up */
	KVM_COUNT_EXITS,
	KVM_COUNT_PF_TAKEN, /* page faults that reached KVM */
	KVM_COUNT_PF_FIXED, /* ... that KVM fixed in the tables it keeps */
	KVM_COUNT_PF_GUEST, /* ... that KVM passed on to the guest */
	KVM_COUNT_PF_EMULATE,
	KVM_COUNT_INSN_EMULATION,
	KVM_COUNT_TLB_FLUSH,
	KVM_COUNT_MMIO_EXITS,
	KVM_COUNT_IRQ_EXITS,
	KVM_COUNT_PF_MMIO_SPTE_CREATED, /* page faults at addresses that have no memory behind them */
	/* of a VM: how many leaves of each size KVM's own tables hold now */
	KVM_COUNT_PAGES_4K,
	KVM_COUNT_PAGES_2M,
	KVM_COUNT_PAGES_1G,
	KVM_COUNT_MMU_UNSYNC, /* shadow page tables that the guest may write to now without KVM's notice */
	/* of a VM, counting up */
	KVM_COUNT_MMU_CACHE_MISS, /* shadow page tables made */
	KVM_COUNT_MMU_SHADOW_ZAPPED, /* ... and taken down */
	KVM_COUNT_MMU_RECYCLED, /* ... because KVM's limit on shadow page tables was reached */
	KVM_COUNT_MMU_PTE_WRITE, /* guest stores to write-protected page tables, carried out by KVM */
	KVM_COUNTS,
};
#define KVM_COUNTS_OF_VCPU KVM_COUNT_PAGES_4K

/* Whether a count only grows, so that a difference of two readings means something. */
static inline bool kvm_count_grows(enum kvm_count count)
{
	return count < KVM_COUNTS_OF_VCPU || count >= KVM_COUNT_MMU_CACHE_MISS;
}

extern const char *const kvm_count_names[KVM_COUNTS];

/* The value of a count that this kernel does not have. */
#define KVM_COUNT_UNKNOWN UINT64_MAX

struct kvm_stats {
	int fd; /* -1: this kernel has none */
	uint32_t data_offset, data_bytes;
	unsigned char *data; /* owned: the values of the last read */
	struct kvm_stat *stat; /* owned; in the kernel's order */
	size_t count;
	int count_at[KVM_COUNTS]; /* index in stat, or -1 */
};

/* Open the statistics of a VM's or vCPU's file descriptor. 0; -ENOTSUP where the kernel has none: fd is then -1. */
int kvm_stats_open(struct kvm_stats *stats, int vm_or_vcpu_fd, struct reason *why);
void kvm_stats_close(struct kvm_stats *stats);

/* Read the current values, by one system call. 0, or -errno. */
int kvm_stats_read(struct kvm_stats *stats);

/* A value as of the last read; KVM_COUNT_UNKNOWN where this kernel, or this file descriptor, does not have it. */
uint64_t kvm_stats_count(const struct kvm_stats *stats, enum kvm_count count);

#endif
