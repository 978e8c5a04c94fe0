/* Limits that control groups (v1 and v2) put on this process: its own group's and those of all groups above. */
#ifndef NESTWALK_CGROUP_H
#define NESTWALK_CGROUP_H

#include "base/reason.h"
#include "machine/source.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A directory in a cgroup hierarchy, walked from the process's own group up to the topmost that is mounted. */
struct cgroup {
	bool v2;
	char directory[PATH_MAX];
	size_t mount_length; /* directory[0..mount_length) is the mount point: the end of the way up */
};

/*
 * The group of this process for a v1 controller ("memory", "hugetlb", "cpu"), or its v2 group where the controller is
 * not mounted as v1. From /proc/self/cgroup and /proc/self/mountinfo, no privilege. Of several mounts it takes one that
 * shows the process's own group. Where none does, it takes what is mounted at /sys/fs/cgroup, whose limits are the best known,
 * and *why says so; otherwise *why is empty.
 * Returns 0; -ENODATA: this kernel has no cgroups, or the process is in none with the controller, so that none limits
 * it; another -errno with *why: there is a group, and its limits are not known.
 */
int cgroup_find(const struct machine_source *source, const char *controller, struct cgroup *group, struct reason *why);

/* Make `group` its parent. False where it is the topmost. */
bool cgroup_up(struct cgroup *group);

#endif
