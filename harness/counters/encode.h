/* libpfm4: encoding an event's name for perf_event_open(2), and finding the PMU of this CPU. */
#ifndef NESTWALK_ENCODE_H
#define NESTWALK_ENCODE_H

#include "base/reason.h"
#include "counters/catalogue.h"

#include <linux/perf_event.h>
#include <stdbool.h>

/*
 * Initialise libpfm4. This takes 1 to 2 ms the first time, and no time later. Where LIBPFM_ENCODE_INACTIVE is in the
 * environment at the first call, events of other CPUs can be encoded, too. Not thread-safe. Returns 0, or -ENOSYS with
 * *why.
 */
int encode_start(struct reason *why);

/*
 * The microarchitecture of this CPU: the one whose PMU libpfm4 finds present, or a fallback with the kernel's generic
 * events. 0 or -errno of encode_start(). No privilege.
 */
int encode_detect(const struct microarch **microarch, struct reason *why);

/*
 * Encode an event of a microarchitecture, for user code only (no kernel, no hypervisor), disabled. type, config and
 * config1 say which event it is; everything else of *attr is zero. 0, or -EINVAL with libpfm4's reason.
 */
int encode_event(
	const struct microarch *microarch, const char *event, struct perf_event_attr *attr, struct reason *why);

#endif
