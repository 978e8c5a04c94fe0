/* Experiments of the laboratory: a guest's page faults, and its loads of CR3. */
#include "measure/experiment_kinds.h"
#include "space/laboratory.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

const char *const touch_order_names[TOUCH_ORDERS] = { "shuffled", "sequential" };

enum fault_metric {
	FAULT_CYCLES,
	FAULT_NS,
	FAULT_TOUCH_CYCLES,
	FAULT_EXITS,
	FAULT_PF_TAKEN,
	FAULT_PF_FIXED,
	FAULT_PF_GUEST,
	FAULT_PF_EMULATE,
	FAULT_INSN_EMULATION,
	FAULT_HOST_FAULTS,
	FAULT_METRICS,
};

enum switch_metric {
	SWITCH_LOAD_CYCLES,
	SWITCH_LOAD_NS,
	SWITCH_FIRST_TOUCH_CYCLES,
	SWITCH_FIRST_TOUCH_NS,
	SWITCH_WARM_TOUCH_CYCLES,
	SWITCH_EXITS,
	SWITCH_METRICS,
};

const struct metric fault_metrics[FAULT_METRICS + 1] = {
	[FAULT_CYCLES] = { "fault_cycles", "cycles" },
	[FAULT_NS] = { "fault_ns", "ns" },
	[FAULT_TOUCH_CYCLES] = { "touch_cycles", "cycles" },
	[FAULT_EXITS] = { "exits_per_fault", "count" },
	[FAULT_PF_TAKEN] = { "pf_taken_per_fault", "count" },
	[FAULT_PF_FIXED] = { "pf_fixed_per_fault", "count" },
	[FAULT_PF_GUEST] = { "pf_guest_per_fault", "count" },
	[FAULT_PF_EMULATE] = { "pf_emulate_per_fault", "count" },
	[FAULT_INSN_EMULATION] = { "insn_emulation_per_fault", "count" },
	[FAULT_HOST_FAULTS] = { "host_faults_per_fault", "count" },
	[FAULT_METRICS] = { NULL },
};

const struct metric switch_metrics[SWITCH_METRICS + 1] = {
	[SWITCH_LOAD_CYCLES] = { "load_cycles", "cycles" },
	[SWITCH_LOAD_NS] = { "load_ns", "ns" },
	[SWITCH_FIRST_TOUCH_CYCLES] = { "first_touch_cycles", "cycles" },
	[SWITCH_FIRST_TOUCH_NS] = { "first_touch_ns", "ns" },
	[SWITCH_WARM_TOUCH_CYCLES] = { "warm_touch_cycles", "cycles" },
	[SWITCH_EXITS] = { "exits_per_load", "count" },
	[SWITCH_METRICS] = { NULL },
};

static_assert(FAULT_METRICS <= METRICS_MAX && SWITCH_METRICS <= METRICS_MAX, "bench.h");

static void usage_note(struct outcome *outcome, const struct laboratory_usage *usage)
{
	struct disturbance seen = {
		.involuntary_switches = usage->involuntary_switches,
		.page_faults = usage->minor_faults,
		.elapsed_ns = usage->elapsed_ns,
		.away_ns = usage->away_ns,
	};

	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		seen.kvm[i] = usage->kvm[i];
	memcpy(outcome->kvm_pages, usage->kvm, sizeof(outcome->kvm_pages));
	disturbance_add(&outcome->disturbance, &seen);
}

static double per(const struct laboratory_usage *usage, enum kvm_count count, uint64_t events)
{
	return usage->kvm[count] == KVM_COUNT_UNKNOWN ? NAN : (double)usage->kvm[count] / (double)events;
}

static int fault_experiment(
	struct laboratory *laboratory, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct fault_result result;
	int error = laboratory_fault(laboratory, &experiment->fault, &result, why);

	if (error)
		return error;
	outcome->value[FAULT_CYCLES] = result.tsc_per_fault * outcome->cycles_per_tsc;
	outcome->value[FAULT_NS] = result.tsc_per_fault * outcome->ns_per_tsc;
	outcome->value[FAULT_TOUCH_CYCLES] = result.tsc_per_touch * outcome->cycles_per_tsc;
	outcome->value[FAULT_EXITS] = per(&result.usage, KVM_COUNT_EXITS, result.pages);
	outcome->value[FAULT_PF_TAKEN] = per(&result.usage, KVM_COUNT_PF_TAKEN, result.pages);
	outcome->value[FAULT_PF_FIXED] = per(&result.usage, KVM_COUNT_PF_FIXED, result.pages);
	outcome->value[FAULT_PF_GUEST] = per(&result.usage, KVM_COUNT_PF_GUEST, result.pages);
	outcome->value[FAULT_PF_EMULATE] = per(&result.usage, KVM_COUNT_PF_EMULATE, result.pages);
	outcome->value[FAULT_INSN_EMULATION] = per(&result.usage, KVM_COUNT_INSN_EMULATION, result.pages);
	outcome->value[FAULT_HOST_FAULTS] = (double)result.usage.minor_faults / (double)result.pages;
	usage_note(outcome, &result.usage);
	return 0;
}

static int switch_experiment(
	struct laboratory *laboratory, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct switch_result result;
	int error = laboratory_switch(laboratory, &experiment->change, &result, why);

	if (error)
		return error;
	outcome->value[SWITCH_LOAD_CYCLES] = result.tsc_per_load * outcome->cycles_per_tsc;
	outcome->value[SWITCH_LOAD_NS] = result.tsc_per_load * outcome->ns_per_tsc;
	outcome->value[SWITCH_FIRST_TOUCH_CYCLES] = result.tsc_first_touch * outcome->cycles_per_tsc;
	outcome->value[SWITCH_FIRST_TOUCH_NS] = result.tsc_first_touch * outcome->ns_per_tsc;
	outcome->value[SWITCH_WARM_TOUCH_CYCLES] = result.tsc_warm_touch * outcome->cycles_per_tsc;
	outcome->value[SWITCH_EXITS] = result.exits_per_load < 0 ? NAN : result.exits_per_load;
	usage_note(outcome, &result.load_usage);
	usage_note(outcome, &result.touch_usage);
	return 0;
}

typedef int (*laboratory_part)(struct laboratory *laboratory, const struct experiment *experiment,
	struct outcome *outcome, struct reason *why);

static int in_laboratory(const struct measurement *m, const struct experiment *experiment, laboratory_part part,
	struct outcome *outcome, struct reason *why)
{
	struct backed_limits limits = { .stop = m->around->stop };
	struct laboratory_spec spec = {
		.pages = experiment->pages,
		.page_bytes = experiment->page_bytes,
		.levels = experiment->levels,
		.backing = experiment->backing,
		.frames = experiment->frames,
		.seed = gsl_rng_get(m->around->random),
		.limits = &limits,
	};
	struct laboratory *laboratory;
	int error = laboratory_open(&spec, &laboratory, why);

	if (error)
		return error;
	outcome->away_most = AWAY_SHARE_OF_MEDIANS;
	outcome->interpreted = laboratory_interpreted(laboratory);
	fail(&outcome->unknown, ENOTSUP, "this kernel's KVM does not count it");
	error = part(laboratory, experiment, outcome, why);
	laboratory_close(laboratory);
	return error;
}

int experiment_take_fault(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	return in_laboratory(m, experiment, fault_experiment, outcome, why);
}

int experiment_take_switch(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	return in_laboratory(m, experiment, switch_experiment, outcome, why);
}
