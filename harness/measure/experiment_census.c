/* Experiments that count page tables: of guests and their hypervisor, or of processes. */
#include "measure/experiment_kinds.h"
#include "space/census.h"

#include <assert.h>
#include <string.h>

enum census_metric {
	CENSUS_GUEST_TABLE,
	CENSUS_HYPERVISOR_TABLE,
	CENSUS_EXPECTED_NESTED,
	CENSUS_EXPECTED_SHADOW,
	CENSUS_GUEST_PER_GIB,
	CENSUS_HYPERVISOR_PER_GIB,
	CENSUS_NATIVE_TABLE,
	CENSUS_NATIVE_EXPECTED,
	CENSUS_NATIVE_PER_GIB,
	CENSUS_METRICS,
};

const struct metric census_metrics[CENSUS_METRICS + 1] = {
	[CENSUS_GUEST_TABLE] = { "guest_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_HYPERVISOR_TABLE] = { "hypervisor_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_EXPECTED_NESTED] = { "expected_nested_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_EXPECTED_SHADOW] = { "expected_shadow_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_GUEST_PER_GIB] = { "guest_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_HYPERVISOR_PER_GIB] = { "hypervisor_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[CENSUS_NATIVE_TABLE] = { "table_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[CENSUS_NATIVE_EXPECTED] = { "expected_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[CENSUS_NATIVE_PER_GIB] = { "bytes_per_gib", "bytes", SETTING_BIT(SETTING_HOST) },
	[CENSUS_METRICS] = { NULL },
};

static_assert(CENSUS_METRICS <= METRICS_MAX, "bench.h");

static int guests_census(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct census_experiment census = experiment->census;
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
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct census_native_experiment census = {
		.processes = experiment->census.processes,
		.mapped_bytes = experiment->census.mapped_bytes,
		.backing = experiment->census.backing,
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

int experiment_take_census(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	return outcome->setting == SETTING_HOST ? native_census(m, experiment, outcome, why)
						: guests_census(m, experiment, outcome, why);
}
