/*
 * Going on with a run that was killed or interrupted, with its plan, its seed and the samples that it has.
 *
 * A point that was finished stays as it is. Others keep their samples and get those that they lack. A bench whose second pass
 * had begun has its sweep finished, and plans the second pass anew, from the same samples.
 */
#ifndef NESTWALK_RESUME_H
#define NESTWALK_RESUME_H

#include "measure/measurement.h"
#include "record/load.h"

struct resume {
	struct loaded_run run; /* as it was found */
	json_t *lines; /* identity -> the point's line */
	json_t *numbers; /* identity -> the point's number in the journal */
	unsigned numbers_most;
	double elapsed_s; /* between its beginning and its last sample */
};

/*
 * Read a run that is to go on. 0, and resume_close() is due; -EALREADY with *why: it is complete; -errno with *why as
 * run_load(). Needs no privilege.
 */
int resume_open(struct resume *resume, const char *path, struct reason *why);
void resume_close(struct resume *resume);

/*
 * Whether this machine is the one that the run began on, by what both run.json say of it: samples of two machines are no
 * samples of one point. 0; -EXDEV with *why naming all that differs.
 */
int resume_judge(const struct resume *resume, const json_t *about, struct reason *why);

/* Give the points of a measurement's pass, which has not begun, what the run has of them, and the pass the time that is left. 0, or -ENOMEM. */
int resume_pass(const struct resume *resume, struct measurement *m);

/* How much of so many seconds the run has used up. */
double resume_used_share(const struct resume *resume, double seconds);

/* Whether all but a Linux guest was measured; whether the guest was. */
bool resume_host_is_done(const struct resume *resume);
bool resume_guest_is_done(const struct resume *resume);

/* run.json of the run while it goes on. New reference. */
json_t *resume_about(const struct resume *resume);

/* Append the run's points that are not among `points`: those of a guest, and of a second pass that went elsewhere. */
int resume_points_keep(const struct resume *resume, json_t *points);

#endif
