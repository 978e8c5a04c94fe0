#include "system/malloc_storm.h"

#include "base/units.h"
#include "machine/allocator.h"
#include "system/fresh_exec.h"
#include "system/malloc_loops.h"

#include <errno.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif

const char *const malloc_pattern_names[MALLOC_PATTERNS] = { "pair", "batch" };

/* glibc's malloc() makes at most 65536 mappings (M_MMAP_MAX): more blocks show nothing new. */
#define BLOCKS_MOST UINT64_C(65536)
/* What a block takes beside its bytes: glibc's header, and its rounding up to 16. */
#define BLOCK_EXTRA_BYTES 32u

/*
 * A chunk takes 10 to 50 us at the usual frequencies of a TSC: a thousand times as long as reading the clock, and far
 * less than a timer tick.
 */
#define CHUNK_TSC 50000.0
#define CHUNK_PAIRS_MOST 4096u
#define CHUNKS_LEAST 3u /* a median needs them */
#define CHUNKS_MOST 1024u
/*
 * What the chunks of an experiment take together, unless one alone takes longer. There are hundreds of chunks then; and
 * it is about a scheduler's time slice, so that on a busy machine many an experiment fits into one slice.
 */
#define PAIR_NS (5 * NS_PER_MS)
#define WARM_UP_TSC (20 * CHUNK_TSC) /* caches, branch predictors and page tables of the code settle in far less */
#define CLOCK_SHARE 0.001 /* of a pair: a clock that costs less disturbs nothing */

/*
 * How many calls mallinfo2() is asked around. A few are enough in a steady state, and it walks all lists of free
 * blocks.
 */
#define ASKED_PAIRS 16u

struct task {
	struct malloc_experiment experiment;
	uint64_t batch_bytes;
	bool told;
	int cpus[];
};

struct worker_result {
	double tsc[MALLOC_PARTS];
	uint64_t blocks;
	double mapped_share, returned_bytes;
	struct worker_usage usage;
};

/* What a worker notes. It is apart from the allocator under test, and in memory before anything is timed. */
struct workspace {
	double whole[CHUNKS_MOST], part[MALLOC_PARTS][CHUNKS_MOST];
	unsigned char *block[BLOCKS_MOST];
};

/* The memory that glibc has from the kernel at a moment. */
struct holding {
	uint64_t mappings; /* blocks with a mapping of their own */
	uint64_t bytes; /* in those and in heaps */
};

uint64_t malloc_batch_blocks(const struct malloc_experiment *experiment, uint64_t batch_bytes)
{
	uint64_t blocks = batch_bytes / experiment->workers / (experiment->block_bytes + BLOCK_EXTRA_BYTES);

	/* A limit of exactly one block holds one block. */
	if (!blocks)
		blocks = batch_bytes / experiment->workers / experiment->block_bytes;
	return blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST;
}

static struct holding holding_now(const struct task *task)
{
	struct holding holding = { 0 };

#ifdef __GLIBC__
	if (task->told) {
		struct mallinfo2 info = mallinfo2();

		holding = (struct holding){ .mappings = info.hblks, .bytes = info.hblkhd + info.arena };
	}
#else
	(void)task;
#endif
	return holding;
}

/* The same, while no worker calls the allocator: its numbers are those of the whole process. */
static int holding_of_all(struct worker *worker, struct holding *holding)
{
	if (worker_meet(worker))
		return -ECANCELED;
	*holding = holding_now(worker->experiment);
	return worker_meet(worker);
}

static double chunk_median(double *values, size_t count)
{
	gsl_sort(values, 1, count);
	return gsl_stats_median_from_sorted_data(values, 1, count);
}

static int no_block(const struct malloc_experiment *experiment, struct reason *why)
{
	struct size_text size;

	return fail(why, ENOMEM, "the allocator has no block of %s: see ulimit -v and vm.overcommit_memory",
		size_format(experiment->block_bytes, &size));
}

/* --- pairs --- */

