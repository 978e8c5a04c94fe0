/* Experiments of TLB shootdowns: pages taken away that other CPUs have in their TLBs. */
#include "machine/outer.h"
#include "measure/experiment_kinds.h"
#include "system/shootdown.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum shootdown_metric {
	SHOOTDOWN_OPERATION_NS,
	SHOOTDOWN_OPERATION_CYCLES,
	SHOOTDOWN_PER_PAGE_NS,
	SHOOTDOWN_INTERRUPTS,
	SHOOTDOWN_VICTIM_NS,
	SHOOTDOWN_METRICS,
};

const struct metric shootdown_metrics[SHOOTDOWN_METRICS + 1] = {
	[SHOOTDOWN_OPERATION_NS] = { "operation_ns", "ns" },
	[SHOOTDOWN_OPERATION_CYCLES] = { "operation_cycles", "cycles" },
	[SHOOTDOWN_PER_PAGE_NS] = { "per_page_ns", "ns" },
	[SHOOTDOWN_INTERRUPTS] = { "interrupts_per_operation", "count" },
	[SHOOTDOWN_VICTIM_NS] = { "victim_ns", "ns" },
	[SHOOTDOWN_METRICS] = { NULL },
};

static_assert(SHOOTDOWN_METRICS <= METRICS_MAX, "bench.h");

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

static void unknown_tell(unsigned others, const struct shootdown_result *result, struct outcome *outcome)
{
	fail(&outcome->unknown_of[SHOOTDOWN_VICTIM_NS], ENODATA, "%s",
		others ? "no other CPU was there when a call began" : "no other CPU has the pages");
	outcome->unknown = result->uncounted;
}

int experiment_take_shootdown(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	const struct shootdown_experiment *shootdown = &experiment->shootdown;
	struct shootdown_spec spec = {
		.experiment = *shootdown,
		.cpus = m->around->cpus,
		.memory_most_bytes = m->around->memory_budget_bytes,
		.stop = m->around->stop,
	};
	struct shootdown_result result;
	int error;

	if (1 + shootdown->others > m->around->cpu_count)
		return fail(why, ENODEV, "%u other CPUs are more than the %u that this run may use besides its own",
			shootdown->others, m->around->cpu_count - 1);
	error = shootdown_take(&spec, &result, why);
	if (!error && shootdown->others)
		error = shootdown_judge(&result, silent_flush(m->around->source), why);
	if (error)
		return error;
	outcome->value[SHOOTDOWN_OPERATION_NS] = result.operation_tsc * outcome->ns_per_tsc;
	outcome->value[SHOOTDOWN_OPERATION_CYCLES] = result.operation_tsc * outcome->cycles_per_tsc;
	outcome->value[SHOOTDOWN_PER_PAGE_NS] = outcome->value[SHOOTDOWN_OPERATION_NS] / shootdown->pages;
	outcome->value[SHOOTDOWN_INTERRUPTS] = result.interrupts;
	outcome->value[SHOOTDOWN_VICTIM_NS] = result.victim_tsc * outcome->ns_per_tsc;
	unknown_tell(shootdown->others, &result, outcome);
	outcome->away_most = AWAY_SHARE_OF_MEDIANS;
	outcome->disturbance = (struct disturbance){
		.involuntary_switches = result.involuntary_switches,
		.page_faults = result.page_faults,
		.elapsed_ns = result.elapsed_ns,
		.away_ns = result.away_ns,
	};
	return 0;
}
