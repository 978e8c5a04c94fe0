/*
 * What makes a measurement better and is not needed for one: binding, memory near the CPU, huge pages, an ordinary share of
 * the CPU. Each is tried, what came of it is recorded, and the run measures without what could not be had.
 */
#ifndef NESTWALK_PREPARATION_H
#define NESTWALK_PREPARATION_H

#include "machine/topology.h"

#include <jansson.h>

struct preparation {
	json_t *list; /* run.json's "preparation": [{"what", "done", "reason"}]; owned by the caller; NULL: memory was short */
	int numa_node; /* whose memory the calling thread gets; -1: not known */
};

/*
 * Bind the calling thread to the CPU and its memory to the nearest node, and look at what the process inherited
 * (machine/process.h). No privilege; a sandbox may refuse any of it.
 */
struct preparation preparation_try(const struct machine_source *source, const struct topology *topology, int cpu);

/* The i-th part that was not done, with its reason: "WHAT: REASON". False where there are no more. */
bool preparation_missing(const json_t *list, size_t i, struct reason *what);

#endif
