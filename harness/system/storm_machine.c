/* What a storm needs of the machine: room, kinds of pages, and frames that no storm has used. */
#include "machine/memory.h"
#include "system/storm.h"

#include <errno.h>
#include <inttypes.h>

static int pool_judge(
	const struct storm_experiment *experiment, const struct machine_source *source, struct reason *why)
{
	uint64_t needed = storm_pool_bytes(experiment) / PAGE_2M, free = 0;
	struct reason hint = { "" };
	int error = needed ? hugetlb_free(source, PAGE_2M, -1, &free, &hint) : 0;

	if (error)
		return fail(why, -error, "%s", hint.text);
	if (needed <= free)
		return 0;
	return fail(why, ENOMEM,
		"a storm of %u needs %" PRIu64 " pages of the 2M hugetlb pool, and %" PRIu64
		" are free: --reserve-huge 2M:%" PRIu64,
		experiment->workers, needed, free, needed);
}

/* What the pool holds already has its part of the budget. */
static uint64_t room_bytes(const struct storm_machine *machine)
{
	uint64_t held = machine->pool->held_bytes;
	uint64_t left = machine->budget_bytes > held ? machine->budget_bytes - held : 0;

	return left < machine->effort_bytes ? left : machine->effort_bytes;
}

static int storm_possible(
	const struct storm_experiment *experiment, const struct storm_machine *machine, struct reason *why)
{
	uint64_t needed = storm_bytes(experiment), room = room_bytes(machine);
	struct reason hint = { "" };

	if (needed > room)
		return fail(why, ENOMEM,
			"a region of %" PRIu64 " MiB for each of %u actors takes %" PRIu64
			" MiB in all, and a storm may take %" PRIu64
			" MiB here (half of the available memory less what fresh frames hold, or the effort's limit): a smaller --param region",
			experiment->region_bytes / MIB, experiment->workers, needed / MIB, room / MIB);
	if (experiment->kind == STORM_THP_WRITE) {
		enum thp_mode mode = thp_mode(machine->source, &hint);

		if (mode != THP_ALWAYS && mode != THP_MADVISE)
			return fail(why, ENOTSUP, "%s", hint.text);
	}
	return pool_judge(experiment, machine->source, why);
}

/* Fresh frames are out of use until the measurement is over: other storms are to have half of the budget left. */
#define FRESH_PART 2

#define FRESH_TRIES 3
#define FRESH_ENOUGH 0.95

static int run_fresh(const struct storm_spec *spec, const struct storm_machine *machine, struct storm_result *result,
	struct reason *why)
{
	const struct frame_pool_request request = {
		.bytes = storm_bytes(&spec->experiment),
		.most_bytes = machine->budget_bytes / FRESH_PART,
		.cpus = spec->cpus,
		.cpu_count = machine->cpu_count,
	};

	for (unsigned tries = 1;; tries++) {
		struct worker_group group;
		int error = frame_pool_drain(machine->pool, &request, why);

		if (!error)
			error = storm_run(spec, result, &group, why);
		if (!error)
			error = frame_pool_keep(machine->pool, &group, request.bytes, why);
		if (error || tries == FRESH_TRIES ||
			(double)result->frames.fresh >= FRESH_ENOUGH * (double)result->frames.got)
			return error;
	}
}

int storm_take(const struct storm_spec *spec, const struct storm_machine *machine, struct storm_result *result,
	struct reason *why)
{
	int error = storm_possible(&spec->experiment, machine, why);

	if (error)
		return error;
	frame_pool_open(machine->pool);
	if (spec->experiment.frames == STORM_FRESH)
		return run_fresh(spec, machine, result, why);
	frame_pool_note_use(machine->pool, storm_bytes(&spec->experiment));
	return storm_run(spec, result, NULL, why);
}
