#include "kvm/vm.h"

#include "base/units.h"
#include "kvm/ioctl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KVM_API_EXPECTED 12 /* the only one since Linux 2.6.22; api.rst 4.1 says to refuse any other */

/*
 * Three pages that KVM needs for itself on Intel CPUs without "unrestricted guest"; api.rst 4.35 asks for a place in
 * the first 4 GiB that no memory slot covers. It is the address that QEMU uses, so KVM is well tested with it.
 */
#define TSS_ADDRESS 0xfffbd000UL

/* More than any CPU's number of leaves and subleaves; KVM_MAX_CPUID_ENTRIES in arch/x86/include/asm/kvm_host.h. */
#define CPUID_ENTRIES 256u

/*
 * A shadow MMU keeps tables for 2 % of the guest's memory and recycles them beyond (api.rst 4.45; 64 pages at least,
 * arch/x86/kvm/mmu/mmu.c). A guest here is small and its address spaces are large, so with the default the recycling
 * would be measured. 1 GiB of tables is more than any space needs; it is a limit, not a reservation.
 */
#define MMU_PAGES_MOST (1UL << 18)

static int cpuid_get(struct kvm_vm *vm, struct reason *why)
{
	vm->cpuid = calloc(1, sizeof(*vm->cpuid) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	if (!vm->cpuid)
		return fail(why, ENOMEM, "no memory for the guest's CPUID");
	vm->cpuid->nent = CPUID_ENTRIES;
	return KVM_IOCTL(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, vm->cpuid, why);
}

int kvm_device_refused(int error, struct reason *why)
{
	switch (error) {
	case EACCES: /* by the mode of the file */
		return fail(why, EACCES,
			"no permission to open /dev/kvm: run as a member of its group (`sudo usermod -aG kvm $USER`, then log in again) or as root");
	case EPERM:
		return fail(why, EPERM,
			"/dev/kvm: refused by the device rules of a container or a service, or by a security module; pass it in (docker run --device /dev/kvm)");
	case ENOENT:
		return fail(why, ENOENT,
			"no /dev/kvm: load kvm_intel or kvm_amd, or, in a VM or container, have nested virtualisation or the device passed in");
	case ENODEV:
	case ENXIO:
		return fail(why, error, "/dev/kvm is there, but no KVM module is loaded behind it");
	default:
		return fail(why, error, "/dev/kvm: %s", strerror(error));
	}
}

static int device_open(int *fd, struct reason *why)
{
	int version;

	*fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return kvm_device_refused(errno, why);
	version = KVM_IOCTL_NUMBER(*fd, KVM_GET_API_VERSION, 0, why);
	if (version >= 0 && version != KVM_API_EXPECTED)
		return fail(why, ENOTSUP, "/dev/kvm speaks version %d, nestwalk speaks %d", version, KVM_API_EXPECTED);
	return version < 0 ? version : 0;
}

int kvm_vm_open(struct kvm_vm *vm, struct reason *why)
{
	int error;

	*vm = (struct kvm_vm){ .kvm_fd = -1, .vm_fd = -1, .stats.fd = -1 };
	error = device_open(&vm->kvm_fd, why);
	if (error)
		goto close;
	error = vm->vm_fd = KVM_IOCTL_NUMBER(vm->kvm_fd, KVM_CREATE_VM, 0, why);
	if (error < 0)
		goto close;
	error = KVM_IOCTL_NUMBER(vm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS, why);
	if (error < 0)
		goto close;
	error = cpuid_get(vm, why);
	if (error < 0)
		goto close;
	/* Where KVM refuses this limit, its statistics show how many tables it recycled. */
	ioctl(vm->vm_fd, KVM_SET_NR_MMU_PAGES, MMU_PAGES_MOST);
	/* A VM runs without statistics, too. Facts that the statistics would prove are then unknown, not assumed. */
	kvm_stats_open(&vm->stats, vm->vm_fd, NULL);
	return 0;
close:
	kvm_vm_close(vm);
	return error;
}

void kvm_vm_close(struct kvm_vm *vm)
{
	kvm_stats_close(&vm->stats);
	free(vm->cpuid);
	vm->cpuid = NULL;
	if (vm->vm_fd >= 0)
		close(vm->vm_fd);
	if (vm->kvm_fd >= 0)
		close(vm->kvm_fd);
	vm->vm_fd = vm->kvm_fd = -1;
}

int kvm_vm_add_memory(struct kvm_vm *vm, const struct kvm_memory *memory, struct reason *why)
{
	struct kvm_userspace_memory_region region = {
		.slot = vm->slots,
		.guest_phys_addr = memory->gpa.at,
		.memory_size = memory->bytes,
		.userspace_addr = (uintptr_t)memory->host,
	};
	int error = KVM_IOCTL(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region, why);

	if (!error)
		vm->slots++;
	return error;
}

static const struct kvm_cpuid_entry2 *cpuid_leaf(const struct kvm_vm *vm, uint32_t leaf)
{
	for (uint32_t i = 0; i < vm->cpuid->nent; i++)
		if (vm->cpuid->entries[i].function == leaf && vm->cpuid->entries[i].index == 0)
			return &vm->cpuid->entries[i];
	return NULL;
}

bool kvm_vm_has_la57(const struct kvm_vm *vm)
{
	const struct kvm_cpuid_entry2 *leaf = cpuid_leaf(vm, 7);

	return leaf && (leaf->ecx >> 16 & 1);
}

bool kvm_vm_has_1g_pages(const struct kvm_vm *vm)
{
	const struct kvm_cpuid_entry2 *leaf = cpuid_leaf(vm, 0x80000001);

	return leaf && (leaf->edx >> 26 & 1);
}

bool kvm_vm_has_pcid(const struct kvm_vm *vm)
{
	const struct kvm_cpuid_entry2 *leaf = cpuid_leaf(vm, 1);

	return leaf && (leaf->ecx >> 17 & 1);
}

unsigned kvm_vm_physical_bits(const struct kvm_vm *vm)
{
	const struct kvm_cpuid_entry2 *leaf = cpuid_leaf(vm, 0x80000008);

	/* A CPU without that leaf has 36 address bits (Intel SDM vol. 3A 4.1.4). */
	return leaf ? leaf->eax & 0xff : 36;
}
