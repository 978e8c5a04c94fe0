/*
 * What the kinds of experiments have in common: each turns one experiment into values of its bench's metrics. To add a
 * kind: its data in bench.h, a file experiment_*.c with its metrics and its function, and a line in experiment.c.
 */
#ifndef NESTWALK_EXPERIMENT_KINDS_H
#define NESTWALK_EXPERIMENT_KINDS_H

#include "measure/round_setup.h"

/*
 * Of an experiment's time that its threads may have been away: the median over its chunks is then still one of good
 * chunks.
 */
#define AWAY_SHARE_OF_MEDIANS 0.25

/* What one experiment came to. */
struct outcome {
	enum setting setting; /* of the point: set before the call, as are the histogram and the two clocks */
	double value[METRICS_MAX]; /* in the order of the bench's metrics; NAN: unknown, and the next two say why */
	struct reason unknown_of[METRICS_MAX]; /* of that metric */
	struct reason unknown; /* of those of which the above says nothing */
	struct disturbance disturbance;
	uint64_t kvm_pages[KVM_COUNTS]; /* KVM's counts of the VM as they stood at the end; KVM_COUNT_UNKNOWN */
	bool interpreted;
	double away_most; /* of the experiment that its threads may be away before that spoils it; 0: nothing is timed */
	struct histogram
		*histogram; /* of the point, in ns: where an experiment has latencies, it adds them; never NULL */
	double ns_per_tsc, cycles_per_tsc;
};

/*
 * Take one. 0; -EINTR; -EIO or -EINVAL with *why: it did not verify, and the point is an error; any other error with
 * *why: this machine cannot, and the point is skipped. A
 * failed experiment may leave anything in the outcome.
 */
typedef int (*experiment_take)(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);

int experiment_take_fault(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_switch(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_table_footprint(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_storm(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_malloc(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_shootdown(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_context_switch(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);
int experiment_take_mapping(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why);

#endif
