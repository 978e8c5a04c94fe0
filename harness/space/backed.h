/* Memory of a known page size: mapped, faulted in, and verified to have the page size that was asked for. */
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
 * an error, where the pool runs out. Then only smaps shows the page size.
 */
#define FAULTS_NOT_COUNTED UINT64_MAX

struct backed {
	enum backing backing;
	unsigned char *at; /* aligned to the backing's page size, and to 2M at least */
	uint64_t bytes;
	uint64_t faults_expected, faults_counted; /* of the first touch; or FAULTS_NOT_COUNTED */
	uint64_t touch_ns; /* the time of the first touch: faults and zeroing; 0: not known (mthp_populate()) */
	void *reserved; /* the address range around it, with an inaccessible page on both sides */
	uint64_t reserved_bytes;
};

/*
 * Map `bytes` (a multiple of the backing's page size) and fault every page in, on the NUMA node that the calling
 * thread's memory policy says. Verified against /proc/self/smaps and the kernel's fault count before it returns.
 * @stop: polled between chunks of 64 to 256 MiB; where it becomes true the result is -EINTR. NULL: never.
 * @deadline_ns: CLOCK_MONOTONIC; past it memory->bytes is the size touched so far (a multiple of the page size, not 0),
 * and the rest is given back. 0: none. 0; -ENOMEM the kernel has no such memory now; -ENOTSUP this kernel cannot have
 * it; -EIO the kernel gave other pages. No privilege needed, but hugetlb pages must have been reserved. Owned by the
 * caller: backed_free().
 */
struct backed_limits {
	bool (*stop)(void);
	uint64_t deadline_ns;
	/*
	 * The page size of a guest, where it is larger than the backing's page. The memory is aligned to it and, also
	 * past the deadline, a multiple of it.
	 */
	uint64_t unit_bytes;
	/*
	 * Not 0: pages of 4K are touched in a random order, which follows from it. A kernel gives frames that lie side by side
	 * to pages touched one after the other, or it does not, as its free lists happen to be. Where the frames lie decides
	 * how many cache lines of a hypervisor's tables a walk beneath reads, and whether a CPU can hold neighbouring pages in one
	 * TLB entry. So neighbours get frames that have nothing to do with each other, on every machine.
	 */
	uint64_t order_seed;
};
int backed_alloc(struct backed *memory, enum backing backing, uint64_t bytes, const struct backed_limits *limits,
	struct reason *why);
void backed_free(struct backed *memory);

/*
 * Keep memory that a run holds on to from the processes that it forks: they have no use for it, copying its page tables
 * may take longer than what they are forked for, and each of its pages would fault in this process once more. A kernel
 * that refuses leaves it as it is, which costs time and nothing else.
 */
void backed_keep_from_children(void *at, uint64_t bytes);

/* The steps of backed_alloc(), for ranges of which only a part gets memory (sparse.c). */
struct backed_range {
	enum backing backing;
	unsigned char *at; /* reserved; mapped over */
	uint64_t bytes;
	uint64_t present_bytes; /* of it that will be touched */
	uint64_t given_before; /* by backed_map(): mthp_given() before it is touched */
};
int backed_map(struct backed_range *range, struct reason *why);

/* Fault in whole pages of memory that backed_map() mapped. 0, or -errno. */
int backed_populate(void *at, uint64_t bytes, uint64_t page_bytes);

/*
 * backed_faults(): the faults of this thread so far. backed_faults_since(): the faults since then, or
 * FAULTS_NOT_COUNTED for a backing whose faults the kernel does not count.
 */
uint64_t backed_faults(void);
uint64_t backed_faults_since(uint64_t before, enum backing backing);

/*
 * Verify the page size in two independent ways: by smaps, and by the number of faults. smaps does not show transparent
 * huge pages below 2M: there mthp_verify() is the second way. 0; -EIO; -ENOMEM.
 */
int backed_verify(const struct backed_range *range, uint64_t faults_counted, struct reason *why);

#endif
