/* The synthetic machines that level inference is put to, each with what is true of it. */
#ifndef NESTWALK_TEST_ABLATION_SCENARIOS_H
#define NESTWALK_TEST_ABLATION_SCENARIOS_H

#include "../model/tlb.h"

struct scenario {
	const char *name;
	struct model model;
	uint64_t last; /* pages at which the sweep ends */
	size_t samples; /* of a point; 1: medians only */
	bool sweep_only; /* the second pass is not made */
	bool vanishes; /* the second pass measures a machine without a TLB: no level is true */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
