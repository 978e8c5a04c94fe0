/* The part of `nestwalk run` that is about Linux guests. */
#ifndef NESTWALK_RUN_GUEST_H
#define NESTWALK_RUN_GUEST_H

#include "guest/guest.h"
#include "guest/join.h"
#include "measure/job.h"

#include <argp.h>

struct guest_arguments {
	bool wanted; /* setting guest is to be measured, where it can be */
	bool named; /* ... and the user said so: that it cannot is then a failure, or a skip if there is nothing else */
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

/* Seconds that a guest takes, booting included, in words for people: not a promise. */
double guest_seconds(const struct guest_job *job);

/*
 * Whether it can be had; 0, or -errno with *why. Where the user did not ask for it, the caller passes over it silently.
 */
int guest_look(const struct guest_arguments *arguments, struct reason *why);

/*
 * Measure it, and join what it brings into the run of `job` (closed, complete). 0 with *points; -EINTR; -errno with *why:
 * what became of it is noted in run.json in any case.
 */
int guest_measure(const struct guest_arguments *arguments, const struct guest_job *what, const struct job *job,
	struct guest_points *points, struct reason *why);

#endif
