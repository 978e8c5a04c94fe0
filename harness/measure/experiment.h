/*
 * Samples of experiments: a bench's measure function, repeated while disturbed, and what the point keeps of each
 * sample.
 */
#ifndef NESTWALK_EXPERIMENT_H
#define NESTWALK_EXPERIMENT_H

#include "measure/measurement.h"

/*
 * Take one sample of each of the paired points that is not over. Errors of a point stay in the point.
 * 0; -EINTR; -ENOMEM.
 */
int experiment_measure(struct measurement *m, struct paired_points *pair);

#endif
