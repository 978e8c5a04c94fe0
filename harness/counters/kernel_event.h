/* Events as the kernel names them in /sys, for cores that libpfm4 does not know. */
#ifndef NESTWALK_KERNEL_EVENT_H
#define NESTWALK_KERNEL_EVENT_H

#include "base/reason.h"
#include "machine/pmu.h"

#include <linux/perf_event.h>

/*
 * Encode an event that a PMU's directory names (events/NAME holds "event=0x3c,umask=0x00"; format/TERM holds
 * "config:0-7"), for user code only, disabled. 0; -ENOENT where it names none; -EINVAL with *why where its words are not
 * understood. Source: Linux Documentation/ABI/testing/sysfs-bus-event_source-devices-events and -format.
 */
int kernel_event_encode(const struct machine_source *source, const struct core_pmu *pmu, const char *event,
	struct perf_event_attr *attr, struct reason *why);

#endif
