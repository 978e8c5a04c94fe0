#include "space/table_footprint.h"

#include "base/units.h"
#include "space/laboratory.h"
#include "space/laboratory_guest.h"
#include "space/table_footprint_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define BITS_4K 12u
#define BITS_OF_LEVEL 9u
#define HYPERVISOR_LEVELS 4u /* what hosts use for guests of less than 256 TiB */

/* Nested tables of a VM beside those of the memory under test: root and PDPT; a directory for the arena (whose page
 * tables go by its size); a directory and a page table for the door. */
#define NESTED_FIXED_PAGES 5u

/*
 * Other causes may change SecPageTables while a table footprint is taken. A change up to this share of the expected
 * bytes is accepted.
 */
#define DRIFT_MOST 0.02

const char *const table_footprint_memory_names[TABLE_FOOTPRINT_MEMORIES] = {
	[TABLE_FOOTPRINT_SHARED] = "shared",
	[TABLE_FOOTPRINT_OWN] = "own",
};

static uint64_t divide_up(uint64_t value, uint64_t by)
{
	return (value + by - 1) / by;
}

/* The reach of a table of `level` in bytes: 2 MiB for a page table (level 1). */
static uint64_t table_reach(unsigned level)
{
	return 1ULL << (BITS_4K + BITS_OF_LEVEL * level);
}

/* The level of the tables that have leaves of that size. */
static unsigned leaf_level(uint64_t page_bytes)
{
	return page_bytes == PAGE_4K ? 1 : page_bytes == PAGE_2M ? 2 : 3;
}

/* Tables of levels first .. last that map `bytes` from an address on which all of them start. */
static uint64_t tables_between(uint64_t bytes, unsigned first, unsigned last)
{
	uint64_t tables = 0;

	for (unsigned level = first; level <= last; level++)
		tables += divide_up(bytes, table_reach(level));
	return tables;
}

static uint64_t memory_bytes(const struct table_footprint_experiment *experiment)
{
	return experiment->mapped_bytes * (experiment->memory == TABLE_FOOTPRINT_OWN ? experiment->processes : 1);
}

static int footprint_experiment_check(const struct table_footprint_experiment *experiment, struct reason *why)
{
	uint64_t unit = backing_page_bytes(experiment->backing);

	if (!experiment->vms || experiment->vms > TABLE_FOOTPRINT_VMS_MAX || !experiment->processes ||
		experiment->processes > TABLE_FOOTPRINT_PROCESSES_MAX)
		return fail(why, EINVAL, "a table footprint takes 1 to %u VMs of 1 to %u processes",
			TABLE_FOOTPRINT_VMS_MAX, TABLE_FOOTPRINT_PROCESSES_MAX);
	if (experiment->page_bytes != PAGE_4K && experiment->page_bytes != PAGE_2M && experiment->page_bytes != PAGE_1G)
		return fail(why, EINVAL, "no leaf of %" PRIu64 " bytes exists", experiment->page_bytes);
	if (!experiment->mapped_bytes || experiment->mapped_bytes % experiment->page_bytes ||
		experiment->mapped_bytes % unit)
		return fail(why, EINVAL, "%" PRIu64 " bytes are not a whole number of pages", experiment->mapped_bytes);
	if (experiment->levels < GUEST_LEVELS_MIN || experiment->levels > GUEST_LEVELS_MAX)
		return fail(why, EINVAL, "guest page tables have 4 or 5 levels, not %u", experiment->levels);
	if ((unsigned)experiment->memory >= TABLE_FOOTPRINT_MEMORIES)
		return fail(why, EINVAL, "there is no such memory for processes");
	return 0;
}

/*
 * Let the guest load an address space and read from each page of it, in steps of the smaller of guest's and host's
 * pages.
 */
