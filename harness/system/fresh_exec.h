/*
 * Work in a process that this program has just been executed in: fork() alone hands down an allocator that has a past
 * (a heap with holes, thresholds that have moved), and tables and pages to copy on write. Such a process runs no
 * main(): a constructor of the file that has the work takes it over. It ends with its parent (PR_SET_PDEATHSIG), and
 * what it made itself should end with it. It has the environment of its parent, hence also what LD_PRELOAD put there.
 * No privilege is needed, but /proc must be mounted.
 */
#ifndef NESTWALK_FRESH_EXEC_H
#define NESTWALK_FRESH_EXEC_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to be done with `task` (a copy), and where its outcome goes. 0, or -errno with *why. */
typedef int (*fresh_exec_work)(const void *task, void *result, struct reason *why);

struct fresh_exec {
	const char *name; /* as given to fresh_exec_serve() */
	const void *task; /* task_bytes, without pointers */
	void *result; /* result_bytes, 0 at first */
	size_t task_bytes, result_bytes;
	bool (*stop)(void); /* polled; where it becomes true the process is killed: -EINTR. May be NULL */
	uint64_t limit_ns; /* a process that takes longer is killed: -ETIME */
};

/*
 * Execute this program again, let it do the work, and wait for its end. 0 with the result; what the work returned, with
 * its *why; -EINTR, -ETIME; -EIO the process died; -ENOENT, -EAGAIN, -ENOMEM with *why: there can be no such process.
 */
int fresh_exec_run(const struct fresh_exec *exec, struct reason *why);

/*
 * For a constructor, which runs in every process of this program: where this process was made by fresh_exec_run() for
 * that name, do the work and exit; else do nothing.
 */
void fresh_exec_serve(const char *name, fresh_exec_work work);

#endif
