/*
 * A Linux guest: booted by QEMU from a guest image, it runs one nestwalk command and sends the run directory to the
 * host. guest-images/init and job.c describe the protocol of the control port.
 *
 * Nothing is printed in the guest while it measures, as each character on a console is a trap into the hypervisor.
 */
#ifndef NESTWALK_GUEST_H
#define NESTWALK_GUEST_H

#include "base/reason.h"
#include "guest/shape.h"

#include <jansson.h>

/* How long a guest may take. 0 means a default that suits machines of today, emulated ones included. */
struct guest_limits {
	double boot_s; /* from power-on until it is ready, and from then until its job begins */
	double ending_s; /* from the order to end the job until its end, and from there until QEMU's end */
	unsigned monitor_ms; /* QEMU's answer to a command */
};

struct guest_request {
	struct guest_shape shape;
	const char *image; /* directory with vmlinuz and initramfs, made by guest-images/build */
	const char *const *command; /* what nestwalk does in the guest: "run", "-s", "host", ...; NULL-terminated */
	const char *directory; /* made if it is not there; holds console.log, qemu.log and what the guest sends */
	const int *cpus; /* one for each vCPU's thread; threads beyond cpu_count stay where the kernel puts them */
	unsigned cpu_count;
	/* the longest that the command takes on a host; a guest may take half as long again. 0: no limit */
	double seconds;
	struct guest_limits limits;
	bool (*stop)(void); /* true: the command must end and deliver what it has measured */
	void (*progress)(const char *what, double elapsed_s, void *data); /* may be NULL */
	void *data;
};

struct guest_result {
	bool complete; /* false: it was stopped, its command failed, or its results did not arrive whole */
	bool stopped; /* the guest was told to end its job early, because request.stop said so or the time was over */
	int job_status; /* exit status of the command; -1: the command did not end by itself */
	char run[4200]; /* path of the run directory below `directory`; "" where none arrived */
	/*
	 * Owned by the caller: facts for run.json. {"shape", "kernel", "boot_ms", "run_ms", "vcpus_pinned": [cpu or null],
	 * "memory": {"mapped_bytes", "anon_huge_bytes", "page_bytes"} or null, "guest_faults", "kvm": {name: growth, ...,
	 * "pf_taken_per_guest_fault", "exits_per_guest_fault"} or null,
	 * "hardware": {metric: count} (host_counters.h) or null; "..._reason" where null}
	 */
	json_t *facts;
};

/*
 * Whether a guest can be had here at all, without starting one: QEMU, /dev/kvm, the image, memory, and a KVM under which a
 * stock kernel boots. 0; -ENOTSUP or -ENOENT or -ENOMEM with *why: what is missing and what to do.
 * @forced: pass over a KVM that is known not to boot a stock kernel.
 */
int guest_possible(const struct guest_request *request, bool forced, struct reason *why);

/*
 * Boot the guest, run the command, receive the results. 0 with *result, also where the command failed or was stopped
 * but results arrived. Otherwise an error with *why, which holds the last lines of the guest and of QEMU: -EINTR;
 * -ETIME the guest did not end in time; -EIO it ended early, or its results are not whole; -EPROTO, -EPIPE of QEMU's
 * monitor. console.log and qemu.log are kept in any case. Call guest_result_free() in any case. Needs /dev/kvm for
 * GUEST_KVM.
 */
int guest_run(const struct guest_request *request, struct guest_result *result, struct reason *why);
void guest_result_free(struct guest_result *result);

#endif
