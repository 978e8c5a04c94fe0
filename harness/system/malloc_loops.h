/*
 * The timed loops of malloc_storm.c. Each stands alone: calls, touches, clock readings, and the check of a block that
 * every program makes. TSC cycles, the clock's own cost not taken off.
 */
#ifndef NESTWALK_MALLOC_LOOPS_H
#define NESTWALK_MALLOC_LOOPS_H

#include "system/malloc_storm.h"

/* Of the life of a block. */
enum malloc_part {
	MALLOC_ASK,
	MALLOC_TOUCH,
	MALLOC_FREE,
	MALLOC_PARTS,
};

/*
 * What two clock readings in a row tell to lie between them: the least of many, as anything else only adds. Those that
 * wait for stores (in loops that touch, and around batches) cost more.
 */
double malloc_clock_tsc(bool stores);

/* Pairs in a row, timed as one. False: there was no block, and nothing is held. */
bool malloc_whole(const struct malloc_experiment *experiment, unsigned pairs, uint64_t *tsc);

/* The same, each part of each pair timed: sums. A part that there is not stays as it is. */
bool malloc_parts(const struct malloc_experiment *experiment, unsigned pairs, uint64_t part[MALLOC_PARTS]);

/* Blocks asked for; how many there were. Then touched; then given back in the order in which they were asked for. */
uint64_t malloc_ask(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc);
void malloc_touch(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc);
void malloc_give_back(unsigned char **block, uint64_t blocks, uint64_t *tsc);

/* Single calls, by the same way. */
void *malloc_one(uint64_t bytes);
void malloc_one_back(void *block);

#endif
