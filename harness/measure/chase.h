/* Samples of chases: a chain is placed, laid out, and timed in each setting beside its packed baseline. */
#ifndef NESTWALK_CHASE_H
#define NESTWALK_CHASE_H

#include "measure/measurement.h"

/*
 * Enter the spaces that a configuration's unfinished points need.
 * 0, also where one setting has no space (its points then say why); -ENODATA no point is left to measure; -EINTR; another
 * error: there is no memory, and the points say why. workspace_leave() is due after 0 only.
 */
int chase_enter(struct measurement *m, struct memory_configuration *configuration, struct configured_spaces **spaces);

/* Whether the memory is large enough for these points. */
bool chase_has_room(const struct configured_spaces *spaces, const struct paired_points *pair);

/*
 * Take one sample of each of the paired points that is not over. `visit` grows by one from round to round; it decides
 * which setting goes first, and whether chain or baseline does. 0; -EINTR; -ENOMEM.
 */
int chase_measure(struct measurement *m, struct configured_spaces *spaces, struct paired_points *pair, unsigned visit);

#endif
