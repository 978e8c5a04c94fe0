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
 * Firmware that only virtual machines have, by what a field of DMI begins with. Amazon, Google and Microsoft are not
 * among the vendors: their real machines carry those names, too.
 */
enum dmi_field { DMI_SYS_VENDOR, DMI_PRODUCT_NAME, DMI_BIOS_VENDOR, DMI_FIELDS };

static const char *const dmi_files[DMI_FIELDS] = {
	[DMI_SYS_VENDOR] = "/sys/class/dmi/id/sys_vendor",
	[DMI_PRODUCT_NAME] = "/sys/class/dmi/id/product_name",
	[DMI_BIOS_VENDOR] = "/sys/class/dmi/id/bios_vendor",
};

static const struct {
	enum dmi_field field;
	const char *begins, *name;
} virtual_firmware[] = {
	{ DMI_SYS_VENDOR, "Red Hat", "Red Hat KVM" },
	{ DMI_SYS_VENDOR, "oVirt", "oVirt KVM" },
	{ DMI_SYS_VENDOR, "OpenStack", "OpenStack" },
	{ DMI_SYS_VENDOR, "KubeVirt", "KubeVirt" },
	{ DMI_SYS_VENDOR, "Nutanix", "Nutanix AHV" },
	{ DMI_SYS_VENDOR, "QEMU", "QEMU" },
	{ DMI_SYS_VENDOR, "VMware", "VMware" },
	{ DMI_SYS_VENDOR, "innotek GmbH", "VirtualBox" },
	{ DMI_SYS_VENDOR, "Xen", "Xen" },
	{ DMI_SYS_VENDOR, "Parallels", "Parallels" },
	{ DMI_SYS_VENDOR, "Bochs", "Bochs" },
	{ DMI_SYS_VENDOR, "BHYVE", "bhyve" },
	{ DMI_SYS_VENDOR, "Apple Virtualization", "Apple Virtualization" },
	{ DMI_SYS_VENDOR, "DigitalOcean", "DigitalOcean" },
	{ DMI_PRODUCT_NAME, "KVM", "KVM" },
	{ DMI_PRODUCT_NAME, "Standard PC (", "QEMU" }, /* Q35 + ICH9, i440FX + PIIX */
	{ DMI_PRODUCT_NAME, "Virtual Machine", "Hyper-V" },
	{ DMI_PRODUCT_NAME, "VirtualBox", "VirtualBox" },
	{ DMI_PRODUCT_NAME, "VMware", "VMware" },
	{ DMI_PRODUCT_NAME, "HVM domU", "Xen" },
	{ DMI_PRODUCT_NAME, "OpenStack", "OpenStack" },
	{ DMI_PRODUCT_NAME, "RHEV", "Red Hat KVM" },
	{ DMI_PRODUCT_NAME, "RHEL", "Red Hat KVM" },
	{ DMI_PRODUCT_NAME, "BHYVE", "bhyve" },
	{ DMI_PRODUCT_NAME, "Bochs", "Bochs" },
	{ DMI_PRODUCT_NAME, "Parallels", "Parallels" },
	{ DMI_BIOS_VENDOR, "SeaBIOS", "SeaBIOS" },
	{ DMI_BIOS_VENDOR, "Xen", "Xen" },
	{ DMI_BIOS_VENDOR, "Parallels", "Parallels" },
	{ DMI_BIOS_VENDOR, "innotek GmbH", "VirtualBox" },
	{ DMI_BIOS_VENDOR, "BHYVE", "bhyve" },
	{ DMI_BIOS_VENDOR, "Bochs", "Bochs" },
};

/* Clocks that a hypervisor gives its guests: Linux arch/x86/kernel/kvmclock.c, arch/x86/xen/time.c, hyperv_timer.c. */
static const struct {
	const char *clock, *name;
} guest_clocks[] = {
	{ "kvm-clock", "KVM" },
	{ "xen", "Xen" },
	{ "hyperv_clocksource_tsc_page", "Hyper-V" },
	{ "hyperv_clocksource_msr", "Hyper-V" },
};

/* A witness who says that this Linux is a guest. */
struct witness {
	const char *name; /* of the hypervisor; NULL: there is none */
	const char *by;
};

static struct witness ask_firmware(const struct machine_source *source)
{
	struct witness witness = { NULL, NULL };