static int space_walk(struct laboratory_guest *guest, uint32_t space,
	const struct table_footprint_experiment *experiment, struct reason *why)
{
	uint64_t unit = backing_page_bytes(experiment->backing);
	uint64_t stride = experiment->page_bytes < unit ? experiment->page_bytes : unit;
	int error;

	guest->call->cr3 = laboratory_guest_root(guest, space).at;
	guest->call->list = LABORATORY_REGION;
	guest->call->target = stride;
	guest->call->count = experiment->mapped_bytes / stride;
	error = laboratory_guest_run(guest, laboratory_sweep, why);
	if (!error && guest->call->end != LABORATORY_REGION + experiment->mapped_bytes)
		return fail(why, EIO, "a walk over an address space did not end where it must");
	return error;
}

static int vm_make(struct laboratory_guest *guest, const struct backed *memory,
	const struct table_footprint_experiment *experiment, struct reason *why)
{
	const struct laboratory_guest_spec spec = {
		.memory = memory,
		.page_bytes = experiment->page_bytes,
		.levels = experiment->levels,
		.spaces = experiment->processes,
		.mapped_bytes = experiment->mapped_bytes,
		.step_bytes = experiment->memory == TABLE_FOOTPRINT_OWN ? experiment->mapped_bytes : 0,
	};
	int error = laboratory_guest_open(guest, &spec, why);

	for (uint32_t i = 0; !error && i < experiment->processes; i++)
		error = experiment->stop && experiment->stop() ? fail(why, EINTR, "interrupted")
							       : space_walk(guest, i, experiment, why);
	return error;
}

/*
 * Count the tables of a VM's spaces, and the tables that the spaces share. The root of the common tree belongs to no
 * space.
 */
static void guest_count(const struct laboratory_guest *guest, struct table_footprint_result *result)
{
	uint64_t top = guest->spec.levels - 3;

	for (uint32_t i = 0; i < guest->spec.spaces; i++)
		result->guest_table_pages += guest->space[i].used_bytes / PAGE_4K;
	result->guest_shared_table_pages += guest->common.used_bytes / PAGE_4K - top;
}

static void kvm_count(struct laboratory_guest *guest, struct table_footprint_result *result)
{
	bool vcpu_fresh = !kvm_stats_read(&guest->vcpu.stats), vm_fresh = !kvm_stats_read(&guest->vm.stats);

	for (unsigned i = 0; i < KVM_COUNTS; i++) {
		bool of_vcpu = i < KVM_COUNTS_OF_VCPU;
		const struct kvm_stats *stats = of_vcpu ? &guest->vcpu.stats : &guest->vm.stats;
		uint64_t value = (of_vcpu ? vcpu_fresh : vm_fresh) ? kvm_stats_count(stats, (enum kvm_count)i)
								   : KVM_COUNT_UNKNOWN;

		if (value == KVM_COUNT_UNKNOWN || result->kvm[i] == KVM_COUNT_UNKNOWN)
			result->kvm[i] = KVM_COUNT_UNKNOWN;
		else
			result->kvm[i] += value;
	}
}

/*
 * The table bytes by formula. Nested: one tree for each VM over all its memory, in leaves as large as the host's pages.
 * Shadow: one tree for each space, in leaves as large as the smaller of guest's and host's; where the host's are
 * smaller, the tables below the guest's leaves go by guest-physical page, so that spaces with the same memory share
 * them (direct shadow pages: Documentation/virt/kvm/x86/mmu.rst).
 */
static void formulas_fill(const struct table_footprint_experiment *experiment, const struct laboratory_guest *guest,
	struct table_footprint_result *result)
{
	unsigned host_leaf = leaf_level(backing_page_bytes(experiment->backing)),
		 leaf = leaf_level(experiment->page_bytes);
	uint64_t spaces = (uint64_t)experiment->vms * experiment->processes;
	uint64_t nested = NESTED_FIXED_PAGES + divide_up(guest->arena.bytes, table_reach(1)) +
			  tables_between(memory_bytes(experiment), host_leaf, HYPERVISOR_LEVELS - 2);
	uint64_t split = host_leaf < leaf ? tables_between(memory_bytes(experiment), host_leaf, leaf - 1) : 0;

