/* The parts of a Linux guest, as asked for on the command line and as results record them. */
#ifndef NESTWALK_GUEST_SHAPE_H
#define NESTWALK_GUEST_SHAPE_H

#include "bench.h"

#include <jansson.h>

enum guest_accel {
	GUEST_KVM,
	GUEST_TCG, /* QEMU's emulator, whose times are not those of any machine */
	GUEST_ACCELS,
};
extern const char *const guest_accel_names[GUEST_ACCELS]; /* "kvm" "tcg" */

enum guest_choice {
	GUEST_MODEL_DEFAULT, /* QEMU's CPU model decides */
	GUEST_OFF,
	GUEST_ON,
};

struct guest_shape {
	enum guest_accel accel;
	unsigned cpus;
	uint64_t memory_bytes;
	enum backing backing; /* of the guest's memory on this host */
	bool warm; /* true: all memory is touched before the guest starts; false: the hypervisor faults it in when the guest uses it */
	enum guest_choice five_levels; /* of page tables (LA57) */
	enum guest_choice pmu; /* a virtual PMU */
	const char *thp; /* transparent_hugepage= of the guest's kernel: "always", "madvise", "never" */
	const char *append; /* more for the guest's kernel command line; "" */
};

/*
 * One CPU, as translation is measured on one, and each vCPU thread needs a CPU of its own. 1 GiB, as below 512 MiB
 * Linux gives no transparent huge pages, and storms take half of the memory. "madvise" is the default of hosts, so that
 * both measure the same.
 */
#define GUEST_SHAPE_DEFAULT \
	{ \
		.accel = GUEST_KVM, .cpus = 1, .memory_bytes = GIB, .backing = BACKING_2M_THP, .warm = false, \
		.thp = "madvise", .append = "" \
	}

/* {"accel", "cpus", "memory_bytes", "backing", "warm", "five_levels", "pmu", "thp", "append"}. New reference, or NULL. */
json_t *guest_shape_json(const struct guest_shape *shape);

#endif
