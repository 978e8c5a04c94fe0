/*
 * Storms: workers that take page faults of one kind as fast as they can, each in a region of its own.
 *
 * With recycled frames each worker goes round: it brings its region into the state that faults, touches each page, and
 * gives the region back. One round warms up. Then comes a window in which touches are timed together, and a shorter one
 * in which each touch is timed alone. A worker whose window is over goes on unmeasured until all windows are over, so
 * that each was measured among all. With fresh frames there is one pass over each page, and nothing is given back: half
 * of the touches are timed together, the other half one by one.
 *
 * What a worker does in a round, by kind. storm_kinds.c has it as a table; Linux takes the faults in mm/memory.c.
 *
 *   anon-write       map, store                            a zeroed page a fault: do_anonymous_page()
 *   anon-read        map, load                             the zero page a fault
 *   zero-write       map, load all, store                  the zero page is replaced
 *   thp-write        map for MADV_HUGEPAGE, store          2M a fault: mm/huge_memory.c
 *   hugetlb-write    map from the 2M pool, store           2M a fault: mm/hugetlb.c
 *   shared-write     map a memfd that has its pages, store do_shared_fault(): nothing to allocate, nothing around it
 *   file-read        map a file of the page cache, load    do_fault_around() maps 64K a fault: one load each 64K
 *   file-copy        map that file privately, store        do_cow_fault(): a copied page a fault
 *   fork-copy        fork a child that waits, store        do_wp_page() copies; the child is ended after each round
 *   dontneed-write   MADV_DONTNEED, store                  as anon-write, without mapping and unmapping
 *   free-write       MADV_FREE, store                      no fault, unless the page was taken back: the CPU sets the
 *                                                          dirty bit that keeps it (madvise(2))
 *   upgrade          PROT_READ, PROT_READ|WRITE, store     a fault a page, or none where the kernel makes pages that
 *                                                          nobody shares writable at once (mm/mprotect.c,
 *                                                          can_change_pte_writable())
 *   populate         map, MADV_POPULATE_WRITE              the pages of anon-write in one call (Linux 5.14)
 *   userfault-missing  MADV_DONTNEED, store                a thread on the same CPU answers with UFFDIO_COPY
 *   userfault-minor    MADV_DONTNEED of a memfd, store     a thread on the same CPU answers with UFFDIO_CONTINUE
 */
#ifndef NESTWALK_STORM_H
#define NESTWALK_STORM_H

#include "base/histogram.h"
#include "system/frame_pool.h"
#include "system/worker_group.h"

/* Kinds of page faults. The table above says how a worker brings them about, and how many faults a page takes. */
enum storm_kind {
	STORM_ANON_WRITE,
	STORM_ANON_READ,
	STORM_ZERO_WRITE,
	STORM_THP_WRITE,
	STORM_HUGETLB_WRITE,
	STORM_SHARED_WRITE,
	STORM_FILE_READ,
	STORM_FILE_COPY,
	STORM_FORK_COPY,
	STORM_DONTNEED_WRITE,
	STORM_FREE_WRITE,
	STORM_UPGRADE,
	STORM_POPULATE,
	STORM_USERFAULT_MISSING,
	STORM_USERFAULT_MINOR,
	STORM_KINDS,
};
extern const char *const storm_kind_names[STORM_KINDS]; /* as above, lower case, with hyphens: "anon-write" */

/* Which frames a storm gets from the kernel. In a guest, the hypervisor already has memory behind recycled frames. */
enum storm_frames {
	STORM_RECYCLED, /* a small set that returns again and again */
	STORM_FRESH, /* frames that no storm of this run has used before */
	STORM_FRAMES,
};
extern const char *const storm_frames_names[STORM_FRAMES]; /* "recycled" "fresh" */

struct storm_experiment {
	enum storm_kind kind;
	enum storm_frames frames;
	enum workers_as as;
	unsigned workers;
	uint64_t region_bytes; /* of each worker: mapped, faulted in and given back at a time */
};

