/* How much memory may be taken, and which page sizes the kernel will give. */
#ifndef NESTWALK_MEMORY_H
#define NESTWALK_MEMORY_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdint.h>

/*
 * The memory that can be taken: the smallest of MemAvailable, what limits of this process leave (process.h), and what each
 * cgroup limit up the hierarchy (v2 memory.max and memory.high, v1 memory.limit_in_bytes) still allows. File cache that
 * the kernel can drop counts as free, swap does not count. Returns 0, or -errno with *why where /proc/meminfo cannot be
 * read. On success *why (may be NULL) says in words what set the limit ("MemAvailable", or the cgroup's file), and which
 * limits are not known. No privilege.
 */
int memory_available(const struct machine_source *source, uint64_t *bytes, struct reason *why);

/* The memory that a run may take: half of memory_available(), so that the measured machine does not start to swap. */
int memory_budget(const struct machine_source *source, uint64_t *bytes, struct reason *why);

/*
 * Huge pages of `page_bytes` that can be mapped now: free, less those already promised to other mappings, with those that
 * the kernel would make when asked (nr_overcommit_hugepages), and no more than the hugetlb cgroup allows (beyond it a touch
 * is a SIGBUS, not an error).
 * @numa_node: count that node's only; -1: any. Returns 0 with *pages, which may be 0 with what to do about it in *why;
 * -ENOENT with *why where the kernel has no pool of that size. No privilege.
 */
int hugetlb_free(
	const struct machine_source *source, uint64_t page_bytes, int numa_node, uint64_t *pages, struct reason *why);

/* The bracketed word of /sys/kernel/mm/transparent_hugepage/enabled. */
enum thp_mode {
	THP_UNKNOWN, /* no such file: a kernel without transparent huge pages */
	THP_ALWAYS,
	THP_MADVISE,
	THP_NEVER,
};

/*
 * THP_ALWAYS and THP_MADVISE let madvise(MADV_HUGEPAGE) memory have huge pages of 2M. Otherwise *why (may be NULL) says
 * what to do. Takes the size's own switch into account (hugepages-2048kB/enabled, Linux 6.8), and is THP_NEVER where they
 * are off for this process alone (process.h).
 */
enum thp_mode thp_mode(const struct machine_source *source, struct reason *why);

/*
 * The same for huge pages of `page_bytes`, which page_is_mthp(). THP_UNKNOWN also where the kernel has no switch for the
 * size: Linux before 6.8 has no such pages.
 */
enum thp_mode mthp_mode(const struct machine_source *source, uint64_t page_bytes, struct reason *why);

/* The sizes between 4K and 2M for which that is THP_ALWAYS or THP_MADVISE: their sum, as each is a power of two. */
uint64_t mthp_offered(const struct machine_source *source);

/* "always", "madvise", "never"; "unknown". */
const char *thp_mode_name(enum thp_mode mode);

#endif
