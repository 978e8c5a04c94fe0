/*
 * malloc-storm: what do malloc() and free() cost by the size of the block, and when do they go to the kernel?
 *
 * What is measured: blocks of 16 bytes to 64 MiB, with and without a store to each of their pages, by this process's
 * allocator (glibc's, or what LD_PRELOAD names; "allocator" in run.json tells). pair is the steady state of a program
 * that frees each block before it asks for the next; batch is its beginning: 64 MiB of blocks asked for, then all freed
 * in the same order, once in a new process. malloc_ns and free_ns are of the calls, touch_ns of the stores, with the
 * faults that they take.
 *
 * What the numbers mean: glibc maps blocks of 128 KiB and more each by an mmap() of its own at first (mapped_share of
 * batch), and learns: a mapped block that is freed raises the threshold to its size, up to 32 MiB (mapped_share of
 * pair). A block with a mapping of its own has all its pages faulted in and zeroed again each time; one from the heap
 * does not, unless freeing it trims the heap (returned_bytes).
 *
 * What could confound it: THP "always" faults large blocks in by 2M; GLIBC_TUNABLES and MALLOC_ variables change the
 * thresholds, and are recorded; freeing costs more where free blocks have neighbours to merge with.
 *
 * What would falsify it: under glibc, pairs of 32 MiB and more without a mapping each, or pairs of 16 bytes with one; a
 * touched block with a mapping of its own that takes fewer faults than it has pages (of 4K or, with THP, of 2M).
 */
#include "bench.h"
#include "machine/allocator.h"
#include "system/malloc_storm.h"

#include <errno.h>

enum { SIZE, PATTERN, TOUCH, ACTORS, AXES };

static const char *const touch_names[] = { "no", "yes" };

static const struct axis axes[AXES] = {
	/* A ladder by 4, and what lies beside glibc's thresholds: 128 KiB at first, 32 MiB at most. */
	[SIZE] = { .name = "size",
		.key = "block_bytes",
		.kind = AXIS_BYTES,
		VALUES(16, 64, 256, 1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 1 * MIB, 4 * MIB,
			16 * MIB, 32 * MIB, 64 * MIB),
		BRIEF(16, 64 * MIB),
		.least = 1,
		.most = 64 * GIB,
		.settings = HOSTS,
		.help = "of a block" },
	[PATTERN] = { .name = "pattern",
		.key = "pattern",
		.kind = AXIS_CHOICE,
		.choices = malloc_pattern_names,
		VALUES(MALLOC_PAIR, MALLOC_BATCH),
		BRIEF(MALLOC_PAIR),
		.most = MALLOC_PATTERNS - 1,
		.settings = HOSTS,
		.help = "each block freed at once, or all after all" },
	[TOUCH] = { .name = "touch",
		.key = "touch",
		.kind = AXIS_CHOICE,
		.choices = touch_names,
		VALUES(false, true),
		.most = true,
		.settings = HOSTS,
		.help = "a store to each page of the block" },
	[ACTORS] = { .name = "actors",
		.key = "actors",
		.kind = AXIS_COUNT,
		VALUES(1),
		.least = 1,
		.most = 4096,
		.limit = LIMIT_CPUS,
		.settings = HOSTS,
		.unusual = true,
		.help = "threads of one process that all do so" },
};

enum {
	MALLOC_NS,
	MALLOC_CYCLES,
	FREE_NS,
	FREE_CYCLES,
	TOUCH_NS,
	FAULTS_PER_CALL,
	MAPPED_SHARE,
	RETURNED_BYTES,
	METRICS,
};

static const struct metric metrics[METRICS + 1] = {
	[MALLOC_NS] = { "malloc_ns", UNIT_NS, "call", LESS },
	[MALLOC_CYCLES] = { "malloc_cycles", UNIT_CYCLES, "call", LESS },
	[FREE_NS] = { "free_ns", UNIT_NS, "call", LESS },
	[FREE_CYCLES] = { "free_cycles", UNIT_CYCLES, "call", LESS },
	/* What reading the clock costs is taken off, which may be more than the touch. */
	[TOUCH_NS] = { "touch_ns", UNIT_NS, "block", LESS, .signed_value = true },
	[FAULTS_PER_CALL] = { "faults_per_call", UNIT_COUNT, "block", LESS },
	[MAPPED_SHARE] = { "mapped_share", UNIT_SHARE, NULL, NEITHER },
	[RETURNED_BYTES] = { "returned_bytes", UNIT_BYTES, "block", NEITHER },
};

/* 65536 blocks of 1 KiB, or 16384 pages to fault in: a batch that takes some 10 to 50 ms. */
#define BATCH_BYTES_MOST (64 * MIB)

static enum fit fit(const uint64_t *value, enum setting setting)
{
	(void)setting;
	return value[ACTORS] > 1 ? FIT_IF_ASKED : FIT_ALWAYS;
}

/* A pair holds one block at a time, however large it was asked to be. A batch need not be large. */
static uint64_t bytes_most(uint64_t budget, enum malloc_pattern pattern)
{
	if (pattern == MALLOC_PAIR)
		return budget / 2;
	return budget / 4 < BATCH_BYTES_MOST ? budget / 4 : BATCH_BYTES_MOST;
}

static void values_set(
	const struct experiment_request *request, const struct malloc_storm_result *result, struct sample *sample)
{
	struct allocator allocator;

	sample->value[MALLOC_NS] = result->malloc_tsc * request->ns_per_tsc;
	sample->value[MALLOC_CYCLES] = result->malloc_tsc * request->cycles_per_tsc;
	sample->value[FREE_NS] = result->free_tsc * request->ns_per_tsc;
	sample->value[FREE_CYCLES] = result->free_tsc * request->cycles_per_tsc;
	if (request->value[TOUCH])
		sample->value[TOUCH_NS] = result->touch_tsc * request->ns_per_tsc;
	sample->value[FAULTS_PER_CALL] = result->faults_per_block;
	if (result->told) {
		sample->value[MAPPED_SHARE] = result->mapped_share;
		sample->value[RETURNED_BYTES] = result->returned_bytes;
	}
	machine_allocator(&allocator);
	fail(&sample->unknown_of[TOUCH_NS], ENODATA, "no block is touched");
	fail(&sample->unknown, ENOTSUP, "the allocator is %s, which does not say what it has from the kernel",
		allocator.name);
	sample->away_most = AWAY_SHARE_OF_MEDIANS;
	worker_usage_note(&result->usage, sample);
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const uint64_t *value = request->value;
	const struct malloc_experiment experiment = {
		.block_bytes = value[SIZE],
		.pattern = (enum malloc_pattern)value[PATTERN],
		.touch = value[TOUCH],
		.workers = (unsigned)value[ACTORS],
	};
	const struct malloc_storm_spec spec = {
		.experiment = &experiment,
		.cpus = request->cpus,
		.batch_bytes = bytes_most(request->memory_budget_bytes, experiment.pattern),
		.stop = request->stop,
	};
	struct malloc_storm_result result;
	int error;

	if (experiment.workers > request->cpu_count)
		return fail(why, ENOTSUP, "there are CPUs for %u actors, not for %u", request->cpu_count,
			experiment.workers);
	error = malloc_storm_run(&spec, &result, why);
	if (!error)
		values_set(request, &result, sample);
	return error;
}

static const struct bench malloc_storm = {
	.name = "malloc-storm",
	.question = "what do malloc() and free() cost, and when do they go to the kernel?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = SIZE,
	.seconds = 10,
};

NESTWALK_BENCH(malloc_storm);
