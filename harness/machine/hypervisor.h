/* /dev/kvm: whether it can be used, which module provides it, and how that module translates a guest's addresses. */
#ifndef NESTWALK_HYPERVISOR_H
#define NESTWALK_HYPERVISOR_H

#include "base/reason.h"
#include "base/vocabulary.h"
#include "machine/source.h"

#include <stdbool.h>

/* The hardware module of KVM, and the paging mode that its parameters say (a claim, not a proof: see METHOD.md). */
struct kvm_module {
	char name[32]; /* "kvm_intel", "kvm_amd", "kvm_pvm"; "" where none is loaded or it is not known */
	enum paging paging;
	struct reason
		/*
		 * why paging is unknown or the name is empty; otherwise the parameter that was read ("kvm_intel ept=Y")
		 */
		reason;
};

/*
 * From /sys/module, no privilege. Never fails. EPT: Linux arch/x86/kvm/vmx/vmx.c parameter ept; NPT: svm/svm.c npt;
 * kvm_pvm always shadows. kvm_pvm is looked at before kvm_intel and kvm_amd, as only one of them owns /dev/kvm.
 */
void machine_kvm_module(const struct machine_source *source, struct kvm_module *out);

enum kvm_access {
	KVM_USABLE,
	KVM_ABSENT, /* no /dev/kvm */
	KVM_FORBIDDEN, /* it may not be opened */
	KVM_BROKEN, /* it can be opened, but does not answer as KVM does */
	KVM_NOT_TRIED, /* a recorded machine that has the device */
};

struct kvm_device {
	enum kvm_access access;
	int api_version; /* KVM_GET_API_VERSION; -1 where it was not asked */
	struct reason reason; /* unless usable: why, and what to do */
	struct kvm_module module;
};

/* Opens /dev/kvm (read and write) on the live machine and closes it again. Never fails. */
void machine_kvm(const struct machine_source *source, struct kvm_device *out);

#endif
