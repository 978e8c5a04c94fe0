#include "space/backed.h"

#include "machine/process.h"
#include "space/mthp.h"
#include "space/permutation.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* How much is faulted in between two looks at the clock and the stop flag: some 100 ms where memory is cold. */
#define CHUNK_BYTES (64 * MIB)

/*
 * So much is faulted in in one random order: a window of some thousand pages then has frames from anywhere in it, and few of
 * them share a cache line of page-table entries beneath.
 */
#define SHUFFLED_BYTES (256 * MIB)

/*
 * The kernel's count may be off by a NUMA hint or a page that the kernel took back. A wrong page size makes it 512
 * times too large or too small.
 */
#define FAULTS_TOLERANCE_PER_MILLE 1
/* Faults that the thread takes for itself, on a stack or a library that it touches for the first time. */
#define FAULTS_TOLERANCE 4

static const struct {
	int map_flags;
	int advice;
} kinds[BACKING_COUNT] = {
	[BACKING_4K] = { 0, MADV_NOHUGEPAGE },
	[BACKING_2M_THP] = { 0, MADV_HUGEPAGE },
	[BACKING_2M_HUGETLB] = { MAP_HUGETLB | MAP_HUGE_2MB, 0 },
	[BACKING_1G_HUGETLB] = { MAP_HUGETLB | MAP_HUGE_1GB, 0 },
	/* mthp_populate() asks for them, page by page. */
	[BACKING_LEAVES... BACKING_COUNT - 1] = { 0, MADV_NOHUGEPAGE },
};

uint64_t backed_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

static uint64_t faults_judge(uint64_t counted, enum backing backing)
{
	return !counted && backing_is_hugetlb(backing) ? FAULTS_NOT_COUNTED : counted;
}

uint64_t backed_faults_since(uint64_t before, enum backing backing)
{
	return faults_judge(backed_faults() - before, backing);
}

/* Reserve addresses with an inaccessible guard on both sides, so that the kernel merges the mapping with no other. */
static int guarded_reserve(struct backed *memory, uint64_t unit_bytes, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes(memory->backing);
	uint64_t align = page_bytes > PAGE_2M ? page_bytes : PAGE_2M;
	uintptr_t start;

	if (align < unit_bytes)
		align = unit_bytes;

	memory->reserved_bytes = memory->bytes + 2 * align;
	memory->reserved =
		mmap(NULL, memory->reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->reserved == MAP_FAILED) {
		memory->reserved = NULL;
		return fail(why, errno, "reserving %" PRIu64 " MiB of addresses: %s%s", memory->reserved_bytes / MIB,
			strerror(errno), process_error_hint(errno));
	}
	/* At least one guard page is left below: hence the + 1. */
	start = ((uintptr_t)memory->reserved + align) / align * align;
	memory->at = (unsigned char *)start;
	return 0;
}

