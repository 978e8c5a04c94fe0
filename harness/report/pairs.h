/* Ratios of two curves, sample by sample: what was measured in the same round saw the same machine. */
#ifndef NESTWALK_REPORT_PAIRS_H
#define NESTWALK_REPORT_PAIRS_H

#include "measure/stats.h"
#include "report/panels.h"

#include <stddef.h>
#include <stdint.h>

struct ratio_request {
	const struct panel_curve *over, *under; /* the ratio is over / under */
	const char *metric; /* of both: "gross_cycles" */
	double pages_least, pages_most; /* of these points only, both ends included */
	uint64_t seed; /* of the bootstrap */
};

/* The median of the ratios with its 95 % interval, *pairs of them; NaN where there are none. -ENOMEM. */
int ratio_of_pairs(const struct ratio_request *request, struct interval *ratio, size_t *pairs);

/* Two points, and what of them. */
struct point_ratio_request {
	const json_t *over, *under; /* the ratio is over / under */
	const char *metric; /* of both */
	uint64_t seed; /* of the bootstrap */
};

struct point_ratio {
	struct interval ratio;
	size_t pairs; /* samples of one round; 0: there are none, and the ratio is that of the two medians */
};

/* NaN where either has no samples of the metric, and no median. -ENOMEM. */
int ratio_of_points(const struct point_ratio_request *request, struct point_ratio *out);

#endif