/* Warm up, and find how many pairs a chunk has. */
static int warm_up(const struct malloc_experiment *experiment, double *pair_tsc, struct reason *why)
{
	uint64_t total = 0;

	/* Two single pairs come first: the first may move a threshold, so that the second costs something else. */
	for (unsigned pairs = 1, rounds = 0; rounds < 2 || (double)total < WARM_UP_TSC; rounds++) {
		uint64_t tsc;

		if (!malloc_whole(experiment, pairs, &tsc))
			return no_block(experiment, why);
		total += tsc;
		*pair_tsc = (double)tsc / pairs;
		if (rounds && pairs < CHUNK_PAIRS_MOST)
			pairs *= 2;
	}
	return 0;
}

static unsigned chunk_pairs(double pair_tsc)
{
	if (pair_tsc * CHUNK_PAIRS_MOST < CHUNK_TSC)
		return CHUNK_PAIRS_MOST;
	return pair_tsc < CHUNK_TSC ? (unsigned)(CHUNK_TSC / pair_tsc) : 1;
}

/* What one chunk of each loop gives, per pair. */
static bool chunk_take(const struct malloc_experiment *experiment, unsigned pairs, double clock_tsc, bool whole,
	struct workspace *space, unsigned k)
{
	uint64_t tsc, part[MALLOC_PARTS] = { 0 };

	if (whole) {
		if (!malloc_whole(experiment, pairs, &tsc))
			return false;
		space->whole[k] = ((double)tsc - clock_tsc) / pairs;
	}
	if (!malloc_parts(experiment, pairs, part))
		return false;
	for (unsigned i = 0; i < MALLOC_PARTS; i++) {
		double net = (double)part[i] / pairs - (part[i] ? clock_tsc : 0);

		space->part[i][k] = net > 0 ? net : 0;
	}
	return true;
}

/* What a pair changes in the steady state. One worker after the other finds out, while no other one calls. */
static int pairs_ask(struct worker *worker, struct worker_result *result)
{
	const struct task *task = worker->experiment;

	for (unsigned turn = 0; turn < worker->count; turn++) {
		uint64_t mapped = 0, returned = 0;

		if (worker_meet(worker))
			return -ECANCELED;
		if (turn != worker->index || !task->told)
			continue;
		for (unsigned i = 0; i < ASKED_PAIRS; i++) {
			struct holding before = holding_now(task), held, after;
			void *block = malloc_one(task->experiment.block_bytes);

			held = holding_now(task);
			malloc_one_back(block);
			after = holding_now(task);
			mapped += held.mappings - before.mappings;
			returned += held.bytes > after.bytes ? held.bytes - after.bytes : 0;
		}
		result->mapped_share = (double)mapped / ASKED_PAIRS;
		result->returned_bytes = (double)returned / ASKED_PAIRS;
	}
	return worker_meet(worker);
}

static int pairs_work(struct worker *worker, struct workspace *space, struct reason *why)
{
	const struct malloc_experiment *experiment = &((const struct task *)worker->experiment)->experiment;
	struct worker_result *result = worker->result;
	double pair_tsc = 0, clock_tsc = malloc_clock_tsc(experiment->touch), sum = 0, whole_tsc;
	unsigned chunks = 0, pairs;
	bool whole;
	int error = warm_up(experiment, &pair_tsc, why);
	uint64_t began;

	if (error)
		return error;
	whole = clock_tsc > CLOCK_SHARE * pair_tsc;
	pairs = chunk_pairs(pair_tsc);
	if (worker_meet(worker))
		return -ECANCELED;
	worker_usage_begin(&result->usage);
	began = now_ns();
	while (chunks < CHUNKS_MOST && (chunks < CHUNKS_LEAST || now_ns() < began + PAIR_NS)) {
		if (!chunk_take(experiment, pairs, clock_tsc, whole, space, chunks))
			return no_block(experiment, why);
		chunks++;
	}
	worker_usage_end(&result->usage);
	result->blocks = (uint64_t)chunks * pairs * (whole ? 2 : 1);
	for (unsigned i = 0; i < MALLOC_PARTS; i++) {
		result->tsc[i] = chunk_median(space->part[i], chunks);
		sum += result->tsc[i];
	}
	whole_tsc = whole ? chunk_median(space->whole, chunks) : sum;
	if (!(sum > 0 && whole_tsc > 0))
		return fail(why, EIO, "malloc() and free() together took less than reading the clock");
	for (unsigned i = 0; i < MALLOC_PARTS; i++)
		result->tsc[i] *= whole_tsc / sum;
	return pairs_ask(worker, result);
}

