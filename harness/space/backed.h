/* Memory of a known page size: made, touched, and proven to be what was asked for. */
#ifndef NESTWALK_BACKED_H
#define NESTWALK_BACKED_H

#include "base/reason.h"
#include "bench.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif

/*
 * Linux 6.1 and others do not count faults of hugetlb pages that MADV_POPULATE_WRITE brings in (mm/hugetlb.c,
 * follow_hugetlb_page() calls hugetlb_fault() past the accounting). Storing to the pages instead would be a SIGBUS, not
 * an error, where the pool runs out. smaps then is the only witness.
 */
#define FAULTS_NOT_COUNTED UINT64_MAX

struct backed {
	enum backing backing;
	unsigned char *at; /* aligned to the backing's page size, and to 2M at least */
	uint64_t bytes;
	uint64_t faults_expected, faults_counted; /* while it was touched first; FAULTS_NOT_COUNTED */
	uint64_t touch_ns; /* what touching it took: faults and zeroing */
	void *reserved; /* the address range around it, with an inaccessible page on both sides */
	uint64_t reserved_bytes;
};

/*
 * Map `bytes` (a multiple of the backing's page size) and fault every page in, on the NUMA node that the calling
 * thread's memory policy says. Verified against /proc/self/smaps and the kernel's fault count before it returns.
 * @stop: polled between chunks; where it becomes true the result is -EINTR. NULL: never.
 * @deadline_ns: CLOCK_MONOTONIC; past it memory->bytes is what was touched by then, a multiple of the page size and not
 * 0, and the rest is given back. 0: none.
 * 0; -ENOMEM the kernel does not have it, or not in that size; -ENOTSUP it never will; -EIO it gave something else.
 * No privilege needed, but hugetlb pages must have been reserved. Owned by the caller: backed_free().
 */
struct backed_limits {
	bool (*stop)(void);
	uint64_t deadline_ns;
	/*
	 * A guest's page, where that is larger: the memory is aligned to it, and a multiple of it whatever the
	 * deadline.
	 */
	uint64_t unit_bytes;
};
int backed_alloc(struct backed *memory, enum backing backing, uint64_t bytes, const struct backed_limits *limits,
	struct reason *why);
void backed_free(struct backed *memory);

/* The steps of backed_alloc(), for ranges of which only a part gets memory (sparse.c). */
struct backed_range {
	enum backing backing;
	unsigned char *at; /* reserved; mapped over */
	uint64_t bytes;
	uint64_t present_bytes; /* of it that will be touched */
};
int backed_map(const struct backed_range *range, struct reason *why);

/* Fault in whole pages. 0, or -errno. */
int backed_populate(void *at, uint64_t bytes, uint64_t page_bytes);

/* Faults of this thread so far; those since then that touched pages of a backing, or FAULTS_NOT_COUNTED. */
uint64_t backed_faults(void);
uint64_t backed_faults_since(uint64_t before, enum backing backing);

/* The page size as the kernel tells it, and as many faults as pages: two independent witnesses. 0; -EIO; -ENOMEM. */
int backed_verify(const struct backed_range *range, uint64_t faults_counted, struct reason *why);

#endif
