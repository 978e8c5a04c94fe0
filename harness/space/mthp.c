#include "space/mthp.h"

#include "base/units.h"
#include "space/backed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A fault takes the largest page that is on and fits into its mapping (mm/memory.c, alloc_anon_folio()). So each page is
 * faulted in while all addresses around it refuse huge pages, which makes it a mapping of its own. Nothing larger fits
 * in, neither then nor for khugepaged, which would replace many small pages by a large one.
 *
 * Huge pages are refused before and after, so that the kernel merges the page's mapping with its neighbours again and
 * their number stays below vm.max_map_count. Merging needs a common anon_vma, which is why no two pages are faulted in
 * apart: the first fault makes one, merging spreads it over the whole, and later pieces have it from there.
 */
static int page_populate(unsigned char *at, uint64_t page_bytes)
{
	int error = 0;

	if (madvise(at, page_bytes, MADV_HUGEPAGE) || madvise(at, page_bytes, MADV_POPULATE_WRITE))
		error = -errno;
	if (madvise(at, page_bytes, MADV_NOHUGEPAGE) && !error)
		error = -errno;
	return error;
}

int mthp_populate(void *at, uint64_t bytes, uint64_t page_bytes)
{
	unsigned char *first = at;
	int error = 0;

	for (uint64_t offset = 0; offset < bytes && !error; offset += page_bytes)
		error = page_populate(first + offset, page_bytes);
	return error;
}

uint64_t mthp_given(uint64_t page_bytes)
{
	char path[128];
	uint64_t pages;
	FILE *file;

	snprintf(path, sizeof(path),
		"/sys/kernel/mm/transparent_hugepage/hugepages-%" PRIu64 "kB/stats/anon_fault_alloc", page_bytes / KIB);
	file = fopen(path, "re");
	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%" SCNu64, &pages) != 1)
		pages = UINT64_MAX;
	fclose(file);
	return pages;
}

/* Documentation/admin-guide/mm/pagemap.rst; bits of /proc/kpageflags in include/uapi/linux/kernel-page-flags.h. */
#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define FLAG_COMPOUND_HEAD (UINT64_C(1) << 15)
#define FLAG_COMPOUND_TAIL (UINT64_C(1) << 16)

#define LEAVES_MOST (MTHP_MOST_BYTES / PAGE_4K)

/* Enough to see that the kernel gave smaller pages now and then; looking at one takes two system calls. */
#define PAGES_LOOKED_AT 1024

/* The kernel may move a page between the two looks at it, to have more memory in one piece. */
#define LOOKS 3

struct frame_files {
	int pagemap, flags; /* descriptors of /proc/self/pagemap and /proc/kpageflags */
};

/* Whether the leaves of a page map the frames of one page of just that size. True also where frames are not shown. */
static bool page_is_one(const struct frame_files *files, uintptr_t at, uint64_t page_bytes)
{
	uint64_t leaves = page_bytes / PAGE_4K, entry[LEAVES_MOST], flags[LEAVES_MOST + 1] = { 0 };
	ssize_t entry_bytes = (ssize_t)(leaves * sizeof(*entry));
	uint64_t frame;

	if (pread(files->pagemap, entry, (size_t)entry_bytes, (off_t)(at / PAGE_4K * sizeof(*entry))) != entry_bytes)
		return true;
	frame = entry[0] & PAGEMAP_FRAME;
	if ((entry[0] & PAGEMAP_PRESENT) && !frame)
		return true;
	/* Memory may end with this page, so that there is no frame behind it to look at. */
	if (pread(files->flags, flags, (leaves + 1) * sizeof(*flags), (off_t)(frame * sizeof(*flags))) < entry_bytes)
		return true;
	for (uint64_t i = 0; i < leaves; i++)
		if (!(entry[i] & PAGEMAP_PRESENT) || (entry[i] & PAGEMAP_FRAME) != frame + i ||
			!(flags[i] & (i ? FLAG_COMPOUND_TAIL : FLAG_COMPOUND_HEAD)))
			return false;
	return !(flags[leaves] & FLAG_COMPOUND_TAIL);
}

static int frames_verify(const struct frame_files *files, const struct backed_range *range, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes(range->backing), pages = range->bytes / page_bytes;
	uint64_t step = (pages + PAGES_LOOKED_AT - 1) / PAGES_LOOKED_AT;

	for (uint64_t page = 0; page < pages; page += step) {
		bool is_one = false;

		for (unsigned look = 0; look < LOOKS && !is_one; look++)
			is_one = page_is_one(files, (uintptr_t)range->at + page * page_bytes, page_bytes);
		if (!is_one)
			return fail(why, EIO,
				"/proc/kpageflags shows other pages than the %s pages that were asked for",
				backing_name(range->backing));
	}
	return 0;
}

int mthp_verify(const struct backed_range *range, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes(range->backing), given = mthp_given(page_bytes);
	uint64_t pages = range->present_bytes / page_bytes;
	struct frame_files files;
	int error = 0;

	/* Other processes may have been given some as well. */
	if (given != UINT64_MAX && given - range->given_before < pages)
		return fail(why, EIO, "the kernel counted %" PRIu64 " new pages of %s where %" PRIu64 " were touched",
			given - range->given_before, backing_name(range->backing), pages);
	if (range->present_bytes < range->bytes)
		return 0;
	files = (struct frame_files){ .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC) };
	if (files.pagemap >= 0 && files.flags >= 0)
		error = frames_verify(&files, range, why);
	if (files.pagemap >= 0)
		close(files.pagemap);
	if (files.flags >= 0)
		close(files.flags);
	return error;
}
