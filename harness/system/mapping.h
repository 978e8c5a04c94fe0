/*
 * What the hierarchy of page tables costs: building and tearing down the tables of pages at a given distance.
 *
 * Tables are built by one load from each page of memory that nothing was stored to. The kernel then maps a page of
 * zeros that it has already, so that no frame is allocated or zeroed, and the fault and the tables remain.
 *   4K: the shared zero page (mm/memory.c, do_anonymous_page()); THP is refused.
 *   2M: the huge zero page (mm/huge_memory.c, do_huge_pmd_anonymous_page()), where THP and its use_zero_page allow it.
 *     A load at the other end of each page must take no fault, which proves that the page is large.
 *   1G: hugetlb pages. There is no zero page of that size: each page is zeroed, and its zeroing is in the time.
 * One munmap() tears all down. One worker does this in a process of its own, at addresses that have no tables of their
 * own below the 512G level.
 *
 * Bytes of tables are the growth of VmPTE in /proc/self/status, and of VmPMD, which stood beside it until Linux 4.15
 * made VmPTE the sum of the lower three levels (fs/proc/task_mmu.c, mm_pgtables_bytes()). They are exact at once. No
 * privilege is needed, but /proc.
 */
#ifndef NESTWALK_MAPPING_H
#define NESTWALK_MAPPING_H

#include "system/worker_group.h"

/* The most addresses that the pages may span: half of what a process has with 4 levels. */
#define MAPPING_BYTES_MOST (UINT64_C(1) << 46)

struct mapping_experiment {
	uint64_t page_bytes; /* leaf: PAGE_4K, PAGE_2M or PAGE_1G */
	uint64_t distance_bytes; /* from page to page; equal to page_bytes: the pages lie side by side */
	uint32_t pages;
};

struct mapping_spec {
	const struct mapping_experiment *experiment;
	int cpu;
	bool (*stop)(void); /* polled; when it becomes true: -EINTR. NULL: never */
};

struct mapping_result {
	double build_tsc, teardown_tsc; /* per page: medians over a few repetitions */
	unsigned repetitions; /* 1 where a repetition takes long: then there is no median */
	uint64_t table_bytes, expected_table_bytes; /* of the last repetition */
	double faults_per_page;
	struct worker_usage usage; /* of the loads alone */
};

/*
 * 0; -EINTR; -EINVAL: the experiment means nothing; -ENOMEM: no addresses or memory; -ENOTSUP with *why: this kernel
 * has no pages of that size, or no VmPTE; -EIO with *why: the tables differ from the formula by more than one of each
 * level, not all tables were given back, pages took more or less than a fault each, or the process died.
 */
int mapping_take(const struct mapping_spec *spec, struct mapping_result *result, struct reason *why);

/* Bytes from the first page to the end of the last. 0: more than MAPPING_BYTES_MOST, or an experiment without sense. */
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
