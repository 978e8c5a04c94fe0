#include "machine/perf.h"
#include "machine/outer.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int cycles_open(bool with_kernel)
{
	struct perf_event_attr event = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(event),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.disabled = 1,
		.exclude_kernel = !with_kernel,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/*
 * Whether there is a PMU of CPUs: cpu, on hybrid machines cpu_core and cpu_atom, on s390 cpum_cf; on arm64 it has the name
 * of the architecture or the core (armv8_pmuv3_0, armv8_cortex_a57, apple_icestorm_pmu): Linux drivers/perf.
 */
static bool has_pmu(const struct machine_source *source)
{
	static const char *const beginnings[] = { "cpu_", "cpum_", "armv", "apple_" };
	struct source_names names;
	bool found = false;

	source_list(source, &names, NULL, "/sys/bus/event_source/devices");
	for (size_t i = 0; i < names.count && !found; i++) {
		found = !strcmp(names.name[i], "cpu");
		for (size_t k = 0; k < sizeof(beginnings) / sizeof(beginnings[0]); k++)
			found = found || !strncmp(names.name[i], beginnings[k], strlen(beginnings[k]));
	}
	source_names_free(&names);
	return found;
}

/* A missing PMU nearly always means that a hypervisor does not pass it on. */
static int explain_no_pmu(const struct machine_source *source, int error, struct reason *why)
{
	struct outer outer;

	machine_outer(source, &outer);
	if (!source_has_sysfs(source, NULL))
		return fail(why, error,
			"no PMU is known: /sys is not there, or is hidden from this process; a hypervisor may give this guest none");
	if (!outer.known || !outer.is_guest)
		return fail(
			why, error, "no PMU: the hypervisor gives this guest none, or the kernel has no driver for it");
	return fail(why, error,
		"no PMU: this Linux is a guest of %s, which gives it none; a KVM host gives one with -cpu host,pmu=on, a cloud with a bare-metal instance",
		outer.name);
}

/* EACCES comes from the kernel's own rule, perf_event_paranoid. */
static int explain_denied(const struct machine_source *source, const struct perf_refusal *refusal, struct reason *why)
{
	char paranoid[16] = "unknown";

	source_read_text(source, paranoid, sizeof(paranoid), NULL, "/proc/sys/kernel/perf_event_paranoid");
	if (refusal->other_thread)
		return fail(why, refusal->error,
			"permission denied for another thread with perf_event_paranoid=%s; it must be this user's own, and as root: sysctl kernel.perf_event_paranoid=1",
			paranoid);
	return fail(why, refusal->error,
		"permission denied with perf_event_paranoid=%s; as root: sysctl kernel.perf_event_paranoid=1 (in a container perf_event_open may also be blocked by seccomp)",
		paranoid);
}

/* EPERM comes from a seccomp filter (as in containers), a security module or a locked-down kernel. */
static int explain_forbidden(const struct machine_source *source, int error, struct reason *why)
{
	char lockdown[64] = "", *status = NULL;
	char seccomp[8] = "";

	if (!source_read_all(source, "/proc/self/status", &status, NULL))
		text_field(status, "Seccomp", seccomp, sizeof(seccomp));
	free(status);
	/* Mode 2 is a filter: Linux Documentation/userspace-api/seccomp_filter.rst. */
	if (!strcmp(seccomp, "2"))
		return fail(why, error,
			"perf_event_open is blocked by a seccomp filter, as containers have it; start the container with --cap-add PERFMON or --security-opt seccomp=unconfined");
	source_read_text(source, lockdown, sizeof(lockdown), NULL, "/sys/kernel/security/lockdown");
	if (strstr(lockdown, "[confidentiality]"))
		/* A locked-down mainline kernel refuses only sampled registers; distributions' kernels refuse more. */
		return fail(why, error,
			"permission denied, and the kernel is in lockdown mode confidentiality, which may be why; boot with lockdown=integrity or without");
	return fail(why, error,
		"permission denied, not by perf_event_paranoid: a security module forbids perf_event_open, or another user owns the thread; as root, or with CAP_PERFMON, it is allowed");
}

static int explain_unsupported(
	const struct machine_source *source, const struct perf_refusal *refusal, struct reason *why)
{
	if (refusal->software)
		return fail(why, refusal->error, "this kernel does not count that event");
	if (!has_pmu(source))
		return explain_no_pmu(source, refusal->error, why);
	if (refusal->guest_only)
		return fail(why, refusal->error,
			"the PMU here cannot count a guest apart from its host (exclude_host is refused), or lacks the event");
	if (refusal->error == EOPNOTSUPP)
		return fail(why, refusal->error,
			"the PMU lacks the event, or a running VM has the PMU to itself (a mediated vPMU); stop that VM");
	return fail(why, refusal->error, "the PMU here does not have the event");
}

/* The watchdog holds one counter of each CPU: Linux Documentation/admin-guide/lockup-watchdogs.rst. */
static int explain_busy(const struct machine_source *source, struct reason *why)
{
	uint64_t watchdog = 0;

	source_read_u64(source, &watchdog, NULL, "/proc/sys/kernel/nmi_watchdog");
	if (watchdog)
		return fail(why, EBUSY,
			"no counter is free for it: the NMI watchdog holds one; as root: sysctl kernel.nmi_watchdog=0");
	return fail(why, EBUSY,
		"no counter is free for it: other users of perf, or a hypervisor, have them; see who: lsof | grep perf_event");
}

int machine_perf_refused(const struct machine_source *source, const struct perf_refusal *refusal, struct reason *why)
{
	switch (refusal->error) {
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
	case ENXIO:
		return explain_unsupported(source, refusal, why);
	case EINVAL:
		if (refusal->guest_only)
			return fail(why, EINVAL,
				"this kernel or its hypervisor refuses exclude_host, so a guest cannot be counted apart from its host");
		return fail(why, EINVAL, "the PMU here, or its driver in this kernel, refuses the event");
	case EACCES:
		return explain_denied(source, refusal, why);
	case EPERM:
		return explain_forbidden(source, EPERM, why);
	case ENOSYS:
		return fail(why, ENOSYS,
			"this kernel has no perf events (or a sandbox such as gVisor or a seccomp filter says so)");
	case EMFILE:
	case ENFILE:
		return fail(
			why, refusal->error, "too many open files for the counters wanted; raise it: ulimit -n 1024");
	case EBUSY: /* counters/ returns it, too, for a pinned group that was not scheduled */
		return explain_busy(source, why);
	case ESRCH:
		return fail(why, ESRCH, "the thread to count has ended");
	default:
		return fail(why, refusal->error, "perf_event_open: %s", strerror(refusal->error));
	}
}

void machine_perf(const struct machine_source *source, struct perf_state *out)
{
	int error;

	memset(out, 0, sizeof(*out));
	if (!source_is_live(source)) {
		out->access = PERF_NOT_TRIED;
		source_not_tried(source, &out->reason);
		/* An absent device is proof without trying, if the directory that would list it was recorded. */
		if (source_exists(source, "/sys/bus/event_source/devices") && !has_pmu(source)) {
			out->access = PERF_UNAVAILABLE;
			explain_no_pmu(source, ENOENT, &out->reason);
		}
		return;
	}
	error = -cycles_open(false);
	if (error) {
		out->access = PERF_UNAVAILABLE;
		machine_perf_refused(source, &(struct perf_refusal){ .error = error }, &out->reason);
		return;
	}
	out->access = PERF_AVAILABLE;
	out->kernel_available = !cycles_open(true);
}
