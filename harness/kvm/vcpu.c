/* One vCPU of a VM, started straight in 64-bit mode at CPL 3: no BIOS, no real mode, no operating system. */
#include "base/stop.h"
#include "base/units.h"
#include "kvm/descriptors.h"
#include "kvm/ioctl.h"
#include "kvm/vm.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Control registers: Intel SDM vol. 3A 2.5, AMD APM vol. 2 3.1. */
#define CR0_PE (1ULL << 0)
#define CR0_MP (1ULL << 1)
#define CR0_ET (1ULL << 4)
#define CR0_NE (1ULL << 5)
#define CR0_WP (1ULL << 16)
#define CR0_AM (1ULL << 18)
#define CR0_PG (1ULL << 31)
#define CR4_PAE (1ULL << 5)
#define CR4_OSFXSR (1ULL << 9)
#define CR4_LA57 (1ULL << 12)
#define CR4_PCIDE (1ULL << 17)
#define EFER_SCE (1ULL << 0)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)
#define EFER_NXE (1ULL << 11)
#define RFLAGS_FIXED 2 /* bit 1 is always set */

static void segments_set(struct kvm_sregs *sregs, const struct kvm_start *start)
{
	struct kvm_segment code = { .limit = UINT32_MAX,
		.selector = SELECTOR_USER_CODE,
		.type = TYPE_CODE_ACCESSED,
		.present = 1,
		.dpl = 3,
		.s = 1,
		.l = 1,
		.g = 1 };
	struct kvm_segment data = { .limit = UINT32_MAX,
		.selector = SELECTOR_USER_DATA,
		.type = TYPE_DATA_ACCESSED,
		.present = 1,
		.dpl = 3,
		.db = 1,
		.s = 1,
		.g = 1 };

	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	/* VM entry on Intel checks TR to be a busy TSS even where no interrupt is ever taken (SDM vol. 3C 27.3.1.2). */
	sregs->tr = (struct kvm_segment){ .limit = TSS_LIMIT, .type = TYPE_TSS_BUSY, .present = 1 };
	sregs->ldt = (struct kvm_segment){ .unusable = 1 };
	if (!start->descriptors.at)
		return;
	sregs->tr.base = start->descriptors.at + DESCRIPTORS_TSS;
	sregs->tr.selector = SELECTOR_TSS;
	sregs->gdt = (struct kvm_dtable){ .base = start->descriptors.at + DESCRIPTORS_GDT, .limit = GDT_LIMIT };
	sregs->idt = (struct kvm_dtable){ .base = start->descriptors.at + DESCRIPTORS_IDT, .limit = IDT_LIMIT };
}

static int registers_set(struct kvm_vcpu *vcpu, const struct kvm_start *start, struct reason *why)
{
	struct kvm_sregs sregs;
	struct kvm_sregs got;
	struct kvm_regs regs = {
		.rip = start->rip.at, .rsp = start->rsp.at, .rbx = start->rbx, .rbp = start->rbp, .rflags = RFLAGS_FIXED
	};
	int error = KVM_IOCTL(vcpu->fd, KVM_GET_SREGS, &sregs, why);

	if (error)
		return error;
	segments_set(&sregs, start);
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	sregs.cr3 = start->root.at;
	sregs.cr4 = CR4_PAE | CR4_OSFXSR | (start->levels == 5 ? CR4_LA57 : 0);
	sregs.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	error = KVM_IOCTL(vcpu->fd, KVM_SET_SREGS, &sregs, why);
	if (error)
		return error;
	error = KVM_IOCTL(vcpu->fd, KVM_GET_SREGS, &got, why);
	if (error)
		return error;
	if (got.cr3 != sregs.cr3 || (got.cr4 & CR4_LA57) != (sregs.cr4 & CR4_LA57) || !(got.efer & EFER_LMA))
		return fail(why, EIO, "KVM did not keep the vCPU's paging registers (cr3 %#llx, cr4 %#llx, efer %#llx)",
			got.cr3, got.cr4, got.efer);
	return KVM_IOCTL(vcpu->fd, KVM_SET_REGS, &regs, why);
}

int kvm_vcpu_open(struct kvm_vm *vm, struct kvm_vcpu *vcpu, const struct kvm_start *start, struct reason *why)
{
	int bytes, error;

	*vcpu = (struct kvm_vcpu){ .fd = -1, .stats.fd = -1 };
	if (start->levels == 5 && !kvm_vm_has_la57(vm))
		return fail(why, ENOTSUP, "5-level guest tables need a CPU and a KVM with LA57, and these have none");
	error = vcpu->fd = KVM_IOCTL_NUMBER(vm->vm_fd, KVM_CREATE_VCPU, 0, why);
	if (error < 0)
		goto close;
	error = bytes = KVM_IOCTL_NUMBER(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0, why);
	if (error < 0)
		goto close;
	vcpu->run_bytes = (size_t)bytes;
	vcpu->run = mmap(NULL, vcpu->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		error = fail(why, errno, "mapping the vCPU's run structure: %s", strerror(errno));
		goto close;
	}
	error = KVM_IOCTL(vcpu->fd, KVM_SET_CPUID2, vm->cpuid, why);
	if (error)
		goto close;
	error = registers_set(vcpu, start, why);
	if (error)
		goto close;
	kvm_stats_open(&vcpu->stats, vcpu->fd, NULL);
	return 0;
close:
	kvm_vcpu_close(vcpu);
	return error;
}

