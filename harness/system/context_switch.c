#include "system/context_switch.h"

#include "space/smaps.h"
#include "system/timing.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const context_switch_via_names[CONTEXT_SWITCH_VIAS] = { "futex", "pipe" };

/*
 * These trips come first and do not count: the scheduler sees both workers sleep, and their code and results are paged
 * in.
 */
#define TRIPS_UNTIMED 16u
#define ROUNDS_UNTIMED 2u

struct script {
	struct context_switch_spec spec;
	unsigned rounds; /* with touches */
	int ends[2][2]; /* of the pipe from which each worker reads */
};

struct stage {
	_Alignas(LINE_BYTES) _Atomic uint32_t turn; /* whose: 0 or 1 */
	_Alignas(LINE_BYTES) _Atomic bool quit; /* one of the two failed, so the other must not wait for it */
};

struct part {
	struct worker_usage usage;
	double clock_tsc; /* the cost of reading the clock */
	unsigned trips, rounds;
	uint64_t trip_tsc[CONTEXT_SWITCH_TRIPS]; /* of worker 0 */
	uint64_t touch_tsc[CONTEXT_SWITCH_ROUNDS_MOST], warm_tsc[CONTEXT_SWITCH_ROUNDS_MOST]; /* of all pages */
};

/* --- handing over --- */

struct side {
	const struct script *script;
	struct stage *stage;
	uint32_t me, other;
};