	for (unsigned field = 0; field < DMI_FIELDS && !witness.name; field++) {
		char *text;

		witness.by = dmi_files[field];
		if (source_read_line(source, &text, NULL, "%s", witness.by))
			continue;
		for (size_t i = 0; i < sizeof(virtual_firmware) / sizeof(virtual_firmware[0]) && !witness.name; i++)
			if (virtual_firmware[i].field == field &&
				!strncmp(text, virtual_firmware[i].begins, strlen(virtual_firmware[i].begins)))
				witness.name = virtual_firmware[i].name;
		free(text);
	}
	return witness;
}

static struct witness ask_clock(const struct machine_source *source)
{
	static const char by[] = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
	struct witness witness = { NULL, by };
	char *clocks = NULL;

	if (!source_read_line(source, &clocks, NULL, "%s", by))
		for (size_t i = 0; i < sizeof(guest_clocks) / sizeof(guest_clocks[0]); i++)
			if (text_has_word(clocks, guest_clocks[i].clock))
				witness.name = guest_clocks[i].name;
	free(clocks);
	return witness;
}

/* Firmware of arm64, RISC-V and POWER tells by a node: devicetree bindings, arm/xen.txt; QEMU and others name "linux,kvm". */
static struct witness ask_device_tree(const struct machine_source *source)
{
	static const char by[] = "/sys/firmware/devicetree/base/hypervisor";
	struct witness witness = { NULL, by };

	if (source_exists(source, "%s", by) || source_exists(source, "/proc/device-tree/hypervisor"))
		witness.name = "named in the device tree";
	return witness;
}

/* The witnesses who name a hypervisor. The first who knows one is believed. */
static struct witness witness_find(const struct machine_source *source)
{
	static struct witness (*const ask[])(
		const struct machine_source *) = { ask_firmware, ask_clock, ask_device_tree };
	struct witness witness = { NULL, NULL };

	for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]) && !witness.name; i++)
		witness = ask[i](source);
	return witness;
}

/* Whether time was stolen from this Linux, which happens to guests only (proc(5)). */
static bool time_was_stolen(const struct machine_source *source)
{
	unsigned long long steal = 0;
	bool stolen;
	char *text;

	if (source_read_all(source, "/proc/stat", &text, NULL))
		return false;
	stolen = sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) == 1 && steal > 0;
	free(text);
	return stolen;
}

/*
 * What the CPU says about a hypervisor, and what the other witnesses say, who count where the CPU shows none: a hypervisor
 * may hide its bit. A guest is named by one who knows its name. Stolen time alone tells only that the CPU may not be
 * believed.
 */
static void from_witnesses(
	const struct machine_source *source, const char *by, const struct reason *silent, struct outer *out)
{
	struct witness witness = witness_find(source);
	char name[64], told_by[96];

	if (witness.name) {
		snprintf(name, sizeof(name), "unknown hypervisor (%s)", witness.name);
		snprintf(told_by, sizeof(told_by), "%s%s", witness.by, by ? "; its CPUID bit is hidden" : "");
		outer_set(out, name, true, told_by);
	} else if (time_was_stolen(source)) {
		fail(&out->reason, ENODATA,
			"the witnesses disagree: %s, but /proc/stat counts stolen time, which only a guest has",
			by ? by : "nothing names a hypervisor");
	} else if (by) {
		outer_set(out, "bare-metal", false, by);
	} else {
		out->reason = *silent;
	}
}

static void outer_from_cpuinfo(const struct machine_source *source, struct outer *out)
{
	char *cpuinfo, *flags = NULL;
	struct reason why;

	if (!source_read_all(source, "/proc/cpuinfo", &cpuinfo, &why)) {
		flags = text_field_copy(cpuinfo, "flags");
		free(cpuinfo);
		fail(&why, ENODATA, "neither CPUID nor the flags of /proc/cpuinfo are known");
	}
	if (flags && text_has_word(flags, "hypervisor"))
		outer_set(out, "unknown hypervisor", true, "the flags in /proc/cpuinfo");
	else
		from_witnesses(source, flags ? "the flags in /proc/cpuinfo have no hypervisor" : NULL, &why, out);
	free(flags);
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
		from_witnesses(source, "CPUID leaf 1 has no hypervisor bit", NULL, out);
	if (!out->known)
		snprintf(out->name, sizeof(out->name), "unknown");
}
