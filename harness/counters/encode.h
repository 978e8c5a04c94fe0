/* From an event's name to what perf_event_open(2) takes, by libpfm4; and which PMU this CPU has, as libpfm4 sees it. */
#ifndef NESTWALK_ENCODE_H
#define NESTWALK_ENCODE_H

#include "base/reason.h"
#include "counters/catalogue.h"

#include <linux/perf_event.h>
#include <stdbool.h>

/*
 * Ready libpfm4; 1 to 2 ms the first time, nothing later. With LIBPFM_ENCODE_INACTIVE in the environment by then, events
 * of other CPUs encode too. Not for several threads at once. Returns 0, or -ENOSYS with *why.
 */
int encode_start(struct reason *why);

/*
 * The microarchitecture of this CPU: that of the PMU which libpfm4 finds present, or a stand-in with the kernel's generic
 * events. 0 or -errno of encode_start(). No privilege.
 */
int encode_detect(const struct microarch **microarch, struct reason *why);

/*
 * An event of a microarchitecture, for user code only (no kernel, no hypervisor), disabled. type, config and config1 say
 * which event it is; everything else of *attr is zero. 0, or -EINVAL with libpfm4's reason.
 */
int encode_event(
	const struct microarch *microarch, const char *event, struct perf_event_attr *attr, struct reason *why);

#endif
