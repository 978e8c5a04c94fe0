/* What this Linux runs on: bare metal, or a hypervisor. */
#ifndef NESTWALK_OUTER_H
#define NESTWALK_OUTER_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>

struct outer {
	char name[64]; /* "bare-metal", "KVM", "Xen PV", "unknown hypervisor", ...; "unknown" with a reason */
	bool known; /* false: it could not be found out; .reason says why, .is_guest is false */
	bool is_guest; /* a hypervisor is underneath: measurements are a guest's, and CPUID may be invented */
	char signature[13]; /* of leaf 0x40000000 ("KVMKVMKVM"), "" where there is none */
	char interface[13]; /* the signature of another hypervisor that it also shows ("Microsoft Hv"), "" if none */
	char told_by[96]; /* how this was found out */
	struct reason reason;
};

/*
 * From CPUID leaf 1 ECX bit 31 and the signatures at 0x40000000 and above, /sys/hypervisor (Xen), cpuinfo's flags where
 * there is no CPUID, and the firmware's maker where the hypervisor hides its bit. No privilege. Never fails.
 * Sources: Intel SDM vol. 2A CPUID (ECX bit 31), Linux Documentation/virt/kvm/x86/cpuid.rst, Documentation/ABI/stable/
 * sysfs-hypervisor-xen, Microsoft's TLFS 2.4, VMware KB 1009458.
 */
void machine_outer(const struct machine_source *source, struct outer *out);

#endif
