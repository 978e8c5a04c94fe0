/*
 * Ratios of two curves, sample by sample: what was measured in the same round of the same run saw the same machine. Rounds
 * of different runs (a host's and one made inside its guest) have their numbers in common and nothing else: there the ratio
 * is one of medians, with the bootstrap interval of all samples without regard to rounds.
 */
#ifndef NESTWALK_REPORT_PAIRS_H
#define NESTWALK_REPORT_PAIRS_H

#include "base/statistics.h"
#include "report/panels.h"

#include <stddef.h>
#include <stdint.h>

struct ratio_request {
	const struct panel_curve *over, *under; /* the ratio is over / under */
	const char *metric; /* of both: "gross_cycles" */
	double pages_least, pages_most; /* of these points only, both ends included */
	uint64_t seed; /* of the bootstrap */
};

/*
 * The median of the ratios of all pairs, *pairs of them, with its 95 % interval. Without any pair (*pairs is 0) the
 * median, over the places that both curves have (pages and pass), of the ratio of their two medians; NaN where there is no
 * such place either. -ENOMEM.
 */
int ratio_of_pairs(const struct ratio_request *request, struct interval *ratio, size_t *pairs);

/* Two points, of one place, and what of them. */
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
