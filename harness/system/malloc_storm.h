/*
 * A storm of malloc() and free(), in a process that has just been executed (system/fresh_exec.h), so that the allocator
 * is as a program finds it when it starts. The allocator is whatever the process has: the C library's, or what
 * LD_PRELOAD puts before it.
 *
 * MALLOC_PAIR is the steady state. A warm-up of two pairs at least comes first, as glibc's threshold for mmap() moves
 * when the first block that was mapped is freed (mallopt(3), M_MMAP_THRESHOLD). Then two loops take turns, each in
 * chunks that are timed as one:
 * the whole: malloc(), touch, free(), again and again. Nothing stands between the calls, so that a core overlaps them
 * as
 *     it does in any program.
 *   the parts: the same with a reading of the clock between the calls. What reading it costs is taken off.
 * The whole tells what a block costs, and the parts tell how that divides: they are scaled so that they add up to the
 * whole. Where a reading takes less than a thousandth of a pair it disturbs nothing, and the parts alone are taken.
 * Results are medians over chunks, as a timer tick spoils one chunk. A part is no finer than a step of the TSC, which
 * is 10 ns on some CPUs.
 *
 * MALLOC_BATCH is the beginning of a program: as many blocks as fit are asked for, then all are touched, then all are
 * freed in the order in which they were asked for, once. In that order the free blocks of a heap merge upwards, and
 * only the last one meets the top of the heap and trims it. The other order would trim every 128 KiB
 * (M_TRIM_THRESHOLD). Each phase is timed as one, as its cost is uneven: growing the heap, or giving it back, happens
 * once in thousands of calls.
 *
 * A touch is a store to each page of the block. Faults are those that the kernel counts for the thread (getrusage(2)).
 */
#ifndef NESTWALK_MALLOC_STORM_H
#define NESTWALK_MALLOC_STORM_H

#include "system/worker_group.h"

enum malloc_pattern {
	MALLOC_PAIR, /* each block is freed before the next is asked for */
	MALLOC_BATCH, /* many blocks are asked for, then all are freed: the heap grows and is trimmed */
	MALLOC_PATTERNS,
};
extern const char *const malloc_pattern_names[MALLOC_PATTERNS]; /* "pair" "batch" */

struct malloc_experiment {
	uint64_t block_bytes;
	enum malloc_pattern pattern;
	bool touch; /* a byte of each page of the block is stored to */
	unsigned workers; /* threads of one process */
};

struct malloc_storm_spec {
	const struct malloc_experiment *experiment;
	const int *cpus; /* one for each worker */
	uint64_t batch_bytes; /* the most that all blocks of all workers take at a time; one block of each must fit */
	bool (*stop)(void); /* polled; when it becomes true: -EINTR. NULL: never */
};

/* Averages over workers, of medians (pair) or of whole phases (batch), in TSC cycles per block. */
struct malloc_storm_result {
	double malloc_tsc, touch_tsc, free_tsc; /* touch_tsc is 0 where nothing is touched */
	double faults_per_block;
	uint64_t blocks; /* of all workers, in the timed part */
	bool told; /* the allocator is glibc's, whose mallinfo2(3) tells the next two numbers */
	double mapped_share; /* the share of the blocks that have a mapping of their own */
	double returned_bytes; /* given back to the kernel for each block freed, by munmap() or from a heap */
	struct worker_usage usage; /* sums over the workers, around the timed part */
};

/*
 * 0; -EINTR; -EINVAL experiment; -ENOMEM with *why: no memory for a block; -EIO with *why: a process died, or the
 * allocator still holds mappings after all blocks are freed; others with *why: no process. No privilege is needed.
 */
int malloc_storm_run(const struct malloc_storm_spec *spec, struct malloc_storm_result *result, struct reason *why);

/* How many blocks of a worker are in a batch. 0: not even one fits. */
uint64_t malloc_batch_blocks(const struct malloc_experiment *experiment, uint64_t batch_bytes);

#endif
