#include "machine/outer.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HYPERVISOR_BASE 0x40000000u
#define HYPERVISOR_LAST 0x40010000u
#define HYPERVISOR_STEP 0x100u

static const struct {
	const char *signature, *name;
} hypervisors[] = {
	{ "KVMKVMKVM", "KVM" },
	{ "Linux KVM Hv", "KVM" }, /* KVM that shows Hyper-V's interface under its own name */
	{ "VMwareVMware", "VMware" },
	{ "XenVMMXenVMM", "Xen" },
	{ "Microsoft Hv", "Hyper-V" },
	{ "prl hyperv  ", "Parallels" },
	{ " lrpepyh vr", "Parallels" },
	{ " lrpepyh  vr", "Parallels" },
	{ "VBoxVBoxVBox", "VirtualBox" },
	{ "bhyve bhyve ", "bhyve" },
	{ "BHyVE BHyVE ", "bhyve" },
	{ "TCGTCGTCGTCG", "QEMU TCG" },
	{ "ACRNACRNACRN", "ACRN" },
	{ "QNXQVMBSQG", "QNX" },
	{ "Jailhouse", "Jailhouse" },
	{ "HAXMHAXMHAXM", "HAXM" },
	{ "___ NVMM ___", "NVMM" },
	{ "OpenBSDVMM58", "OpenBSD vmm" },
	{ "EVMMEVMMEVMM", "Intel KGT" },
	{ "UnisysSpar64", "Unisys s-Par" },
	{ "SRESRESRESRE", "Lockheed Martin LMHS" },
};

static const char *hypervisor_name(const char *signature)
{
	for (size_t i = 0; i < sizeof(hypervisors) / sizeof(hypervisors[0]); i++) {
		if (!strcmp(hypervisors[i].signature, signature))
			return hypervisors[i].name;
	}
	return NULL;
}

/* The twelve letters of a hypervisor leaf; NULs and other unprintable bytes end or blank them. */
static void read_signature(const struct cpuid_record *leaf, char signature[13])
{
	memcpy(signature, &leaf->ebx, 4);
	memcpy(signature + 4, &leaf->ecx, 4);
	memcpy(signature + 8, &leaf->edx, 4);
	signature[12] = 0;
	for (size_t i = 0; signature[i]; i++) {
		if (signature[i] < ' ' || signature[i] > '~')
			signature[i] = '?';
	}
}

static void outer_set(struct outer *out, const char *name, bool is_guest, const char *by)
{
	out->known = true;
	out->is_guest = is_guest;
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->told_by, sizeof(out->told_by), "%s", by);
}

/*
 * Where the first signature only offers another hypervisor's interface, a signature above 0x40000000 is the true one.
 */
static void look_further(const struct cpuid_table *cpuid, struct outer *out)
{
	for (uint32_t base = HYPERVISOR_BASE + HYPERVISOR_STEP; base < HYPERVISOR_LAST; base += HYPERVISOR_STEP) {
		struct cpuid_record leaf;
		char signature[13];

		if (!cpuid_get(cpuid, base, 0, &leaf))
			continue;
		read_signature(&leaf, signature);
		if (!hypervisor_name(signature) || !strcmp(signature, out->signature))
			continue;
		memcpy(out->interface, out->signature, sizeof(signature));
		memcpy(out->signature, signature, sizeof(signature));
		return;
	}
}

static void from_signature(const struct cpuid_table *cpuid, struct outer *out)
{
	struct cpuid_record leaf;
	char by[96];

	if (!cpuid_get(cpuid, HYPERVISOR_BASE, 0, &leaf)) {
		outer_set(out, "unknown hypervisor", true,
			"CPUID leaf 1 has the hypervisor bit, leaf 0x40000000 is not known");
		return;
	}
	read_signature(&leaf, out->signature);
	look_further(cpuid, out);
	snprintf(by, sizeof(by), "CPUID signature '%s'", out->signature);
	outer_set(out, hypervisor_name(out->signature) ? hypervisor_name(out->signature) : "unknown hypervisor", true,
		by);
}

