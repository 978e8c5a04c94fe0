/*
 * table-memory: how much memory do page tables take, in guests, in the hypervisor, and natively?
 *
 * What is measured: V VMs with P address spaces each, every one of which is loaded and walked. The tables of the guests
 * are exact, as they are built here. What the hypervisor adds is the growth of SecPageTables in /proc/meminfo. On a
 * host, it is VmPTE of P processes. By the formula nested paging adds one tree for each VM, and shadow paging one for
 * each address space: 4 VMs of 10 processes have 44 trees against 80.
 *
 * What could confound it: other VMs that start or stop meanwhile. Trees are not bytes: where each process of a VM has
 * memory of its own (memory=own), a nested tree covers all of it, and only upper levels are saved; where the processes
 * share their memory (memory=shared), bytes follow the trees.
 *
 * What would falsify it: with shared memory, bytes of the hypervisor that grow with P under nested paging, or that do
 * not grow with P under shadow paging.
 */
#include "bench.h"
#include "space/table_footprint.h"

#include <string.h>

enum { VMS, PROCESSES, PAGE_SIZE, BACKING, MEMORY, MAPPED, AXES };

static const struct axis axes[AXES] = {
	[VMS] = { .name = "vms",
		.key = "vms",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 4),
		BRIEF(4),
		.least = 1,
		.most = 64,
		.settings = GUESTS,
		.help = "virtual machines" },
	[PROCESSES] = { .name = "processes",
		.key = "processes",
		.kind = AXIS_COUNT,
		VALUES(1, 4, 10),
		BRIEF(10),
		.least = 1,
		.most = 256,
		.settings = EVERYWHERE,
		.help = "address spaces in each; on a host, processes" },
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M),
	[BACKING] = BACKING_AXIS(BACKING_4K, BACKING_2M_THP),
	[MEMORY] = { .name = "memory",
		.key = "memory",
		.kind = AXIS_CHOICE,
		.choices = table_footprint_memory_names,
		VALUES(TABLE_FOOTPRINT_SHARED, TABLE_FOOTPRINT_OWN),
		BRIEF(TABLE_FOOTPRINT_SHARED),
		.most = TABLE_FOOTPRINT_MEMORIES - 1,
		.settings = GUESTS,
		.help = "whether the processes of a VM map the same memory or each its own" },
	[MAPPED] = { .name = "mapped",
		.key = "mapped_bytes",
		.kind = AXIS_BYTES,
		VALUES(16 * MIB),
		.least = PAGE_2M,
		.most = 64 * GIB,
		.settings = EVERYWHERE,
		.help = "mapped by each address space" },
};

enum {
	GUEST_TABLE,
	HYPERVISOR_TABLE,
	EXPECTED_NESTED,
	EXPECTED_SHADOW,
	GUEST_PER_GIB,
	HYPERVISOR_PER_GIB,
	NATIVE_TABLE,
	NATIVE_EXPECTED,
	NATIVE_PER_GIB,
	METRICS,
};

static const struct metric metrics[METRICS + 1] = {
	[GUEST_TABLE] = { "guest_table_bytes", UNIT_BYTES, NULL, LESS, .settings = GUESTS },
	[HYPERVISOR_TABLE] = { "hypervisor_table_bytes", UNIT_BYTES, NULL, LESS, .settings = GUESTS },
	[EXPECTED_NESTED] = { "expected_nested_bytes", UNIT_BYTES, NULL, NEITHER, .settings = GUESTS },
	[EXPECTED_SHADOW] = { "expected_shadow_bytes", UNIT_BYTES, NULL, NEITHER, .settings = GUESTS },
	[GUEST_PER_GIB] = { "guest_bytes_per_gib", UNIT_BYTES, "GiB mapped", LESS, .settings = GUESTS },
	[HYPERVISOR_PER_GIB] = { "hypervisor_bytes_per_gib", UNIT_BYTES, "GiB mapped", LESS, .settings = GUESTS },
	[NATIVE_TABLE] = { "table_bytes", UNIT_BYTES, NULL, LESS, .settings = HOSTS },
	[NATIVE_EXPECTED] = { "expected_bytes", UNIT_BYTES, NULL, NEITHER, .settings = HOSTS },
	[NATIVE_PER_GIB] = { "bytes_per_gib", UNIT_BYTES, "GiB mapped", LESS, .settings = HOSTS },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	if (backing_page_bytes((enum backing)value[BACKING]) == value[PAGE_SIZE])
		return FIT_ALWAYS;
	/* On a host a page is its own backing. */
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static int measure_guests(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const uint64_t *value = request->value;
	const struct table_footprint_experiment experiment = {
		.vms = (uint32_t)value[VMS],
		.processes = (uint32_t)value[PROCESSES],
		.mapped_bytes = value[MAPPED],
		.page_bytes = value[PAGE_SIZE],
		.levels = 4,
		.backing = (enum backing)value[BACKING],
		.memory = (enum table_footprint_memory)value[MEMORY],
		.stop = request->stop,
	};
	struct table_footprint_result result;
	int error = table_footprint_take(&experiment, &result, why);

	if (error)
		return error;
	memcpy(sample->kvm, result.kvm, sizeof(sample->kvm));
	sample->value[GUEST_TABLE] = (double)(result.guest_table_pages * PAGE_4K);
	if (result.hypervisor_table_bytes.known) {
		sample->value[HYPERVISOR_TABLE] = (double)result.hypervisor_table_bytes.value;
		sample->value[HYPERVISOR_PER_GIB] = result.hypervisor_bytes_per_gib;
	} else {
		sample->unknown = result.hypervisor_table_bytes.why;
	}
	sample->value[EXPECTED_NESTED] = (double)result.expected_bytes_nested;
	sample->value[EXPECTED_SHADOW] = (double)result.expected_bytes_shadow;
	sample->value[GUEST_PER_GIB] = result.guest_bytes_per_gib;
	return 0;
}

static int measure_processes(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const struct table_footprint_native_experiment experiment = {
		.processes = (uint32_t)request->value[PROCESSES],
		.mapped_bytes = request->value[MAPPED],
		.backing = (enum backing)request->value[BACKING],
		.stop = request->stop,
	};
	struct table_footprint_native_result result;
	int error = table_footprint_native(&experiment, &result, why);

	if (error)
		return error;
	sample->value[NATIVE_TABLE] = (double)result.table_bytes;
	sample->value[NATIVE_EXPECTED] = (double)result.expected_bytes;
	sample->value[NATIVE_PER_GIB] = result.bytes_per_gib;
	return 0;
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	return request->setting == SETTING_HOST ? measure_processes(request, sample, why)
						: measure_guests(request, sample, why);
}

static const struct bench table_memory = {
	.name = "table-memory",
	.question = "how much memory do page tables take, in guests, in the hypervisor and natively?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = -1,
	.seconds = 6,
};

NESTWALK_BENCH(table_memory);
