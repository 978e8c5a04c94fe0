/* Joining runs of one host and of its guests into one run directory: docs/RESULTS.md, "Joined runs". */
#ifndef NESTWALK_MERGE_H
#define NESTWALK_MERGE_H

#include "base/reason.h"
#include "record/joined.h"
#include "record/load.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct merge_request {
	/* of the host: its run.json is kept, with the runs that it is already joined of */
	const struct loaded_run *base;
	const struct joined_run *joined;
	size_t count;
	bool replace; /* of two points with one identity the later run's is kept; otherwise they are an error */
};

/* Owned by the caller: merged_free(). */
struct merged {
	json_t *about; /* run.json of the base with "joined": an element for each run, with its warnings */
	json_t *points; /* array: the base's, then those of each run; a run's have its number from 1 in "joined" */
	json_t *sources; /* array, as long as "joined": {"path" of the run, "file": where its run.json is} */
};

/*
 * Join the runs. A run of the same host may itself be joined of others, which are then joined one by one.
 * 0, or with *why: -EEXIST two points have one identity; -EINVAL a run belongs to another machine (see joined_judge()), was
 * made in a guest and is joined of others, or has nothing to join; -ENOMEM. Reads and writes no file.
 */
int merge_runs(const struct merge_request *request, struct merged *out, struct reason *why);
void merged_free(struct merged *merged);

/*
 * Write the run directory `path` with the base's topology.xml and each joined run's run.json. `path` must not exist, or
 * be an empty directory. All files are written to a directory beside it, whose name ends in ".partial-" and the process
 * number. That directory is moved into place when it is whole; on failure nothing is left of it. 0, or -errno with
 * *why: -EEXIST something is there.
 */
int merge_write(const struct merge_request *request, const struct merged *merged, const char *path, struct reason *why);

/*
 * Write the same into the base's own directory: files of joined runs first, then points.jsonl and run.json, each as a
 * whole. On failure the directory is still a valid run. 0, or -errno with *why.
 */
int merge_into_base(const struct merge_request *request, const struct merged *merged, struct reason *why);

#endif