	result->guest_trees = spaces;
	result->hypervisor_trees_nested = experiment->vms;
	result->hypervisor_trees_shadow = spaces;
	result->expected_bytes_nested = experiment->vms * nested * PAGE_4K;
	result->expected_bytes_shadow =
		(result->guest_table_pages + result->guest_shared_table_pages + experiment->vms * split) * PAGE_4K;
}

static void per_gib_fill(const struct table_footprint_experiment *experiment, struct table_footprint_result *result)
{
	double gib = (double)experiment->vms * experiment->processes * (double)experiment->mapped_bytes / (double)GIB;

	result->guest_bytes_per_gib =
		(double)(result->guest_table_pages + result->guest_shared_table_pages) * (double)PAGE_4K / gib;
	result->hypervisor_bytes_per_gib =
		result->hypervisor_table_bytes.known ? (double)result->hypervisor_table_bytes.value / gib : -1;
}

/* Afterwards there must be as many bytes as before. Otherwise something else changed them, too. */
static void drift_check(const struct table_footprint_number *before, const struct table_footprint_number *after,
	struct table_footprint_number *growth)
{
	uint64_t drift;

	if (!growth->known)
		return;
	drift = after->value > before->value ? after->value - before->value : before->value - after->value;
	if (!after->known || (double)drift > DRIFT_MOST * (double)growth->value) {
		growth->known = false;
		fail(&growth->why, EIO,
			"something else on this machine changed its hypervisor's page tables meanwhile (by %" PRIu64
			" KiB): run it while no other VM starts or stops",
			drift / KIB);
	}
}

static void growth_fill(const struct table_footprint_number *before, struct table_footprint_number *growth)
{
	struct table_footprint_number now;

	table_footprint_secondary_tables(&now);
	*growth = before->known ? now : *before;
	if (!growth->known)
		return;
	growth->known = now.value >= before->value;
	if (growth->known)
		growth->value -= before->value;
	else
		fail(&growth->why, EIO, "SecPageTables fell while VMs were made: other VMs here gave theirs back");
}

int table_footprint_take(
	const struct table_footprint_experiment *experiment, struct table_footprint_result *result, struct reason *why)
{
	struct laboratory_guest *guests = NULL;
	struct table_footprint_number before, after;
	struct backed memory = { 0 };
	uint32_t made = 0;
	int error = footprint_experiment_check(experiment, why);

	*result = (struct table_footprint_result){ 0 };
	if (error)
		return error;
	if (laboratory_prove_paging(&result->paging, NULL, &result->paging_why))
		result->paging = PAGING_UNKNOWN;
	guests = calloc(experiment->vms, sizeof(*guests));
	if (!guests)
		return fail(why, ENOMEM, "no memory for %" PRIu32 " VMs", experiment->vms);
	error = backed_alloc(&memory, experiment->backing, memory_bytes(experiment),
		&(struct backed_limits){ .stop = experiment->stop }, why);
	if (error)
		goto free;
	table_footprint_secondary_tables(&before);
	while (!error && made < experiment->vms)
		error = vm_make(&guests[made++], &memory, experiment, why);
	growth_fill(&before, &result->hypervisor_table_bytes);
	for (uint32_t i = 0; !error && i < made; i++) {
		guest_count(&guests[i], result);
		kvm_count(&guests[i], result);
	}
	if (!error)
		formulas_fill(experiment, &guests[0], result);
	for (uint32_t i = 0; i < made; i++)
		laboratory_guest_close(&guests[i]);
	if (!error) {
		table_footprint_secondary_tables(&after);
		drift_check(&before, &after, &result->hypervisor_table_bytes);
		per_gib_fill(experiment, result);
	}
	backed_free(&memory);
free:
	free(guests);
	return error;
}