int backed_map(struct backed_range *range, struct reason *why)
{
	const char *name = backing_name(range->backing);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | kinds[range->backing].map_flags;
	void *got;

	/* A range that is mostly holes gets no promise of memory. Touching the pages shows whether there is enough. */
	if (range->present_bytes < range->bytes)
		flags |= MAP_NORESERVE;
	got = mmap(range->at, range->bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (got == MAP_FAILED && backing_is_hugetlb(range->backing))
		return fail(why, ENOMEM, "the hugetlb pool has no %" PRIu64 " MiB free for %s memory (%s)",
			range->present_bytes / MIB, name, strerror(errno));
	if (got == MAP_FAILED)
		return fail(why, errno, "mapping %" PRIu64 " MiB: %s%s", range->bytes / MIB, strerror(errno),
			process_error_hint(errno));
	if (kinds[range->backing].advice && madvise(range->at, range->bytes, kinds[range->backing].advice) &&
		range->backing != BACKING_4K)
		return fail(why, ENOTSUP, "this kernel has no transparent huge pages (madvise: %s)", strerror(errno));
	if (backing_is_mthp(range->backing))
		range->given_before = mthp_given(backing_page_bytes(range->backing));
	return 0;
}

/*
 * Fault in one chunk. Kernels before 5.14 have no MADV_POPULATE_WRITE, and a sandbox may not know it: there, store to each
 * page.
 */
int backed_populate(void *at, uint64_t bytes, uint64_t page_bytes)
{
	if (page_is_mthp(page_bytes))
		return mthp_populate(at, bytes, page_bytes);
	if (!madvise(at, bytes, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL && errno != EPERM && errno != ENOSYS)
		return -errno;
	for (uint64_t offset = 0; offset < bytes; offset += page_bytes)
		*((volatile unsigned char *)at + offset) = 0;
	return 0;
}

/* Keep the first `bytes`; the memory behind them becomes inaccessible again. */
static int give_back(struct backed *memory, uint64_t bytes, struct reason *why)
{
	void *got = mmap(memory->at + bytes, memory->bytes - bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (got == MAP_FAILED)
		return fail(why, errno, "giving back memory: %s", strerror(errno));
	memory->bytes = bytes;
	return 0;
}

/* A part of memory to be faulted in. */
struct chunk {
	unsigned char *at;
	uint64_t bytes, page_bytes;
	uint64_t order_seed; /* not 0: page by page in a random order */
};

/* Fault it in, and add the faults that this took to *faults. 0, or -errno. */
static int chunk_populate(const struct chunk *chunk, uint64_t *faults)
{
	uint32_t pages = chunk->order_seed ? (uint32_t)(chunk->bytes / PAGE_4K) : 0;
	/* The order itself is memory that may fault: it is there before faults are counted. */
	uint32_t *order = pages ? permutation_shuffled(pages, chunk->order_seed) : NULL;
	uint64_t before = backed_faults();
	int error = pages && !order ? -ENOMEM : 0;

	if (!pages)
		error = backed_populate(chunk->at, chunk->bytes, chunk->page_bytes);
	for (uint32_t i = 0; i < pages && !error; i++)
		error = backed_populate(chunk->at + order[i] * PAGE_4K, PAGE_4K, PAGE_4K);
	*faults += backed_faults() - before;
	free(order);
	return error;
}

static int touch_all(struct backed *memory, const struct backed_limits *limits, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes(memory->backing);
	uint64_t order_seed = limits && page_bytes == PAGE_4K ? limits->order_seed : 0;
	uint64_t least = order_seed ? SHUFFLED_BYTES : CHUNK_BYTES;
	uint64_t chunk = page_bytes > least ? page_bytes : least;
	uint64_t began = now_ns(), done = 0, faults = 0;

	while (done < memory->bytes) {
		uint64_t bytes = memory->bytes - done < chunk ? memory->bytes - done : chunk;
		int error;

		if (limits && limits->stop && limits->stop())
			return fail(why, EINTR, "interrupted");
		if (done && limits && limits->deadline_ns && now_ns() > limits->deadline_ns &&
			(!limits->unit_bytes || done % limits->unit_bytes == 0))
			break;
		error = chunk_populate(
			&(struct chunk){ memory->at + done, bytes, page_bytes, order_seed ? order_seed + done : 0 },
			&faults);
		if (error)
			return fail(why, -error == EFAULT ? ENOMEM : -error,
				"touching %" PRIu64 " MiB of %s memory: %s", memory->bytes / MIB,
				backing_name(memory->backing), strerror(-error));
		done += bytes;
	}
	memory->touch_ns = backing_is_mthp(memory->backing) ? 0 : now_ns() - began;
	memory->faults_counted = faults_judge(faults, memory->backing);
	memory->faults_expected = done / page_bytes;
	return done < memory->bytes ? give_back(memory, done, why) : 0;
}

static int leaf_size_verify(const struct backed_range *range, const struct smaps_pages *got, struct reason *why)
{
	if (backing_is_mthp(range->backing) || range->backing == BACKING_4K) {
		if (got->anon_huge_bytes || got->kernel_page_bytes != PAGE_4K)
			return fail(why, EIO, "%s pages were asked for and the kernel mapped larger ones",
				backing_name(range->backing));
		return 0;
	}
	switch (range->backing) {
	case BACKING_2M_THP:
		if (got->anon_huge_bytes != range->present_bytes && process_thp_off_hint())
			return fail(why, ENOMEM, "%s", process_thp_off_hint());
		if (got->anon_huge_bytes != range->present_bytes)
			return fail(why, ENOMEM,
				"of %" PRIu64 " MiB asked for as transparent huge pages the kernel gave %" PRIu64
				" MiB: memory is fragmented (`echo 1 | sudo tee /proc/sys/vm/compact_memory`) or THP is off",
				range->present_bytes / MIB, got->anon_huge_bytes / MIB);
		return 0;
	default:
		if (got->hugetlb_bytes != range->present_bytes ||
			got->kernel_page_bytes != backing_page_bytes(range->backing))
			return fail(why, EIO, "hugetlb pages were asked for and the kernel mapped others");
		return 0;
	}
}

int backed_verify(const struct backed_range *range, uint64_t faults_counted, struct reason *why)
{
	struct smaps_pages got;
	uint64_t expected = range->present_bytes / backing_page_bytes(range->backing);
	uint64_t slack = FAULTS_TOLERANCE + expected * FAULTS_TOLERANCE_PER_MILLE / 1000;
	int error = smaps_read((uintptr_t)range->at, range->bytes, &got, why);

	if (error)
		return error;
	error = leaf_size_verify(range, &got, why);
	if (error)
		return error;
	if (got.mapped_bytes != range->present_bytes)
		return fail(why, EIO,
			"of %" PRIu64 " KiB touched, %" PRIu64 " KiB are resident: memory is being taken back",
			range->present_bytes / KIB, got.mapped_bytes / KIB);
	if (backing_is_mthp(range->backing) && faults_counted > expected + slack)
		return fail(why, ENOMEM,
			"touching %" PRIu64 " pages of %s took %" PRIu64
			" faults, as the kernel gave smaller ones: memory is fragmented (`echo 1 | sudo tee /proc/sys/vm/compact_memory`) or the size is off",
			expected, backing_name(range->backing), faults_counted);
	if (faults_counted == FAULTS_NOT_COUNTED)
		return 0;
	if (faults_counted > expected + slack || faults_counted + slack < expected)
		return fail(why, EIO,
			"touching %" PRIu64 " pages took %" PRIu64 " faults: the pages are not of the size asked for",
			expected, faults_counted);
	return backing_is_mthp(range->backing) ? mthp_verify(range, why) : 0;
}

int backed_alloc(struct backed *memory, enum backing backing, uint64_t bytes, const struct backed_limits *limits,
	struct reason *why)
{
	struct backed_range range;
	int error;

	*memory = (struct backed){ .backing = backing, .bytes = bytes };
	if (!bytes || bytes % backing_page_bytes(backing))
		return fail(why, EINVAL, "%" PRIu64 " bytes are not a whole number of %s pages", bytes,
			backing_name(backing));
	error = guarded_reserve(memory, limits ? limits->unit_bytes : 0, why);
	range = (struct backed_range){ .backing = backing, .at = memory->at, .bytes = bytes, .present_bytes = bytes };
	if (!error)
		error = backed_map(&range, why);
	if (!error)
		error = touch_all(memory, limits, why);
	range.bytes = range.present_bytes = memory->bytes;
	if (!error)
		error = backed_verify(&range, memory->faults_counted, why);
	if (error)
		backed_free(memory);
	return error;
}

void backed_keep_from_children(void *at, uint64_t bytes)
{
	madvise(at, bytes, MADV_DONTFORK);
}

void backed_free(struct backed *memory)
{
	if (memory->reserved)
		munmap(memory->reserved, memory->reserved_bytes);
	memory->reserved = NULL;
	memory->at = NULL;
}