static int futex_pass(const struct side *side)
{
	atomic_store(&side->stage->turn, side->other);
	return syscall(SYS_futex, &side->stage->turn, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int futex_wait(const struct side *side)
{
	while (atomic_load(&side->stage->turn) != side->me)
		if (syscall(SYS_futex, &side->stage->turn, FUTEX_WAIT, side->other, NULL, NULL, 0) < 0 &&
			errno != EAGAIN && errno != EINTR)
			return -errno;
	return 0;
}

static int pipe_pass(const struct side *side)
{
	return write(side->script->ends[side->other][1], "", 1) == 1 ? 0 : -errno;
}

static int pipe_wait(const struct side *side)
{
	char byte;

	return read(side->script->ends[side->me][0], &byte, 1) == 1 ? 0 : -errno;
}

static const struct {
	int (*pass)(const struct side *);
	int (*wait)(const struct side *);
} ways[CONTEXT_SWITCH_VIAS] = {
	[CONTEXT_SWITCH_FUTEX] = { futex_pass, futex_wait },
	[CONTEXT_SWITCH_PIPE] = { pipe_pass, pipe_wait },
};

static int turn_pass(const struct side *side)
{
	return ways[side->script->spec.via].pass(side);
}

static int own_turn_wait(const struct side *side)
{
	int error = ways[side->script->spec.via].wait(side);

	return !error && atomic_load(&side->stage->quit) ? -ECANCELED : error;
}

/* --- work of a worker --- */

/* The measured loop: dependent loads. The loop's own work overlaps with their latency. */
static __attribute__((noinline)) const void *chain_follow(const void *at, uint32_t steps)
{
	for (; steps; steps--)
		at = *(const void *const volatile *)at;
	return at;
}

/* Verify that fork() has given this process the memory in pages of the size that it was made in. */
static int memory_verify(const struct context_switch_spec *spec, struct reason *why)
{
	const struct backed *memory = spec->memory;
	uint64_t page_bytes;
	struct smaps_pages got;
	int error;

	if (!memory)
		return 0;
	error = smaps_read((uintptr_t)memory->at, memory->bytes, &got, why);
	if (error)
		return error;
	page_bytes = backing_page_bytes(memory->backing);
	/* smaps has no sum of hugetlb pages that processes share; the size of its pages tells. */
	if (backing_is_hugetlb(memory->backing) ? got.kernel_page_bytes != page_bytes
		: page_bytes == PAGE_4K		? got.anon_huge_bytes != 0 || got.mapped_bytes != memory->bytes
						: got.anon_huge_bytes != memory->bytes)
		return fail(why, EIO,
			"after a fork the memory is not in pages of %" PRIu64 " KiB any more: %" PRIu64 " of %" PRIu64
			" KiB are resident, %" PRIu64 " in huge pages",
			page_bytes / KIB, got.mapped_bytes / KIB, memory->bytes / KIB, got.anon_huge_bytes / KIB);
	return 0;
}

static int chain_touch(const struct script *script, struct part *part, unsigned round, struct reason *why)
{
	const struct context_switch_spec *spec = &script->spec;
	uint64_t began = worker_tsc(), first, second;
	const void *end = chain_follow(spec->start, spec->pages);

	first = worker_tsc();
	end = chain_follow(end, spec->pages);
	second = worker_tsc();
	if (end != spec->start)
		return fail(why, EIO, "a chain of %" PRIu32 " pages did not end where it must", spec->pages);
	if (round < ROUNDS_UNTIMED)
		return 0;
	part->touch_tsc[round - ROUNDS_UNTIMED] = first - began;
	part->warm_tsc[round - ROUNDS_UNTIMED] = second - first;
	part->rounds = round - ROUNDS_UNTIMED + 1;
	return 0;
}

/* Round trips. Worker 0 has the turn before and after. */
static int round_trip(const struct side *side)
{
	int error = side->me ? own_turn_wait(side) : turn_pass(side);

	if (error)
		return error;
	return side->me ? turn_pass(side) : own_turn_wait(side);
}

static int trips_measure(const struct side *side, struct part *part)
{
	uint64_t before = worker_tsc();
	int error = 0;

	for (unsigned i = 0; !error && i < TRIPS_UNTIMED + CONTEXT_SWITCH_TRIPS; i++) {
		uint64_t now;

		error = round_trip(side);
		now = worker_tsc();
		if (i >= TRIPS_UNTIMED)
			part->trip_tsc[part->trips++] = now - before;
		before = now;
	}
	return error;
}

static int touch_rounds_measure(const struct side *side, struct part *part, struct reason *why)
{
	const struct script *script = side->script;
	int error = 0;

	for (unsigned i = 0; !error && i < ROUNDS_UNTIMED + script->rounds; i++) {
		if (side->me)
			error = own_turn_wait(side);
		if (!error)
			error = chain_touch(script, part, i, why);
		if (!error)
			error = turn_pass(side);
		if (!error && !side->me)
			error = own_turn_wait(side);
	}
	return error;
}

static int side_work(struct worker *worker, struct reason *why)
{
	const struct script *script = worker->experiment;
	struct side side = { script, worker->shared, worker->index, 1 - worker->index };
	struct part *part = worker->result;
	int error = memory_verify(&script->spec, why);

	/* Where SCHED_BATCH is forbidden, some switches are preemptions; they are context switches all the same. */
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 });
	part->clock_tsc = timing_clock_cost();
	if (!error)
		error = worker_meet(worker);
	if (error)
		return error;
	worker_usage_begin(&part->usage);
	error = trips_measure(&side, part);
	if (!error && script->rounds)
		error = touch_rounds_measure(&side, part, why);
	worker_usage_end(&part->usage);
	if (error) {
		atomic_store(&side.stage->quit, true);
		turn_pass(&side);
	}
	if (error && error != -ECANCELED && !why->text[0])
		return fail(why, -error, "handing a turn over by %s: %s", context_switch_via_names[script->spec.via],
			strerror(-error));
	return error;
}

/* --- the experiment --- */

/* The middle of the values of one or both workers. */
static double values_middle(const uint64_t *a, const uint64_t *b, unsigned count)
{
	double all[2 * CONTEXT_SWITCH_ROUNDS_MOST];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		all[n++] = (double)a[i];
		if (b)
			all[n++] = (double)b[i];
	}
	return timing_middle(all, n);
}

static_assert(CONTEXT_SWITCH_TRIPS <= 2 * CONTEXT_SWITCH_ROUNDS_MOST, "values_middle() has room for both");

/*
 * How long neither worker ran. An involuntary switch spoils one trip or round at most. Where less than a quarter of
 * them is spoiled, timing_middle() leaves those out, and the time does not count.
 */
