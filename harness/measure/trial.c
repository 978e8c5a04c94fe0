#include "measure/trial.h"

#include "measure/stats.h"
#include "space/census.h"
#include "space/lab.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

const char *const touch_order_names[TOUCH_ORDERS] = { "shuffled", "sequential" };

const struct metric fault_metrics[FAULT_METRICS] = {
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
};

const struct metric switch_metrics[SWITCH_METRICS] = {
	[SWITCH_LOAD_CYCLES] = { "load_cycles", "cycles" },
	[SWITCH_LOAD_NS] = { "load_ns", "ns" },
	[SWITCH_FIRST_TOUCH_CYCLES] = { "first_touch_cycles", "cycles" },
	[SWITCH_FIRST_TOUCH_NS] = { "first_touch_ns", "ns" },
	[SWITCH_WARM_TOUCH_CYCLES] = { "warm_touch_cycles", "cycles" },
	[SWITCH_EXITS] = { "exits_per_load", "count" },
};

const struct metric census_metrics[CENSUS_METRICS] = {
	[CENSUS_GUEST_TABLE] = { "guest_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_HYPERVISOR_TABLE] = { "hypervisor_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_EXPECTED_NESTED] = { "expected_nested_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_EXPECTED_SHADOW] = { "expected_shadow_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_GUEST_PER_GIB] = { "guest_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_HYPERVISOR_PER_GIB] = { "hypervisor_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_NATIVE_TABLE] = { "table_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[CENSUS_NATIVE_EXPECTED] = { "expected_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[CENSUS_NATIVE_PER_GIB] = { "bytes_per_gib", "bytes", SETTING_BIT(SETTING_HOST) },
};

static_assert(FAULT_METRICS == FAULT_METRIC_COUNT, "bench.h");
static_assert(SWITCH_METRICS == SWITCH_METRIC_COUNT, "bench.h");
static_assert(CENSUS_METRICS == CENSUS_METRIC_COUNT, "bench.h");
static_assert(FAULT_METRICS <= METRICS_MAX && CENSUS_METRICS <= METRICS_MAX, "bench.h");

/* What one trial came to. */
struct outcome {
	double value[METRICS_MAX];
	struct disturbance disturbance;
	uint64_t kvm_pages[KVM_COUNTS]; /* KVM's counts of the VM as they stood at the end; KVM_COUNT_UNKNOWN */
	struct reason unknown; /* why a value is NAN */
	bool interpreted, timed;
	double ns_per_tsc, cycles_per_tsc;
};

static void usage_note(struct outcome *outcome, const struct lab_usage *usage)
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

static double per(const struct lab_usage *usage, enum kvm_count count, uint64_t events)
{
	return usage->kvm[count] == KVM_COUNT_UNKNOWN ? NAN : (double)usage->kvm[count] / (double)events;
}

static int fault_trial(struct lab *lab, const struct trial *trial, struct outcome *outcome, struct reason *why)
{
	struct fault_result result;
	int error = lab_fault(lab, &trial->fault, &result, why);

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

static int switch_trial(struct lab *lab, const struct trial *trial, struct outcome *outcome, struct reason *why)
{
	struct switch_result result;
	int error = lab_switch(lab, &trial->change, &result, why);

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

static int lab_trial(
	const struct measurement *m, const struct trial *trial, struct outcome *outcome, struct reason *why)
{
	struct backed_limits limits = { .stop = m->around->stop };
	struct lab_spec spec = {
		.pages = trial->pages,
		.page_bytes = trial->page_bytes,
		.levels = trial->levels,
		.backing = trial->backing,
		.frames = trial->frames,
		.seed = gsl_rng_get(m->around->random),
		.limits = &limits,
	};
	struct lab *lab;
	int error = lab_open(&spec, &lab, why);

	if (error)
		return error;
	outcome->timed = true;
	outcome->interpreted = lab_interpreted(lab);
	fail(&outcome->unknown, ENOTSUP, "this kernel's KVM does not count it");
	error = trial->kind == TRIAL_FAULT ? fault_trial(lab, trial, outcome, why)
					   : switch_trial(lab, trial, outcome, why);
	lab_close(lab);
	return error;
}

static int guests_census(
	const struct measurement *m, const struct trial *trial, struct outcome *outcome, struct reason *why)
{
	struct census_trial census = trial->census;
	struct census_result result;
	int error;

	census.stop = m->around->stop;
	error = census_take(&census, &result, why);
	if (error)
		return error;
	/* Sums over all VMs and their vCPUs. */
	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		outcome->disturbance.kvm[i] = result.kvm[i];
	memcpy(outcome->kvm_pages, result.kvm, sizeof(outcome->kvm_pages));
	outcome->value[CENSUS_GUEST_TABLE] = (double)(result.guest_table_pages * PAGE_4K);
	if (result.hypervisor_table_bytes.known) {
		outcome->value[CENSUS_HYPERVISOR_TABLE] = (double)result.hypervisor_table_bytes.value;
		outcome->value[CENSUS_HYPERVISOR_PER_GIB] = result.hypervisor_bytes_per_gib;
	} else {
		outcome->unknown = result.hypervisor_table_bytes.why;
	}
	outcome->value[CENSUS_EXPECTED_NESTED] = (double)result.expected_bytes_nested;
	outcome->value[CENSUS_EXPECTED_SHADOW] = (double)result.expected_bytes_shadow;
	outcome->value[CENSUS_GUEST_PER_GIB] = result.guest_bytes_per_gib;
	return 0;
}

static int native_census(
	const struct measurement *m, const struct trial *trial, struct outcome *outcome, struct reason *why)
{
	struct census_native_trial census = {
		.processes = trial->census.processes,
		.mapped_bytes = trial->census.mapped_bytes,
		.backing = trial->census.backing,
		.stop = m->around->stop,
	};
	struct census_native_result result;
	int error = census_native(&census, &result, why);

	if (error)
		return error;
	outcome->value[CENSUS_NATIVE_TABLE] = (double)result.table_bytes;
	outcome->value[CENSUS_NATIVE_EXPECTED] = (double)result.expected_bytes;
	outcome->value[CENSUS_NATIVE_PER_GIB] = result.bytes_per_gib;
	return 0;
}

static int outcome_take(const struct measurement *m, const struct trial *trial, enum setting setting,
	struct outcome *outcome, struct reason *why)
{
	*outcome = (struct outcome){ .ns_per_tsc = (double)NS_PER_S / m->around->context.tsc_hz };
	for (unsigned i = 0; i < METRICS_MAX; i++)
		outcome->value[i] = NAN;
	outcome->cycles_per_tsc = clock_ratio();
	if (trial->kind != TRIAL_CENSUS)
		return lab_trial(m, trial, outcome, why);
	return setting == SETTING_HOST ? native_census(m, trial, outcome, why) : guests_census(m, trial, outcome, why);
}

/* Of a trial's time that its thread may have been away: the median over its chunks is then still one of good chunks. */
#define TRIAL_AWAY_SHARE 0.25

static bool outcome_contaminated(const struct outcome *outcome)
{
	const struct disturbance *seen = &outcome->disturbance;

	return outcome->timed && (double)seen->away_ns > TRIAL_AWAY_SHARE * (double)seen->elapsed_ns;
}

static int point_take(struct measurement *m, struct cell *cell, unsigned setting)
{
	struct point *point = &cell->point[setting];
	struct reason why = { "" };
	struct outcome outcome;
	int error = 0;

	for (unsigned take = 0; take <= RETAKES; take++) {
		error = outcome_take(m, &cell->trial, (enum setting)setting, &outcome, &why);
		if (error)
			break;
		disturbance_add(&point->disturbance, &outcome.disturbance);
		if (!outcome_contaminated(&outcome))
			break;
		point->discarded++;
	}
	if (error == -EINTR)
		return error;
	if (error) {
		point_fail(point, error == -EIO || error == -EINVAL ? POINT_ERROR : POINT_SKIPPED, &why);
		return 0;
	}
	if (outcome_contaminated(&outcome)) {
		point->contaminated++;
		return 0;
	}
	point->interpreted = outcome.interpreted;
	point->unknown = outcome.unknown;
	memcpy(point->kvm_pages, outcome.kvm_pages, sizeof(point->kvm_pages));
	point->page_bytes = 0; /* verified by the trial itself */
	return point_add(point, outcome.value, outcome.cycles_per_tsc, m->round);
}

int trial_measure(struct measurement *m, struct cell *cell)
{
	int error = 0;

	for (unsigned s = 0; s < SETTING_COUNT && !error; s++)
		if ((cell->settings & SETTING_BIT(s)) && cell->point[s].status == POINT_OK)
			error = point_take(m, cell, s);
	return error;
}
