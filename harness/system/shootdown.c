#include "system/shootdown_internal.h"
#include "system/stall_detector.h"
#include "system/timing.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

const char *const shootdown_operation_names[SHOOTDOWN_OPERATIONS] = { "munmap", "mprotect", "dontneed" };

/* Repetitions of a block: few, so that the kernel holds few mappings; long against two readings of /proc/interrupts. */
#define BLOCK_REGIONS_MOST 32u
#define BLOCK_BYTES_MOST (16 * MIB)

static int script_write(const struct shootdown_spec *spec, struct shootdown_script *script, struct reason *why)
{
	uint64_t bytes = spec->experiment.pages * PAGE_4K, most = spec->memory_most_bytes;
	uint32_t pages = spec->experiment.pages;

	if (!pages || pages > SHOOTDOWN_PAGES_MOST || (unsigned)spec->experiment.operation >= SHOOTDOWN_OPERATIONS)
		return fail(why, EINVAL, "a shootdown is of 1 to %u pages, not %" PRIu32, SHOOTDOWN_PAGES_MOST, pages);
	if (bytes > most)
		return fail(why, ENOMEM,
			"%" PRIu32 " pages are more than the %" PRIu64 " KiB of memory that this run may have", pages,
			most / KIB);
	if (most > BLOCK_BYTES_MOST)
		most = BLOCK_BYTES_MOST;
	*script = (struct shootdown_script){
		.experiment = spec->experiment, .other_cpus = spec->cpus + 1, .region_bytes = bytes
	};
	script->stride_bytes = (bytes + 2 * SHOOTDOWN_GUARD_BYTES + PAGE_2M - 1) / PAGE_2M * PAGE_2M;
	script->block = most / bytes < BLOCK_REGIONS_MOST ? (unsigned)(most / bytes) : BLOCK_REGIONS_MOST;
	script->repetitions = SHOOTDOWN_PAGES_OF_EXPERIMENT / pages;
	if (script->repetitions < SHOOTDOWN_REPETITIONS_LEAST)
		script->repetitions = SHOOTDOWN_REPETITIONS_LEAST;
	if (script->repetitions > SHOOTDOWN_REPETITIONS_MOST)
		script->repetitions = SHOOTDOWN_REPETITIONS_MOST;
	return 0;
}

/* Sum up the disturbances. Time away counts only in the middle half of the calls, which make the result. */
static void result_disturbed(
	const struct worker_group *group, const double *sorted_tsc, struct shootdown_result *result)
{
	const struct shootdown_part *caller = worker_group_result(group, 0);
	unsigned last = result->repetitions - 1, aside = result->repetitions / 4;

	for (unsigned r = 0; r <= last; r++)
		if ((double)caller->tsc[r] >= sorted_tsc[aside] && (double)caller->tsc[r] <= sorted_tsc[last - aside]) {
			result->elapsed_ns += caller->elapsed_ns[r];
			result->away_ns += caller->away_ns[r];
		}
	for (unsigned i = 0; i < group->workers; i++) {
		const struct worker_usage *usage =
			&((const struct shootdown_part *)worker_group_result(group, i))->usage;

		result->involuntary_switches += usage->involuntary_switches;
		result->page_faults += usage->minor_faults + usage->major_faults;
	}
}

/* Compute the time that the others lost, and how many of them ran when a call began. */
static void result_of_others(const struct worker_group *group, struct shootdown_result *result)
{
	double lost[SHOOTDOWN_REPETITIONS_MOST];
	unsigned others = group->workers - 1, repetitions = result->repetitions, count = 0, there = 0;

	for (unsigned r = 0; r < repetitions; r++) {
		unsigned here = 0;
		double sum = 0;

		for (unsigned i = 1; i <= others; i++) {
			uint64_t tsc = ((const struct shootdown_part *)worker_group_result(group, i))->tsc[r];

			here += tsc != STALL_DETECTOR_AWAY;
			sum += tsc != STALL_DETECTOR_AWAY ? (double)tsc : 0;
		}
		there += here;
		if (here)
			lost[count++] = sum / here;
	}
	result->victim_tsc = timing_middle(lost, count);
	result->others_there = (double)there / repetitions;
	/* Where some of the others did not run, the call had less to do: that part of its time counts as away. */
	if (others)
		result->away_ns += (uint64_t)((double)result->elapsed_ns * (1 - result->others_there / others));
}

static void shootdown_result_read(const struct worker_group *group, struct shootdown_result *result)
{
	struct shootdown_part *caller = worker_group_result(group, 0);
	double tsc[SHOOTDOWN_REPETITIONS_MOST];

	*result = (struct shootdown_result){ .repetitions = caller->repetitions,
		.blocks = caller->blocks,
		.counted = caller->counted,
		.uncounted = caller->uncounted,
		.interrupts = NAN,
		.interrupts_of_others = NAN };
	for (unsigned r = 0; r < result->repetitions; r++)
		tsc[r] = (double)caller->tsc[r];
	result->operation_tsc = timing_middle(tsc, result->repetitions) - caller->clock_tsc;
	result_disturbed(group, tsc, result);
	result_of_others(group, result);
	if (result->counted) {
		result->interrupts = (double)caller->interrupts / result->repetitions;
		result->interrupts_of_others = (double)caller->interrupts_of_others / result->repetitions;
	}
}

int shootdown_take(const struct shootdown_spec *spec, struct shootdown_result *result, struct reason *why)
{
	struct shootdown_script script;
	struct worker_group_spec worker_group_spec = {
		.as = WORKERS_THREADS,
		.workers = 1 + spec->experiment.others,
		.cpus = spec->cpus,
		.work = shootdown_work,
		.experiment = &script,
		.result_bytes = sizeof(struct shootdown_part),
		.shared_bytes = shootdown_shared_bytes(spec->experiment.others),
		.stop = spec->stop,
	};
	struct worker_group group;
	int error = script_write(spec, &script, why);

	if (error)
		return error;
	error = worker_group_run(&worker_group_spec, &group, why);
	if (error)
		return error;
	shootdown_result_read(&group, result);
	worker_group_dismiss(&group);
	return 0;
}

int shootdown_judge(const struct shootdown_result *result, const char *silent, struct reason *why)
{
	/* Half is enough: a thread that is preempted between its load and the call needs no interrupt. */
	if (!result->counted || silent || result->interrupts_of_others >= 0.5 * result->others_there)
		return 0;
	return fail(why, EIO,
		"each call should have interrupted the other CPUs, of which %.2f were there, and the kernel counted %.2f TLB interrupts on them: they did not have the pages, or their TLBs were not flushed",
		result->others_there, result->interrupts_of_others);
}