struct storm_spec {
	struct storm_experiment experiment; /* region_bytes: a multiple of 2M */
	const int *cpus; /* one for each worker */
	double ns_per_tsc;
	uint64_t window_ns, timed_window_ns; /* for recycled frames; each has one round at least */
	const struct frame_map *frames; /* notes the frames that the storm gets; NULL or not open: nothing is noted */
	bool (*stop)(void); /* polled; when it becomes true: -EINTR. NULL: never */
};

/* Sums over all workers. They are counted in touches. A touch is a fault or, where a page takes no fault, a page. */
struct storm_result {
	uint64_t touches, touch_tsc; /* touches that were timed together, and how long the touching alone took */
	double touches_per_s; /* of all workers together, over whole rounds */
	/* Over the same rounds, of the workers and of the threads that answer faults for them. */
	uint64_t elapsed_ns, user_ns, system_ns;
	uint64_t away_ns; /* the part of elapsed_ns in which they neither worked nor slept on a lock */
	uint64_t involuntary_switches;
	/* What the kernel counted over all verified touches, with those that were timed one by one. */
	uint64_t faults_counted, faults_expected, pages;
	bool counted; /* false: this kernel does not count faults of hugetlb pages */
	double timing_overhead_ns; /* what timing a touch costs; latencies have it taken off */
	struct frame_count frames;
	struct histogram latencies; /* ns; empty where touches cannot be timed one by one (populate) */
};

/*
 * The most memory that a storm takes, of all workers together: regions, files in memory, page tables, notes. Pages of
 * the hugetlb pool are apart: storm_pool_bytes().
 */
uint64_t storm_bytes(const struct storm_experiment *experiment);
uint64_t storm_pool_bytes(const struct storm_experiment *experiment);

/*
 * Run a storm.
 * @kept: not NULL: the worker group and its memory stay until the caller dismisses it, so that no other storm gets the
 * same frames. 0 with *result; -EIO: the kernel counted other faults than expected; -EPERM, -ENOSYS, -EOPNOTSUPP,
 * -ENOSPC, -ENOMEM: the machine lacks or forbids what the kind needs; errors of worker_group_run(). Only userfaultfd
 * may need a privilege.
 */
int storm_run(
	const struct storm_spec *spec, struct storm_result *result, struct worker_group *kept, struct reason *why);

/* What a storm may have of this machine, and the frames that earlier storms of the measurement used. */
struct storm_machine {
	const struct machine_source *source;
	uint64_t budget_bytes; /* of the run, for all that is held at a time */
	uint64_t effort_bytes; /* for what is under test at a time */
	unsigned cpu_count; /* of the spec's CPUs: those whose lists of free pages are drained for fresh frames */
	struct frame_pool *pool; /* spec.frames may be its map */
};

/*
 * Run a storm where the machine has what it needs. A storm of fresh frames first drains the pool, and its memory is
 * kept in the pool; where frame numbers can be seen, and it got too many used frames, it is repeated a few times. 0
 * with *result; -ENOMEM with *why: it would take more than it may, or than the 2M hugetlb pool has; -ENOTSUP:
 * transparent huge pages are off; errors of storm_run(), frame_pool_drain() and frame_pool_keep().
 */
int storm_take(const struct storm_spec *spec, const struct storm_machine *machine, struct storm_result *result,
	struct reason *why);

/*
 * Faults that a worker may take besides: of its stack, of a page of the result. With an address sanitizer, as in tests,
 * it also takes faults of the shadow memory of what it touches. A wrong page size makes far more.
 */
#ifdef __SANITIZE_ADDRESS__
#define STORM_OWN_FAULTS 256
#else
#define STORM_OWN_FAULTS 8
#endif

/* Whether the kernel counted as many faults as the kind takes. 0 with *expected; -EIO with both numbers in *why. */
struct storm_faults {
	enum storm_kind kind;
	unsigned workers;
	uint64_t touches, counted;
};
int storm_judge(const struct storm_faults *faults, uint64_t *expected, struct reason *why);

#endif
