#include "space/leaf_probe.h"

#include "space/chain.h"
#include "space/permutation.h"
#include "space/sparse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/*
 * A miss of the first level costs 6 to 9 cycles on published cores. A control that costs less than half of that more than
 * packed lines did not miss as it must.
 */
#define MISS_CYCLES_LEAST 3.0

/* Neighbours may make a part of the accesses miss, and a part hit. The middle half between both says nothing. */
#define HELD_SHARE 0.25
#define MISSES_SHARE 0.75

/*
 * A neighbour on the core's other thread only adds misses, and pauses: the least of so many tries, of some 0.3 ms each, and
 * of their laps is taken.
 */
#define TRIES 16

/* 11 cycles an access make a lap of 23 000, of which reading the clock is 0.2 %. */
#define LAP_ACCESSES_OF_LEAF (8 * LEAF_LINES)
#define LAP_ADDS (32 * KIB)

static const uint64_t apart_bytes[LEAF_CHASES] = {
	[LEAF_WIDE] = PAGE_1G / LEAF_LINES,
	[LEAF_NARROW] = 32 * KIB,
};

/* The least page of which a chase tells something. */
static const uint64_t least_page_bytes[LEAF_CHASES] = { [LEAF_WIDE] = PAGE_1G, [LEAF_NARROW] = PAGE_2M };

enum found {
	FOUND_HELD,
	FOUND_MISSES,
	FOUND_NOTHING,
};

static enum found judge(const struct leaf_costs *costs, struct reason *why)
{
	double miss = costs->control_cycles - costs->packed_cycles, added = costs->cycles - costs->packed_cycles;

	if (!(miss >= MISS_CYCLES_LEAST)) {
		fail(why, 0,
			"%d pages of 4K, more than a first-level TLB holds, cost %.1f cycles an access, hardly more than the %.1f of packed lines: something disturbed the probe",
			LEAF_LINES, costs->control_cycles, costs->packed_cycles);
		return FOUND_NOTHING;
	}
	if (added <= HELD_SHARE * miss)
		return FOUND_HELD;
	if (added >= MISSES_SHARE * miss)
		return FOUND_MISSES;
	fail(why, 0,
		"%d lines %" PRIu64
		"K apart cost %.1f cycles an access, between the %.1f of hits and the %.1f of misses",
		LEAF_LINES, costs->apart_bytes / KIB, costs->cycles, costs->packed_cycles, costs->control_cycles);
	return FOUND_NOTHING;
}

struct leaf leaf_decide(uint64_t page_bytes, const struct leaf_costs costs[LEAF_CHASES])
{
	struct leaf leaf = { .page_bytes = page_bytes };
	enum leaf_chase chase = page_bytes == PAGE_1G ? LEAF_WIDE : LEAF_NARROW;
	enum found found = judge(&costs[chase], &leaf.reason);

	leaf.proof = costs[chase];
	if (found == FOUND_HELD)
		leaf.leaf_bytes = page_bytes;
	if (found != FOUND_MISSES)
		return leaf;
	if (chase == LEAF_WIDE) {
		found = judge(&costs[LEAF_NARROW], &leaf.reason);
		leaf.proof = costs[LEAF_NARROW];
		if (found == FOUND_HELD)
			leaf.leaf_bytes = PAGE_2M;
	}
	if (found == FOUND_MISSES)
		leaf.leaf_bytes = PAGE_4K;
	return leaf;
}

uint64_t leaf_probe_bytes(uint64_t page_bytes)
{
	uint64_t bytes = LEAF_LINES * apart_bytes[LEAF_NARROW];

	/* Of pages of 4K only the packed lines are taken: the control is a chase over such pages. */
	if (page_bytes == PAGE_4K)
		return LEAF_LINES * LINE_BYTES;
	return bytes > page_bytes ? bytes : page_bytes;
}

/* Lower *tsc to the least lap of a kernel. Reading the clock is left in: it is in all that is compared. */
static int least_lap(struct space *space, enum kernel kernel, double *tsc, struct reason *why)
{
	int error = space_run(space, kernel, why);
	double least;

	if (error)
		return error;
	least = kernel_least_lap_tsc(space->call);
	if (*tsc == 0 || least < *tsc)
		*tsc = least;
	return 0;
}

/* One chain of a try, and the least lap that it has had in all tries, TSC cycles; 0: none yet. */
struct probed_chain {
	struct space *space;
	struct chase chase; /* distance 0: packed lines */
	uint64_t base;
	const uint64_t *offset;
	double lap_tsc;
};

/* Lay the chain out in a new order, prove and walk it, and time it. */
static int try_chain(struct probed_chain *probed, const gsl_rng *random, struct reason *why)
{
	uint32_t order[LEAF_LINES], next[LEAF_LINES];
	struct space *space = probed->space;
	struct cycle cycle = { order, next };
	struct chain chain;
	int error;

	cycle_draw(&cycle, LEAF_LINES, random);
	chain = probed->chase.distance_bytes
			? chain_over_units(&probed->chase, probed->base, probed->offset, &cycle, random)
			: chain_packed(LEAF_LINES, probed->base, &cycle);
	chain_lay(&chain, space);
	error = chain_prove(&chain, why);
	if (!error)
		error = chain_walk(&chain, space, why);
	if (error)
		return error;
	*space->call = (struct kernel_call){
		.start = chain_address(&chain, 0),
		.count = LAP_ACCESSES_OF_LEAF / KERNEL_UNROLL,
		.laps = KERNEL_LAPS_MAX,
	};
	error = least_lap(space, KERNEL_CHASE, &probed->lap_tsc, why);
	if (!error && space->call->end != chain_after(&chain, KERNEL_LAPS_MAX * LAP_ACCESSES_OF_LEAF))
		return fail(why, EIO, "a chase over %d lines did not end where it must", LEAF_LINES);
	return error;
}

