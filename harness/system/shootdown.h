/*
 * TLB shootdowns: what it costs to take pages away that other CPUs have in their TLBs.
 *
 * 1 + T threads of one process run on CPUs of their own. The first is the caller. In each repetition the T others load
 * a byte of each page, say so, and stay on their CPUs in user mode, in a loop that touches none of the pages. The
 * caller has loaded the pages too. It takes them away by one call, and times that call.
 *
 * Repetitions come in blocks. All pages of a block are mapped and populated before its first repetition, and given back
 * after its last. /proc/interrupts is read before and after a block, and between the two readings nothing happens but
 * the calls. Each region lies amid inaccessible memory that keeps its page tables in use, so that munmap of up to 512
 * pages frees pages and no page tables.
 *
 * What another CPU loses is seen by its own loop, which notes its stalls (system/stall_detector.h). Those stalls count
 * that begin within the call, by the caller's readings of the TSC. The flush is over before the call is, as the kernel
 * waits for it. The return from the interrupt may come later, and it counts, as a stall ends where the loop goes on. A
 * timer tick counts only if it begins within the few microseconds of the call, and the middle of all repetitions leaves
 * it out. A CPU whose loop was not running when the call began does not count. Neither the readings of the TSC nor the
 * word that ends the loop are written before the call is over, so that nothing but the call disturbs the loop. The TSCs
 * of the CPUs must agree to some ten cycles, as they do wherever Linux takes its time from them.
 *
 * "Middle" is timing_middle(). No privilege is needed.
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
	uint32_t pages; /* of 4K, side by side, which one call takes away */
	unsigned others; /* CPUs, besides the caller's, that have the pages in their TLBs */
};

/*
 * Repetitions of an experiment. They are enough that the middle does not notice ticks and preemptions, and take some 20
 * ms. Where there are many pages there are fewer repetitions, as mapping the pages takes the time.
 */
#define SHOOTDOWN_REPETITIONS_MOST 128u
#define SHOOTDOWN_REPETITIONS_LEAST 24u
#define SHOOTDOWN_PAGES_OF_EXPERIMENT 16384u

/* Pages of one call: as many as the largest L2 TLB of today holds (Zen 5). */
#define SHOOTDOWN_PAGES_MOST 4096u

struct shootdown_spec {
	struct shootdown_experiment experiment;
	const int *cpus; /* first the caller's, then the others' */
	uint64_t memory_most_bytes; /* that the experiment may take at a time */
	bool (*stop)(void); /* as in worker_group_spec */
};

struct shootdown_result {
	unsigned repetitions, blocks;
	double operation_tsc; /* time of the call, less the cost of reading the clock: middle of the repetitions */
	double others_there; /* how many of the others ran when a call began: mean over calls */
	/*
	 * what one of the others lost in a call: mean over the others, middle of the calls. NAN: none of them ever ran
	 */
	double victim_tsc;
	bool counted; /* the kernel says how many interrupts there were */
	struct reason uncounted; /* why the kernel does not */
	/* TLB interrupts of a call: at all CPUs of the machine, and at the others. Means. NAN: not counted. */
	double interrupts, interrupts_of_others;
	/*
	 * The time of the calls that the numbers are made of, and the part of it in which threads did not run. The
	 * caller's part is told by its CPU clock, the others' by how many of them did not run.
	 */
	uint64_t elapsed_ns, away_ns;
	uint64_t involuntary_switches,
		page_faults; /* of all threads in the whole experiment, with populating the pages */
};

/*
 * Carry out one experiment. 0; -EINVAL with *why: the experiment means nothing; -ENOMEM with *why; -EIO with *why:
 * memory was not of the kind asked for, or a call had no effect; errors of worker_group_run().
 */
int shootdown_take(const struct shootdown_spec *spec, struct shootdown_result *result, struct reason *why);

/*
 * Whether the others were interrupted at least half as often as once for each call.
 * @silent: what may flush TLBs without interrupts that are counted here ("a hypervisor"); NULL: nothing may.
 * 0; -EIO with both numbers in *why.
 */
int shootdown_judge(const struct shootdown_result *result, const char *silent, struct reason *why);

#endif
