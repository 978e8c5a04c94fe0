/*
 * Context switches: what it costs to switch between two threads, or two processes, on one CPU, and to touch memory
 * after the switch.
 *
 * Two workers bound to the same CPU hand a turn to each other: by a futex in memory that both see (never a private one,
 * so that threads and processes pay alike), or by a byte in a pipe for each direction. A worker sleeps until it has the
 * turn, so that each turn handed over is one context switch. Workers run as SCHED_BATCH: then the worker that was just
 * woken does not preempt the one that woke it (kernel/sched/fair.c) and that would go to sleep a moment later anyway.
 *
 * First come 200 round trips without touching. Half of a round trip is a context switch: its wake, its wait and its
 * switch. Then come rounds in which each worker, once it has the turn, follows a chain of pointers through W pages
 * twice. The first pass finds the TLB as the other worker left it, the second finds the worker's own entries.
 *
 * The chain lies in private anonymous memory that the caller made before. Both workers inherit it by fork() and only
 * read it, so that they have the same frames at the same addresses. Caches are then equally warm for both, and the only
 * difference is in entries that are tagged with an address space.
 *
 * No privilege is needed.
 */
#ifndef NESTWALK_CONTEXT_SWITCH_H
#define NESTWALK_CONTEXT_SWITCH_H

#include "base/reason.h"
#include "space/backed.h"
#include "system/worker_group.h"

enum context_switch_via {
	CONTEXT_SWITCH_FUTEX,
	CONTEXT_SWITCH_PIPE,
	CONTEXT_SWITCH_VIAS,
};
extern const char *const context_switch_via_names[CONTEXT_SWITCH_VIAS]; /* "futex" "pipe" */

#define CONTEXT_SWITCH_TRIPS 200u

/* Rounds with touches are enough that the middle does not notice ticks, and take at most 20 ms of touching. */
#define CONTEXT_SWITCH_ROUNDS_LEAST 15u
#define CONTEXT_SWITCH_ROUNDS_MOST 200u
#define CONTEXT_SWITCH_TOUCHES 131072u /* of all rounds together; sets their number between the two limits */

struct context_switch_spec {
	enum workers_as between;
	enum context_switch_via via;
	int cpu;
	const struct backed *memory; /* the chain lies in it; NULL without touches */
	const void *
		start; /* of a chain that comes back to it after `pages` steps: each line holds the next one's address */
	uint32_t pages;
	bool (*stop)(void); /* as in worker_group_spec */
};

struct context_switch_result {
	unsigned trips, rounds; /* round trips without touches; rounds with */
	double switch_tsc; /* half a round trip: middle of the trips (timing_middle()) */
	double touch_tsc, warm_tsc; /* first and second pass, per page: middle of all rounds. NAN without pages */
	uint64_t switches_least; /* of each worker, by its turns */
	struct worker_usage usage[2]; /* of the workers */
	/* Of both together: how long neither ran, unless all of that fell into trips and rounds that are left out. */
	uint64_t elapsed_ns, away_ns;
};

/*
 * Take one. 0; -EIO with *why: the kernel counted fewer switches than turns were handed over, or memory did not have
 * the page size asked for; -EMFILE no pipe; errors of worker_group_run().
 */
int context_switch_take(
	const struct context_switch_spec *spec, struct context_switch_result *result, struct reason *why);

/* Whether each worker was switched out as often as it gave its turn away. 0; -EIO with both numbers in *why. */
int context_switch_judge(const struct context_switch_result *result, struct reason *why);

#endif
