/*
 * The page sizes that the kernel says it mapped: /proc/self/smaps of one range (Documentation/filesystems/proc.rst). No
 * privilege.
 */
#ifndef NESTWALK_SMAPS_H
#define NESTWALK_SMAPS_H

#include "base/reason.h"

#include <stdint.h>
#include <stdio.h>

struct smaps_pages {
	uint64_t mapped_bytes; /* resident in any size (hugetlb included) */
	uint64_t anon_huge_bytes; /* by PMD-sized leaves of anonymous memory (AnonHugePages) */
	uint64_t hugetlb_bytes; /* Private_Hugetlb */
	uint64_t kernel_page_bytes; /* the largest KernelPageSize in the range */
};

/*
 * Sum up the mappings that lie within [start, start + bytes). 0, or -errno of opening the file; -ENOENT no mapping lies
 * there.
 */
int smaps_read(uint64_t start, uint64_t bytes, struct smaps_pages *pages, struct reason *why);

/* The same from an open stream, for tests. */
int smaps_parse(FILE *stream, uint64_t start, uint64_t bytes, struct smaps_pages *pages);

#endif
