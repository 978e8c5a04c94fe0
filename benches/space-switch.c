/*
 * space-switch: what does it cost to switch to another address space, and to find the TLB without one's entries?
 *
 * What is measured: two threads or two processes on one CPU that hand a turn to each other, by futex or by pipe.
 * switch_ns is half a round trip. Then each, once it has the turn, touches W pages twice: touch_ns and warm_ns are the
 * first and the second time, per page. Both have the same frames at the same addresses, so that caches are equally
 * warm, and what a switch takes away is what is tagged with an address space. refill_ns = W x (touch - warm) is what a
 * switch costs after it is over. Threads are the control: they share an address space.
 *
 * What could confound it: the kernel's own work between two turns takes room in the first level of TLB and cache, also
 * between threads; with many pages the two passes differ little, as neither fits the TLB. Mitigations that flush at a
 * switch of processes (IBPB) or at every entry of the kernel (page-table isolation) are part of what is measured.
 *
 * What would falsify it: a touch after a switch between threads that is as dear as between processes on a CPU without
 * PCID; a switch between processes that is clearly cheaper than one between threads.
 */
#include "bench.h"
#include "machine/memory.h"
#include "space/chain.h"
#include "system/context_switch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

/* 2M pages of more than this take long to make, where a hypervisor has to find the memory first: 3 to 6 s a GiB. */
#define MEMORY_USUAL_BYTES (256 * MIB)

/* A pass over fewer takes no longer than the steps in which some TSCs move (10 ns). */
#define PAGES_LEAST 16

enum { BETWEEN, VIA, PAGE_SIZE, PAGES, AXES };

static const struct axis axes[AXES] = {
	[BETWEEN] = { .name = "between",
		.key = "between",
		.kind = AXIS_CHOICE,
		.choices = workers_names,
		VALUES(WORKERS_THREADS, WORKERS_PROCESSES),
		.most = WORKERS_KINDS - 1,
		.settings = HOSTS,
		.help = "who takes turns on one CPU: threads, processes" },
	[VIA] = { .name = "via",
		.key = "via",
		.kind = AXIS_CHOICE,
		.choices = context_switch_via_names,
		VALUES(CONTEXT_SWITCH_FUTEX, CONTEXT_SWITCH_PIPE),
		BRIEF(CONTEXT_SWITCH_FUTEX),
		.most = CONTEXT_SWITCH_VIAS - 1,
		.settings = HOSTS,
		.help = "how the turn is handed over: futex, pipe" },
	[PAGE_SIZE] = { .name = "page_size",
		.key = "page_size_bytes",
		.kind = AXIS_PAGE_SIZE,
		VALUES(PAGE_4K, PAGE_2M),
		BRIEF(PAGE_4K),
		.least = PAGE_4K,
		.most = PAGE_2M,
		.settings = HOSTS,
		.help = "of the pages touched: 4K, 2M" },
	[PAGES] = { .name = "touched",
		.key = "pages_touched",
		.kind = AXIS_COUNT,
		VALUES(0, 16, 64, 256, 1024, 4096),
		BRIEF(0, 256),
		.least = 0,
		.most = 4096,
		.settings = HOSTS,
		.unusual = true,
		.help = "pages touched after each switch: none, or 16 and more" },
};

enum { SWITCH_NS, SWITCH_CYCLES, TOUCH_NS, TOUCH_CYCLES, WARM_NS, WARM_CYCLES, REFILL_NS, REFILL_CYCLES, METRICS };

static const struct metric metrics[METRICS + 1] = {
	[SWITCH_NS] = { "switch_ns", UNIT_NS, "switch", LESS },
	[SWITCH_CYCLES] = { "switch_cycles", UNIT_CYCLES, "switch", LESS },
	/* What reading the clock costs is taken off, which may be more than a few pages take. */
	[TOUCH_NS] = { "touch_ns", UNIT_NS, "page", LESS, .signed_value = true },
	[TOUCH_CYCLES] = { "touch_cycles", UNIT_CYCLES, "page", LESS, .signed_value = true },
	[WARM_NS] = { "warm_ns", UNIT_NS, "page", LESS },
	[WARM_CYCLES] = { "warm_cycles", UNIT_CYCLES, "page", LESS },
	[REFILL_NS] = { "refill_ns", UNIT_NS, "switch", LESS, .signed_value = true },
	[REFILL_CYCLES] = { "refill_cycles", UNIT_CYCLES, "switch", LESS, .signed_value = true },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	(void)setting;
	if (value[PAGES] && value[PAGES] < PAGES_LEAST)
		return FIT_NEVER;
	return value[PAGE_SIZE] * value[PAGES] <= MEMORY_USUAL_BYTES ? FIT_ALWAYS : FIT_IF_ASKED;
}

