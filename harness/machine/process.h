/*
 * What this process inherited from the one that started it, and what bears on measurements: switches, limits, its memory and
 * scheduling policy. Of a recorded machine, what its /proc/self says.
 */
#ifndef NESTWALK_PROCESS_H
#define NESTWALK_PROCESS_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether transparent huge pages are off for this process alone, by prctl(PR_SET_THP_DISABLE), which children inherit
 * (THP_enabled in /proc/self/status, Linux 5.0). Then *why says so, and who did it. No privilege.
 */
bool process_thp_is_off(const struct machine_source *source, struct reason *why);

/* The same of this process, for a message: why it got no transparent huge pages; NULL where they are not off for it. */
const char *process_thp_off_hint(void);

/*
 * A limit of /proc/self/limits, by its name there ("Max address space"): the soft one, or SOURCE_UNLIMITED. 0, or -errno
 * with *why.
 */
int process_limit(const struct machine_source *source, const char *name, uint64_t *limit, struct reason *why);

/*
 * Lower *bytes to the memory that limits of this process's address space (ulimit -v) and data (ulimit -d) leave, and say
 * so in *why (may be NULL). Leaves both as they are where there is no lower limit.
 */
void process_memory_limit(const struct machine_source *source, uint64_t *bytes, struct reason *why);

struct process_scheduling {
	const char *policy; /* "other", "fifo", "rr", "batch", "idle", "deadline", "ext" */
	long nice;
};

/* How this process is scheduled, by /proc/self/stat. 0, or -errno with *why. */
int process_scheduling(const struct machine_source *source, struct process_scheduling *scheduling, struct reason *why);

/*
 * Whether it gets as much of a CPU as others: its policy is "other" and its nice value 0 or less. Otherwise *why says what it
 * inherited. True where that is not known.
 */
bool process_has_ordinary_share(const struct machine_source *source, struct reason *why);

/*
 * What may be behind an error of mmap(2), fork(2) or pthread_create(3) on this machine, as words to put behind its message:
 * " (ulimit -v is 512 MiB)". "" where nothing is known. The text is static, and of the calling thread.
 */
const char *process_error_hint(int error);

#endif
