/*
 * A load for the core's other thread: a thread of this process, bound to a CPU, that sweeps memory while it is told to,
 * and sleeps otherwise. It makes a neighbour on purpose, where this Linux owns both threads of a core. No privilege.
 */
#ifndef NESTWALK_SIBLING_LOAD_H
#define NESTWALK_SIBLING_LOAD_H

#include "base/reason.h"

#include <stdbool.h>

struct sibling_load;

/* Start the thread, asleep. 0; -EAGAIN, -ENOMEM, -EINVAL (no such CPU for this process) with *why. */
int sibling_load_start(struct sibling_load **load, int cpu, struct reason *why);

/* From now on it is busy, or sleeps. It notices within 50 us. */
void sibling_load_set(struct sibling_load *load, bool busy);

/* End the thread. NULL is allowed. */
void sibling_load_stop(struct sibling_load *load);

#endif
