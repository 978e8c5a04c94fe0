/*
 * Experiments of context switches: two threads or processes take turns on one CPU, and touch the same memory after each
 * switch.
 */
#include "machine/memory.h"
#include "measure/chain.h"
#include "measure/experiment_kinds.h"
#include "system/context_switch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum context_switch_metric {
	CONTEXT_SWITCH_SWITCH_NS,
	CONTEXT_SWITCH_SWITCH_CYCLES,
	CONTEXT_SWITCH_TOUCH_NS,
	CONTEXT_SWITCH_TOUCH_CYCLES,
	CONTEXT_SWITCH_WARM_NS,
	CONTEXT_SWITCH_WARM_CYCLES,
	CONTEXT_SWITCH_REFILL_NS,
	CONTEXT_SWITCH_REFILL_CYCLES,
	CONTEXT_SWITCH_METRICS,
};

const struct metric context_switch_metrics[CONTEXT_SWITCH_METRICS + 1] = {
	[CONTEXT_SWITCH_SWITCH_NS] = { "switch_ns", "ns" },
	[CONTEXT_SWITCH_SWITCH_CYCLES] = { "switch_cycles", "cycles" },
	[CONTEXT_SWITCH_TOUCH_NS] = { "touch_ns", "ns" },
	[CONTEXT_SWITCH_TOUCH_CYCLES] = { "touch_cycles", "cycles" },
	[CONTEXT_SWITCH_WARM_NS] = { "warm_ns", "ns" },
	[CONTEXT_SWITCH_WARM_CYCLES] = { "warm_cycles", "cycles" },
	[CONTEXT_SWITCH_REFILL_NS] = { "refill_ns", "ns" },
	[CONTEXT_SWITCH_REFILL_CYCLES] = { "refill_cycles", "cycles" },
	[CONTEXT_SWITCH_METRICS] = { NULL },
};

static_assert(CONTEXT_SWITCH_METRICS <= METRICS_MAX, "bench.h");

/* Pages of that size: 2M as transparent huge pages, or from the hugetlb pool where the kernel gives none of those. */
static int memory_make(const struct measurement *m, const struct context_switch_experiment *context_switch,
	struct backed *memory, struct reason *why)
{
	struct backed_limits limits = { .stop = m->around->stop };
	uint64_t bytes = context_switch->pages_touched * context_switch->page_bytes, reserved;
	int error;

	if (bytes > m->around->memory_budget_bytes || bytes > m->around->effort->memory_most_bytes)
		return fail(why, ENOMEM, "%" PRIu32 " pages of %" PRIu64 " KiB are more than %s",
			context_switch->pages_touched, context_switch->page_bytes / KIB,
			bytes > m->around->memory_budget_bytes ? "half of the available memory, and a run takes no more"
							       : "this effort uses: a higher --effort measures them");
	if (context_switch->page_bytes == PAGE_4K)
		return backed_alloc(memory, BACKING_4K, bytes, &limits, why);
	error = backed_alloc(memory, BACKING_2M_THP, bytes, &limits, why);
	if (!error || error == -EINTR ||
		hugetlb_free(m->around->source, PAGE_2M, m->around->numa_node, &reserved, NULL) ||
		reserved < context_switch->pages_touched)
		return error;
	return backed_alloc(memory, BACKING_2M_HUGETLB, bytes, &limits, why);
}

/* A random cycle over one line of each page, proven as any chain is. */
static int chain_make(const struct measurement *m, const struct context_switch_experiment *context_switch,
	const struct backed *memory, const void **start, struct reason *why)
{
	uint32_t count = context_switch->pages_touched;
	struct cycle cycle = { calloc(count, sizeof(uint32_t)), calloc(count, sizeof(uint32_t)) };
	struct chase chase = {
		.page_bytes = context_switch->page_bytes, .count = count, .distance_bytes = context_switch->page_bytes
	};
	struct space_spec spec = {
		.setting = SETTING_HOST, .page_bytes = context_switch->page_bytes, .memory = memory
	};
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

static void values_set(const struct context_switch_experiment *context_switch,
	const struct context_switch_result *result, struct outcome *outcome)
{
	double refill = context_switch->pages_touched * (result->touch_tsc - result->warm_tsc);
	const double tsc[] = { result->switch_tsc, result->touch_tsc, result->warm_tsc, refill };

	static_assert(sizeof(tsc) / sizeof(tsc[0]) * 2 == CONTEXT_SWITCH_METRICS, "each in ns and in cycles");
	for (unsigned i = 0; i < sizeof(tsc) / sizeof(tsc[0]); i++) {
		outcome->value[2 * i] = tsc[i] * outcome->ns_per_tsc;
		outcome->value[2 * i + 1] = tsc[i] * outcome->cycles_per_tsc;
	}
	if (!context_switch->pages_touched)
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

int experiment_take_context_switch(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	const struct context_switch_experiment *context_switch = &experiment->context_switch;
	struct context_switch_spec spec = {
		.between = context_switch->between,
		.via = context_switch->via,
		.cpu = m->around->cpus[0],
		.pages = context_switch->pages_touched,
		.stop = m->around->stop,
	};
	struct context_switch_result result;
	struct backed memory = { 0 };
	int error = 0;

	if (spec.pages) {
		error = memory_make(m, context_switch, &memory, why);
		if (!error)
			error = chain_make(m, context_switch, &memory, &spec.start, why);
		spec.memory = &memory;
	}
	if (!error)
		error = context_switch_take(&spec, &result, why);
	backed_free(&memory);
	if (error)
		return error;
	values_set(context_switch, &result, outcome);
	return 0;
}
