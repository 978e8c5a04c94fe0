/* A bench being measured: its plan, its share of the time, and what became of its points. */
#ifndef NESTWALK_MEASUREMENT_H
#define NESTWALK_MEASUREMENT_H

#include "measure/rounds.h"
#include "measure/workspace.h"

struct measurement {
	struct plan plan; /* of the pass that is going on; owned */
	const struct surroundings *around;
	struct clock_cost *cost;
	double seconds; /* that the bench has in all passes together */
	double pass_seconds; /* ... of which this pass may use so much; infinite with a fixed number of rounds */
	uint64_t used_ns, pass_used_ns; /* of wall time: by all passes, by this one; finished rounds only */
	uint64_t timed_ns; /* of it, in timed regions */
	uint64_t round_began_ns;
	uint64_t patience_ns; /* that samples may still wait for quiet weather, in all passes */
	unsigned round; /* of this pass */
	bool over; /* all passes are */
	struct reason failure; /* why a round ended with an error that is no point's */
	struct cycle cycle; /* room for the longest chain of the plan */
	struct sibling_load *sibling; /* owned; NULL: no point wanted it so far */
	struct placement placement; /* of the arranged chase that is being measured */
	void *state; /* experiment.state_bytes; NULL: the bench has none */
};

/*
 * A pass, and with it a run, may take this share of its time longer: a round that has begun is finished, or given up then, as
 * the machine has become slower.
 */
#define OVERTIME_SHARE 0.1

/* Begin a pass: m->plan, m->pass_seconds and m->around are set. 0, or -ENOMEM. */
int measurement_begin(struct measurement *m);

/* Free what measurement_begin() made. The plan stays. */
void measurement_end(struct measurement *m);

/* The wall time that this pass has used, the round that is going on included. */
double measurement_used_s(const struct measurement *m);

/* The seconds since the run began. */
double measurement_at_s(const struct measurement *m);

/* Whether a sample may be taken again, and whether a round that is going on is given up, as it takes too long. */
bool measurement_has_time(const struct measurement *m);
bool measurement_is_overdue(const struct measurement *m);

/* Call a function for every point of the plan, until one returns an error. */
typedef int (*point_visit)(struct measurement *m, struct point *point, struct reason *why);
int measurement_each_point(struct measurement *m, point_visit visit, struct reason *why);

/* How many points the plan has, and how many of them belong to pairs that are finished. */
size_t measurement_points(const struct measurement *m);
size_t measurement_points_finished(const struct measurement *m);

/* A point has a new sample: tell it. 0, or sampled()'s error, which m->failure explains. */
int measurement_sampled(struct measurement *m, struct point *point);

/* After a round: find the pairs that are finished. */
void measurement_judge(struct measurement *m);

/* Take back the samples of the round that is going on. 0, or dropped()'s error. */
int measurement_drop_round(struct measurement *m, struct reason *why);

/* At the end of a pass: points without a sample say why, and all points are written. 0, or write()'s error. */
int measurement_finish(struct measurement *m, struct reason *why);

#endif