/* Xen tells Linux what kind of guest it is. A PV guest may see the CPUID of the hardware, without hypervisor bit. */
static bool from_xen_sysfs(const struct machine_source *source, struct outer *out)
{
	char type[32], guest[32], capabilities[128], name[64];

	if (source_read_text(source, type, sizeof(type), NULL, "/sys/hypervisor/type") || strcmp(type, "xen"))
		return false;
	if (source_read_text(source, guest, sizeof(guest), NULL, "/sys/hypervisor/guest_type"))
		guest[0] = 0;
	if (!source_read_text(source, capabilities, sizeof(capabilities), NULL, "/proc/xen/capabilities") &&
		strstr(capabilities, "control_d"))
		snprintf(name, sizeof(name), "Xen %s%sdom0", guest, guest[0] ? " " : "");
	else
		snprintf(name, sizeof(name), "Xen%s%s", guest[0] ? " " : "", guest);
	outer_set(out, name, true, "/sys/hypervisor");
	return true;
}

/*
 * Firmware vendors that only virtual machines have. Amazon and Microsoft are not among them: their real machines carry
 * those names, too.
 */
static const char *maker_of_virtual_machines(const struct machine_source *source)
{
	static const char *const makers[] = { "QEMU", "VMware", "innotek GmbH", "Xen", "Parallels", "Bochs", "BHYVE" };
	char maker[64];

	if (source_read_text(source, maker, sizeof(maker), NULL, "/sys/class/dmi/id/sys_vendor"))
		return NULL;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		if (!strncmp(maker, makers[i], strlen(makers[i])))
			return makers[i];
	}
	return NULL;
}

static void from_bit(const struct machine_source *source, bool hypervisor_bit, const char *by, struct outer *out)
{
	const char *maker;
	char name[64];

	if (hypervisor_bit) {
		outer_set(out, "unknown hypervisor", true, by);
		return;
	}
	maker = maker_of_virtual_machines(source);
	if (maker) {
		snprintf(name, sizeof(name), "unknown hypervisor (%s)", maker);
		outer_set(out, name, true, "/sys/class/dmi/id/sys_vendor; the hypervisor hides its CPUID bit");
		return;
	}
	outer_set(out, "bare-metal", false, by);
}

static void outer_from_cpuinfo(const struct machine_source *source, struct outer *out)
{
	char *cpuinfo, *flags;
	bool read;

	if (source_read_all(source, "/proc/cpuinfo", &cpuinfo, &out->reason))
		return;
	flags = malloc(strlen(cpuinfo) + 1);
	read = flags && text_field(cpuinfo, "flags", flags, strlen(cpuinfo) + 1);
	if (read)
		from_bit(source, text_has_word(flags, "hypervisor"), "the flags in /proc/cpuinfo", out);
	else
		fail(&out->reason, ENODATA, "neither CPUID nor the flags of /proc/cpuinfo are known");
	free(flags);
	free(cpuinfo);
}

void machine_outer(const struct machine_source *source, struct outer *out)
{
	struct cpuid_record leaf;

	memset(out, 0, sizeof(*out));
	if (from_xen_sysfs(source, out)) {
		if (cpuid_get(&source->cpuid, HYPERVISOR_BASE, 0, &leaf))
			read_signature(&leaf, out->signature);
		return;
	}
	if (!cpuid_get(&source->cpuid, 1, 0, &leaf))
		outer_from_cpuinfo(source, out);
	else if (leaf.ecx & 1u << 31)
		from_signature(&source->cpuid, out);
	else
		from_bit(source, false, "CPUID leaf 1 has no hypervisor bit", out);
	if (!out->known)
		snprintf(out->name, sizeof(out->name), "unknown");
}
