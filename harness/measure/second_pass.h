/* The second pass of a bench that looks for steps: independent measurements around the steps that its sweep shows. */
#ifndef NESTWALK_SECOND_PASS_H
#define NESTWALK_SECOND_PASS_H

#include "measure/plan.h"

/*
 * Plan the second pass from what was measured in the first; it has no points where no curve shows a step. 0 with *refine,
 * which the caller frees with plan_free(); -ENOMEM with *why.
 */
int second_pass_plan(struct plan *refine, const struct plan *sweep, struct reason *why);

#endif
