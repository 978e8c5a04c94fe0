#include "machine/hypervisor.h"
#include "kvm/vm.h"
#include "machine/cpu.h"
#include "machine/outer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A module's boolean parameter: "Y"/"N", in older kernels "1"/"0". -1 where it is neither. */
static int parameter_boolean(const char *text)
{
	if (!strcmp(text, "Y") || !strcmp(text, "1"))
		return 1;
	if (!strcmp(text, "N") || !strcmp(text, "0"))
		return 0;
	return -1;
}

/* The paging mode that follows from the module parameter for EPT or NPT. */
static void paging_by_parameter(const struct machine_source *source, const char *parameter, struct kvm_module *out)
{
	struct reason why;
	char value[32];

	if (source_read_text(
		    source, value, sizeof(value), &why, "/sys/module/%s/parameters/%s", out->name, parameter)) {
		fail(&out->reason, ENODATA, "%s is loaded, but %s", out->name, why.text);
		return;
	}
	switch (parameter_boolean(value)) {
	case 1:
		out->paging = PAGING_NESTED;
		break;
	case 0:
		out->paging = PAGING_SHADOW;
		break;
	default:
		fail(&out->reason, ENODATA, "parameter %s of %s is '%.16s', neither on nor off", parameter, out->name,
			value);
		return;
	}
	fail(&out->reason, 0, "%s %s=%s", out->name, parameter, value);
}

/* The modules of KVM for a CPU's virtualisation, and the CPUs that have it. */
static const struct {
	const char *module, *parameter;
	const char *vendors[3]; /* as CPUID leaf 0 and /proc/cpuinfo spell them */
} kvm_modules[] = {
	/* VIA and Zhaoxin make CPUs with VMX: Linux arch/x86/kernel/cpu/centaur.c, zhaoxin.c. */
	{ "kvm_intel", "ept", { "GenuineIntel", "CentaurHauls", "  Shanghai  " } },
	{ "kvm_amd", "npt", { "AuthenticAMD", "HygonGenuine" } },
};

#define KVM_MODULES (sizeof(kvm_modules) / sizeof(kvm_modules[0]))

/* The index in kvm_modules of the module that this CPU can use; KVM_MODULES where that is not known. */
static size_t module_of_cpu(const struct cpu *cpu)
{
	const char *vendor = cpu->vendor;

	for (size_t i = 0; i < KVM_MODULES; i++) {
		for (size_t v = 0; v < 3 && kvm_modules[i].vendors[v]; v++) {
			const char *name = kvm_modules[i].vendors[v];

			/* /proc/cpuinfo may have lost the blanks around a name. */
			if (!strcmp(vendor, name) || (vendor[0] && name[0] == ' ' && strstr(name, vendor)))
				return i;
		}
	}
	return cpu->svm ? 1 : cpu->vmx ? 0 : KVM_MODULES;
}

/*
 * Which of the vendors' modules serves /dev/kvm. A kernel may have both built in, and then shows both on every CPU, so
 * the CPU's vendor decides, where it is not known its flags (scripts/kvm-paging has the same rule).
 */
static void module_by_vendor(const struct machine_source *source, struct kvm_module *out)
{
	size_t there[KVM_MODULES], count = 0, mine;
	struct cpu cpu;

	machine_cpu(source, &cpu);
	mine = module_of_cpu(&cpu);
	for (size_t i = 0; i < KVM_MODULES; i++)
		if (source_exists(source, "/sys/module/%s", kvm_modules[i].module) &&
			(mine == KVM_MODULES || mine == i))
			there[count++] = i;
	if (count == 1) {
		snprintf(out->name, sizeof(out->name), "%s", kvm_modules[there[0]].module);
		paging_by_parameter(source, kvm_modules[there[0]].parameter, out);
	} else if (count) {
		fail(&out->reason, ENODATA,
			"kvm_intel and kvm_amd are both there, and neither the CPU's vendor nor its flags tell which of them is in use");
	} else if (mine < KVM_MODULES && source_exists(source, "/sys/module/%s", kvm_modules[!mine].module)) {
		fail(&out->reason, ENODATA, "%s is there, but this CPU (%s) needs %s", kvm_modules[!mine].module,
			cpu.vendor[0] ? cpu.vendor : "by its flags", kvm_modules[mine].module);
	} else if (source_exists(source, "/sys/module/kvm")) {
		fail(&out->reason, ENODATA,
			"kvm is there without kvm_intel, kvm_amd or kvm_pvm, so its paging mode is not known");
	} else if (source_has_sysfs(source, &out->reason)) {
		fail(&out->reason, ENODATA, "no KVM module in /sys/module");
	}
}

