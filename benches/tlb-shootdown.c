/*
 * tlb-shootdown: what does it cost to take pages away from CPUs that have them in their TLBs?
 *
 * What is measured: one call of munmap, mprotect (to read-only) or madvise(MADV_DONTNEED) over N pages of 4K side by
 * side. The process of the caller has other threads on T other CPUs, which have just loaded a byte of each page and run
 * on in user mode. The kernel has to interrupt each of them and wait until it has flushed. operation_ns is the time of
 * the call, victim_ns is what one interrupted CPU lost, and interrupts_per_operation is the kernel's own count. T = 0
 * is what the call costs where no other CPU has to be told.
 *
 * What could confound it: busy CPUs, where threads do not run when a call begins; a hypervisor that delivers the
 * interrupts, or flushes without them; shootdowns of other programs, which the kernel counts in the same line (T = 0
 * shows how many). More pages than a TLB holds are no confounder: the kernel flushes all the same.
 *
 * What would falsify it: about as many interrupts without other CPUs as with them; a call with T > 0 that is no dearer
 * than one with T = 0; a victim_ns that goes on growing beyond 33 pages, from where on the kernel flushes the whole
 * TLB.
 */
#include "bench.h"
#include "machine/outer.h"
#include "system/shootdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
		BRIEF(SHOOTDOWN_MUNMAP),
		.most = SHOOTDOWN_OPERATIONS - 1,
		.settings = HOSTS,
		.help = "how the pages are taken away: munmap, mprotect, dontneed" },
	[OTHERS] = { .name = "others",
		.key = "others",
		.kind = AXIS_COUNT,
		VALUES(0, 1, 2, 4, 8, 16, 32, 64, 128, 256),
		BRIEF(0, 1),
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
		BRIEF(1, 512),
		.least = 1,
		.most = 4096,
		.settings = HOSTS,
		.unusual = true,
		.help = "pages of 4K taken away by one call" },
};

enum { OPERATION_NS, OPERATION_CYCLES, PER_PAGE_NS, INTERRUPTS_PER_OPERATION, VICTIM_NS, METRICS };

static const struct metric metrics[METRICS + 1] = {
	[OPERATION_NS] = { "operation_ns", UNIT_NS, "call", LESS },
	[OPERATION_CYCLES] = { "operation_cycles", UNIT_CYCLES, "call", LESS },
	[PER_PAGE_NS] = { "per_page_ns", UNIT_NS, "page", LESS },
	[INTERRUPTS_PER_OPERATION] = { "interrupts_per_operation", UNIT_COUNT, "call", LESS },
	/* What a step of the victim's loop takes is taken off: it may have lost nothing. */
	[VICTIM_NS] = { "victim_ns", UNIT_NS, "interrupted CPU", LESS, .signed_value = true },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	(void)setting;
	return value[OTHERS] <= 1 || telling(value[PAGES]) ? FIT_ALWAYS : FIT_IF_ASKED;
}

/*
 * What may flush other CPUs' TLBs without an interrupt that Linux counts, or NULL. INVLPGB broadcasts (Linux 6.15,
 * arch/x86/mm/tlb.c; AMD APM vol. 3). KVM's guests do not interrupt vCPUs that are not running
 * (KVM_FEATURE_PV_TLB_FLUSH, Documentation/virt/kvm/x86/cpuid.rst); those of Hyper-V and Xen PV leave flushing to the
 * hypervisor.
 */
static const char *silent_flush(const struct machine_source *source)
{
	struct outer outer;
	char *cpuinfo, *flags;
	bool broadcast = false;

	machine_outer(source, &outer);
	if (outer.is_guest)
		return "a hypervisor";
	if (source_read_all(source, "/proc/cpuinfo", &cpuinfo, NULL))
		return NULL;
	flags = malloc(strlen(cpuinfo) + 1);
	if (flags && text_field(cpuinfo, "flags", flags, strlen(cpuinfo) + 1))
		broadcast = text_has_word(flags, "invlpgb");
	free(flags);
	free(cpuinfo);
	return broadcast ? "INVLPGB" : NULL;
}

static void values_set(
	const struct experiment_request *request, const struct shootdown_result *result, struct sample *sample)
{
	sample->value[OPERATION_NS] = result->operation_tsc * request->ns_per_tsc;
	sample->value[OPERATION_CYCLES] = result->operation_tsc * request->cycles_per_tsc;
	sample->value[PER_PAGE_NS] = sample->value[OPERATION_NS] / (double)request->value[PAGES];
	sample->value[INTERRUPTS_PER_OPERATION] = result->interrupts;
	sample->value[VICTIM_NS] = result->victim_tsc * request->ns_per_tsc;
	fail(&sample->unknown_of[VICTIM_NS], ENODATA, "%s",
		request->value[OTHERS] ? "no other CPU was there when a call began" : "no other CPU has the pages");
	sample->unknown = result->uncounted;
	sample->away_most = AWAY_SHARE_OF_MEDIANS;
	sample->elapsed_ns = result->elapsed_ns;
	sample->away_ns = result->away_ns;
	sample->involuntary_switches = result->involuntary_switches;
	sample->page_faults = result->page_faults;
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const struct shootdown_spec spec = {
		.experiment = {
			.operation = (enum shootdown_operation)request->value[OPERATION],
			.pages = (uint32_t)request->value[PAGES],
			.others = (unsigned)request->value[OTHERS],
		},
		.cpus = request->cpus,
		.memory_most_bytes = request->memory_budget_bytes,
		.stop = request->stop,
	};
	unsigned others = spec.experiment.others;
	struct shootdown_result result;
	int error;

	if (1 + others > request->cpu_count)
		return fail(why, ENODEV, "%u other CPUs are more than the %u that this run may use besides its own",
			others, request->cpu_count - 1);
	error = shootdown_take(&spec, &result, why);
	if (!error && others)
		error = shootdown_judge(&result, silent_flush(request->source), why);
	if (!error)
		values_set(request, &result, sample);
	return error;
}

static const struct bench tlb_shootdown = {
	.name = "tlb-shootdown",
	.question = "what does it cost to take pages away from CPUs that have them in their TLBs?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = -1,
	.seconds = 10,
};

NESTWALK_BENCH(tlb_shootdown);
