/*
 * tlb-shootdown: what does it cost to take pages away from CPUs that have them in their TLBs?
 *
 * What is measured: one call of munmap, mprotect (to read-only) or madvise(MADV_DONTNEED) over N pages of 4K side by
 * side, by a thread whose process has other threads on T other CPUs. Those have just loaded a byte of each page and run
 * on in user mode. The kernel has to interrupt each and wait until it has flushed. operation_ns is the call itself;
 * victim_ns is what one interrupted CPU lost; interrupts_per_operation are the kernel's own count. T = 0 is what the
 * call costs where nobody else has to be told.
 *
 * What could confound it: a machine whose CPUs are busy, where threads are not where they should be when a call begins;
 * in a guest, a hypervisor that has to deliver the interrupts, or that has flushes done without; other programs'
 * shootdowns, which the kernel counts in the same line (T = 0 shows how many). N beyond what a TLB holds: the kernel
 * flushes all the same.
 *
 * What would falsify it: about as many interrupts without other CPUs as with them; a call with T > 0 that is no dearer
 * than one with T = 0; victim_ns that goes on growing with the pages beyond 33, from where on the kernel flushes all.
 */
#include "bench.h"

/* Where more than one CPU is told, all numbers of pages would be a long run: these show the shape. */
static bool telling(uint64_t pages)
{
	return pages == 1 || pages == 8 || pages == 33 || pages == 34 || pages == 512;
}

enum { OPERATION, OTHERS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[OPERATION] = { .name = "operation",
		.key = "operation",
		.kind = AXIS_CHOICE,
		.choices = shootdown_operation_names,
		VALUES(SHOOTDOWN_MUNMAP, SHOOTDOWN_MPROTECT, SHOOTDOWN_DONTNEED),
		.most = SHOOTDOWN_OPERATIONS - 1,
		.settings = HOSTS,
		.help = "how the pages are taken away: munmap, mprotect, dontneed" },
	[OTHERS] = { .name = "others",
		.key = "others",
		.kind = AXIS_COUNT,
		VALUES(0, 1, 2, 4, 8, 16, 32, 64, 128, 256),
		.least = 0,
		.most = 1023,
		.limit = LIMIT_OTHER_CPUS,
		.settings = HOSTS,
		.unusual = true,
		.help = "other CPUs that have the pages in their TLBs" },
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		/*
		 * Linux flushes up to tlb_single_page_flush_ceiling = 33 page by page, more as a whole
		 * (arch/x86/mm/tlb.c).
		 */
		VALUES(1, 2, 4, 8, 16, 32, 33, 34, 64, 128, 256, 512),
		.least = 1,
		.most = 4096,
		.settings = HOSTS,
		.unusual = true,
		.help = "pages of 4K taken away by one call" },
};

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_SHOOTDOWN,
		.shootdown = {
			.operation = (enum shootdown_operation)value[OPERATION],
			.pages = (uint32_t)value[PAGES],
			.others = (unsigned)value[OTHERS],
		},
	};
	return value[OTHERS] <= 1 || telling(value[PAGES]) ? FIT_ALWAYS : FIT_IF_ASKED;
}

static const struct bench tlb_shootdown = {
	.name = "tlb-shootdown",
	.question = "what does it cost to take pages away from CPUs that have them in their TLBs?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = shootdown_metrics,
	.experiment = experiment,
	.sweep_axis = -1,
	.seconds = 25,
};

NESTWALK_BENCH(tlb_shootdown);
