#include "machine/perf.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_cycles(bool with_kernel)
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

/* The core PMU's device: cpu, on hybrid machines cpu_core and cpu_atom. */
static bool has_pmu(const struct machine_source *source)
{
	return source_exists(source, "/sys/bus/event_source/devices/cpu") ||
	       source_exists(source, "/sys/bus/event_source/devices/cpu_core");
}

static void explain(const struct machine_source *source, int error, struct reason *why)
{
	char paranoid[16] = "unknown";

	switch (error) {
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
		fail(why, error, "%s",
			has_pmu(source)
				? "the PMU has no cycles event"
				: "no PMU: the hypervisor gives this guest none, or the kernel has no driver for it");
		break;
	case EACCES:
	case EPERM:
		source_read_text(source, paranoid, sizeof(paranoid), NULL, "/proc/sys/kernel/perf_event_paranoid");
		fail(why, error,
			"permission denied with perf_event_paranoid=%s; as root: sysctl kernel.perf_event_paranoid=1 "
			"(in a container perf_event_open may also be blocked by seccomp)",
			paranoid);
		break;
	case ENOSYS:
		fail(why, error, "this kernel has no perf events");
		break;
	default:
		fail(why, error, "perf_event_open: %s", strerror(error));
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
			explain(source, ENOENT, &out->reason);
		}
		return;
	}
	error = -open_cycles(false);
	if (error) {
		out->access = PERF_UNAVAILABLE;
		explain(source, error, &out->reason);
		return;
	}
	out->access = PERF_AVAILABLE;
	out->kernel_available = !open_cycles(true);
}
