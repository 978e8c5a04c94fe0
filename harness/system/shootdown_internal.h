/* Between shootdown.c, which writes the script and reads the results, and shootdown_workers.c, which carries it out. */
#ifndef NESTWALK_SHOOTDOWN_INTERNAL_H
#define NESTWALK_SHOOTDOWN_INTERNAL_H

#include "system/shootdown.h"

/*
 * Inaccessible memory before and behind a region. It keeps a region away from the ends of a page table's 2 MiB, so that
 * a region of up to 512 pages never fills a table.
 */
#define SHOOTDOWN_GUARD_BYTES (1 * MIB)

/* What all of the worker group read. */
struct shootdown_script {
	struct shootdown_experiment experiment;
	const int *other_cpus;
	uint64_t region_bytes, stride_bytes;
	unsigned block, repetitions;
};

/* What each of the worker group writes. */
struct shootdown_part {
	struct worker_usage usage;
	unsigned repetitions, blocks;
	double clock_tsc; /* of the caller: the cost of reading the clock */
	uint64_t deadline_ns; /* of the caller */
	uint64_t tsc[SHOOTDOWN_REPETITIONS_MOST]; /* caller: the call; other: lost in it, or STALL_DETECTOR_AWAY */
	/* Of the caller's calls. */
	uint64_t elapsed_ns[SHOOTDOWN_REPETITIONS_MOST], away_ns[SHOOTDOWN_REPETITIONS_MOST];
	bool counted;
	struct reason uncounted;
	uint64_t interrupts, interrupts_of_others; /* of all blocks */
};

/* The worker group's work, and how much memory it shares. */
int shootdown_work(struct worker *worker, struct reason *why);
size_t shootdown_shared_bytes(unsigned others);

#endif
