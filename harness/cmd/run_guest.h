/* The part of `nestwalk run` that is about Linux guests. */
#ifndef NESTWALK_RUN_GUEST_H
#define NESTWALK_RUN_GUEST_H

#include "guest/guest.h"
#include "guest/join.h"
#include "measure/job.h"

#include <argp.h>

struct guest_arguments {
	bool wanted; /* setting guest is to be measured, where it can be */
	bool named; /* the user named it: where it cannot be measured the run fails, or is skipped if it has nothing else */
	bool forced; /* also under a KVM that is known not to boot a stock kernel */
	struct guest_shape shape;
	const char *image; /* NULL: image_default() */
};

/* Options --guest-*; its input is a struct guest_arguments. */
extern const struct argp guest_argp;

/* What a guest is to measure: benches of the host setting, and how. Borrowed. */
struct guest_job {
	const struct bench *const *benches;
	size_t bench_count;
	const struct plan_request *plan;
	const struct effort *effort;
	unsigned rounds; /* 0: as many as the effort's time allows */
	uint64_t seed;
	bool (*stop)(void);
};

/* Seconds that a guest takes, booting included. The number is for people, not a promise. */
double guest_seconds(const struct guest_job *job);

/*
 * Whether there can be a guest. 0, or -errno with *why. Where the user did not ask for a guest, the caller says
 * nothing.
 */
int guest_look(const struct guest_arguments *arguments, struct reason *why);

/*
 * Run the guest, and join its points into the run of `job` (closed, complete). 0 with *points; -EINTR; -errno with
 * *why. What became of the guest is noted in run.json in any case.
 */
int guest_measure(const struct guest_arguments *arguments, const struct guest_job *what, const struct job *job,
	struct guest_points *points, struct reason *why);

#endif
