#include "system/malloc_loops.h"

#include "base/units.h"
#include "system/worker_group.h"

#include <stdlib.h>

/*
 * Compilers know malloc() and free() by name, and remove a pair whose block is not used (C17 5.1.2.3 lets them: no
 * side effect is lost). A call through a pointer that may change at any time is a call. It costs what the jump through
 * the linker's table costs in any program.
 */
static void *(*volatile allocate)(size_t) = malloc;
static void (*volatile release)(void *) = free;

#define CLOCK_READINGS 256u

double malloc_clock_tsc(bool stores)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < CLOCK_READINGS; i++) {
		uint64_t before = stores ? worker_tsc() : worker_tsc_quick();
		uint64_t tsc = (stores ? worker_tsc() : worker_tsc_quick()) - before;

		least = tsc < least ? tsc : least;
	}
	return (double)least;
}

/* A block begins anywhere in a page: its last byte may lie in one more page than its size says. */
static inline void block_touch(volatile unsigned char *block, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_4K)
		block[at] = 1;
	block[bytes - 1] = 1;
}

static bool whole_plain(uint64_t bytes, unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		void *block = allocate(bytes);

		if (!block)
			return false;
		release(block);
	}
	return true;
}

static bool whole_touched(uint64_t bytes, unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		unsigned char *block = allocate(bytes);

		if (!block)
			return false;
		block_touch(block, bytes);
		release(block);
	}
	return true;
}

bool malloc_whole(const struct malloc_experiment *experiment, unsigned pairs, uint64_t *tsc)
{
	bool (*loop)(uint64_t, unsigned) = experiment->touch ? whole_touched : whole_plain;
	uint64_t before = worker_tsc_quick();
	bool done = loop(experiment->block_bytes, pairs);

	*tsc = worker_tsc_quick() - before;
	return done;
}

static bool parts_plain(uint64_t bytes, unsigned pairs, uint64_t part[MALLOC_PARTS])
{
	for (unsigned i = 0; i < pairs; i++) {
		uint64_t at[3];
		void *block;

		at[0] = worker_tsc_quick();
		block = allocate(bytes);
		at[1] = worker_tsc_quick();
		if (!block)
			return false;
		release(block);
		at[2] = worker_tsc_quick();
		part[MALLOC_ASK] += at[1] - at[0];
		part[MALLOC_FREE] += at[2] - at[1];
	}
	return true;
}

/* This clock reading waits for stores: otherwise those of the touch would be in the time of free(). */
static bool parts_touched(uint64_t bytes, unsigned pairs, uint64_t part[MALLOC_PARTS])
{
	for (unsigned i = 0; i < pairs; i++) {
		unsigned char *block;
		uint64_t at[4];

		at[0] = worker_tsc();
		block = allocate(bytes);
		at[1] = worker_tsc();
		if (!block)
			return false;
		block_touch(block, bytes);
		at[2] = worker_tsc();
		release(block);
		at[3] = worker_tsc();
		part[MALLOC_ASK] += at[1] - at[0];
		part[MALLOC_TOUCH] += at[2] - at[1];
		part[MALLOC_FREE] += at[3] - at[2];
	}
	return true;
}

bool malloc_parts(const struct malloc_experiment *experiment, unsigned pairs, uint64_t part[MALLOC_PARTS])
{
	return experiment->touch ? parts_touched(experiment->block_bytes, pairs, part)
				 : parts_plain(experiment->block_bytes, pairs, part);
}

uint64_t malloc_ask(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc)
{
	uint64_t bytes = experiment->block_bytes, got = 0, before = worker_tsc();

	while (got < blocks && (block[got] = allocate(bytes)))
		got++;
	*tsc = worker_tsc() - before;
	return got;
}

void malloc_touch(const struct malloc_experiment *experiment, unsigned char **block, uint64_t blocks, uint64_t *tsc)
{
	uint64_t bytes = experiment->block_bytes, before = worker_tsc();

	for (uint64_t i = 0; i < blocks; i++)
		block_touch(block[i], bytes);
	*tsc = worker_tsc() - before;
}

void malloc_give_back(unsigned char **block, uint64_t blocks, uint64_t *tsc)
{
	uint64_t before = worker_tsc();

	for (uint64_t i = 0; i < blocks; i++)
		release(block[i]);
	*tsc = worker_tsc() - before;
}

void *malloc_one(uint64_t bytes)
{
	return allocate(bytes);
}

void malloc_one_back(void *block)
{
	release(block);
}
