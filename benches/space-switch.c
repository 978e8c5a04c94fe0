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
		.most = CONTEXT_SWITCH_VIAS - 1,
		.settings = HOSTS,
		.help = "how the turn is handed over: futex, pipe" },
	[PAGE_SIZE] = { .name = "page_size",
		.key = "page_size_bytes",
		.kind = AXIS_PAGE_SIZE,
		VALUES(PAGE_4K, PAGE_2M),
		.least = PAGE_4K,
		.most = PAGE_2M,
		.settings = HOSTS,
		.help = "of the pages touched: 4K, 2M" },
	[PAGES] = { .name = "touched",
		.key = "pages_touched",
		.kind = AXIS_COUNT,
		VALUES(0, 16, 64, 256, 1024, 4096),
		.least = 0,
		.most = 4096,
		.settings = HOSTS,
		.unusual = true,
		.help = "pages touched after each switch: none, or 16 and more" },
};

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_CONTEXT_SWITCH,
		.context_switch = {
			.between = (enum workers_as)value[BETWEEN],
			.via = (enum context_switch_via)value[VIA],
			.page_bytes = value[PAGE_SIZE],
			.pages_touched = (uint32_t)value[PAGES],
		},
	};
	if (value[PAGES] && value[PAGES] < PAGES_LEAST)
		return FIT_NEVER;
	return value[PAGE_SIZE] * value[PAGES] <= MEMORY_USUAL_BYTES ? FIT_ALWAYS : FIT_IF_ASKED;
}

static const struct bench space_switch = {
	.name = "space-switch",
	.question = "what does a switch to another address space cost, and the TLB entries that it takes away?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = context_switch_metrics,
	.experiment = experiment,
	.sweep_axis = -1,
	.seconds = 25,
};

NESTWALK_BENCH(space_switch);
