/* Reading a run directory back. */
#ifndef NESTWALK_LOAD_H
#define NESTWALK_LOAD_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * A run as docs/RESULTS.md describes it. Owned by the caller: run_unload() frees it.
 * points: a JSON array, one object a point; of lines with the same bench, setting, params and pass the last one stands.
 */
struct loaded_run {
	char *path;
	json_t *about;	/* run.json */
	json_t *points; /* array */
	bool truncated; /* the last line of points.jsonl was cut off (a killed run) and left out */
};

/*
 * Read DIR/run.json and DIR/points.jsonl. 0, or a negative errno with *why naming file and line: -ENOENT no run there,
 * -EINVAL not JSON, or a schema this version does not read. Needs no privilege.
 */
int run_load(const char *path, struct loaded_run *run, struct reason *why);
void run_unload(struct loaded_run *run);

#endif
