/*
 * Measuring plans: rounds over all points of a bench, until the points are precise enough or the bench's time is used up;
 * or a fixed number of rounds, whatever time they take.
 *
 * Rounds of all benches take turns, so that the samples of a point are spread over the whole run. A round visits all
 * unfinished paired points of a bench once, in a new random order. Paired points are measured one right after the other,
 * on the same pages, in the same order of visits. The settings take turns to go first, and so do chain and baseline.
 * Points finish only between rounds.
 */
#ifndef NESTWALK_ROUNDS_H
#define NESTWALK_ROUNDS_H

#include "machine/source.h"
#include "measure/plan.h"

#include <gsl/gsl_rng.h>

/* How long and how precisely to measure. */
struct effort {
	const char *name;
	const char *meaning;
	double times; /* how much longer than effort normal a bench takes */
	bool brief; /* measures the brief values of axes, and no Linux guest unless it is asked for */
	size_t samples_least, samples_most; /* of a point in a pass */
	uint64_t memory_most_bytes; /* under test at a time; the run's budget limits it further */
};

#define EFFORTS 3
extern const struct effort efforts[EFFORTS];
const struct effort *effort_find(const char *name);

/* The seconds that an effort gives a bench, and the time limit of a run that has this many seconds, set-up included. */
double effort_seconds(const struct effort *effort, const struct bench *bench);
double effort_seconds_most(double seconds);

/* A point is precise enough when both ends of its 95 % interval lie within this share of its median. */
#define PRECISE_ENOUGH 0.02

/* How often a disturbed sample is repeated before the point gets none in this round. */
#define RETAKES 3

struct measurement;
struct weather;
struct workspace;

struct progress {
	const char *bench;
	enum pass pass;
	unsigned round, rounds; /* the round that begins, from 0, of how many; rounds 0: not fixed */
	size_t points_finished, points;
	double left_s; /* of the whole run */
	uint64_t memory_bytes; /* in arenas */
};

/* What a measurement needs from outside. The functions may be NULL. */
struct surroundings {
	struct point_context context;
	const struct effort *effort;
	unsigned rounds; /* rounds in each pass, however long they take; 0: as many as the seconds allow */
	const struct machine_source *source;
	uint64_t memory_budget_bytes; /* that experiments may take beside the arenas */
	struct workspace *workspace; /* of chases */
	struct weather *weather;
	int numa_node; /* -1: not known */
	/* CPUs that workers may be bound to: the run's own first, then one of each other core, then their siblings. */
	const int *cpus;
	unsigned cpu_count;
	int sibling_cpu; /* another thread of the run's core; negative: there is none, and why */
	struct reason no_sibling;
	uint64_t start_ns; /* of the run */
	gsl_rng *random;
	bool (*stop)(void); /* true: end soon, and keep all samples */
	/*
	 * Called when a point has a new sample, when its samples of a round do not count, and when it is final. An error ends the
	 * measurement (a full disk).
	 */
	int (*sampled)(struct point *point, void *data, struct reason *why);
	/* Called when a pass has begun: give its points the samples that they have already. 0, or -ENOMEM. NULL: they have none. */
	int (*restore)(struct measurement *m, void *data);
	int (*dropped)(const struct point *point, unsigned round, void *data, struct reason *why);
	int (*write)(const struct point *point, void *data, struct reason *why);
	void (*progress)(const struct progress *progress, void *data);
	/*
	 * Called when a pass of a bench is over and written: put the plan of its next pass into m->plan and its time into
	 * m->pass_seconds, and return 0; -ENODATA: there is no other pass; other errors end the measurement.
	 */
	int (*next_pass)(struct measurement *m, void *data, struct reason *why);
	void *data;
};

/* What reading the clock cost, over all spaces of the measurement. */
struct clock_cost {
	double lap_overhead_tsc; /* the greatest of all spaces */
	double shortest_lap_tsc; /* 0: none was timed */
	double *cycles_per_tsc; /* owned by the holder of the struct: one for each sample */
	size_t calibrations, room;
};

/*
 * Measure all benches. Each of them has its plan and its seconds, and takes its turns so that all of them use up their time
 * evenly; around->rounds rounds have no limit of time. All points are final and written when it returns, unless write()
 * failed. 0; -EINTR: stop() became true, and the points hold what was measured so far; another error with *why: of
 * write(), or no memory.
 */
int rounds_measure(struct measurement *list, size_t count, const struct surroundings *around, struct reason *why);

#endif
