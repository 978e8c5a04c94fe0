/*
 * The timed loops of malloc_storm.c. Each stands alone: calls, touches, clock readings, and the check of a block that
 * every program makes. TSC cycles, the clock's own cost not taken off.
 */
#ifndef NESTWALK_MALLOC_LOOPS_H
#define NESTWALK_MALLOC_LOOPS_H

#include "system/malloc_storm.h"

/* The parts of a block's life. */
enum malloc_part {
	MALLOC_ASK,
	MALLOC_TOUCH,
	MALLOC_FREE,
	MALLOC_PARTS,
};

/*
 * The time between two clock readings in a row: the least of many, as any disturbance only adds. Readings that wait for
 * stores (in loops that touch, and around batches) cost more.
 */
double malloc_clock_tsc(bool stores);

/* Pairs in a row, timed as one. False: there was no block, and nothing is held. */
bool malloc_whole(const struct malloc_experiment *experiment, unsigned pairs, uint64_t *tsc);

/* The same with each part of each pair timed: sums over the pairs. A part that an experiment lacks stays unchanged. */
bool malloc_parts(const struct malloc_experiment *experiment, unsigned pairs, uint64_t part[MALLOC_PARTS]);

/*
 * Three phases. malloc_ask() asks for blocks and returns how many it got. Then the blocks are touched, and then freed
 * in the order in which they were asked for.
 */
uint64_t malloc_ask(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc);
void malloc_touch(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc);
void malloc_give_back(unsigned char **block, uint64_t blocks, uint64_t *tsc);

/* Single calls, through the same function pointers. */
void *malloc_one(uint64_t bytes);
void malloc_one_back(void *block);

#endif
