/*
 * The one place that changes the host: hugetlb pools are enlarged for a run, and restored whatever happens.
 *
 * A watcher process holds the old sizes and writes them back when its pipe closes: at reserve_release(), and also when
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

struct reservation {
	struct reserve_pool pool[RESERVE_POOLS_MAX];
	unsigned pools;
	pid_t watcher; /* 0: none */
	int pipe;
	const char *root; /* "" for this machine; tests have a tree of their own */
};

/* Parse "2M:512,1G:8" into an empty reservation. 0; -EINVAL with *why. */
int reserve_parse(const char *text, struct reservation *reservation, struct reason *why);

/*
 * Enlarge the pools (/sys/kernel/mm/hugepages/hugepages-*kB/nr_hugepages, Documentation/admin-guide/mm/hugetlbpage.rst)
 * and read back how many pages there are. 0; -EACCES not root; -ENOENT no such pool; -ENOMEM the kernel did not find so
 * many contiguous pages (those that it found are given back). Needs root; an empty reservation needs nothing.
 */
int reserve_take(struct reservation *reservation, struct reason *why);

/* Give the pages back, and wait until that is done. Does nothing where nothing was taken. */
void reserve_release(struct reservation *reservation);

#endif
