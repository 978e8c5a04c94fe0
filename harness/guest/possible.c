/* Whether a guest can be had on this machine. */
#include "base/units.h"
#include "guest/guest.h"
#include "guest/qemu.h"
#include "machine/hypervisor.h"
#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int image_look(const char *image, struct reason *why)
{
	static const char *const names[] = { "vmlinuz", "initramfs" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[4200];

		snprintf(path, sizeof(path), "%s/%s", image, names[i]);
		if (access(path, R_OK))
			return fail(why, ENOENT,
				"no guest image: %s cannot be read (`make guest-image` makes one, --guest-image names another)",
				path);
	}
	return 0;
}

/* QEMU itself takes some 100 MiB. A warm guest takes all of its memory, and a cold guest may. */
#define QEMU_BYTES (128 * MIB)

static int memory_suffices(const struct guest_shape *shape, const struct machine_source *source, struct reason *why)
{
	uint64_t available, pages = 0, page = backing_page_bytes(shape->backing);
	int error;

	if (backing_is_hugetlb(shape->backing)) {
		error = hugetlb_free(source, page, -1, &pages, why);
		if (error)
			return -ENOMEM;
		return pages * page >= shape->memory_bytes
			       ? 0
			       : fail(why, ENOMEM,
					 "a guest of %" PRIu64 " MiB needs more huge pages than are free (%" PRIu64
					 "): --reserve-huge adds some",
					 shape->memory_bytes / MIB, pages);
	}
	error = memory_available(source, &available, why);
	if (error)
		return error;
	if (available / 2 < shape->memory_bytes + QEMU_BYTES)
		return fail(why, ENOMEM,
			"a guest of %" PRIu64 " MiB is more than half of the memory that is available (%" PRIu64
			" MiB): --guest-memory takes less",
			shape->memory_bytes / MIB, available / MIB);
	return 0;
}

static int kvm_look(const struct machine_source *source, bool forced, struct reason *why)
{
	struct kvm_device kvm;

	machine_kvm(source, &kvm);
	if (kvm.access != KVM_USABLE)
		return fail(why, ENOTSUP, "%s", kvm.reason.text);
	/* kvm_pvm interprets a kernel's privileged code, but not all instructions: cmpxchg16b and xsave are missing. */
	if (!forced && !strcmp(kvm.module.name, "kvm_pvm"))
		return fail(why, ENOTSUP,
			"this KVM is kvm_pvm, under which no stock kernel boots: it interprets kernel code and lacks instructions that kernels use (--guest-force tries all the same)");
	return 0;
}

int guest_possible(const struct guest_request *request, bool forced, struct reason *why)
{
	struct machine_source source;
	char program[4200];
	int error;

	machine_source_live(&source);
	error = request->shape.accel == GUEST_KVM ? kvm_look(&source, forced, why) : 0;
	if (!error)
		error = qemu_find(program, sizeof(program), why);
	if (!error)
		error = image_look(request->image, why);
	if (!error)
		error = memory_suffices(&request->shape, &source, why);
	return error;
}
