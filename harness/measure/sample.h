/* One sample of a chase in a space: chain and packed baseline side by side, and the clock ratio beside them. */
#ifndef NESTWALK_SAMPLE_H
#define NESTWALK_SAMPLE_H

#include "counters/counters.h"
#include "space/chain.h"

/*
 * Accesses of a lap, a multiple of KERNEL_UNROLL. At the cheapest, 4 core cycles each, a lap takes 32768 cycles, of
 * which reading the clock is some 0.2 %: below the 1 % that METHOD.md promises, and short against a timer tick.
 *
 * Chains of more lines than any L1 data cache holds (64 KiB are 1024) cost 14 cycles an access and more: there a
 * quarter of the accesses makes a lap as long, and leaves time for more placements.
 */
#define LAP_ACCESSES 8192
#define LAP_ACCESSES_LONG 2048
#define LONG_CHAIN_LINES 2048
#define LAPS 9 /* odd, so that the median is one lap; a timer tick spoils one of them */

/* Dependent adds of a calibration lap: one core cycle each, so as long as a lap of the cheapest chase. */
#define ADDS_PER_LAP 32768
#define ADDS_LAPS 5

/* What else happened in timed regions. All counted by the kernel or by KVM. */
struct disturbance {
	uint64_t involuntary_switches;
	uint64_t page_faults; /* of the thread */
	uint64_t kvm[KVM_COUNTS_OF_VCPU]; /* by how much KVM's counts of the vCPU grew; KVM_COUNT_UNKNOWN; host: 0 */
	uint64_t away_ns; /* elapsed less CPU time of the thread: preempted, or stolen by a hypervisor */
	uint64_t elapsed_ns;
};

/* Add `other` to `sum`; a count that is unknown in either is unknown in the sum. */
void disturbance_add(struct disturbance *sum, const struct disturbance *other);

struct chase_sample {
	double gross_tsc, baseline_tsc; /* TSC cycles per access: median lap, the clock's own cost taken off */
	double cycles_per_tsc; /* core cycles per TSC cycle, from dependent adds between the two */
	double shortest_lap_tsc; /* for the share of the clock's cost */
	struct disturbance disturbance;
	bool contaminated;

	/*
	 * What hardware counted around the chain's chase; not around the baseline's, whose few misses say nothing about
	 * the pages under test. In all laps together, which made so many accesses.
	 */
	struct count_sample counts;
	double counted_accesses;
};

struct sample_plan {
	struct chain chain, packed;
	bool chain_first; /* or the baseline */
	double lap_overhead_tsc;
	struct counting *counting; /* NULL: nothing is counted */
};

/* Take one. 0 with *sample; -EINTR; -EIO with *why: something did not verify (the point is an error, not a number). */
int sample_take(struct space *space, const struct sample_plan *plan, struct chase_sample *sample, struct reason *why);

/* Core cycles per TSC cycle now, from dependent adds in this process, for what is not timed in a space. */
double clock_ratio(void);

/* What an empty lap takes in this space, TSC cycles: the least of many, as anything else only adds. 0, or -errno. */
int sample_lap_overhead(struct space *space, double *tsc_cycles, struct reason *why);

#endif
