/*
 * table-memory: how much memory do page tables take, in guests, in the hypervisor, and natively?
 *
 * What is measured: V VMs with P address spaces each, every one loaded and walked; the tables in the guests (exact,
 * they are built here) and what the hypervisor added (SecPageTables of /proc/meminfo). On a host: VmPTE of P processes.
 * The formula: nested paging adds one tree a VM, shadow paging one for each address space: 4 VMs of 10 processes are 44
 * trees against 80.
 *
 * What could confound it: other VMs that come or go meanwhile. Trees are not bytes: where the processes of a VM have
 * memory of their own, a nested tree covers all of it, and only upper levels are saved (memory: own); where they share
 * it, bytes follow the trees (memory: shared).
 *
 * What would falsify it: hypervisor bytes that grow with P under nested paging and shared memory, or that do not under
 * shadow paging.
 */
#include "bench.h"

enum { VMS, PROCESSES, PAGE_SIZE, BACKING, MEMORY, MAPPED, AXES };

static const struct axis axes[AXES] = {
	[VMS] = { .name = "vms",
		.key = "vms",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 4),
		.least = 1,
		.most = 64,
		.settings = GUESTS,
		.help = "virtual machines" },
	[PROCESSES] = { .name = "processes",
		.key = "processes",
		.kind = AXIS_COUNT,
		VALUES(1, 4, 10),
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

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	*out = (struct experiment){
		.kind = EXPERIMENT_TABLE_FOOTPRINT,
		.table_footprint = {
			.vms = (uint32_t)value[VMS],
			.processes = (uint32_t)value[PROCESSES],
			.mapped_bytes = value[MAPPED],
			.page_bytes = value[PAGE_SIZE],
			.levels = 4,
			.backing = (enum backing)value[BACKING],
			.memory = (enum table_footprint_memory)value[MEMORY],
		},
	};
	if (backing_page_bytes(out->table_footprint.backing) == value[PAGE_SIZE])
		return FIT_ALWAYS;
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static const struct bench table_memory = {
	.name = "table-memory",
	.question = "how much memory do page tables take, in guests, in the hypervisor and natively?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.metrics = table_footprint_metrics,
	.experiment = experiment,
	.sweep_axis = -1,
	.seconds = 20,
};

NESTWALK_BENCH(table_memory);
