#include "space/canary.h"

#include "machine/tlb.h"
#include "space/canary_internal.h"
#include "space/chain.h"
#include "space/permutation.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Pages of the chase are an odd number of pages apart, so that they fill all sets of a TLB alike, and more than 8 apart,
 * so that no TLB keeps two of them as one translation (Zen joins up to 8 contiguous 4K pages).
 */
#define PAGES_APART 9

/*
 * The first page is the desk: it holds the kernel's arguments, and a few lines for a chase that costs an L1 hit in any
 * weather. Eight lines in sets of their own stay in the cache whatever a neighbour does, as each is used every 8 loads.
 */
#define DESK_LINES 8
#define DESK_LINES_AT 512
static_assert(sizeof(struct kernel_call) <= DESK_LINES_AT, "the call and the lines of the desk do not overlap");

/* Accesses of a lap: 2900 TSC cycles at 4 core cycles each, of which a step of AMD's TSC (26 cycles) is 0.9 %. */
#define LAP_ACCESSES 1024

/* Which laps of a call count, and which of these, in the order of their length. */
struct laps {
	unsigned warm_up, timed, taken;
};

/* The second shortest of four: a timer tick delays one or two. */
static const struct laps read_laps = { .warm_up = 1, .timed = 4, .taken = 1 };
/* A few lines are warm after a hundredth of a lap. */
static const struct laps hit_laps = { .timed = 2 };
/* While calibrating, the least of many tries counts. */
static const struct laps try_laps = { .warm_up = 1, .timed = 2 };

/* Adds of a lap that tells how long a core cycle is: a TSC step is 0.4 % of it. */
#define CLOCK_ADDS 8192

/* Lines of successive elements are so far apart in a page that no prefetcher follows: 64 / golden ratio, odd. */
#define LINE_STEP 39
#define PAGE_LINES (PAGE_4K / LINE_BYTES)

/* Longer chases: 1024 pages are fewer than the second TLB level of any CPU since 2013 holds, 8 MiB are more than L2. */
#define L2_PAGES 1024
#define L3_PAGES 2048
/* Where the C library does not know the L2 cache's size: the smallest one of these CPUs. */
#define L2_LEAST_BYTES (256 * KIB)
/*
 * Accesses of one reading of a longer chase: one lap of the L2's chain, a part of the L3's. They are timed in parts,
 * whose median is taken, as a reading so long meets timer ticks and may be preempted.
 */
#define L3_ACCESSES 4096
#define LEVEL_LAPS 7

/* How often the L1 hits are timed again where they were disturbed. */
#define HITS_AGAIN 3

/* In bad weather a canary is opened with up to so many calibrations. */
#define CALIBRATIONS 3

struct canary_chain {
	struct cycle cycle; /* owned */
	uint64_t *offset; /* owned */
	struct chain chain;
	uint64_t at; /* where the next reading goes on (longer chases) */
};

struct canary {
	struct backed memory, level_memory;
	struct space *space;
	struct kernel_call *call; /* on the desk */
	gsl_rng *random;
	struct canary_chain hit, main, level[CANARY_LEVELS];
	struct canary_shape shape;
	double lap_overhead_tsc;
	struct canary_facts facts;
};

static int chain_room(struct canary_chain *chain, size_t lines)
{
	chain->cycle.order = calloc(lines, sizeof(*chain->cycle.order));
	chain->cycle.next = calloc(lines, sizeof(*chain->cycle.next));
	chain->offset = calloc(lines, sizeof(*chain->offset));
	return chain->cycle.order && chain->cycle.next && chain->offset ? 0 : -ENOMEM;
}

static void chain_drop(struct canary_chain *chain)
{
	free(chain->cycle.order);
	free(chain->cycle.next);
	free(chain->offset);
}

/* Line n of a page, n < PAGE_LINES: each n another one; 64 numbers in a row fill all sets of the L1 cache once. */
static uint64_t line_bytes(uint64_t n)
{
	return n * LINE_STEP % PAGE_LINES * LINE_BYTES;
}

