#include "machine/hypervisor.h"
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

void machine_kvm_module(const struct machine_source *source, struct kvm_module *out)
{
	memset(out, 0, sizeof(*out));
	if (source->kind == SOURCE_CPUID) {
		source_not_tried(source, &out->reason);
	} else if (source_exists(source, "/sys/module/kvm_pvm")) {
		snprintf(out->name, sizeof(out->name), "kvm_pvm");
		out->paging = PAGING_SHADOW;
		fail(&out->reason, 0, "kvm_pvm: a hypervisor without virtualisation hardware, always shadow paging");
	} else if (source_exists(source, "/sys/module/kvm_intel")) {
		snprintf(out->name, sizeof(out->name), "kvm_intel");
		paging_by_parameter(source, "ept", out);
	} else if (source_exists(source, "/sys/module/kvm_amd")) {
		snprintf(out->name, sizeof(out->name), "kvm_amd");
		paging_by_parameter(source, "npt", out);
	} else if (source_exists(source, "/sys/module/kvm")) {
		fail(&out->reason, ENODATA,
			"kvm is there without kvm_intel, kvm_amd or kvm_pvm, so its paging mode is not known");
	} else {
		fail(&out->reason, ENODATA, "no KVM module in /sys/module");
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
	else if (cpu.features_known && !cpu.virtualization && outer.is_guest)
		fail(why, ENOENT,
			"no /dev/kvm: %s gives this guest no virtualisation hardware; enable nested virtualisation on the host",
			outer.name);
	else if (cpu.features_known && !cpu.virtualization)
		fail(why, ENOENT, "no /dev/kvm: the CPU shows neither VMX nor SVM; enable it in the firmware");
	else
		fail(why, ENOENT, "no /dev/kvm: no KVM module is loaded; as root: modprobe %s",
			!strcmp(cpu.vendor, "GenuineIntel")   ? "kvm_intel"
			: !strcmp(cpu.vendor, "AuthenticAMD") ? "kvm_amd"
							      : "kvm_intel (or kvm_amd)");
}

static void try_device(struct kvm_device *out)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		switch (errno) {
		case EACCES:
		case EPERM:
			out->access = KVM_FORBIDDEN;
			fail(&out->reason, errno,
				"/dev/kvm: permission denied; join its group (sudo usermod -aG kvm $USER, then log in again) or run as root");
			break;
		case ENODEV:
		case ENXIO:
			out->access = KVM_ABSENT;
			fail(&out->reason, errno, "/dev/kvm is there, but no KVM module is loaded behind it");
			break;
		default:
			out->access = KVM_BROKEN;
			fail(&out->reason, errno, "/dev/kvm: %s", strerror(errno));
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