/* --- batches --- */

static int map_code(struct dl_phdr_info *object, size_t size, void *data)
{
	uintptr_t code = (uintptr_t)data;

	(void)size;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD || code < from || code >= from + part->p_memsz)
			continue;
		/*
		 * Needs Linux 5.14. On older kernels the first block also pays for some pages of code, which is little.
		 */
		madvise((void *)(from / PAGE_4K * PAGE_4K), part->p_memsz + from % PAGE_4K, MADV_POPULATE_READ);
		return 1;
	}
	return 0;
}

static int batch_work(struct worker *worker, struct workspace *space, struct reason *why)
{
	const struct task *task = worker->experiment;
	const struct malloc_experiment *experiment = &task->experiment;
	uint64_t blocks = malloc_batch_blocks(experiment, task->batch_bytes), got, tsc[MALLOC_PARTS] = { 0 };
	struct worker_result *result = worker->result;
	double clock_tsc = malloc_clock_tsc(true);
	struct holding before, held, after;

	/*
	 * Map the allocator's code into this process's tables. Its data must not be touched before the first call.
	 */
	dl_iterate_phdr(map_code, (void *)malloc);
	worker_usage_begin(&result->usage);
	if (holding_of_all(worker, &before))
		return -ECANCELED;
	worker_usage_begin(&result->usage);
	got = malloc_ask(experiment, space->block, blocks, &tsc[MALLOC_ASK]);
	if (got < blocks)
		return no_block(experiment, why);
	if (worker_meet(worker))
		return -ECANCELED;
	if (experiment->touch)
		malloc_touch(experiment, space->block, blocks, &tsc[MALLOC_TOUCH]);
	if (holding_of_all(worker, &held))
		return -ECANCELED;
	malloc_give_back(space->block, blocks, &tsc[MALLOC_FREE]);
	worker_usage_end(&result->usage);
	if (holding_of_all(worker, &after))
		return -ECANCELED;
	if (after.mappings != before.mappings)
		return fail(why, EIO,
			"the allocator had %" PRIu64 " mappings before all blocks, and has %" PRIu64 " after them",
			before.mappings, after.mappings);
	result->blocks = blocks;
	for (unsigned i = 0; i < MALLOC_PARTS; i++)
		result->tsc[i] = (double)tsc[i] > clock_tsc ? ((double)tsc[i] - clock_tsc) / (double)blocks : 0;
	result->mapped_share = (double)(held.mappings - before.mappings) / (double)(blocks * worker->count);
	result->returned_bytes =
		held.bytes > after.bytes ? (double)(held.bytes - after.bytes) / (double)(blocks * worker->count) : 0;
	return 0;
}

/* --- the process --- */

