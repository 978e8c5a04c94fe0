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
 * 0 with *out, which wants counting_close(); only memory can be short (-ENOMEM). Where nothing can be counted it opens
 * all the same, and every metric is unknown with its reason: that is found out once in a process and takes less than a
 * millisecond, then microseconds. What needs libpfm4 (a PMU, or page_faults) takes some 2 ms once; the first software
 * event on a Linux takes it 10 ms and more to patch itself. Then some 20 us an event and group tried.
 * Privilege: perf_event_paranoid of at most 2; another thread must belong to the same user.
 */
int counting_open(const struct counting_plan *plan, struct counting **out, struct reason *why);

/* NULL does nothing, with every metric unknown, so that a caller need not ask whether counters were wanted. */
void counting_begin(struct counting *counting);
void counting_end(struct counting *counting, struct count_sample *sample);

/*
 * Let the next group have its turn. After counting_groups() samples every metric that can be known has been counted;
 * 0 where there is none.
 */
void counting_rotate(struct counting *counting);
size_t counting_groups(const struct counting *counting);

/* Make counts that cannot be true unknown, with the reason: judge_count() on each metric. */
void counting_judge(
	struct counting *counting, struct count_sample *sample, const struct count_expectation *expectation);

/* Why no sample will know this metric; NULL where some will. */
const struct reason *counting_reason(const struct counting *counting, enum count_metric metric);

/* Whether the current group is read by rdpmc; otherwise by system calls. */
bool counting_by_rdpmc(const struct counting *counting);

void counting_close(struct counting *counting);

/*
 * The row of a metric tried on its own: 0 where all its events resolve and can be opened for the caller's own thread;
 * else -errno with *why. @resolves: how many of its terms libpfm4 encodes. Cheap where there is no PMU.
 */
int counting_try(const struct microarch *microarch, enum count_metric metric, size_t *resolves, struct reason *why);

#endif
