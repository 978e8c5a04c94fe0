/*
 * A worker group: workers that do the same work at the same time, each bound to a CPU of its own. They are threads of
 * one process, or processes. They are forked for one experiment, so that the address space, the allocator and the page
 * tables under test are new. Whatever goes wrong in them ends with them: their processes are killed when the group is
 * dismissed and when this process ends in any way (PR_SET_PDEATHSIG), and the kernel ends them first where memory runs
 * out (oom_score_adj). No privilege is needed.
 */
#ifndef NESTWALK_WORKER_GROUP_H
#define NESTWALK_WORKER_GROUP_H

#include "base/reason.h"
#include "bench.h"

#include <sys/types.h>

/* Whether workers share an address space. One worker alone is the only thread of its process. */
enum workers_as {
	WORKERS_THREADS, /* of one process: one address space, its locks and its tables */
	WORKERS_PROCESSES,
	WORKERS_KINDS,
};
extern const char *const workers_names[WORKERS_KINDS]; /* "threads" "processes" */

/* What the kernel says of a thread's time between two moments (getrusage(2), RUSAGE_THREAD; the thread's CPU clock). */
struct worker_usage {
	uint64_t minor_faults, major_faults;
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t elapsed_ns, cpu_ns; /* in the rest it slept, was preempted, or a hypervisor stole the CPU */
	uint64_t user_ns, system_ns; /* the kernel splits the CPU time exactly or by timer ticks, as it is configured */
};

/* A worker, as its work sees it. */
struct worker {
	unsigned index, count; /* its number from 0, and how many workers there are */
	int cpu; /* that it is bound to */
	const void *experiment; /* of worker_group_spec */
	void *result; /* result_bytes of its own, which the parent reads; 0 at first */
	void *shared; /* shared_bytes that all workers and the parent see; 0 at first */
	struct worker_group_state *state;
};

/*
 * The work of one worker. It may meet the others with worker_meet(), all of them the same number of times, and it fills
 * its result. 0, or -errno with *why: then the whole group fails.
 */
typedef int (*worker_group_work)(struct worker *worker, struct reason *why);

struct worker_group_spec {
	enum workers_as as;
	unsigned workers; /* at least 1 */
	const int *cpus; /* one for each worker; workers that take turns may have the same */
	worker_group_work work;
	const void *experiment;
	size_t result_bytes, shared_bytes;
	bool keep; /* processes keep their memory after their work, until the group is dismissed */
	bool (*stop)(void); /* polled; when it becomes true, the group is dismissed: -EINTR. NULL: never */
	uint64_t limit_ns; /* a group that takes longer is dismissed: -ETIME. 0: WORKER_GROUP_LIMIT_NS */
};

/* An experiment takes a second at most. A machine may be ten times slower than expected; sixty times means a hang. */
#define WORKER_GROUP_LIMIT_NS (60 * NS_PER_S)

struct worker_group {
	struct worker_group_state *state; /* shared memory: errors, results, and what the workers share */
	pid_t *process;
	int *word; /* for each process, the reading end of a pipe on which it says that its work is done */
	unsigned processes, workers;
	size_t state_bytes;
};

/*
 * Make a worker group and let it work to the end. Owned by the caller, who reads the results and then calls
 * worker_group_dismiss(). After an error nothing is left over.
 * 0; -EINTR; -ETIME; -EIO with *why: a process died (of a signal, or for want of memory); -EAGAIN, -ENOMEM: the kernel
 * gives no process or memory; else what a worker's work returned, with its *why.
 */
int worker_group_run(const struct worker_group_spec *spec, struct worker_group *group, struct reason *why);
void *worker_group_result(const struct worker_group *group, unsigned worker);

/*
 * End the processes and wait until they and their memory are gone. A group of zeros is allowed.
 */
void worker_group_dismiss(struct worker_group *group);

/* --- for workers --- */

/*
 * Wait for all workers, and then for a moment of the TSC that all of them share. So they go on together, within a
 * microsecond where each has a CPU of its own. 0; -ECANCELED: the group is failing, and the work is to return at once.
 */
int worker_meet(struct worker *worker);

/* Whether the group is failing. Long loops ask now and then. */
bool worker_canceled(const struct worker *worker);

/*
 * A worker says that its measured part is over; workers_measuring() tells how many have not said so yet. A worker goes
 * on working, unmeasured, until all have said so: otherwise the last ones would be measured among fewer workers.
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

/* The TSC, after all loads and stores before it and before all instructions after it (Intel SDM vol. 2B, RDTSC). */
static inline uint64_t worker_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("mfence\n\tlfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/*
 * The same without MFENCE, for two readings around one instruction. LFENCE waits for loads and for the page fault of a
 * store; it does not wait until the data of a store have reached a cache.
 */
static inline uint64_t worker_tsc_quick(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

#endif
