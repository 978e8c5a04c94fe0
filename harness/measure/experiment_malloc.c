/* Experiments of malloc() and free(). */
#include "machine/allocator.h"
#include "measure/experiment_kinds.h"
#include "system/malloc_storm.h"

#include <assert.h>
#include <errno.h>

enum malloc_metric {
	MALLOC_NS,
	MALLOC_CYCLES,
	MALLOC_FREE_NS,
	MALLOC_FREE_CYCLES,
	MALLOC_TOUCH_NS,
	MALLOC_FAULTS,
	MALLOC_MAPPED_SHARE,
	MALLOC_RETURNED_BYTES,
	MALLOC_METRICS,
};

const struct metric malloc_metrics[MALLOC_METRICS + 1] = {
	[MALLOC_NS] = { "malloc_ns", "ns" },
	[MALLOC_CYCLES] = { "malloc_cycles", "cycles" },
	[MALLOC_FREE_NS] = { "free_ns", "ns" },
	[MALLOC_FREE_CYCLES] = { "free_cycles", "cycles" },
	[MALLOC_TOUCH_NS] = { "touch_ns", "ns" },
	[MALLOC_FAULTS] = { "faults_per_call", "count" },
	[MALLOC_MAPPED_SHARE] = { "mapped_share", "share" },
	[MALLOC_RETURNED_BYTES] = { "returned_bytes", "bytes" },
	[MALLOC_METRICS] = { NULL },
};

static_assert(MALLOC_METRICS <= METRICS_MAX, "bench.h");

/* 65536 blocks of 1 KiB, or 16384 pages to fault in: a batch that takes some 10 to 50 ms. */
#define BATCH_BYTES_MOST (64 * MIB)

static uint64_t bytes_most(const struct measurement *m, const struct malloc_experiment *experiment)
{
	uint64_t budget = m->around->memory_budget_bytes;

	/* A pair holds one block at a time, however large it was asked to be; a batch need not be large. */
	if (experiment->pattern == MALLOC_PAIR)
		return budget / 2;
	return budget / 4 < BATCH_BYTES_MOST ? budget / 4 : BATCH_BYTES_MOST;
}

static void unknown_tell(struct outcome *outcome)
{
	struct allocator allocator;

	machine_allocator(&allocator);
	fail(&outcome->unknown_of[MALLOC_TOUCH_NS], ENODATA, "no block is touched");
	fail(&outcome->unknown, ENOTSUP, "the allocator is %s, which does not say what it has from the kernel",
		allocator.name);
}

int experiment_take_malloc(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	const struct malloc_experiment *storm = &experiment->malloc;
	struct malloc_storm_spec spec = { .experiment = storm,
		.cpus = m->around->cpus,
		.batch_bytes = bytes_most(m, storm),
		.stop = m->around->stop };
	struct malloc_storm_result result;
	int error;

	if (storm->workers > m->around->cpu_count)
		return fail(why, ENOTSUP, "there are CPUs for %u workers, not for %u", m->around->cpu_count,
			storm->workers);
	error = malloc_storm(&spec, &result, why);
	if (error)
		return error;
	outcome->value[MALLOC_NS] = result.malloc_tsc * outcome->ns_per_tsc;
	outcome->value[MALLOC_CYCLES] = result.malloc_tsc * outcome->cycles_per_tsc;
	outcome->value[MALLOC_FREE_NS] = result.free_tsc * outcome->ns_per_tsc;
	outcome->value[MALLOC_FREE_CYCLES] = result.free_tsc * outcome->cycles_per_tsc;
	if (storm->touch)
		outcome->value[MALLOC_TOUCH_NS] = result.touch_tsc * outcome->ns_per_tsc;
	outcome->value[MALLOC_FAULTS] = result.faults_per_block;
	if (result.told) {
		outcome->value[MALLOC_MAPPED_SHARE] = result.mapped_share;
		outcome->value[MALLOC_RETURNED_BYTES] = result.returned_bytes;
	}
	unknown_tell(outcome);
	outcome->away_most = AWAY_SHARE_OF_MEDIANS;
	outcome->disturbance = (struct disturbance){
		.involuntary_switches = result.usage.involuntary_switches,
		.page_faults = result.usage.minor_faults,
		.elapsed_ns = result.usage.elapsed_ns,
		.away_ns = result.usage.elapsed_ns > result.usage.cpu_ns ? result.usage.elapsed_ns - result.usage.cpu_ns
									 : 0,
	};
	return 0;
}
