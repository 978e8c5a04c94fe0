/*
 * An address space under test: something that has memory in it and runs a measured kernel on it. Each setting has one
 * implementation. Code that lays chains out and times them cannot tell them apart.
 *
 * Both spaces have the memory at the same virtual addresses, those of this process. With equal addresses, TLB sets, way
 * predictors and prefetchers behave alike in both spaces.
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
	/* the addresses of pages that lie apart; NULL where they do not. Outlives the space */
	const struct sparse *sparse;
	const struct backed *packed; /* for the baseline: the largest pages there are; outlives the space */
};

struct space {
	const struct space_ops *ops;
	struct space_spec spec;
	struct kernel_call *call; /* arguments and results of the next run; the space's */
	/* Every address of its memory is that of the same byte in this process, so that such spaces see one chain. */
	bool in_place;
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

/* Set up a space over its memory. 0, or -errno; -ENOTSUP this machine cannot have such a space. Owned by the caller. */
int space_open(const struct space_spec *spec, struct space **space, struct reason *why);
void space_close(struct space *space);

/* Run a kernel once on space->call. 0; -EINTR a signal came before the kernel ended; -EIO the run failed (*why). */
int space_run(struct space *space, enum kernel kernel, struct reason *why);

/* The pointer of this process to the byte at `address` of the space, within `memory` or `packed`. */
void *space_pointer(const struct space *space, uint64_t address);

/* KVM's statistics of the VM and of the vCPU, owned by the space; NULL where there are none. */
struct kvm_stats *space_vm_stats(const struct space *space);
struct kvm_stats *space_vcpu_stats(const struct space *space);

/* One implementation a setting; called by space_open(). */
int host_space_open(const struct space_spec *spec, struct space **space, struct reason *why);
int vcpu_space_open(const struct space_spec *spec, struct space **space, struct reason *why);

#endif