/* All chains, and dependent adds of one core cycle each, in turn, so that a moment's neighbour meets all of them. */
static int try_all(
	struct probed_chain *chain, size_t chains, double *adds_tsc, const gsl_rng *random, struct reason *why)
{
	struct space *space = chain[0].space;
	int error = 0;

	for (size_t i = 0; i < chains && !error; i++)
		error = try_chain(&chain[i], random, why);
	*space->call = (struct kernel_call){ .count = LAP_ADDS / KERNEL_UNROLL, .laps = KERNEL_LAPS_MAX };
	return error ? error : least_lap(space, KERNEL_ADDS, adds_tsc, why);
}

static struct probed_chain probed_over(struct space *space, uint64_t distance_bytes)
{
	const struct sparse *sparse = space->spec.sparse;

	return (struct probed_chain){
		.space = space,
		.chase = { .page_bytes = space->spec.page_bytes,
			.count = LEAF_LINES,
			.distance_bytes = distance_bytes },
		.base = sparse ? sparse->base : (uintptr_t)space->spec.memory->at,
		.offset = sparse ? sparse->offset : NULL,
	};
}

/* @host: a space of the control's pages. */
static int tries_make(struct space *space, struct space *host, struct leaf_costs costs[LEAF_CHASES], struct reason *why)
{
	enum { PACKED, CONTROL, FIRST_OF_CHASES, CHAINS = FIRST_OF_CHASES + LEAF_CHASES };
	struct probed_chain chain[CHAINS] = { probed_over(space, 0), probed_over(host, apart_bytes[LEAF_NARROW]) };
	/* Pages of 4K have no chase of their own, only pages of 1G have the wide one. */
	const struct probed_chain *of[LEAF_CHASES] = { &chain[CONTROL], &chain[CONTROL] };
	size_t chains = FIRST_OF_CHASES;
	double adds_tsc = 0, cycles_per_lap_tsc;
	gsl_rng *random = random_new(0);
	int error = random ? 0 : fail(why, ENOMEM, "out of memory");

	for (unsigned i = 0; i < LEAF_CHASES; i++)
		if (space->spec.page_bytes >= least_page_bytes[i]) {
			of[i] = &chain[chains];
			chain[chains++] = probed_over(space, apart_bytes[i]);
		}
	for (unsigned i = 0; i < TRIES && !error; i++)
		error = try_all(chain, chains, &adds_tsc, random, why);
	gsl_rng_free(random);
	cycles_per_lap_tsc = LAP_ADDS / adds_tsc / LAP_ACCESSES_OF_LEAF;
	for (unsigned i = 0; i < LEAF_CHASES; i++)
		costs[i] = (struct leaf_costs){ .apart_bytes = apart_bytes[i],
			.cycles = of[i]->lap_tsc * cycles_per_lap_tsc,
			.packed_cycles = chain[PACKED].lap_tsc * cycles_per_lap_tsc,
			.control_cycles = chain[CONTROL].lap_tsc * cycles_per_lap_tsc };
	return error;
}

int leaf_probe_space(struct space *space, struct leaf *leaf, struct reason *why)
{
	/* Pages 32K apart, as the lines of the narrow chase are, so that both use the same sets of a TLB. */
	const struct sparse_spec pages = { .backing = BACKING_4K,
		.page_bytes = PAGE_4K,
		.distance_bytes = apart_bytes[LEAF_NARROW],
		.pages = LEAF_LINES,
		.scattered = true,
		.mapped = true };
	struct leaf_costs costs[LEAF_CHASES];
	struct space *host = NULL;
	struct sparse control;
	int error;

	if (page_is_mthp(space->spec.page_bytes))
		return fail(why, EINVAL, "the probe has no chase for pages between 4K and 2M");
	if (space->spec.memory->bytes < leaf_probe_bytes(space->spec.page_bytes))
		return fail(why, EINVAL, "%" PRIu64 " bytes of memory are too few to find out their leaf",
			space->spec.memory->bytes);
	error = sparse_alloc(&control, &pages, NULL, why);
	if (error)
		return error;
	error = space_open(
		&(struct space_spec){ .setting = SETTING_HOST, .page_bytes = PAGE_4K, .sparse = &control }, &host, why);
	if (!error)
		error = tries_make(space, host, costs, why);
	if (!error)
		*leaf = leaf_decide(space->spec.page_bytes, costs);
	space_close(host);
	sparse_free(&control);
	return error;
}

int leaf_probe_memory(const struct backed *memory, struct leaf *leaf, struct reason *why)
{
	const struct space_spec spec = {
		.setting = SETTING_HOST, .page_bytes = backing_page_bytes(memory->backing), .memory = memory
	};
	struct space *space = NULL;
	int error = space_open(&spec, &space, why);

	if (!error)
		error = leaf_probe_space(space, leaf, why);
	space_close(space);
	return error;
}
