/*
 * The table footprint: how many bytes of page tables it takes to have many address spaces, in the guests, in the
 * hypervisor, and natively. An experiment makes V VMs with P address spaces each, loads each space and walks all of it.
 *
 * Counted in trees, guests have V*P. The hypervisor adds V under nested paging, one for each VM, and V*P under shadow
 * paging, a merged tree for each of the guests'. Where the processes of a VM share their memory, bytes grow as the
 * number of trees. Where each process has memory of its own, a nested tree covers all of it, and only upper levels are
 * saved.
 */
#ifndef NESTWALK_TABLE_FOOTPRINT_H
#define NESTWALK_TABLE_FOOTPRINT_H

#include "base/reason.h"
#include "bench.h"
#include "kvm/stats.h"
#include "machine/hypervisor.h"

#include <stdbool.h>
#include <stdint.h>

#define TABLE_FOOTPRINT_VMS_MAX 64u
#define TABLE_FOOTPRINT_PROCESSES_MAX 256u

/* What the processes of a VM map. */
enum table_footprint_memory {
	TABLE_FOOTPRINT_SHARED, /* all processes map the same frames, as a buffer that many processes attach to */
	TABLE_FOOTPRINT_OWN, /* each process maps frames of its own */
	TABLE_FOOTPRINT_MEMORIES,
};
extern const char *const table_footprint_memory_names[TABLE_FOOTPRINT_MEMORIES]; /* "shared" "own" */

struct table_footprint_experiment {
	uint32_t vms; /* V: 1 .. TABLE_FOOTPRINT_VMS_MAX */
	uint32_t processes; /* P in each VM: 1 .. TABLE_FOOTPRINT_PROCESSES_MAX */
	uint64_t mapped_bytes; /* by each process: a multiple of page_bytes and of the backing's page size */
	uint64_t page_bytes; /* leaf in the guests' tables: PAGE_4K, PAGE_2M or PAGE_1G */
	unsigned levels; /* of the guests' tables: 4 or 5 */
	enum backing backing; /* of the memory mapped; the same host memory is behind all VMs */
	enum table_footprint_memory memory;
	bool (*stop)(void); /* polled between address spaces; when it becomes true: -EINTR. NULL: never */
};

struct table_footprint_native_experiment {
	uint32_t processes; /* N: 1 .. TABLE_FOOTPRINT_PROCESSES_MAX */
	uint64_t mapped_bytes; /* a multiple of the backing's page size */
	enum backing backing;
	bool (*stop)(void);
};

/* A number that may be unknown on this machine. */
struct table_footprint_number {
	bool known;
	uint64_t value;
	struct reason why; /* it is not known */
};

struct table_footprint_result {
	enum paging paging; /* proven by laboratory_prove_paging(); PAGING_UNKNOWN where that is not possible */
	struct reason paging_why; /* why it is not possible */

	/* Numbers of trees, by the formulas. */
	uint64_t guest_trees; /* V*P */
	uint64_t hypervisor_trees_nested; /* V */
	uint64_t hypervisor_trees_shadow; /* V*P */

	/*
	 * Tables of the guests, exact, as nestwalk builds them. Tables that all spaces of a VM share (code, stacks) are
	 * counted apart.
	 */
	uint64_t guest_table_pages; /* of all V*P trees */
	uint64_t guest_shared_table_pages;

	/* Tables of the hypervisor: by how much SecPageTables of /proc/meminfo grew, and what the formulas say. */
	struct table_footprint_number hypervisor_table_bytes;
	uint64_t expected_bytes_nested, expected_bytes_shadow;

	/*
	 * Sums over the VMs and their vCPUs after all spaces were walked; KVM_COUNT_UNKNOWN where KVM has no such
	 * count.
	 */
	uint64_t kvm[KVM_COUNTS];

	/* Table bytes per GiB that processes have mapped (V * P * mapped_bytes). */
	double guest_bytes_per_gib;
	double hypervisor_bytes_per_gib; /* negative where hypervisor_table_bytes is not known */
};

/*
 * 0; -EINVAL experiment; -ENOENT, -EACCES, -ENOTSUP no such VM here; -ENOMEM; -EINTR stopped or a signal came; -EIO a
 * vCPU stopped. VMs and memory are given back whatever the result. Reading SecPageTables exactly takes permission to
 * write /proc/sys/vm/stat_refresh (root): without, hypervisor_table_bytes is not known.
 */
int table_footprint_take(
	const struct table_footprint_experiment *experiment, struct table_footprint_result *result, struct reason *why);

struct table_footprint_native_result {
	/* VmPTE of all processes, less the VmPTE that as many processes have without the memory */
	uint64_t table_bytes;
	double bytes_per_gib; /* per GiB mapped (N * mapped_bytes) */
	/* Leaf tables alone: one for each 512 pages; for transparent huge pages one for each, in reserve. */
	uint64_t expected_bytes;
};

/*
 * N processes, forked, each of which has the same memory mapped in tables of its own: VmPTE of /proc/PID/status. The
 * kernel keeps a page table in reserve for each transparent huge page, in case the page is split, and VmPTE counts it.
 * 0; -EINVAL; -ENOMEM; -EINTR; -EIO. The processes have ended when it returns, and they end with their parent if the
 * parent dies.
 */
int table_footprint_native(const struct table_footprint_native_experiment *experiment,
	struct table_footprint_native_result *result, struct reason *why);

#endif
