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

enum { SIZE, PATTERN, TOUCH, ACTORS, AXES };

static const char *const touch_names[] = { "no", "yes" };

static const struct axis axes[AXES] = {
	/* A ladder by 4, and what lies beside glibc's thresholds: 128 KiB at first, 32 MiB at most. */
	[SIZE] = { .name = "size",
		.key = "block_bytes",
		.kind = AXIS_BYTES,
		VALUES(16, 64, 256, 1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 1 * MIB, 4 * MIB,
			16 * MIB, 32 * MIB, 64 * MIB),
		.least = 1,
		.most = 64 * GIB,
		.settings = HOSTS,
		.help = "of a block" },
	[PATTERN] = { .name = "pattern",
		.key = "pattern",
		.kind = AXIS_CHOICE,
		.choices = malloc_pattern_names,
		VALUES(MALLOC_PAIR, MALLOC_BATCH),
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

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_MALLOC,
		.malloc = {
			.block_bytes = value[SIZE],
			.pattern = (enum malloc_pattern)value[PATTERN],
			.touch = value[TOUCH],
			.workers = (unsigned)value[ACTORS],
		},
	};
	return value[ACTORS] > 1 ? FIT_IF_ASKED : FIT_ALWAYS;
}

static const struct bench malloc_storm = {
	.name = "malloc-storm",
	.question = "what do malloc() and free() cost, and when do they go to the kernel?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = malloc_metrics,
	.experiment = experiment,
	.sweep_axis = SIZE,
	.seconds = 35,
};

NESTWALK_BENCH(malloc_storm);
