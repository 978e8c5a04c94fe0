/* One sample of a chase in a space: the chain, the packed baseline, and the ratio of the two clocks between them. */
#ifndef NESTWALK_SAMPLE_H
#define NESTWALK_SAMPLE_H

#include "counters/counters.h"
#include "space/chain.h"

/*
 * Accesses of a lap, a multiple of KERNEL_UNROLL. The cheapest access takes 4 core cycles, so that a lap takes 32768.
 * Reading the clock is some 0.2 % of that, below the 1 % that METHOD.md promises; and a lap is short against a timer
 * tick.
 *
 * In chains of more lines than any L1 data cache holds (64 KiB are 1024) an access costs 14 cycles and more. There
 * half of the accesses make a lap as long, and leave time for more placements. A lap of a very long chain is a
 * quarter of the chain: all laps together then visit it twice, and take longer than laying it out and walking it.
 */
#define LAP_ACCESSES 8192
#define LAP_ACCESSES_LONG 4096
#define LONG_CHAIN_LINES 2048
#define LAP_SHARE_OF_CHAIN 4
#define LAPS 9 /* odd, so that the median is one lap; a timer tick spoils one of them */

/*
 * The thread may lose its CPU so often within the laps: each time spoils one lap, and the median of nine bears four.
 */
#define SWITCHES_BORNE 2

/*
 * Dependent adds of a calibration lap. Each takes one core cycle, so that the lap is as long as one of the cheapest
 * chase.
 */
#define ADDS_PER_LAP 32768
#define ADDS_LAPS 5

/* Disturbances in timed regions, as the kernel and KVM count them. */
struct disturbance {
	uint64_t involuntary_switches;
	uint64_t page_faults; /* of the thread */
	uint64_t kvm[KVM_COUNTS_OF_VCPU]; /* how much KVM's counts of the vCPU grew; KVM_COUNT_UNKNOWN; 0 on a host */
	uint64_t away_ns; /* time in which the thread did not run: it was preempted, or a hypervisor stole the CPU */
	uint64_t elapsed_ns;
};

/* Add `other` to `sum`; a count that is unknown in either is unknown in the sum. */
void disturbance_add(struct disturbance *sum, const struct disturbance *other);

struct chase_sample {
	/* TSC cycles per access in the median lap, less the cost of reading the clock */
	double gross_tsc, baseline_tsc;
	double cycles_per_tsc; /* core cycles per TSC cycle, from dependent adds between the two */
	double shortest_lap_tsc; /* tells how large the share of the clock's cost is */
	struct disturbance disturbance;
	bool contaminated;

	/*
	 * What hardware counted around all laps of the chain. The baseline is not counted: its few misses say nothing
	 * about the pages under test.
	 */
	struct count_sample counts;
	double counted_accesses; /* in these laps */
	bool counted; /* whether anything was */
};

struct sample_plan {
	struct chain chain, packed;
	bool chain_first; /* or the baseline */
	unsigned chains; /* how many places of the cycle are followed at once; 0: one */
	double lap_overhead_tsc;
	struct counting *counting; /* NULL: nothing is counted */
};

/* Lay the chain and the baseline out in the memory of the space. Spaces that are `in_place` see what any of them laid. */
void sample_lay(struct space *space, const struct sample_plan *plan);

/* Take one, of chains that are laid out. 0 with *sample; -EINTR; -EIO with *why: something did not verify (the point is an error, not a number). */
int sample_take(struct space *space, const struct sample_plan *plan, struct chase_sample *sample, struct reason *why);

/* Core cycles per TSC cycle now, from dependent adds in this process, for code that is not timed in a space. */
double clock_ratio(void);

/* What an empty lap takes in this space, TSC cycles: the least of many, as anything else only adds. 0, or -errno. */
int sample_lap_overhead(struct space *space, double *tsc_cycles, struct reason *why);

#endif
