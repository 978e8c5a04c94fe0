/* The work of the caller and of the others in a shootdown. */
#include "system/shootdown_internal.h"

#include "machine/process.h"
#include "space/backed.h"
#include "space/smaps.h"
#include "system/interrupts.h"
#include "system/stall_detector.h"
#include "system/timing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

/*
 * On a busy machine a repetition may wait for the time slices of other programs. The experiment then ends with the
 * repetitions that it has.
 */
#define EXPERIMENT_NS_MOST (150 * NS_PER_MS)
#define REPETITIONS_AT_ANY_TIME 16u

#define TURN_OVER UINT32_MAX

/* Each on cache lines of its own: what one CPU writes must not slow the loops of others. */
struct stage {
	unsigned char *reserved, *base; /* of the regions, at a multiple of 2 MiB; written before the first turn */
	/* The number, from 1, of the repetition whose pages are to be loaded; TURN_OVER: there are no more. */
	_Alignas(LINE_BYTES) _Atomic uint32_t turn;
	_Alignas(LINE_BYTES) _Atomic uint32_t over; /* the repetition whose call is over */
	uint64_t begin_tsc, end_tsc; /* of that call; written before `over` is */
	struct {
		_Alignas(LINE_BYTES) _Atomic uint32_t turn; /* whose pages this one has in its TLB */
	} loaded[];
};

/* --- pages --- */

static unsigned char *region_at(const struct shootdown_script *script, const struct stage *stage, unsigned region)
{
	return stage->base + region * script->stride_bytes + SHOOTDOWN_GUARD_BYTES;
}

/* One load from each page. Lines move from page to page, so that the loads spread over cache sets. */
static void pages_load(const unsigned char *at, uint32_t pages)
{
	for (uint32_t page = 0; page < pages; page++)
		*(const volatile unsigned char *)(at + page * PAGE_4K + page % (PAGE_4K / LINE_BYTES) * LINE_BYTES);
}

/* Reserve addresses for a block, inaccessible. Whatever is mapped there is given back. */
static int regions_clear(const struct shootdown_script *script, struct stage *stage, struct reason *why)
{
	uint64_t bytes = script->block * script->stride_bytes + PAGE_2M;
	int fixed = stage->reserved ? MAP_FIXED : 0;
	void *got = mmap(stage->reserved, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);

	if (got == MAP_FAILED)
		return fail(why, errno, "no addresses for %u regions: %s%s", script->block, strerror(errno),
			process_error_hint(errno));
	stage->reserved = got;
	stage->base = (unsigned char *)(((uintptr_t)got + PAGE_2M - 1) / PAGE_2M * PAGE_2M);
	return 0;
}

static int region_make(void *at, uint64_t bytes, struct reason *why)
{
	struct backed_range range = { .backing = BACKING_4K, .at = at, .bytes = bytes, .present_bytes = bytes };
	int error = backed_map(&range, why);

	if (error)
		return error;
	error = backed_populate(at, bytes, PAGE_4K);
	if (error)
		return fail(why, error == -EFAULT ? ENOMEM : -error, "populating %" PRIu64 " KiB: %s", bytes / KIB,
			strerror(-error));
	/* A byte that is not 0 tells the page from a page of zeros. */
	*(volatile unsigned char *)at = 1;
	return 0;
}

/* Verify all regions of a block by smaps. Once in an experiment, as reading smaps takes as long as many calls. */
static int regions_verify(const struct shootdown_script *script, const struct stage *stage, struct reason *why)
{
	struct smaps_pages got;
	int error = smaps_read((uintptr_t)stage->base, script->block * script->stride_bytes, &got, why);

	if (error)
		return error;
	if (got.anon_huge_bytes || got.kernel_page_bytes != PAGE_4K)
		return fail(why, EIO, "4K pages were asked for and the kernel mapped larger ones");
	if (got.mapped_bytes != script->block * script->region_bytes)
		return fail(why, EIO,
			"of %" PRIu64 " KiB populated, %" PRIu64 " KiB are resident: memory is being taken back",
			script->block * script->region_bytes / KIB, got.mapped_bytes / KIB);
	return 0;
}

/* --- operations --- */

