/*
 * The measured kernels: one position-independent block of machine code, the same bytes in every setting. The host
 * space calls it, the vcpu space copies it into a page of its guest.
 *
 * Included by kernels.S too, which takes the offsets from here.
 */
#ifndef NESTWALK_KERNELS_H
#define NESTWALK_KERNELS_H

/* Loads (or adds) between two loop branches: the branch's own work then hides behind the dependent chain. */
#define KERNEL_UNROLL 16

/*
 * Kernels follow 1, 2, 3, 4, 6, 8 or 12 chains at once. There are 16 general registers. One is the stack pointer, one counts
 * the loop, one holds the start of the lap, and RDTSC takes one more: 12 are left. Between two branches of the loop there
 * are as many loads for any number of chains, a multiple of each of these numbers.
 */
#define KERNEL_CHAINS_MAX 12
#define KERNEL_CHAINS_UNROLL 48

/* Laps of one call. 15 is enough for a median that a timer tick or two do not move. */
#define KERNEL_LAPS_MAX 15

#define CALL_START 0
#define CALL_COUNT 8
#define CALL_LAPS 16
#define CALL_END 24
#define CALL_SUM 32
#define CALL_CHAIN 40
#define CALL_LAP_TSC (CALL_CHAIN + 8 * KERNEL_CHAINS_MAX)

#ifndef __ASSEMBLER__

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Arguments and results of a kernel. It lies in memory of the space, and the kernel accesses it at an address of that
 * space.
 */
struct kernel_call {
	uint64_t start; /* chase, walk: address of the first line, as the space sees it; adds: first value of the sum */
	/* groups of KERNEL_UNROLL steps in a lap; of KERNEL_CHAINS_UNROLL loads of all chains; walk: steps */
	uint64_t count;
	uint64_t laps; /* all but walk: 1 .. KERNEL_LAPS_MAX */
	uint64_t end; /* out: address reached (chase, walk), or the sum (adds) */
	uint64_t sum; /* out: of all addresses visited (walk), modulo 2^64 */
	uint64_t chain[KERNEL_CHAINS_MAX]; /* chases of several chains: their first lines; out: the addresses reached */
	uint64_t lap_tsc[KERNEL_LAPS_MAX]; /* out: TSC cycles of each lap */
};

static_assert(offsetof(struct kernel_call, start) == CALL_START, "kernels.S");
static_assert(offsetof(struct kernel_call, count) == CALL_COUNT, "kernels.S");
static_assert(offsetof(struct kernel_call, laps) == CALL_LAPS, "kernels.S");
static_assert(offsetof(struct kernel_call, end) == CALL_END, "kernels.S");
static_assert(offsetof(struct kernel_call, sum) == CALL_SUM, "kernels.S");
static_assert(offsetof(struct kernel_call, chain) == CALL_CHAIN, "kernels.S");
static_assert(offsetof(struct kernel_call, lap_tsc) == CALL_LAP_TSC, "kernels.S");

enum kernel {
	/* follow `count` pointers once, untimed, and add up the addresses: warms up, and proves the chain */
	KERNEL_WALK,
	KERNEL_CHASE, /* timed laps of dependent loads; goes on from lap to lap where it stopped */
	KERNEL_ADDS, /* timed laps of dependent register adds: one core cycle each on every x86-64 CPU */
	KERNEL_EMPTY, /* timed empty laps: the cost of reading the clock */
	/* as KERNEL_CHASE, but so many chains take a step each in turn: independent loads that a core may overlap */
	KERNEL_CHASE_2,
	KERNEL_CHASE_3,
	KERNEL_CHASE_4,
	KERNEL_CHASE_6,
	KERNEL_CHASE_8,
	KERNEL_CHASE_12,
	KERNEL_COUNT,
};

typedef void kernel_function(struct kernel_call *call);

/* The block, which fits a page, and the entry of each kernel in it. Calls follow the System V ABI. */
extern const unsigned char kernels_begin[], kernels_end[];
extern kernel_function kernel_walk, kernel_chase, kernel_adds, kernel_empty;
extern kernel_function kernel_chase_2, kernel_chase_3, kernel_chase_4, kernel_chase_6, kernel_chase_8, kernel_chase_12;

/* Offset of a kernel's entry from kernels_begin. */
uint64_t kernel_offset(enum kernel kernel);
kernel_function *kernel_entry(enum kernel kernel);

/* TSC cycles of the shortest lap of a call that was made, reading the clock included. */
double kernel_least_lap_tsc(const struct kernel_call *call);

/* The kernel that follows so many chains at once; KERNEL_COUNT: there is none. */
enum kernel kernel_of_chains(unsigned chains);

/* How a bare vCPU calls kernels: see kernels.S. Not part of the measured block. */
extern const unsigned char vcpu_loop_begin[], vcpu_loop_end[];

#endif
#endif
