/*
 * The canary: a chase of some microseconds that tells whether somebody else uses this core's other thread (SMT sibling).
 *
 * A chase over nearly as many pages as the first TLB level holds, and nearly as many lines as the L1 data cache holds,
 * costs the latency of an L1 hit as long as nobody else uses them, and more as soon as somebody does: threads of a core
 * share both. No privilege, no PMU and no knowledge of the hypervisor is needed; a guest can ask where it is told that
 * there is no sibling.
 *
 * Costs are in core cycles per access. They are measured against a chase over a few lines of one page right before,
 * which costs an L1 hit in any weather. So the floor needs no quiet moment to be known, and a change of the core's
 * frequency is none of the weather.
 *
 * A canary watches the CPU that it was opened on: the thread that reads it must be bound to that CPU.
 */
#ifndef NESTWALK_CANARY_H
#define NESTWALK_CANARY_H

#include "base/reason.h"

#include <stdbool.h>
#include <stdint.h>

struct canary;

/* The caches that longer chases watch. */
enum canary_level {
	CANARY_L2, /* three quarters of the L2 cache, spread over pages that every second TLB level holds */
	CANARY_L3, /* more than the L2 cache, in memory that was touched just before */
	CANARY_LEVELS,
};

/* What calibration found. */
struct canary_facts {
	bool known; /* whether the chase was seen to cost the floor; otherwise no reading is called quiet */
	struct reason unknown; /* why not */
	unsigned pages, lines; /* of the chase: so many 4K pages, so many lines in all */
	unsigned pages_advertised; /* 4K pages in the first data TLB level by CPUID; 0: it does not tell */
	double floor_cycles; /* of a reading while nobody else uses the core: the latency of an L1 hit, 4 or 5 cycles */
	double quiet_most_cycles; /* readings up to here are quiet */
	double level_floor_cycles[CANARY_LEVELS]; /* least readings of the longer chases; NAN before the first */
};

/*
 * Make memory, find the largest chase that costs an L1 hit in the quietest moments of some 40 ms (in bad weather
 * 120 ms), lay and prove it. 0, also where no chase did (facts.known is false); -ENOMEM; -EIO the chain is not whole. The
 * caller frees the canary with canary_close(). @seed: of the order of the chase.
 */
int canary_open(struct canary **canary, uint64_t seed, struct reason *why);
void canary_close(struct canary *canary);

/*
 * Calibrate again, for example where the sibling was busy all the time (facts.known is false then). Some 40 ms. 0; -EIO
 * the chain is not whole.
 */
int canary_calibrate(struct canary *canary, struct reason *why);

/* One reading: core cycles per access. Some 9 us in quiet weather, up to 40 us in bad weather or on cold caches. */
double canary_read(struct canary *canary);

/* Whether a reading is as low as the floor, but for the noise of quiet readings. False where the floor is unknown. */
bool canary_is_quiet(const struct canary *canary, double reading_cycles);

struct canary_facts canary_facts(const struct canary *canary);

/*
 * Make the longer chases, once, before the first of their readings. They take 11 MiB of memory, which a canary without
 * them does not need, and some 20 ms. 0; -ENOMEM; -EIO a chain is not whole.
 */
int canary_add_levels(struct canary *canary, struct reason *why);

/*
 * A longer reading for a cache behind the first: core cycles per access, to be compared with its own floor only. Some
 * 0.2 ms (L2) or 2 ms (L3). It costs the caller its own lines in L2 (and in L3 8 MiB).
 */
double canary_read_level(struct canary *canary, enum canary_level level);

#endif
