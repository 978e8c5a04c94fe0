/*
 * Experiments of handoffs: two threads or processes take turns on one CPU, and touch the same memory after each switch.
 */
#include "machine/memory.h"
#include "measure/chain.h"
#include "measure/experiment_kinds.h"
#include "system/handoff.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum handoff_metric {
	HANDOFF_SWITCH_NS,
	HANDOFF_SWITCH_CYCLES,
	HANDOFF_TOUCH_NS,
	HANDOFF_TOUCH_CYCLES,
	HANDOFF_WARM_NS,
	HANDOFF_WARM_CYCLES,
	HANDOFF_REFILL_NS,
	HANDOFF_REFILL_CYCLES,
	HANDOFF_METRICS,
};

const struct metric handoff_metrics[HANDOFF_METRICS + 1] = {
	[HANDOFF_SWITCH_NS] = { "switch_ns", "ns" },
	[HANDOFF_SWITCH_CYCLES] = { "switch_cycles", "cycles" },
	[HANDOFF_TOUCH_NS] = { "touch_ns", "ns" },
	[HANDOFF_TOUCH_CYCLES] = { "touch_cycles", "cycles" },
	[HANDOFF_WARM_NS] = { "warm_ns", "ns" },
	[HANDOFF_WARM_CYCLES] = { "warm_cycles", "cycles" },
	[HANDOFF_REFILL_NS] = { "refill_ns", "ns" },
	[HANDOFF_REFILL_CYCLES] = { "refill_cycles", "cycles" },
	[HANDOFF_METRICS] = { NULL },
};

static_assert(HANDOFF_METRICS <= METRICS_MAX, "bench.h");

/* Pages of that size: 2M as transparent huge pages, or from the hugetlb pool where the kernel gives none of those. */
static int memory_make(const struct measurement *m, const struct handoff_experiment *handoff, struct backed *memory,
	struct reason *why)
{
	struct backed_limits limits = { .stop = m->around->stop };
	uint64_t bytes = handoff->pages_touched * handoff->page_bytes, reserved;
	int error;

	if (bytes > m->around->memory_budget_bytes || bytes > m->around->effort->memory_most_bytes)
		return fail(why, ENOMEM, "%" PRIu32 " pages of %" PRIu64 " KiB are more than %s",
			handoff->pages_touched, handoff->page_bytes / KIB,
			bytes > m->around->memory_budget_bytes ? "half of the available memory, and a run takes no more"
							       : "this effort uses: a higher --effort measures them");
	if (handoff->page_bytes == PAGE_4K)
		return backed_alloc(memory, BACKING_4K, bytes, &limits, why);
	error = backed_alloc(memory, BACKING_2M_THP, bytes, &limits, why);
	if (!error || error == -EINTR ||
		hugetlb_free(m->around->source, PAGE_2M, m->around->numa_node, &reserved, NULL) ||
		reserved < handoff->pages_touched)
		return error;
	return backed_alloc(memory, BACKING_2M_HUGETLB, bytes, &limits, why);
}

/* A random cycle over one line of each page, proven as any chain is. */
static int chain_make(const struct measurement *m, const struct handoff_experiment *handoff,
	const struct backed *memory, const void **start, struct reason *why)
{
	uint32_t count = handoff->pages_touched;
	struct cycle cycle = { calloc(count, sizeof(uint32_t)), calloc(count, sizeof(uint32_t)) };
	struct chase chase = {
		.page_bytes = handoff->page_bytes, .count = count, .distance_bytes = handoff->page_bytes
	};
	struct space_spec spec = { .setting = SETTING_HOST, .page_bytes = handoff->page_bytes, .memory = memory };
	struct space *space = NULL;
	struct chain chain;
	int error = cycle.order && cycle.next ? 0 : fail(why, ENOMEM, "no memory for a chain");

	if (!error)
		error = space_open(&spec, &space, why);
	if (!error) {
		cycle_draw(&cycle, count, m->around->random);
		chain = chain_over_units(&chase, (uintptr_t)memory->at, NULL, &cycle, m->around->random);
		chain_lay(&chain, space);
		error = chain_prove(&chain, space, why);
	}
	if (!error)
		error = chain_walk(&chain, space, why);
	if (!error)
		*start = (const void *)(uintptr_t)chain_address(&chain, 0);
	if (space)
		space_close(space);
	free(cycle.order);
	free(cycle.next);
	return error;
}

static void values_set(
	const struct handoff_experiment *handoff, const struct handoff_result *result, struct outcome *outcome)
{
	double refill = handoff->pages_touched * (result->touch_tsc - result->warm_tsc);
	const double tsc[] = { result->switch_tsc, result->touch_tsc, result->warm_tsc, refill };

	static_assert(sizeof(tsc) / sizeof(tsc[0]) * 2 == HANDOFF_METRICS, "each in ns and in cycles");
	for (unsigned i = 0; i < sizeof(tsc) / sizeof(tsc[0]); i++) {
		outcome->value[2 * i] = tsc[i] * outcome->ns_per_tsc;
		outcome->value[2 * i + 1] = tsc[i] * outcome->cycles_per_tsc;
	}
	if (!handoff->pages_touched)
		fail(&outcome->unknown, ENODATA, "no page is touched after the switch");
	/* Waiting is the point here: only time in which neither of the two ran may be time away. */
	outcome->away_most = AWAY_SHARE_OF_MEDIANS;
	outcome->disturbance.elapsed_ns = result->elapsed_ns;
	outcome->disturbance.away_ns = result->away_ns;
	for (unsigned i = 0; i < 2; i++) {
		outcome->disturbance.involuntary_switches += result->usage[i].involuntary_switches;
		outcome->disturbance.page_faults += result->usage[i].minor_faults + result->usage[i].major_faults;
	}
}

int experiment_take_handoff(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	const struct handoff_experiment *handoff = &experiment->handoff;
	struct handoff_spec spec = {
		.between = handoff->between,
		.via = handoff->via,
		.cpu = m->around->cpus[0],
		.pages = handoff->pages_touched,
		.stop = m->around->stop,
	};
	struct handoff_result result;
	struct backed memory = { 0 };
	int error = 0;

	if (spec.pages) {
		error = memory_make(m, handoff, &memory, why);
		if (!error)
			error = chain_make(m, handoff, &memory, &spec.start, why);
		spec.memory = &memory;
	}
	if (!error)
		error = handoff_take(&spec, &result, why);
	backed_free(&memory);
	if (error)
		return error;
	values_set(handoff, &result, outcome);
	return 0;
}
