/*
 * Measuring a plan: rounds over all its points, until they are precise enough or the time is used; or a fixed number of
 * rounds, whatever the time.
 *
 * A round makes fresh memory for each ground, opens each setting's space on it, and visits every unfinished cell once
 * in a new random order; a cell's settings are measured one right after the other on the same pages in the same order,
 * taking turns to go first, and chain and baseline take turns too. Points finish only between rounds.
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
	double times; /* the seconds that a bench has in effort normal */
	bool first_answers; /* only benches that are part of a first answer, unless others are named */
	size_t samples_least, samples_most; /* of a point in a pass */
	uint64_t memory_most_bytes; /* under test at a time; also never above the budget */
};

#define EFFORTS 3
extern const struct effort efforts[EFFORTS];
const struct effort *effort_find(const char *name);

/* Seconds that an effort gives a bench; and what a run of so many seconds promises to stay under, set-up included. */
double effort_seconds(const struct effort *effort, const struct bench *bench);
double effort_seconds_most(double seconds);

/* A point is precise enough when its 95 % interval is within this share of its median, either way. */
#define PRECISE_ENOUGH 0.02

/* Times a contaminated sample is taken again before the point goes without one in this round. */
#define RETAKES 3

struct progress {
	const char *bench;
	enum pass pass;
	unsigned round, rounds; /* the round that begins, from 0, of how many; rounds 0: not fixed */
	size_t points_finished, points;
	double elapsed_s, left_s; /* of the whole bench */
	uint64_t memory_bytes;
};

/* What a measurement needs from outside. The functions may be NULL. */
struct surroundings {
	struct point_context context;
	const struct effort *effort;
	unsigned rounds; /* so many in each pass, however long they take; 0: as many as the seconds allow */
	const struct machine_source *source;
	uint64_t memory_budget_bytes;
	int numa_node; /* -1: not known */
	const int *
		cpus; /* that actors may be bound to: the run's own first, then others, each on a core of its own first */
	unsigned cpu_count;
	gsl_rng *random;
	bool (*stop)(void); /* true: end soon, keep what is there */
	/* A point has more samples, or is final. Nonzero ends the measurement (the disk is full). */
	int (*write)(const struct point *point, void *data, struct reason *why);
	void (*progress)(const struct progress *progress, void *data);
	void *data;
};

/* What the clock cost, over all spaces of the measurement. */
struct clock_cost {
	double lap_overhead_tsc; /* the greatest of the spaces' */
	double shortest_lap_tsc; /* 0: none was timed */
	double *cycles_per_tsc; /* owned by whoever holds the struct: one of each sample */
	size_t calibrations, room;
};

/*
 * Measure all points of a plan within `seconds`, or in around->rounds rounds without a limit of time. 0; -EINTR stop() said so, and all points hold what was measured;
 * others with *why, from write() or for want of memory. Every point is final and written when it returns, but after
 * an error of write().
 */
int rounds_measure(struct plan *plan, const struct surroundings *around, double seconds, struct clock_cost *cost,
	struct reason *why);

#endif
