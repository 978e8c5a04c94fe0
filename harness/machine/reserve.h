/*
 * The one place that changes the host: for a run, hugetlb pools are enlarged and sizes of transparent huge pages are
 * turned on; and restored whatever happens.
 *
 * A watcher process holds the old values and writes them back when its pipe closes: at reserve_release(), and also when
 * this process dies, of SIGKILL too.
 */
#ifndef NESTWALK_RESERVE_H
#define NESTWALK_RESERVE_H

#include "base/reason.h"

#include <stdint.h>
#include <sys/types.h>

#define RESERVE_POOLS_MAX 4 /* x86-64 has two page sizes for hugetlb */

struct reserve_pool {
	uint64_t page_bytes;
	uint64_t pages; /* to add to what the pool has */
	uint64_t before; /* out: the size it is given back to */
};

#define RESERVE_SIZES_MAX 16 /* a fault takes at most 512 pages of 4K: fewer powers of two than this */

/* A size of transparent huge pages that madvise() is to give. */
struct reserve_size {
	uint64_t page_bytes;
	char before[16]; /* out: the word it is given back: always, inherit, madvise, never */
};

struct reservation {
	struct reserve_pool pool[RESERVE_POOLS_MAX];
	unsigned pools;
	struct reserve_size size[RESERVE_SIZES_MAX];
	unsigned sizes;
	pid_t watcher; /* 0: none */
	int pipe;
	const char *root; /* "" for this machine; tests have a tree of their own */
};

#define RESERVATION_EMPTY ((struct reservation){ .pipe = -1, .root = "" })

/*
 * Put "2M:512,1G:8" (pools) or "16K,64K" (sizes of transparent huge pages) into a reservation, which has nothing of that
 * kind yet. 0; -EINVAL with *why.
 */
int reserve_parse_pools(const char *text, struct reservation *reservation, struct reason *why);
int reserve_parse_sizes(const char *text, struct reservation *reservation, struct reason *why);

/*
 * Enlarge the pools (/sys/kernel/mm/hugepages/hugepages-*kB/nr_hugepages, Documentation/admin-guide/mm/hugetlbpage.rst)
 * and read back how many pages there are. Set the sizes to "madvise", but for those that are at "always" already
 * (/sys/kernel/mm/transparent_hugepage/hugepages-*kB/enabled, Documentation/admin-guide/mm/transhuge.rst). 0; -EACCES
 * not root; -ENOENT no such pool or size; -CANNOT_HERE the kernel did not find so many contiguous pages (those that it found
 * are given back). Needs root; an empty reservation needs nothing.
 */
int reserve_take(struct reservation *reservation, struct reason *why);

/* Give the pages back, and wait until that is done. Does nothing where nothing was taken. */
void reserve_release(struct reservation *reservation);

#endif
