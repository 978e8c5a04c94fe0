/* Samples of trials: one trial each, in a guest or in processes of its own, as numbers of the bench's metrics. */
#ifndef NESTWALK_TRIAL_H
#define NESTWALK_TRIAL_H

#include "measure/scene.h"

/*
 * One sample of each of a cell's points that are not over. Errors of a point stay in the point. 0; -EINTR; -ENOMEM.
 */
int trial_measure(struct measurement *m, struct cell *cell);

#endif
