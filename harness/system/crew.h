/*
 * A crew: actors that do the same work at the same time, each bound to a CPU of its own, as threads of one process or as
 * processes. They are forked for one trial, so that the address space, the allocator and the page tables under test are
 * new ones, and so that whatever goes wrong ends with them: a crew's processes are killed when it is dismissed, when this
 * process ends in any way (PR_SET_PDEATHSIG), and are the first that the kernel ends where memory runs out
 * (oom_score_adj). No privilege is needed.
 */
#ifndef NESTWALK_CREW_H
#define NESTWALK_CREW_H

#include "base/reason.h"
#include "bench.h"

#include <sys/types.h>

/* What the kernel says of a thread between two moments (getrusage(2), RUSAGE_THREAD; its CPU clock). */
struct actor_usage {
	uint64_t minor_faults, major_faults;
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t elapsed_ns, cpu_ns; /* elapsed - cpu: waiting, preempted, or stolen by a hypervisor */
	uint64_t user_ns,
		system_ns; /* the kernel's split of the CPU time: exact or by timer ticks, as it is configured */
};

/* One of a crew, as its work sees it. */
struct actor {
	unsigned index, count; /* which of how many */
	int cpu; /* it is bound to it */
	const void *trial; /* crew_spec's */
	void *result; /* result_bytes of its own, 0 at first: the parent gets them */
	void *shared; /* shared_bytes that all actors and the parent see, 0 at first */
	struct crew_board *board;
};

/*
 * The work of one actor: it prepares, meets the others with actor_meet() as often as it likes (all the same number of
 * times), and fills its result. 0, or -errno with *why: then the whole crew fails.
 */
typedef int (*crew_work)(struct actor *actor, struct reason *why);

struct crew_spec {
	enum actors_as as;
	unsigned actors; /* at least 1 */
	const int *cpus; /* one an actor; they may repeat, where actors take turns */
	crew_work work;
	const void *trial;
	size_t result_bytes, shared_bytes;
	bool keep; /* processes that have done their work keep their memory until the crew is dismissed */
	bool (*stop)(void); /* polled; where it becomes true the crew is dismissed: -EINTR. May be NULL */
	uint64_t limit_ns; /* a crew that takes longer hangs: dismissed, -ETIME. 0: CREW_LIMIT_NS */
};

/* A trial takes a second at most; a machine may be ten times slower than thought, and not sixty. */
#define CREW_LIMIT_NS (60 * NS_PER_S)

struct crew {
	struct crew_board *board; /* shared memory: of actors, their results and what they share */
	pid_t *process;
	int *word; /* of each process: the reading end of a pipe on which it says that its work is done */
	unsigned processes, actors;
	size_t board_bytes;
};

/*
 * Make a crew and let it work to the end. 0 with *crew: its results stand until crew_dismiss(), which the caller owes it.
 * -EINTR, -ETIME; -EIO with *why where a process died (killed for want of memory, a signal); -EAGAIN, -ENOMEM the kernel
 * gives no process or memory; else what an actor's work returned, with its *why. After an error nothing is left over.
 */
int crew_run(const struct crew_spec *spec, struct crew *crew, struct reason *why);
void *crew_result(const struct crew *crew, unsigned actor);

/* End its processes and give their memory back: when it returns both have happened. Does nothing to a crew of zeros. */
void crew_dismiss(struct crew *crew);

/* --- for actors --- */

/*
 * Wait until all actors have come here, and then until an instant that all of them share, so that they go on together
 * (within a microsecond where each has a CPU of its own). 0; -ECANCELED: the crew is failing, return at once.
 */
int actor_meet(struct actor *actor);

/* Whether the crew is failing: for loops that may run long. */
bool actor_canceled(const struct actor *actor);

/*
 * How many actors have not said yet that their measured part is over: an actor that has goes on working, unmeasured, so
 * that the others are not measured without it.
 */
void actor_measured(struct actor *actor);
unsigned actors_measuring(const struct actor *actor);

void usage_begin(struct actor_usage *usage);
/* From usage_begin() to now. */
void usage_end(struct actor_usage *usage);

/* TSC, behind all loads and stores before it and before all instructions after it (LFENCE; Intel SDM vol. 2B, RDTSC). */
static inline uint64_t actor_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("mfence\n\tlfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/*
 * The same without MFENCE, for pairs around one instruction: LFENCE waits for loads and for a store's page fault, as
 * both must be complete before it is; it does not wait until a store's data have reached a cache.
 */
static inline uint64_t actor_tsc_quick(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

#endif
