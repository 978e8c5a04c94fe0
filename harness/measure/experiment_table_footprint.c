/* Experiments that count page tables: of guests and their hypervisor, or of processes. */
#include "measure/experiment_kinds.h"
#include "space/table_footprint.h"

#include <assert.h>
#include <string.h>

enum table_footprint_metric {
	TABLE_FOOTPRINT_GUEST_TABLE,
	TABLE_FOOTPRINT_HYPERVISOR_TABLE,
	TABLE_FOOTPRINT_EXPECTED_NESTED,
	TABLE_FOOTPRINT_EXPECTED_SHADOW,
	TABLE_FOOTPRINT_GUEST_PER_GIB,
	TABLE_FOOTPRINT_HYPERVISOR_PER_GIB,
	TABLE_FOOTPRINT_NATIVE_TABLE,
	TABLE_FOOTPRINT_NATIVE_EXPECTED,
	TABLE_FOOTPRINT_NATIVE_PER_GIB,
	TABLE_FOOTPRINT_METRICS,
};

const struct metric table_footprint_metrics[TABLE_FOOTPRINT_METRICS + 1] = {
	[TABLE_FOOTPRINT_GUEST_TABLE] = { "guest_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_HYPERVISOR_TABLE] = { "hypervisor_table_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_EXPECTED_NESTED] = { "expected_nested_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_EXPECTED_SHADOW] = { "expected_shadow_bytes", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_GUEST_PER_GIB] = { "guest_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_HYPERVISOR_PER_GIB] = { "hypervisor_bytes_per_gib", "bytes", SETTING_BIT(SETTING_VCPU) },
	[TABLE_FOOTPRINT_NATIVE_TABLE] = { "table_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[TABLE_FOOTPRINT_NATIVE_EXPECTED] = { "expected_bytes", "bytes", SETTING_BIT(SETTING_HOST) },
	[TABLE_FOOTPRINT_NATIVE_PER_GIB] = { "bytes_per_gib", "bytes", SETTING_BIT(SETTING_HOST) },
	[TABLE_FOOTPRINT_METRICS] = { NULL },
};

static_assert(TABLE_FOOTPRINT_METRICS <= METRICS_MAX, "bench.h");

static int guests_table_footprint(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct table_footprint_experiment footprint = experiment->table_footprint;
	struct table_footprint_result result;
	int error;

	footprint.stop = m->around->stop;
	error = table_footprint_take(&footprint, &result, why);
	if (error)
		return error;
	/* Sums over all VMs and their vCPUs. */
	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		outcome->disturbance.kvm[i] = result.kvm[i];
	memcpy(outcome->kvm_pages, result.kvm, sizeof(outcome->kvm_pages));
	outcome->value[TABLE_FOOTPRINT_GUEST_TABLE] = (double)(result.guest_table_pages * PAGE_4K);
	if (result.hypervisor_table_bytes.known) {
		outcome->value[TABLE_FOOTPRINT_HYPERVISOR_TABLE] = (double)result.hypervisor_table_bytes.value;
		outcome->value[TABLE_FOOTPRINT_HYPERVISOR_PER_GIB] = result.hypervisor_bytes_per_gib;
	} else {
		outcome->unknown = result.hypervisor_table_bytes.why;
	}
	outcome->value[TABLE_FOOTPRINT_EXPECTED_NESTED] = (double)result.expected_bytes_nested;
	outcome->value[TABLE_FOOTPRINT_EXPECTED_SHADOW] = (double)result.expected_bytes_shadow;
	outcome->value[TABLE_FOOTPRINT_GUEST_PER_GIB] = result.guest_bytes_per_gib;
	return 0;
}

static int native_table_footprint(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct table_footprint_native_experiment native = {
		.processes = experiment->table_footprint.processes,
		.mapped_bytes = experiment->table_footprint.mapped_bytes,
		.backing = experiment->table_footprint.backing,
		.stop = m->around->stop,
	};
	struct table_footprint_native_result result;
	int error = table_footprint_native(&native, &result, why);

	if (error)
		return error;
	outcome->value[TABLE_FOOTPRINT_NATIVE_TABLE] = (double)result.table_bytes;
	outcome->value[TABLE_FOOTPRINT_NATIVE_EXPECTED] = (double)result.expected_bytes;
	outcome->value[TABLE_FOOTPRINT_NATIVE_PER_GIB] = result.bytes_per_gib;
	return 0;
}

int experiment_take_table_footprint(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	return outcome->setting == SETTING_HOST ? native_table_footprint(m, experiment, outcome, why)
						: guests_table_footprint(m, experiment, outcome, why);
}
