/*
 * Transparent huge pages between 4K and 2M (mTHP): how memory gets pages of exactly one such size, and how one can know
 * that it did. A host's setting is not changed here: the size must be on in
 * /sys/kernel/mm/transparent_hugepage/hugepages-*kB/enabled.
 */
#ifndef NESTWALK_MTHP_H
#define NESTWALK_MTHP_H

#include "base/reason.h"

#include <stdint.h>

struct backed_range;

/*
 * Fault in whole pages of `page_bytes`, of private anonymous memory with MADV_NOHUGEPAGE that is not there yet. `at` is
 * aligned to the page. 0, or -errno. Where the kernel has no page of this size it gives smaller ones:
 * backed_verify() and mthp_verify() notice. No privilege.
 */
int mthp_populate(void *at, uint64_t bytes, uint64_t page_bytes);

/* Pages of this size that the kernel has given to faults of anonymous memory so far; UINT64_MAX: it does not count them. */
uint64_t mthp_given(uint64_t page_bytes);

/*
 * Verify that a range of such a backing has pages of that size: the kernel counted them (Linux 6.10), and, for a process
 * that may see frames (CAP_SYS_ADMIN) and a range without holes, those looked at are one page of neighbouring frames
 * each. 0; -EIO with *why.
 */
int mthp_verify(const struct backed_range *range, struct reason *why);

#endif
