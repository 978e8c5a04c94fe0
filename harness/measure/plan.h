/* From a bench's axes and what the user asked for to the points that will be measured. */
#ifndef NESTWALK_PLAN_H
#define NESTWALK_PLAN_H

#include "base/reason.h"
#include "bench.h"
#include "measure/point.h"

/* One --param NAME=VALUES as given. */
struct param {
	const char *name;
	const char *values; /* comma-separated; counts also as ranges, "60-90" */
};

struct plan_request {
	unsigned settings; /* SETTING_BIT()s */
	const struct param *params;
	size_t param_count;
	unsigned cpus; /* that the run may use: what limits some axes; 0: not known, no limit */
};

/* The points that differ in setting only: measured one right after the other, on the same memory, in the same order. */
struct paired_points {
	struct chase chase; /* all 0 for a bench of experiments */
	unsigned settings;
	struct point point[SETTING_SPACES];
	bool finished; /* all of its points are: precise enough, skipped or in error */
};

/* Pairs that share a kind of memory and of guest tables: a round makes both once for all of them. */
struct memory_configuration {
	struct chase like; /* but for the count, and, where not sparse, the distance */
	struct paired_points **pair; /* owned, and the pairs */
	size_t pairs, room;
};

struct plan {
	const struct bench *bench;
	struct memory_configuration *configuration; /* owned */
	size_t configurations, room;
	size_t points;
};

/* Whether a bench has an axis that --param calls `name`. */
const struct axis *plan_axis(const struct bench *bench, const char *name);

/*
 * All points of a bench. 0 with *plan (the caller frees it with plan_free()); -EINVAL with *why: a value that the axis
 * does not take, or nothing left to measure. Params that name no axis of this bench are passed over.
 */
int plan_make(struct plan *plan, const struct bench *bench, const struct plan_request *request, struct reason *why);
void plan_free(struct plan *plan);

/*
 * A plan for the second pass: like `from`, but with other values of the bench's sweep axis, chosen by the caller for
 * each memory configuration and stride: `choose` fills values[most] for the group that `like` belongs to and returns
 * how many.
 */
typedef size_t (*plan_choose)(const struct memory_configuration *configuration, const struct paired_points *like,
	uint64_t *values, size_t most, void *context);
int plan_refine(struct plan *plan, const struct plan *from, plan_choose choose, void *context, struct reason *why);

/* Whether two pairs are points of the same curve: equal but for the sweep axis. */
bool plan_same_curve(const struct bench *bench, const struct paired_points *a, const struct paired_points *b);

#endif
