/* Is a run directory what docs/RESULTS.md says a run is? */
#ifndef NESTWALK_CHECK_H
#define NESTWALK_CHECK_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

enum finding_kind {
	FINDING_PROBLEM, /* the run is not valid */
	/* worth knowing, but the run is valid: it still goes on, or was killed in the middle of a line */
	FINDING_WARNING,
};

/* The results of check_run(). There is nothing to free. */
struct check_result {
	size_t points, ok, skipped, error; /* finished points and, in an unfinished run, the last state of the others */
	size_t problems, warnings;
	char state[16]; /* of run.json; "unknown" where it cannot be read */
	bool valid; /* no problems */
};

/* Receives a line "FILE:LINE: what", valid during the call. */
typedef void (*check_say)(void *context, enum finding_kind kind, const char *line);

/*
 * Validate run.json, points.jsonl and topology.xml of the run directory `path`. 0 when everything could be looked at,
 * whatever was found (see result->valid); -ENOENT where there is no such directory, -ENOMEM. Needs no privilege.
 */
int check_run(const char *path, check_say say, void *context, struct check_result *result, struct reason *why);

/* The same for who wants a sound run: 0, or -EINVAL with the first problem in *why; otherwise as check_run(). */
int check_sound(const char *path, struct reason *why);

#endif