/* Draw an order for a chain whose offsets are set, and write it. */
static void chain_write(struct canary *canary, struct canary_chain *chain, const void *base, uint32_t lines)
{
	cycle_draw(&chain->cycle, lines, canary->random);
	chain->chain = (struct chain){
		.count = lines,
		.order = chain->cycle.order,
		.next = chain->cycle.next,
		.base = (uintptr_t)base,
		.offset = chain->offset,
		.spread_lines = 1,
	};
	chain->at = chain_address(&chain->chain, 0);
	chain_lay(&chain->chain, canary->space);
}

static int chain_check(struct canary *canary, const struct canary_chain *chain, struct reason *why)
{
	int error = chain_prove(&chain->chain, why);

	return error ? error : chain_walk(&chain->chain, canary->space, why);
}

/* Where element n of a shape lies: its page behind the desk, and in it the line of its number. */
static uint64_t shape_offset(struct canary_shape shape, uint32_t n)
{
	return (1 + n / shape.lines_per_page) * PAGES_APART * PAGE_4K + line_bytes(n);
}

static void shape_write(struct canary *canary, struct canary_shape shape)
{
	uint32_t lines = shape.pages * shape.lines_per_page;

	canary->shape = shape;
	for (uint32_t n = 0; n < lines; n++)
		canary->main.offset[n] = shape_offset(shape, n);
	chain_write(canary, &canary->main, canary->memory.at, lines);
}

/*
 * Loads that do not depend on one another bring the lines and translations back in a fraction of the time that the
 * chase itself would take.
 */
static void shape_warm(const struct canary *canary)
{
	uint32_t lines = canary->main.chain.count;

	for (uint32_t n = 0; n < lines; n++)
		(void)*(const volatile uint64_t *)(canary->memory.at + shape_offset(canary->shape, n));
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* TSC cycles per access in the lap that is taken. */
static double chase(struct canary *canary, const struct canary_chain *chain, const struct laps *laps)
{
	uint64_t *timed = canary->call->lap_tsc + laps->warm_up;

	*canary->call = (struct kernel_call){
		.start = chain->at, .count = LAP_ACCESSES / KERNEL_UNROLL, .laps = laps->warm_up + laps->timed
	};
	kernel_entry(KERNEL_CHASE)(canary->call);
	qsort(timed, laps->timed, sizeof(*timed), by_size);
	return ((double)timed[laps->taken] - canary->lap_overhead_tsc) / LAP_ACCESSES;
}

static double hit_tsc(struct canary *canary)
{
	return chase(canary, &canary->hit, &hit_laps);
}

static double try_shape(void *data, struct canary_shape shape)
{
	struct canary *canary = data;
	double hit = hit_tsc(canary);

	shape_write(canary, shape);
	return chase(canary, &canary->main, &try_laps) / hit;
}

/*
 * The cost of reading the clock, the length of a core cycle and that of an L1 hit, the least of many laps each. A busy
 * sibling can delay even L1 hits by some per cent, so the better of two calls counts.
 */
static void clock_calibrate(struct canary *canary)
{
	struct canary_facts *facts = &canary->facts;
	double hit = INFINITY, cycles_per_tsc;

	*canary->call = (struct kernel_call){ .laps = KERNEL_LAPS_MAX };
	kernel_entry(KERNEL_EMPTY)(canary->call);
	canary->lap_overhead_tsc = kernel_least_lap_tsc(canary->call);
	*canary->call = (struct kernel_call){ .count = CLOCK_ADDS / KERNEL_UNROLL, .laps = KERNEL_LAPS_MAX };
	kernel_entry(KERNEL_ADDS)(canary->call);
	cycles_per_tsc = CLOCK_ADDS / (kernel_least_lap_tsc(canary->call) - canary->lap_overhead_tsc);
	for (unsigned i = 0; i < KERNEL_LAPS_MAX; i++)
		hit = fmin(hit, hit_tsc(canary));
	if (facts->floor_cycles > 0 && facts->floor_cycles <= hit * cycles_per_tsc)
		return;
	facts->floor_cycles = hit * cycles_per_tsc;
	facts->quiet_most_cycles = (1 + CANARY_TOLERANCE) * facts->floor_cycles;
}

/* The size of a level of the data caches by the C library; 0 where it does not tell (musl never does). */
static long cache_bytes(unsigned level)
{
#ifdef _SC_LEVEL1_DCACHE_SIZE
	return sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : _SC_LEVEL2_CACHE_SIZE);
#else
	(void)level;
	return 0;
#endif
}