static int by_munmap(void *at, size_t bytes)
{
	return munmap(at, bytes);
}

static int by_mprotect(void *at, size_t bytes)
{
	return mprotect(at, bytes, PROT_READ);
}

static int by_dontneed(void *at, size_t bytes)
{
	return madvise(at, bytes, MADV_DONTNEED);
}

static int (*const operations[SHOOTDOWN_OPERATIONS])(void *, size_t) = {
	[SHOOTDOWN_MUNMAP] = by_munmap,
	[SHOOTDOWN_MPROTECT] = by_mprotect,
	[SHOOTDOWN_DONTNEED] = by_dontneed,
};

/* Whether a call had its effect, by the first page of its region. */
static bool took_effect(enum shootdown_operation operation, unsigned char *at)
{
	unsigned char resident;

	switch (operation) {
	case SHOOTDOWN_MUNMAP:
		/* Nothing is mapped there (mincore(2)). */
		return mincore(at, PAGE_4K, &resident) && errno == ENOMEM;
	case SHOOTDOWN_MPROTECT:
		/* The kernel may not write there either. */
		return getrandom(at, 1, 0) < 0 && errno == EFAULT && *(volatile unsigned char *)at == 1;
	default:
		return *(volatile unsigned char *)at == 0;
	}
}

/* --- the others --- */

/* The next turn, or TURN_OVER. */
static uint32_t next_turn_wait(const struct worker *worker, const struct stage *stage, uint32_t last)
{
	uint32_t turn;

	while ((turn = atomic_load_explicit(&stage->turn, memory_order_acquire)) == last) {
		if (worker_canceled(worker))
			return TURN_OVER;
		__builtin_ia32_pause();
	}
	return turn;
}

static void other_work(
	const struct worker *worker, struct stage *stage, struct shootdown_part *part, uint64_t usual_tsc)
{
	const struct shootdown_script *script = worker->experiment;
	struct stall_detector detector = { .usual_tsc = usual_tsc };
	uint32_t turn = 0;

	while ((turn = next_turn_wait(worker, stage, turn)) != TURN_OVER) {
		pages_load(region_at(script, stage, (turn - 1) % script->block), script->experiment.pages);
		atomic_store_explicit(&stage->loaded[worker->index - 1].turn, turn, memory_order_release);
		stall_detector_watch(&detector, worker, &stage->over, turn);
		/* The caller writes these again only when this worker has loaded the pages of the next turn. */
		part->tsc[turn - 1] = stall_detector_within(&detector, stage->begin_tsc, stage->end_tsc);
	}
}

/* --- the caller --- */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return timespec_ns(t);
}

/* Wait until all others have loaded the pages of a turn. 0; -ECANCELED. */
static int others_wait(const struct worker *worker, const struct stage *stage, uint32_t turn)
{
	for (unsigned i = 0; i + 1 < worker->count; i++)
		while (atomic_load_explicit(&stage->loaded[i].turn, memory_order_acquire) != turn) {
			if (worker_canceled(worker))
				return -ECANCELED;
			__builtin_ia32_pause();
		}
	return 0;
}

/* 0; -ECANCELED; -errno of the call. */
static int repetition_measure(const struct worker *worker, struct stage *stage, struct shootdown_part *part, unsigned r)
{
	const struct shootdown_script *script = worker->experiment;
	int (*operate)(void *, size_t) = operations[script->experiment.operation];
	unsigned char *at = region_at(script, stage, r % script->block);
	uint64_t begin, end, ran, elapsed;
	int failed;

	pages_load(at, script->experiment.pages);
	atomic_store_explicit(&stage->turn, r + 1, memory_order_release);
	if (others_wait(worker, stage, r + 1))
		return -ECANCELED;
	/*
	 * The CPU clock is read outside the two readings of the other clock. So it shows no less than the call took,
	 * unless this thread was away.
	 */
	ran = cpu_ns();
	elapsed = now_ns();
	begin = worker_tsc();
	failed = operate(at, script->region_bytes);
	end = worker_tsc();
	if (failed)
		return -errno;
	elapsed = now_ns() - elapsed;
	ran = cpu_ns() - ran;
	stage->begin_tsc = begin;
	stage->end_tsc = end;
	atomic_store_explicit(&stage->over, r + 1, memory_order_release);
	part->tsc[r] = end - begin;
	part->elapsed_ns[r] = elapsed;
	part->away_ns[r] = elapsed > ran ? elapsed - ran : 0;
	return 0;
}

