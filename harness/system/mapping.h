/*
 * The price of the hierarchy: building and tearing down the page tables of pages that lie at a given distance.
 *
 * Built by loads, one a page, from memory that nothing was stored to: so the kernel gives a page of zeros that it has
 * already, and what remains is the fault and the tables.
 *   4K: the shared zero page (mm/memory.c, do_anonymous_page()), THP refused.
 *   2M: the huge zero page (mm/huge_memory.c, do_huge_pmd_anonymous_page()), where THP and its use_zero_page allow it.
 *     Proven: a load at the other end of each page takes no fault.
 *   1G: hugetlb pages, which are no zero pages: each is zeroed, and that is in the time.
 * Torn down by one munmap(). One worker in a process of its own, at an address that has no tables yet down from 512G.
 *
 * Tables: by how much VmPTE of /proc/self/status grew, and VmPMD, which stood beside it until Linux 4.15 made VmPTE the
 * sum of the lower three levels (fs/proc/task_mmu.c, mm_pgtables_bytes()). Exact at once; no privilege, but /proc.
 */
#ifndef NESTWALK_MAPPING_H
#define NESTWALK_MAPPING_H

#include "system/worker_group.h"

/* Of addresses that the pages may lie in: half of what a process has with 4 levels. */
#define MAPPING_BYTES_MOST (UINT64_C(1) << 46)

struct mapping_experiment {
	uint64_t page_bytes; /* leaf: PAGE_4K, PAGE_2M or PAGE_1G */
	uint64_t distance_bytes; /* from page to page: page_bytes is dense */
	uint32_t pages;
};

struct mapping_spec {
	const struct mapping_experiment *experiment;
	int cpu;
	bool (*stop)(void); /* polled; where it becomes true: -EINTR. May be NULL */
};

struct mapping_result {
	double build_tsc, teardown_tsc; /* per page: medians over a few repetitions */
	unsigned repetitions; /* 1 where one takes long: that is no median */
	uint64_t table_bytes, expected_table_bytes; /* of the last repetition */
	double faults_per_page;
	struct worker_usage usage; /* of the loads alone */
};

/*
 * 0; -EINTR; -EINVAL experiment; -ENOMEM no addresses or memory; -ENOTSUP with *why: pages of that size, or VmPTE, are
 * not to be had; -EIO with *why: the tables are not those of the formula, within one of each level; not all were given
 * back; faults are not one a page; or the process died.
 */
int mapping_take(const struct mapping_spec *spec, struct mapping_result *result, struct reason *why);

/* Bytes from the first page to the end of the last; 0 where that is more than MAPPING_BYTES_MOST, or makes no sense. */
uint64_t mapping_span_bytes(const struct mapping_experiment *experiment);

/*
 * Tables by count of the regions that the pages lie in, 4 KiB for each of 2M, of 1G and of 512G (the last one, which
 * PUD tables cover, only where `pud` says that the kernel counts them). Pages of 2M have a table for each region of 2M,
 * too: Linux keeps one in reserve for the day the page is split, also behind the huge zero page (set_huge_zero_folio()
 * deposits it and counts it). Pages of 1G have tables of 512G only.
 */
uint64_t mapping_table_bytes(const struct mapping_experiment *experiment, bool pud);

/* One entry of 8 bytes for each 4K of the span: what one table without levels would take. */
uint64_t mapping_flat_bytes(const struct mapping_experiment *experiment);

#endif
