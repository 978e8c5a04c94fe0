/*
 * How many entries the TLB level has that a step in a curve shows.
 *
 * What a step's middle means depends on how the TLB replaces and indexes: true LRU misses everything one page above
 * capacity, random replacement only starts to miss there and has half of its misses at 1.386 C, hashed sets overflow
 * one after the other on both sides of C. The estimator therefore does not read off a fixed height:
 *
 * 1. m(N) = (cost - lower plateau) / (upper - lower), of the least disturbed samples (curve.h), is the miss ratio.
 * 2. Where m goes from none to nearly all within SHARP_RATIO, the law is LAW_SHARP: no other law and no TLB of fewer
 *    than five ways can do that. The answer is then the greatest N that is still clean, whatever the policy: a TLB that
 *    holds all N pages of a cycle does not miss once it is warm, and one that does not, must.
 * 3. Otherwise every law, number of ways and C on a grid is fitted by weighted least squares, with both plateaus and a
 *    growth of the upper one by so much an octave as linear parameters (walks get dearer as page tables leave the
 *    caches). The answer is the mean of ln C over the whole grid, weighted by exp(-(X2 - least X2) / 2 c), where c, the
 *    least X2 per degree of freedom, lets laws that fit equally badly weigh equally (quasi-likelihood model averaging:
 *    Burnham and Anderson, "Model Selection and Multimodel Inference", 2.5 and 4.1).
 *    As far as even the best law does not come near (NO_LAW), the answer moves to what can be told without one: where
 *    half of the accesses miss (C of all steep laws) or, the wider the rise, the middle between that and the greatest
 *    clean N (C of random replacement), for real policies lie in between.
 * 4. The interval holds: 95 % of a bootstrap over the samples within each point; 95 % of the weights of 3; the answer
 *    of every other law whose misfit is not clearly worse; the greatest clean N and where half of the accesses miss;
 *    and the measured neighbours, as nothing can be finer.
 */
#ifndef NESTWALK_INFER_CAPACITY_H
#define NESTWALK_INFER_CAPACITY_H

#include "infer/curve.h"
#include "infer/miss_law.h"
#include "infer/step_scan.h"
#include "infer/step_window.h"

#include <stdint.h>

struct capacity {
	double entries, lo, hi;
	enum law law;
	struct readings read;
	double disbelief; /* how far the laws were not followed, 0 to 1 */
	double reached; /* part of the accesses that miss on the plateau read from `saturated` on; 1 unless the law knows */
	double misfit; /* of the best law: root mean square, as a part of the step; NaN for LAW_SHARP */
};

/*
 * Fit one candidate that levels off, to the samples of both passes. Deterministic in `seed`.
 * 0; -ENOMEM; -ENODATA where too few points lie on either plateau.
 */
int capacity_fit(const struct curve *curve, const struct step *step, const struct law_table *laws, uint64_t seed,
	struct capacity *out);

#endif