int kvm_vcpu_set_pcid(struct kvm_vm *vm, struct kvm_vcpu *vcpu, bool on, gpa_t root, struct reason *why)
{
	struct kvm_sregs sregs;
	int error;

	if (on && !kvm_vm_has_pcid(vm))
		return fail(why, ENOTSUP, "the guest's CPUID has no PCID: this CPU or this KVM does not give it one");
	error = KVM_IOCTL(vcpu->fd, KVM_GET_SREGS, &sregs, why);
	if (error)
		return error;
	/* PCIDE may only be set while CR3 has PCID 0 (SDM vol. 3A 4.10.1). */
	sregs.cr3 = root.at;
	sregs.cr4 = on ? sregs.cr4 | CR4_PCIDE : sregs.cr4 & ~CR4_PCIDE;
	error = KVM_IOCTL(vcpu->fd, KVM_SET_SREGS, &sregs, why);
	if (!error)
		error = KVM_IOCTL(vcpu->fd, KVM_GET_SREGS, &sregs, why);
	if (!error && !(sregs.cr4 & CR4_PCIDE) == on)
		return fail(why, EIO, "KVM did not keep CR4.PCIDE (cr4 %#llx)", sregs.cr4);
	return error;
}

void kvm_vcpu_close(struct kvm_vcpu *vcpu)
{
	kvm_stats_close(&vcpu->stats);
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_bytes);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	*vcpu = (struct kvm_vcpu){ .fd = -1, .stats.fd = -1 };
}

const char *kvm_exit_name(unsigned reason, char *text, size_t bytes)
{
	static const char *const names[] = {
		[KVM_EXIT_UNKNOWN] = "KVM_EXIT_UNKNOWN",
		[KVM_EXIT_EXCEPTION] = "KVM_EXIT_EXCEPTION",
		[KVM_EXIT_IO] = "KVM_EXIT_IO",
		[KVM_EXIT_HYPERCALL] = "KVM_EXIT_HYPERCALL",
		[KVM_EXIT_DEBUG] = "KVM_EXIT_DEBUG",
		[KVM_EXIT_HLT] = "KVM_EXIT_HLT",
		[KVM_EXIT_MMIO] = "KVM_EXIT_MMIO",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "KVM_EXIT_IRQ_WINDOW_OPEN",
		[KVM_EXIT_SHUTDOWN] = "KVM_EXIT_SHUTDOWN (triple fault)",
		[KVM_EXIT_FAIL_ENTRY] = "KVM_EXIT_FAIL_ENTRY",
		[KVM_EXIT_INTR] = "KVM_EXIT_INTR",
		[KVM_EXIT_INTERNAL_ERROR] = "KVM_EXIT_INTERNAL_ERROR",
		[KVM_EXIT_SYSTEM_EVENT] = "KVM_EXIT_SYSTEM_EVENT",
	};

	if (reason < sizeof(names) / sizeof(names[0]) && names[reason])
		return names[reason];
	snprintf(text, bytes, "exit reason %u", reason);
	return text;
}

/* Report an exit that nobody asked for, together with the guest's registers. */
static int unexpected_exit(struct kvm_vcpu *vcpu, struct reason *why)
{
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs = { 0 };
	char text[32];
	unsigned long long detail = 0;

	ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		detail = vcpu->run->fail_entry.hardware_entry_failure_reason;
	else if (vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		detail = vcpu->run->internal.suberror;
	else if (vcpu->run->exit_reason == KVM_EXIT_MMIO)
		detail = vcpu->run->mmio.phys_addr;
	return fail(why, EIO, "the vCPU stopped with %s (detail %#llx) at rip %#llx, rsp %#llx, cr2 %#llx, cr3 %#llx",
		kvm_exit_name(vcpu->run->exit_reason, text, sizeof(text)), detail, regs.rip, regs.rsp, sregs.cr2,
		sregs.cr3);
}

int kvm_vcpu_run(struct kvm_vcpu *vcpu, gpa_t door, struct reason *why)
{
	int error;

	/* A signal that asks for nothing lets the guest go on where it was. */
	do {
		if (stop_asked())
			return -EINTR;
		error = ioctl(vcpu->fd, KVM_RUN, NULL) < 0 ? errno : 0;
	} while (error == EINTR || (!error && vcpu->run->exit_reason == KVM_EXIT_INTR));
	if (error)
		return fail(why, error, "KVM_RUN: %s", strerror(error));
	if (vcpu->run->exit_reason == KVM_EXIT_MMIO && vcpu->run->mmio.is_write &&
		vcpu->run->mmio.phys_addr / PAGE_4K == door.at / PAGE_4K)
		return 0;
	return unexpected_exit(vcpu, why);
}
