/*
 * Trying in a child what may crash: libraries that were not written for files of strangers. What the child has survived, its
 * parent survives too, as both do the same with the same bytes; the child has less stack.
 */
#ifndef NESTWALK_MACHINE_TRIAL_H
#define NESTWALK_MACHINE_TRIAL_H

#include "base/reason.h"

/*
 * Call attempt(context) in a child, whose output is thrown away and whose time is limited. 0 where it returned 0; -EINVAL with
 * *why: it returned something else, crashed, or did not end; @what: its name. -EAGAIN no process.
 */
int trial_run(int (*attempt)(const void *context), const void *context, const char *what, struct reason *why);

#endif
