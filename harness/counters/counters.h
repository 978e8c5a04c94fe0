/*
 * Counting around measured code, metric by metric. Open once for a point, or for a run; then for each sample
 *
 *	counting_begin(counting);
 *	error = space_run(space, KERNEL_CHASE, why);
 *	counting_end(counting, &sample);
 *	counting_rotate(counting);
 *
 * A PMU counts some four to eight events at a time. More metrics than that make several groups, which take turns from
 * sample to sample: in each sample the metrics of one group are known, and the others are NAN, with a reason. Nothing
 * is multiplexed within a sample unless that is the only way, and then it is marked.
 */
#ifndef NESTWALK_COUNTERS_H
#define NESTWALK_COUNTERS_H

#include "base/reason.h"
#include "counters/catalogue.h"
#include "counters/group.h"
#include "counters/judge.h"
#include "machine/hypervisor.h"
#include "machine/pmu.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whose events count. Only user code (CPL 3) counts, in guests too, because measured kernels are user code. */
enum count_scope {
	COUNT_THREAD, /* the thread itself */
	COUNT_GUEST, /* what the thread does as a vCPU, counted by the host; nothing of the host itself (exclude_host) */
};

/*
 * How to count code in a vCPU of this KVM. Without virtualisation hardware (kvm_pvm) a guest's user code runs as user
 * code of the host, and the CPU never enters the guest mode that COUNT_GUEST goes by: there it is COUNT_THREAD.
 */
enum count_scope count_scope_of_vcpu(const struct kvm_module *module);

struct counting_plan {
	unsigned wanted; /* COUNT_BIT()s */
	enum count_scope scope;
	pid_t thread; /* 0: the caller's own, which can be read without a system call */
	const struct microarch *microarch; /* NULL: this CPU's */
	const struct machine_source *source; /* of the files in /sys; NULL with no pmu */
	const struct core_pmu *pmu; /* of the CPU measured on; NULL: not known. On a hybrid CPU there are several */
	bool hybrid;
	const struct perf_calls *calls; /* NULL: Linux's */
};

struct counting;

struct count_sample {
	double value[COUNT_METRICS]; /* NAN: not known */
	bool scaled[COUNT_METRICS]; /* counted for part of the time and scaled up: an estimate */
	const struct reason *why
		[COUNT_METRICS]; /* the reason of a NAN; owned by the counting, valid until its next counting_begin() */
};

/* The reason of metrics that another group counts in other samples; compared by its address. */
extern const struct reason count_not_its_turn;

/*
 * Open the counters of a plan. 0 with *out, which the caller closes with counting_close(); -ENOMEM is the only error.
 * Where nothing can be counted it succeeds, too, and every metric is unknown with its reason. This is found out once in
 * a process, in less than a millisecond; later calls take microseconds. libpfm4, which a PMU and page_faults need,
 * takes some 2 ms once. The first software event after a boot takes 10 ms and more, as the kernel patches its code.
 * After that, each event and group that is tried takes some 20 us. Privilege: perf_event_paranoid of at most 2; another
 * thread must belong to the same user.
 */
int counting_open(const struct counting_plan *plan, struct counting **out, struct reason *why);

/*
 * With NULL these functions do nothing, and every metric is unknown, so that a caller need not check whether counters
 * were wanted.
 */
void counting_begin(struct counting *counting);
void counting_end(struct counting *counting, struct count_sample *sample);

/*
 * Let the next group have its turn. After counting_groups() samples every metric that can be known has been counted.
 * counting_groups() is 0 where nothing can be counted.
 */
void counting_rotate(struct counting *counting);
size_t counting_groups(const struct counting *counting);

/* Judge each metric with judge_count(). A count that cannot be true becomes unknown, with the reason. */
void counting_judge(
	struct counting *counting, struct count_sample *sample, const struct count_expectation *expectation);

/* Why no sample will know this metric; NULL where some will. */
const struct reason *counting_reason(const struct counting *counting, enum count_metric metric);

/* Whether the current group is read by rdpmc; otherwise by system calls. */
bool counting_by_rdpmc(const struct counting *counting);

void counting_close(struct counting *counting);

/*
 * Try the row of one metric. 0 where all its events resolve and can be opened for the caller's own thread; else -errno
 * with *why. @resolves: how many of its terms libpfm4 encodes. The call is cheap where there is no PMU.
 */
int counting_try(const struct microarch *microarch, enum count_metric metric, size_t *resolves, struct reason *why);

#endif