int canary_calibrate(struct canary *canary, struct reason *why)
{
	struct canary_subject subject = { .cost = try_shape, .data = canary };
	long l1_bytes = cache_bytes(1);
	struct canary_calibration found;

	clock_calibrate(canary);
	subject.latency_cycles = canary->facts.floor_cycles;
	subject.pages_advertised = canary->facts.pages_advertised;
	subject.lines_advertised = l1_bytes > 0 ? (unsigned)((uint64_t)l1_bytes / LINE_BYTES) : 0;
	found = canary_calibrate_on(&subject);
	clock_calibrate(canary);
	shape_write(canary, found.shape);
	canary->facts.known = found.known;
	canary->facts.unknown = found.unknown;
	canary->facts.pages = found.shape.pages;
	canary->facts.lines = canary->main.chain.count;
	return chain_check(canary, &canary->main, why);
}

static void desk_write(struct canary *canary)
{
	for (uint32_t n = 0; n < DESK_LINES; n++)
		canary->hit.offset[n] = DESK_LINES_AT + n * LINE_BYTES;
	chain_write(canary, &canary->hit, canary->memory.at, DESK_LINES);
}

static int canary_memory(struct canary *canary, struct reason *why)
{
	struct space_spec spec = { .setting = SETTING_HOST, .page_bytes = PAGE_4K, .memory = &canary->memory };
	uint64_t bytes = (1 + CANARY_PAGES_MOST) * PAGES_APART * PAGE_4K;
	int error;

	if (!canary->random || chain_room(&canary->hit, DESK_LINES) || chain_room(&canary->main, CANARY_LINES_MOST))
		return fail(why, ENOMEM, "no memory for a canary");
	error = backed_alloc(&canary->memory, BACKING_4K, bytes, NULL, why);
	if (!error)
		error = space_open(&spec, &canary->space, why);
	backed_keep_from_children(canary->memory.at, canary->memory.bytes);
	canary->call = (struct kernel_call *)canary->memory.at;
	return error;
}

int canary_open(struct canary **out, uint64_t seed, struct reason *why)
{
	struct canary *canary = calloc(1, sizeof(*canary));
	struct machine_source source;
	int error;

	if (!canary)
		return fail(why, ENOMEM, "no memory for a canary");
	canary->random = random_new(seed);
	canary->facts.level_floor_cycles[CANARY_L2] = canary->facts.level_floor_cycles[CANARY_L3] = NAN;
	error = canary_memory(canary, why);
	if (!error) {
		machine_source_live(&source);
		canary->facts.pages_advertised = (unsigned)machine_tlb_reach(&source, 1, PAGE_4K);
		machine_source_close(&source);
		desk_write(canary);
	}
	for (unsigned i = 0; !error && !canary->facts.known && i < CALIBRATIONS; i++)
		error = canary_calibrate(canary, why);
	if (error)
		canary_close(canary);
	else
		*out = canary;
	return error;
}

void canary_close(struct canary *canary)
{
	if (!canary)
		return;
	space_close(canary->space);
	backed_free(&canary->memory);
	backed_free(&canary->level_memory);
	chain_drop(&canary->hit);
	chain_drop(&canary->main);
	for (unsigned level = 0; level < CANARY_LEVELS; level++)
		chain_drop(&canary->level[level]);
	gsl_rng_free(canary->random);
	free(canary);
}

