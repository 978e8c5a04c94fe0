/*
 * Work in a process in which this program has just been executed. fork() alone would hand down an allocator with a past
 * (a heap with holes, thresholds that have moved), and tables and pages to copy on write.
 *
 * Such a process runs no main(): a constructor of the file that has the work takes over. The process ends with its
 * parent (PR_SET_PDEATHSIG), and its children should end with it, too. Its environment is its parent's, so LD_PRELOAD
 * applies. No privilege is needed, but /proc must be mounted.
 */
#ifndef NESTWALK_FRESH_EXEC_H
#define NESTWALK_FRESH_EXEC_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The work. It reads `task`, a copy, and fills `result`. 0, or -errno with *why. */
typedef int (*fresh_exec_work)(const void *task, void *result, struct reason *why);

struct fresh_exec {
	const char *name; /* as given to fresh_exec_serve() */
	const void *task; /* task_bytes, without pointers in them */
	void *result; /* result_bytes, 0 at first */
	size_t task_bytes, result_bytes;
	bool (*stop)(void); /* polled; when it becomes true, the process is killed: -EINTR. NULL: never */
	uint64_t limit_ns; /* a process that takes longer is killed: -ETIME */
};

/*
 * Execute this program again, let it do the work, and wait for its end.
 * 0 with the result; what the work returned, with its *why; -EINTR; -ETIME; -EIO: the process died; -ENOENT, -EAGAIN,
 * -ENOMEM with *why: there can be no such process.
 */
int fresh_exec_run(const struct fresh_exec *exec, struct reason *why);

/*
 * To be called by a constructor, which runs in every process of this program. Where fresh_exec_run() made this process
 * for that name, it does the work and exits. Otherwise it does nothing.
 */
void fresh_exec_serve(const char *name, fresh_exec_work work);

#endif