static int count_read(const struct shootdown_script *script, struct interrupts *counts, struct reason *why)
{
	return interrupts_read(INTERRUPTS_TLB, script->other_cpus, script->experiment.others, counts, why);
}

static bool is_enough(const struct shootdown_script *script, const struct shootdown_part *part)
{
	return part->repetitions >= script->repetitions ||
	       (part->repetitions >= REPETITIONS_AT_ANY_TIME && now_ns() > part->deadline_ns);
}

/* Repetitions on the regions of a block, until all are used or there are enough repetitions. */
static int block_repetitions(
	const struct worker *worker, struct stage *stage, struct shootdown_part *part, struct reason *why)
{
	const struct shootdown_script *script = worker->experiment;
	const char *name = shootdown_operation_names[script->experiment.operation];
	unsigned first = part->repetitions;

	do {
		int error = repetition_measure(worker, stage, part, part->repetitions);

		if (error == -ECANCELED)
			return error;
		if (error)
			return fail(why, -error, "%s of %" PRIu32 " pages: %s", name, script->experiment.pages,
				strerror(-error));
		part->repetitions++;
	} while (part->repetitions < first + script->block && !is_enough(script, part));
	return 0;
}

static int block_run(const struct worker *worker, struct stage *stage, struct shootdown_part *part, struct reason *why)
{
	const struct shootdown_script *script = worker->experiment;
	unsigned first = part->repetitions, count;
	struct interrupts before, after;
	int error = 0;

	for (unsigned i = 0; i < script->block && !error; i++)
		error = region_make(region_at(script, stage, i), script->region_bytes, why);
	if (!error && !part->blocks)
		error = regions_verify(script, stage, why);
	if (error)
		return error;
	part->counted = part->counted && !count_read(script, &before, &part->uncounted);
	error = block_repetitions(worker, stage, part, why);
	if (error)
		return error;
	count = part->repetitions - first;
	part->counted = part->counted && !count_read(script, &after, &part->uncounted);
	if (part->counted) {
		part->interrupts += after.all - before.all;
		part->interrupts_of_others += after.of_cpus - before.of_cpus;
	}
	for (unsigned i = 0; i < count; i++)
		if (!took_effect(script->experiment.operation, region_at(script, stage, i)))
			return fail(why, EIO, "%s succeeded, but the page has not changed",
				shootdown_operation_names[script->experiment.operation]);
	part->blocks++;
	return 0;
}

static int caller_work(
	const struct worker *worker, struct stage *stage, struct shootdown_part *part, struct reason *why)
{
	const struct shootdown_script *script = worker->experiment;
	int error = 0;

	part->clock_tsc = timing_clock_cost();
	part->counted = true;
	part->deadline_ns = now_ns() + EXPERIMENT_NS_MOST;
	/* Only the last block ends early, so that turns and regions stay in step. */
	while (!error && !is_enough(script, part)) {
		error = block_run(worker, stage, part, why);
		if (!error)
			error = regions_clear(script, stage, why);
	}
	atomic_store_explicit(&stage->turn, TURN_OVER, memory_order_release);
	return error;
}

size_t shootdown_shared_bytes(unsigned others)
{
	return sizeof(struct stage) + others * sizeof(((struct stage *)NULL)->loaded[0]);
}

int shootdown_work(struct worker *worker, struct reason *why)
{
	struct stage *stage = worker->shared;
	struct shootdown_part *part = worker->result;
	uint64_t usual_tsc = stall_detector_usual(worker, &stage->over);
	int error = worker->index ? 0 : regions_clear(worker->experiment, stage, why);

	if (!error)
		error = worker_meet(worker);
	if (error)
		return error;
	worker_usage_begin(&part->usage);
	if (worker->index)
		other_work(worker, stage, part, usual_tsc);
	else
		error = caller_work(worker, stage, part, why);
	worker_usage_end(&part->usage);
	return error;
}
