/*
 * A worker group: workers that do the same work at the same time, each bound to a CPU of its own, as threads of one
 * process or as processes. They are forked for one experiment, so that the address space, the allocator and the page
 * tables under test are new ones, and so that whatever goes wrong ends with them: a worker group's processes are killed
 * when it is dismissed, when this process ends in any way (PR_SET_PDEATHSIG), and are the first that the kernel ends
 * where memory runs out (oom_score_adj). No privilege is needed.
 */
#ifndef NESTWALK_WORKER_GROUP_H
#define NESTWALK_WORKER_GROUP_H

#include "base/reason.h"
#include "bench.h"

#include <sys/types.h>

/* How workers that work at the same time share memory maps. One worker alone is a thread of a process of its own. */
enum workers_as {
	WORKERS_THREADS, /* of one process: one address space, its locks and its tables */
	WORKERS_PROCESSES,
	WORKERS_KINDS,
};
extern const char *const workers_names[WORKERS_KINDS]; /* "threads" "processes" */

/* What the kernel says of a thread between two moments (getrusage(2), RUSAGE_THREAD; its CPU clock). */
struct worker_usage {
	uint64_t minor_faults, major_faults;
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t elapsed_ns, cpu_ns; /* elapsed - cpu: waiting, preempted, or stolen by a hypervisor */
	uint64_t user_ns,
		system_ns; /* the kernel's split of the CPU time: exact or by timer ticks, as it is configured */
};

/* One of a worker group, as its work sees it. */
struct worker {
	unsigned index, count; /* which of how many */
	int cpu; /* it is bound to it */
	const void *experiment; /* worker_group_spec's */
	void *result; /* result_bytes of its own, 0 at first: the parent gets them */
	void *shared; /* shared_bytes that all workers and the parent see, 0 at first */
	struct worker_group_state *state;
};

/*
 * The work of one worker: it prepares, meets the others with worker_meet() as often as it likes (all the same number of
 * times), and fills its result. 0, or -errno with *why: then the whole worker group fails.
 */
typedef int (*worker_group_work)(struct worker *worker, struct reason *why);

struct worker_group_spec {
	enum workers_as as;
	unsigned workers; /* at least 1 */
	const int *cpus; /* one a worker; they may repeat, where workers take turns */
	worker_group_work work;
	const void *experiment;
	size_t result_bytes, shared_bytes;
	bool keep; /* processes that have done their work keep their memory until the worker group is dismissed */
	bool (*stop)(void); /* polled; where it becomes true the worker group is dismissed: -EINTR. May be NULL */
	uint64_t limit_ns; /* a worker group that takes longer hangs: dismissed, -ETIME. 0: WORKER_GROUP_LIMIT_NS */
};

/* An experiment takes a second at most; a machine may be ten times slower than thought, and not sixty. */
#define WORKER_GROUP_LIMIT_NS (60 * NS_PER_S)

struct worker_group {
	struct worker_group_state *state; /* shared memory: of workers, their results and what they share */
	pid_t *process;
	int *word; /* of each process: the reading end of a pipe on which it says that its work is done */
	unsigned processes, workers;
	size_t state_bytes;
};

/*
 * Make a worker group and let it work to the end. 0 with *group: its results stand until worker_group_dismiss(),
 * which the caller owes it.
 * -EINTR, -ETIME; -EIO with *why where a process died (killed for want of memory, a signal); -EAGAIN, -ENOMEM the
 * kernel gives no process or memory; else what a worker's work returned, with its *why. After an error nothing is left
 * over.
 */
int worker_group_run(const struct worker_group_spec *spec, struct worker_group *group, struct reason *why);
void *worker_group_result(const struct worker_group *group, unsigned worker);
void *worker_group_shared(const struct worker_group *group);

/*
 * End its processes and give their memory back: when it returns both have happened. Does nothing to a worker group of
 * zeros.
 */
void worker_group_dismiss(struct worker_group *group);

/* --- for workers --- */

/*
 * Wait until all workers have come here, and then until an instant that all of them share, so that they go on together
 * (within a microsecond where each has a CPU of its own). 0; -ECANCELED: the worker group is failing, return at once.
 */
int worker_meet(struct worker *worker);

/* Whether the worker group is failing: for loops that may run long. */
bool worker_canceled(const struct worker *worker);

/*
 * How many workers have not said yet that their measured part is over: a worker that has goes on working, unmeasured,
 * so that the others are not measured without it.
 */
void worker_measured(struct worker *worker);
unsigned workers_measuring(const struct worker *worker);

void worker_usage_begin(struct worker_usage *usage);
/* From worker_usage_begin() to now. */
void worker_usage_end(struct worker_usage *usage);

/*
 * Add a usage to what a sample says of its time: the time itself, the part in which the worker did not run, its
 * involuntary switches and its page faults.
 */
void worker_usage_note(const struct worker_usage *usage, struct sample *sample);

/*
 * TSC, behind all loads and stores before it and before all instructions after it (LFENCE; Intel SDM vol. 2B, RDTSC).
 */
static inline uint64_t worker_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("mfence\n\tlfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/*
 * The same without MFENCE, for pairs around one instruction: LFENCE waits for loads and for a store's page fault, as
 * both must be complete before it is; it does not wait until a store's data have reached a cache.
 */
static inline uint64_t worker_tsc_quick(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

#endif