void machine_kvm_module(const struct machine_source *source, struct kvm_module *out)
{
	memset(out, 0, sizeof(*out));
	if (source->kind == SOURCE_CPUID) {
		source_not_tried(source, &out->reason);
	} else if (source_exists(source, "/sys/module/kvm_pvm")) {
		snprintf(out->name, sizeof(out->name), "kvm_pvm");
		out->paging = PAGING_SHADOW;
		fail(&out->reason, 0, "kvm_pvm: a hypervisor without virtualisation hardware, always shadow paging");
	} else {
		module_by_vendor(source, out);
	}
}

/* Say how to get a /dev/kvm where there is none. */
static void explain_absence(const struct machine_source *source, const struct kvm_module *module, struct reason *why)
{
	struct outer outer;
	struct cpu cpu;

	machine_outer(source, &outer);
	machine_cpu(source, &cpu);
	if (module->name[0])
		fail(why, ENOENT,
			"no /dev/kvm although %s is loaded: in a container, pass it in (docker run --device /dev/kvm)",
			module->name);
	else if (!strncmp(outer.name, "Xen PV", 6))
		fail(why, ENOENT,
			"no /dev/kvm: a Xen PV guest has no virtualisation hardware; use an HVM guest or a host");
	else if (cpu.features_known && !cpu.vmx && !cpu.svm && outer.is_guest)
		fail(why, ENOENT,
			"no /dev/kvm: %s gives this guest no virtualisation hardware; enable nested virtualisation on the host",
			outer.name);
	else if (cpu.features_known && !cpu.vmx && !cpu.svm)
		fail(why, ENOENT, "no /dev/kvm: the CPU shows neither VMX nor SVM; enable it in the firmware");
	else
		fail(why, ENOENT, "no /dev/kvm: no KVM module is loaded; as root: modprobe %s",
			module_of_cpu(&cpu) < KVM_MODULES ? kvm_modules[module_of_cpu(&cpu)].module
							  : "kvm_intel (or kvm_amd)");
}

static void try_device(struct kvm_device *out)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		switch (kvm_device_refused(errno, &out->reason)) {
		case -EPERM:
		case -EACCES:
			out->access = KVM_FORBIDDEN;
			break;
		case -ENODEV:
		case -ENXIO:
			out->access = KVM_ABSENT;
			break;
		default:
			out->access = KVM_BROKEN;
		}
		return;
	}
	out->api_version = ioctl(fd, KVM_GET_API_VERSION, NULL);
	if (out->api_version == KVM_API_VERSION) {
		out->access = KVM_USABLE;
	} else {
		out->access = KVM_BROKEN;
		fail(&out->reason, EPROTO, "/dev/kvm answers with API version %d, not %d", out->api_version,
			KVM_API_VERSION);
	}
	close(fd);
}

void machine_kvm(const struct machine_source *source, struct kvm_device *out)
{
	memset(out, 0, sizeof(*out));
	out->api_version = -1;
	out->access = KVM_NOT_TRIED;
	machine_kvm_module(source, &out->module);
	if (source->kind == SOURCE_CPUID) {
		source_not_tried(source, &out->reason);
	} else if (!source_exists(source, "/dev/kvm")) {
		out->access = KVM_ABSENT;
		explain_absence(source, &out->module, &out->reason);
	} else if (source_is_live(source)) {
		try_device(out);
	} else {
		source_not_tried(source, &out->reason);
	}
}