static int worker_work(struct worker *worker, struct reason *why)
{
	const struct task *task = worker->experiment;
	struct workspace *space =
		mmap(NULL, sizeof(*space), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int error;

	if (space == MAP_FAILED)
		return fail(why, ENOMEM, "no memory for notes about each block");
	error = task->experiment.pattern == MALLOC_PAIR ? pairs_work(worker, space, why)
							: batch_work(worker, space, why);
	munmap(space, sizeof(*space));
	return error;
}

static void result_usage_add(struct worker_usage *sum, const struct worker_usage *usage)
{
	sum->minor_faults += usage->minor_faults;
	sum->major_faults += usage->major_faults;
	sum->voluntary_switches += usage->voluntary_switches;
	sum->involuntary_switches += usage->involuntary_switches;
	sum->elapsed_ns += usage->elapsed_ns;
	sum->cpu_ns += usage->cpu_ns;
	sum->user_ns += usage->user_ns;
	sum->system_ns += usage->system_ns;
}

/*
 * The work of the process that was just executed. It forks the worker group, which inherits an allocator that has given
 * out a few small blocks.
 */
static int storm_work(const void *data, void *out, struct reason *why)
{
	struct task task = *(const struct task *)data, *whole;
	size_t bytes = sizeof(task) + task.experiment.workers * sizeof(int);
	struct malloc_storm_result *result = out;
	struct allocator allocator;
	struct worker_group_spec spec;
	struct worker_group group;
	int error;

	machine_allocator(&allocator);
	whole = malloc(bytes);
	if (!whole)
		return fail(why, ENOMEM, "no memory for %u actors", task.experiment.workers);
	memcpy(whole, data, bytes);
	whole->told = allocator.glibc;
	spec = (struct worker_group_spec){ .as = WORKERS_THREADS,
		.workers = task.experiment.workers,
		.cpus = whole->cpus,
		.work = worker_work,
		.experiment = whole,
		.result_bytes = sizeof(struct worker_result) };
	error = worker_group_run(&spec, &group, why);
	for (unsigned i = 0; !error && i < group.workers; i++) {
		const struct worker_result *one = worker_group_result(&group, i);

		result->malloc_tsc += one->tsc[MALLOC_ASK] / group.workers;
		result->touch_tsc += one->tsc[MALLOC_TOUCH] / group.workers;
		result->free_tsc += one->tsc[MALLOC_FREE] / group.workers;
		result->mapped_share += one->mapped_share / group.workers;
		result->returned_bytes += one->returned_bytes / group.workers;
		result->blocks += one->blocks;
		result_usage_add(&result->usage, &one->usage);
	}
	if (!error) {
		result->told = allocator.glibc;
		result->faults_per_block = (double)result->usage.minor_faults / (double)result->blocks;
		worker_group_dismiss(&group);
	}
	free(whole);
	return error;
}

#define STORM_NAME "malloc"

__attribute__((constructor)) static void storm_serve(void)
{
	fresh_exec_serve(STORM_NAME, storm_work);
}

int malloc_storm_run(const struct malloc_storm_spec *spec, struct malloc_storm_result *result, struct reason *why)
{
	const struct malloc_experiment *experiment = spec->experiment;
	size_t bytes = sizeof(struct task) + experiment->workers * sizeof(int);
	struct size_text block;
	struct task *task;
	int error;

	*result = (struct malloc_storm_result){ 0 };
	if (!experiment->workers || !experiment->block_bytes || experiment->pattern >= MALLOC_PATTERNS)
		return fail(why, EINVAL, "a storm takes a worker and a byte at least");
	if (!malloc_batch_blocks(experiment, spec->batch_bytes))
		return fail(why, ENOMEM, "%u x %s of blocks are more than the %" PRIu64 " MiB that may be used",
			experiment->workers, size_format(experiment->block_bytes, &block), spec->batch_bytes / MIB);
	task = calloc(1, bytes);
	if (!task)
		return fail(why, ENOMEM, "no memory for %u actors", experiment->workers);
	task->experiment = *experiment;
	task->batch_bytes = spec->batch_bytes;
	memcpy(task->cpus, spec->cpus, experiment->workers * sizeof(int));
	error = fresh_exec_run(&(struct fresh_exec){ .name = STORM_NAME,
				       .task = task,
				       .task_bytes = bytes,
				       .result = result,
				       .result_bytes = sizeof(*result),
				       .stop = spec->stop,
				       .limit_ns = WORKER_GROUP_LIMIT_NS },
		why);
	free(task);
	return error;
}
