/*
 * Samples of experiments: one experiment each, in a guest or in processes of its own, as numbers of the bench's
 * metrics.
 */
#ifndef NESTWALK_EXPERIMENT_H
#define NESTWALK_EXPERIMENT_H

#include "measure/round_setup.h"

/*
 * One sample of each of a pair's points that are not over. Errors of a point stay in the point. 0; -EINTR; -ENOMEM.
 */
int experiment_measure(struct measurement *m, struct paired_points *pair);

#endif
