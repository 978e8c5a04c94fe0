/*
 * An address space under test: something that has memory in it and runs a measured kernel on it. One implementation a
 * setting; what lays chains out and times them cannot tell them apart.
 *
 * Both spaces have the memory at the same virtual addresses, those of this process: a guest's addresses are as free as
 * its tables, and with equal addresses TLB sets, way predictors and prefetchers see the same thing in both.
 */
#ifndef NESTWALK_SPACE_H
#define NESTWALK_SPACE_H

#include "base/reason.h"
#include "bench.h"
#include "kvm/stats.h"
#include "space/backed.h"
#include "space/kernels.h"
#include "space/sparse.h"

#include <stdbool.h>

struct space_spec {
	enum setting setting;
	uint64_t page_bytes; /* leaf of `memory` in this space; on a host that of its backing */
	enum frames frames; /* vcpu */
	unsigned levels; /* vcpu: of its page tables */
	uint64_t seed; /* of the shuffle of frames */
	const struct backed *memory; /* under test; outlives the space. NULL on a host with `sparse` */
	const struct sparse *sparse; /* where its pages lie apart: their addresses; else NULL. Outlives the space */
	const struct backed *packed; /* for the baseline: the largest pages there are; outlives the space */
};

struct space {
	const struct space_ops *ops;
	struct space_spec spec;
	struct kernel_call *call; /* arguments and results of the next run; the space's */
};

struct space_ops {
	int (*run)(struct space *space, enum kernel kernel, struct reason *why);
	void *(*pointer)(const struct space *space, uint64_t address);
	struct kvm_stats *(*vm_stats)(const struct space *space);
	struct kvm_stats *(*vcpu_stats)(const struct space *space);
	/* The measured kernels' bytes as this space runs them, kernels_end - kernels_begin of them. */
	const unsigned char *(*code)(const struct space *space);
	void (*close)(struct space *space);
};

/* Set a space up over its memory. 0, or -errno; -ENOTSUP this machine cannot have it. Owned by the caller. */
int space_open(const struct space_spec *spec, struct space **space, struct reason *why);
void space_close(struct space *space);

/* Run a kernel once on space->call. 0; -EINTR a signal came before it was through; -EIO it went wrong (*why). */
int space_run(struct space *space, enum kernel kernel, struct reason *why);

/* Where this process sees the byte that the space has at `address`, within memory or packed. */
void *space_pointer(const struct space *space, uint64_t address);

/* KVM's statistics of the VM and of the vCPU; NULL where there are none. The space's. */
struct kvm_stats *space_vm_stats(const struct space *space);
struct kvm_stats *space_vcpu_stats(const struct space *space);

/* One implementation a setting; called by space_open(). */
int host_space_open(const struct space_spec *spec, struct space **space, struct reason *why);
int vcpu_space_open(const struct space_spec *spec, struct space **space, struct reason *why);

#endif
