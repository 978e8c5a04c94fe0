/* Samples of trials: one trial of the laboratory each, in a laboratory of its own, as numbers of the bench's metrics. */
#ifndef NESTWALK_TRIAL_H
#define NESTWALK_TRIAL_H

#include "measure/scene.h"

/* Metrics of the kinds of trials, in the order of their values. */
enum fault_metric {
	FAULT_CYCLES,
	FAULT_NS,
	FAULT_TOUCH_CYCLES,
	FAULT_EXITS,
	FAULT_PF_TAKEN,
	FAULT_PF_FIXED,
	FAULT_PF_GUEST,
	FAULT_PF_EMULATE,
	FAULT_INSN_EMULATION,
	FAULT_HOST_FAULTS,
	FAULT_METRICS,
};

enum switch_metric {
	SWITCH_LOAD_CYCLES,
	SWITCH_LOAD_NS,
	SWITCH_FIRST_TOUCH_CYCLES,
	SWITCH_FIRST_TOUCH_NS,
	SWITCH_WARM_TOUCH_CYCLES,
	SWITCH_EXITS,
	SWITCH_METRICS,
};

enum census_metric {
	CENSUS_GUEST_TABLE,
	CENSUS_HYPERVISOR_TABLE,
	CENSUS_EXPECTED_NESTED,
	CENSUS_EXPECTED_SHADOW,
	CENSUS_GUEST_PER_GIB,
	CENSUS_HYPERVISOR_PER_GIB,
	CENSUS_NATIVE_TABLE,
	CENSUS_NATIVE_EXPECTED,
	CENSUS_NATIVE_PER_GIB,
	CENSUS_METRICS,
};

/*
 * One sample of each of a cell's points that are not over. Errors of a point stay in the point. 0; -EINTR; -ENOMEM.
 */
int trial_measure(struct measurement *m, struct cell *cell);

#endif
