/*
 * TLB shootdowns: what it costs to take pages away that other CPUs have in their TLBs.
 *
 * A worker group of 1 + T threads of one process, each on a CPU of its own. The first is the caller. In each repetition
 * the others load a byte of each page, say so, and stay on their CPUs in user mode, in a loop that touches none of the
 * pages; the caller, which has loaded them too, takes them away by one call, and times that.
 *
 * Repetitions come in blocks. All pages of a block are mapped and populated before its first repetition and given back
 * after its last, so that nothing but the calls themselves happens between the two readings of /proc/interrupts that
 * stand around a block. Each region lies amid inaccessible memory that keeps its page tables in use: munmap of up to
 * 512 pages frees pages and no page tables.
 *
 * What an other CPU lost: its loop watches for stalls (system/stall_detector.h), and those that begin in the call, by
 * the caller's clock readings, are added up. The flush is over before the call is, as the kernel waits for it; the way
 * out of the interrupt may be later, and is counted, as a stall ends where the loop goes on. Neither the clock readings
 * nor the word that ends the loop are written before the call is over: until then nothing but the call disturbs the
 * loop. A timer tick counts only if it begins in the few microseconds of the call; the middle of all repetitions leaves
 * it out. Where the loop was not running when the call began, it does not count. The CPUs' TSCs must agree to some ten
 * cycles, as they do wherever Linux takes its time from them.
 *
 * "Middle" is that of timing_middle(). No privilege is needed.
 */
#ifndef NESTWALK_SHOOTDOWN_H
#define NESTWALK_SHOOTDOWN_H

#include "base/reason.h"
#include "system/worker_group.h"

enum shootdown_operation {
	SHOOTDOWN_MUNMAP,
	SHOOTDOWN_MPROTECT, /* to read-only */
	SHOOTDOWN_DONTNEED, /* madvise(MADV_DONTNEED) */
	SHOOTDOWN_OPERATIONS,
};
extern const char *const shootdown_operation_names[SHOOTDOWN_OPERATIONS]; /* "munmap" "mprotect" "dontneed" */

struct shootdown_experiment {
	enum shootdown_operation operation;
	uint32_t pages; /* of 4K, next to each other, all taken away by one call */
	unsigned others; /* CPUs that have them in their TLBs, besides the one that calls */
};

/*
 * Repetitions of an experiment: enough that the middle does not notice ticks and preemptions, and an experiment is over
 * in some 20 ms. Many pages take fewer, as mapping them takes the time.
 */
#define SHOOTDOWN_REPETITIONS_MOST 128u
#define SHOOTDOWN_REPETITIONS_LEAST 24u
#define SHOOTDOWN_PAGES_OF_EXPERIMENT 16384u

/* Pages of one call: as many as the largest L2 TLB of today holds (Zen 5). */
#define SHOOTDOWN_PAGES_MOST 4096u

struct shootdown_spec {
	struct shootdown_experiment experiment;
	const int *cpus; /* 1 + experiment.others of them */
	uint64_t memory_most_bytes; /* that an experiment may have at a time */
	bool (*stop)(void); /* as of worker_group_spec */
};

struct shootdown_result {
	unsigned repetitions, blocks;
	double operation_tsc; /* the call: middle of the repetitions, what reading the clock costs taken off */
	double others_there; /* others that were on their CPUs when a call began, of experiment.others: mean over calls */
	double victim_tsc; /* lost by one of them in a call: mean over them, middle of calls. NAN: none was ever there */
	bool counted; /* whether the kernel says how many interrupts there were */
	struct reason uncounted; /* ... why not */
	/* TLB interrupts for each call, of all CPUs of the machine and of the others: means. NAN: not counted. */
	double interrupts, interrupts_of_others;
	/*
	 * How long the calls took that the numbers are made of, and how long the worker group was away in them: the
	 * caller by its CPU clock, the others by the share of them that were not there.
	 */
	uint64_t elapsed_ns, away_ns;
	uint64_t involuntary_switches,
		page_faults; /* of all workers in the whole experiment, populating the pages included */
};

/*
 * Take one. 0; -EINVAL with *why an experiment that means nothing; -ENOMEM with *why; -EIO with *why: memory was not as
 * it was to be, or a call did not do what it says; errors of worker_group_run().
 */
int shootdown_take(const struct shootdown_spec *spec, struct shootdown_result *result, struct reason *why);

/*
 * Whether the others were interrupted: at least half as often as once each a call. @silent: what may flush TLBs without
 * interrupts that are counted here ("a hypervisor"), or NULL. 0; -EIO with both numbers in *why.
 */
int shootdown_judge(const struct shootdown_result *result, const char *silent, struct reason *why);

#endif
