/*
 * How many entries the TLB level has that a step in a curve shows.
 *
 * What a step's middle means depends on how the TLB replaces and indexes: true LRU misses everything one page above
 * capacity, random replacement only starts to miss there and has half of its misses at 1.386 C. The estimator therefore
 * does not read off a fixed height:
 *
 * 1. m(N) = (cost - lower plateau) / (upper - lower), of the least disturbed samples (curve.h), is the miss ratio.
 * 2. Where m goes from none to nearly all within SHARP_RATIO, the law is "sharp". The answer is then the greatest N that
 *    is still clean, whatever the policy: a TLB that holds all N pages of a cycle does not miss once it is warm.
 * 3. Otherwise the law "random" is fitted by weighted least squares on a grid of C, with the height of the step and its
 *    growth an octave (walks get dearer as page tables leave the caches) as linear parameters. As far as it does not come
 *    near, as with hashed sets, the answer moves to where half of the accesses miss.
 * 4. The interval holds the answer, the greatest clean N, where half of the accesses miss, the saturation where no law is
 *    followed, and the measured neighbours, as nothing can be finer.
 */
#ifndef NESTWALK_INFER_CAPACITY_H
#define NESTWALK_INFER_CAPACITY_H

#include "infer/curve.h"
#include "infer/step_scan.h"

/*
 * An upper plateau is read from the saturation to so many times that. An octave further walks may be much dearer, and
 * within half as much there is no other point of the sweep.
 */
#define PLATEAU_WIDTH TUNED(PLATEAU_WIDTH, 1.5)

struct capacity {
	double entries, lo, hi;
	double clean, half, saturated; /* pages: up to or from which none, half, nearly all of the accesses miss */
	const char *law; /* "sharp", "random"; "none" where neither comes near */
	double misfit; /* of the law: root mean square, as a part of the step; NaN where sharp */
	double reached; /* part of the accesses that miss on the plateau read from `saturated` on; 1 unless the law knows */
};

/* Fit one candidate that levels off. 0; -ENOMEM; -ENODATA where too few points lie on either plateau. */
int capacity_fit(const struct curve *curve, const struct step *step, struct capacity *out);

#endif
