/* What `nestwalk run` was asked for: its options, with their defaults filled in; or those of the run that is resumed. */
#ifndef NESTWALK_RUN_OPTIONS_H
#define NESTWALK_RUN_OPTIONS_H

#include "cmd/run_guest.h"
#include "machine/reserve.h"
#include "measure/job.h"

#define LIST_MAX 32 /* of -b, -s and --param: far more than there are benches and axes */

struct run_arguments {
	const struct bench *benches[LIST_MAX], *run_benches[LIST_MAX];
	struct param params[LIST_MAX];
	char path[4096];
	struct reservation reservation;
	struct guest_arguments guest;
	const struct bench *guest_benches[LIST_MAX];
	size_t guest_bench_count;
	struct job_request request;
	const char *resumed; /* the run directory of --resume; NULL: a new run */
	struct resume resume;
};

/*
 * Parse the command line, and find the benches that it means. A mistake in it ends the program with a message. 0; -EINVAL no bench
 * is meant, or the run to be resumed says nothing that can be; -EALREADY that run is complete; other errors of resume_open().
 * @progress: how the run tells how far it is. run_arguments_free() in any case.
 */
int run_arguments_take(struct run_arguments *arguments, int argc, char **argv,
	void (*progress)(const struct progress *progress, void *data), struct reason *why);
void run_arguments_free(struct run_arguments *arguments);

#endif
