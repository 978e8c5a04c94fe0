/*
 * Pages far apart: one page, or a few page tables with some pages each, in each unit of a large range of virtual addresses,
 * so that each access of a chase over them needs table entries, or whole tables, of its own. The addresses between have no
 * memory.
 *
 * In this process the pages are new, or they are lent by memory that is there already. Small pages are cheaper to make
 * than to move (a system call each), and large ones are cheaper to move than to zero.
 */
#ifndef NESTWALK_SPARSE_H
#define NESTWALK_SPARSE_H

#include "space/backed.h"

struct sparse_spec {
	enum backing backing;
	uint64_t page_bytes; /* of the placed pages; in this process it is the backing's */
	uint64_t distance_bytes; /* a power of two, at least a page */
	uint32_t pages; /* of all units */
	bool scattered; /* each unit has another of its pages; otherwise the first */
	/* scattered 4K pages: page tables of a unit, side by side, and pages of a table, every second one; 0: one */
	unsigned unit_tables, table_pages;
	/*
	 * A vCPU's pages larger than 4K: SPARSE_SHARERS of them have one frame, and each uses another line of it. So many
	 * pages need little memory. A process cannot map a page of its own twice.
	 */
	bool shared_frames;
	bool mapped; /* make memory in this process at these addresses; else only choose and reserve them */
	/*
	 * Where it is not NULL, no memory is made. sparse_borrow() moves the last `pages` pages of this memory to their
	 * places, and sparse_return() moves them back. The memory outlives the sparse range.
	 */
	const struct backed *lender;
	uint64_t seed;
};

struct sparse {
	struct sparse_spec spec;
	uint64_t base; /* virtual address of unit 0, aligned to the distance */
	uint64_t *offset; /* of each page from there, bytes, ascending; owned */
	uint64_t faults_expected, faults_counted; /* where mapped */
	uint32_t borrowed; /* pages of the lender that are here now */
	void *reserved;
	uint64_t reserved_bytes;
};

/*
 * The most addresses that a range may take: half of a process's addresses with 4 levels, so that there is always room.
 */
#define SPARSE_BYTES_MAX (UINT64_C(1) << 46)

/*
 * Choose and reserve addresses, and, where spec.mapped, make, touch and verify the pages (as backed_alloc() does; past
 * the deadline spec.pages is the number of pages touched so far). 0; -EINVAL spec; -ENOMEM no addresses or no memory;
 * -EINTR; -EIO not as asked for. Owned by the caller: sparse_free().
 */
int sparse_alloc(
	struct sparse *sparse, const struct sparse_spec *spec, const struct backed_limits *limits, struct reason *why);
void sparse_free(struct sparse *sparse);

/*
 * Move the lender's pages to their places, with their contents, and back. Between the two nobody else may use the end of
 * the lender's memory, and no other thread may map memory. Both do nothing where there is no lender. 0; -errno with *why:
 * as many pages as could be moved are here, and sparse_return() is due in any case.
 */
int sparse_borrow(struct sparse *sparse, struct reason *why);
int sparse_return(struct sparse *sparse, struct reason *why);

/*
 * How many pages share a frame. Linux's shadow MMU keeps no more than 1000 entries for one guest frame
 * (RMAP_RECYCLE_THRESHOLD) and takes all of them away beyond.
 */
#define SPARSE_SHARERS 512

/* How many frames are behind so many pages. */
uint64_t sparse_frames(bool shared, uint64_t pages);

/* Virtual address of a page. */
uint64_t sparse_page(const struct sparse *sparse, uint32_t page);

/* The page that an address lies in, or behind which it lies; 0 where it lies before the first. */
uint32_t sparse_find(const struct sparse *sparse, uint64_t address);

/* The addresses that the pages lie in, from the base on. */
uint64_t sparse_span_bytes(const struct sparse_spec *spec);

/* How many page tables the pages lie in: of 4K pages, those of the lowest level; of larger ones, one for each page. */
uint32_t sparse_tables(const struct sparse_spec *spec);

#endif