static void result_disturbed(const struct part *const part[2], struct context_switch_result *result)
{
	uint64_t elapsed = part[0]->usage.elapsed_ns, ran = part[0]->usage.cpu_ns + part[1]->usage.cpu_ns;
	uint64_t involuntary = part[0]->usage.involuntary_switches + part[1]->usage.involuntary_switches;
	unsigned least = result->rounds && result->rounds < result->trips ? result->rounds : result->trips;

	result->elapsed_ns = elapsed;
	result->away_ns = elapsed > ran && involuntary > least / 4 ? elapsed - ran : 0;
}

static void switch_result_read(
	const struct worker_group *group, const struct script *script, struct context_switch_result *result)
{
	const struct part *const part[2] = { worker_group_result(group, 0), worker_group_result(group, 1) };
	double pages = script->spec.pages, clock = (part[0]->clock_tsc + part[1]->clock_tsc) / 2;

	*result = (struct context_switch_result){ .trips = part[0]->trips,
		.rounds = script->rounds,
		.touch_tsc = NAN,
		.warm_tsc = NAN,
		.usage = { part[0]->usage, part[1]->usage } };
	result_disturbed(part, result);
	result->switch_tsc = (values_middle(part[0]->trip_tsc, NULL, result->trips) - clock) / 2;
	/* Worker 1 may have had its first turn before it looked, and then did not sleep for it. */
	result->switches_least = TRIPS_UNTIMED + CONTEXT_SWITCH_TRIPS - 1;
	if (!script->rounds)
		return;
	result->switches_least += ROUNDS_UNTIMED + script->rounds;
	result->touch_tsc = (values_middle(part[0]->touch_tsc, part[1]->touch_tsc, script->rounds) - clock) / pages;
	result->warm_tsc = (values_middle(part[0]->warm_tsc, part[1]->warm_tsc, script->rounds) - clock) / pages;
}

int context_switch_judge(const struct context_switch_result *result, struct reason *why)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct worker_usage *usage = &result->usage[i];

		if (usage->voluntary_switches + usage->involuntary_switches < result->switches_least)
			return fail(why, EIO,
				"a worker gave its turn away %" PRIu64 " times, and the kernel counted %" PRIu64
				" voluntary and %" PRIu64 " other switches: the two did not take turns on one CPU",
				result->switches_least, usage->voluntary_switches, usage->involuntary_switches);
	}
	return 0;
}

static void pipes_close(struct script *script)
{
	for (unsigned i = 0; i < 4; i++)
		if (script->ends[i / 2][i % 2] >= 0)
			close(script->ends[i / 2][i % 2]);
}

static int pipes_open(struct script *script, struct reason *why)
{
	for (unsigned i = 0; i < 2; i++)
		if (pipe2(script->ends[i], O_CLOEXEC))
			return fail(why, errno, "a pipe for handing over the turn: %s", strerror(errno));
	return 0;
}

static unsigned rounds_of(uint32_t pages)
{
	unsigned count = pages ? CONTEXT_SWITCH_TOUCHES / pages : 0;

	if (!pages)
		return 0;
	if (count < CONTEXT_SWITCH_ROUNDS_LEAST)
		return CONTEXT_SWITCH_ROUNDS_LEAST;
	return count > CONTEXT_SWITCH_ROUNDS_MOST ? CONTEXT_SWITCH_ROUNDS_MOST : count;
}

int context_switch_take(
	const struct context_switch_spec *spec, struct context_switch_result *result, struct reason *why)
{
	struct script script = {
		.spec = *spec,
		.rounds = rounds_of(spec->pages),
		.ends = { { -1, -1 }, { -1, -1 } },
	};
	const int cpus[2] = { spec->cpu, spec->cpu };
	struct worker_group_spec worker_group_spec = {
		.as = spec->between,
		.workers = 2,
		.cpus = cpus,
		.work = side_work,
		.experiment = &script,
		.result_bytes = sizeof(struct part),
		.shared_bytes = sizeof(struct stage),
		.stop = spec->stop,
	};
	struct worker_group group;
	int error = spec->via == CONTEXT_SWITCH_PIPE ? pipes_open(&script, why) : 0;

	if (!error)
		error = worker_group_run(&worker_group_spec, &group, why);
	pipes_close(&script);
	if (error)
		return error;
	switch_result_read(&group, &script, result);
	worker_group_dismiss(&group);
	return context_switch_judge(result, why);
}