/* Core cycles per access, of one chase. */
static double read_once(struct canary *canary)
{
	double hit = hit_tsc(canary), access;

	shape_warm(canary);
	access = chase(canary, &canary->main, &read_laps);
	/* No chase is cheaper than L1 hits. Where it seems so, the hits were disturbed. */
	for (unsigned i = 0; i < HITS_AGAIN && access < CANARY_IMPOSSIBLE * hit; i++)
		hit = fmin(hit, hit_tsc(canary));
	return access / hit * canary->facts.floor_cycles;
}

double canary_read(struct canary *canary)
{
	double first = read_once(canary);

	/*
	 * What the caller did right before may still go on: lines on their way, and others written back. A neighbour who
	 * is worth the name is still there some microseconds later.
	 */
	return first <= canary->facts.quiet_most_cycles ? first : fmin(first, read_once(canary));
}

bool canary_is_quiet(const struct canary *canary, double reading_cycles)
{
	return canary->facts.known && reading_cycles <= canary->facts.quiet_most_cycles;
}

struct canary_facts canary_facts(const struct canary *canary)
{
	return canary->facts;
}

/*
 * The two longer chases share pages. The lines of a page that are not the L2's are the L3's, and so are all lines of
 * further pages.
 */
static uint32_t l2_lines_per_page(void)
{
	long bytes = cache_bytes(2);
	uint64_t lines = 3 * (bytes > 0 ? (uint64_t)bytes : L2_LEAST_BYTES) / 4 / LINE_BYTES / L2_PAGES;

	return (uint32_t)(lines < 1 ? 1 : lines < PAGE_LINES / 2 ? lines : PAGE_LINES / 2);
}

int canary_add_levels(struct canary *canary, struct reason *why)
{
	uint32_t per_page = l2_lines_per_page(), l2 = 0, l3 = 0;
	int error = backed_alloc(&canary->level_memory, BACKING_4K, L3_PAGES * PAGE_4K, NULL, why);

	if (error)
		return error;
	if (chain_room(&canary->level[CANARY_L2], (size_t)L2_PAGES * per_page) ||
		chain_room(&canary->level[CANARY_L3], (size_t)L3_PAGES * PAGE_LINES))
		return fail(why, ENOMEM, "no memory for a canary");
	for (uint32_t page = 0; page < L3_PAGES; page++)
		for (uint32_t i = 0; i < PAGE_LINES; i++) {
			uint64_t offset = page * PAGE_4K + line_bytes(page * per_page + i);

			if (page < L2_PAGES && i < per_page)
				canary->level[CANARY_L2].offset[l2++] = offset;
			else
				canary->level[CANARY_L3].offset[l3++] = offset;
		}
	chain_write(canary, &canary->level[CANARY_L2], canary->level_memory.at, l2);
	chain_write(canary, &canary->level[CANARY_L3], canary->level_memory.at, l3);
	error = chain_check(canary, &canary->level[CANARY_L2], why);
	return error ? error : chain_check(canary, &canary->level[CANARY_L3], why);
}

double canary_read_level(struct canary *canary, enum canary_level level)
{
	struct canary_chain *chain = &canary->level[level];
	uint64_t accesses = level == CANARY_L2 ? chain->chain.count : L3_ACCESSES;
	double hit = hit_tsc(canary), cycles;

	for (uint32_t n = 0; n < chain->chain.count; n++)
		(void)*(const volatile uint64_t *)(canary->level_memory.at + chain->offset[n]);
	*canary->call = (struct kernel_call){
		.start = chain->at, .count = accesses / LEVEL_LAPS / KERNEL_UNROLL, .laps = LEVEL_LAPS
	};
	kernel_entry(KERNEL_CHASE)(canary->call);
	chain->at = canary->call->end;
	qsort(canary->call->lap_tsc, LEVEL_LAPS, sizeof(canary->call->lap_tsc[0]), by_size);
	cycles = ((double)canary->call->lap_tsc[LEVEL_LAPS / 2] - canary->lap_overhead_tsc) /
		 (double)(canary->call->count * KERNEL_UNROLL) / hit * canary->facts.floor_cycles;
	/* fmin() passes over the NAN before the first reading. */
	canary->facts.level_floor_cycles[level] = fmin(canary->facts.level_floor_cycles[level], cycles);
	return cycles;
}