/* Pages of 2M are transparent huge pages, or from the hugetlb pool where the kernel gives no transparent ones. */
static int memory_make(const struct experiment_request *request, struct backed *memory, struct reason *why)
{
	const struct backed_limits limits = { .stop = request->stop };
	uint64_t pages = request->value[PAGES], page_bytes = request->value[PAGE_SIZE], reserved;
	uint64_t bytes = pages * page_bytes;
	int error;

	if (bytes > request->memory_budget_bytes || bytes > request->memory_effort_bytes)
		return fail(why, ENOMEM, "%" PRIu64 " pages of %" PRIu64 " KiB are more than %s", pages,
			page_bytes / KIB,
			bytes > request->memory_budget_bytes ? "half of the available memory, and a run takes no more"
							     : "this effort uses: a higher --effort measures them");
	if (page_bytes == PAGE_4K)
		return backed_alloc(memory, BACKING_4K, bytes, &limits, why);
	error = backed_alloc(memory, BACKING_2M_THP, bytes, &limits, why);
	if (!error || error == -EINTR || hugetlb_free(request->source, PAGE_2M, request->numa_node, &reserved, NULL) ||
		reserved < pages)
		return error;
	return backed_alloc(memory, BACKING_2M_HUGETLB, bytes, &limits, why);
}

static void values_set(
	const struct experiment_request *request, const struct context_switch_result *result, struct sample *sample)
{
	double refill = (double)request->value[PAGES] * (result->touch_tsc - result->warm_tsc);
	const double tsc[] = { result->switch_tsc, result->touch_tsc, result->warm_tsc, refill };

	static_assert(sizeof(tsc) / sizeof(tsc[0]) * 2 == METRICS, "each time is given in ns and in cycles");
	for (unsigned i = 0; i < sizeof(tsc) / sizeof(tsc[0]); i++) {
		sample->value[2 * i] = tsc[i] * request->ns_per_tsc;
		sample->value[2 * i + 1] = tsc[i] * request->cycles_per_tsc;
	}
	if (!request->value[PAGES])
		fail(&sample->unknown, ENODATA, "no page is touched after the switch");
	/* Each of the two waits for the other: only time in which neither ran is time away. */
	sample->away_most = AWAY_SHARE_OF_MEDIANS;
	sample->elapsed_ns = result->elapsed_ns;
	sample->away_ns = result->away_ns;
	for (unsigned i = 0; i < 2; i++) {
		sample->involuntary_switches += result->usage[i].involuntary_switches;
		sample->page_faults += result->usage[i].minor_faults + result->usage[i].major_faults;
	}
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	struct context_switch_spec spec = {
		.between = (enum workers_as)request->value[BETWEEN],
		.via = (enum context_switch_via)request->value[VIA],
		.cpu = request->cpus[0],
		.pages = (uint32_t)request->value[PAGES],
		.stop = request->stop,
	};
	struct backed memory = { 0 };
	const struct chain_pages pages = {
		.memory = &memory,
		.page_bytes = request->value[PAGE_SIZE],
		.count = spec.pages,
		.seed = request->seed,
	};
	struct context_switch_result result;
	int error = 0;

	if (spec.pages) {
		error = memory_make(request, &memory, why);
		if (!error)
			error = chain_over_pages(&pages, &spec.start, why);
		spec.memory = &memory;
	}
	if (!error)
		error = context_switch_take(&spec, &result, why);
	backed_free(&memory);
	if (!error)
		values_set(request, &result, sample);
	return error;
}

static const struct bench space_switch = {
	.name = "space-switch",
	.question = "what does a switch to another address space cost, and the TLB entries that it takes away?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = -1,
	.seconds = 8,
};

NESTWALK_BENCH(space_switch);
