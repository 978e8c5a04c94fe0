/* The plan: the points that will be measured, by a bench's axes and what the user asked for. */
#ifndef NESTWALK_PLAN_H
#define NESTWALK_PLAN_H

#include "base/reason.h"
#include "bench.h"
#include "measure/point.h"

/* One --param NAME=VALUES as given. */
struct param {
	const char *name;
	const char *values; /* comma-separated; numbers and sizes also as ranges: values_parse() */
};

struct plan_request {
	unsigned settings; /* SETTING_BIT()s */
	const struct param *params;
	size_t param_count;
	bool brief; /* the axes' brief values, for a first answer */
	unsigned cpus; /* how many the run may use, which limits some axes; 0: not known, no limit */
	uint64_t mthp_bytes; /* mthp_offered(): of these page sizes only those are measured by default */
};

/* Points that differ only in their setting. They are measured one right after the other, on the same memory. */
struct paired_points {
	struct chase chase; /* all 0 for a bench of experiments */
	unsigned settings;
	struct point point[SETTING_SPACES];
	bool finished; /* each of the points is precise enough, skipped or in error */
};

/* Paired points that share a kind of memory and a kind of guest tables, and so the spaces of a workspace. */
struct memory_configuration {
	struct chase like; /* what the points share: all but the count and, unless sparse, the distance */
	struct paired_points **pair; /* owned, with the points */
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
 * The settings that a bench is measured in where `asked` is asked for: a chase on the host is measured there again, as the
 * control that tells how much equals differ.
 */
unsigned plan_settings(const struct bench *bench, unsigned asked);

/*
 * Plan all points of a bench. Params that name no axis of this bench are ignored. 0 with *plan, which the caller frees
 * with plan_free(); -WRONG_REQUEST with *why: an axis does not take a value, or nothing is left to measure.
 */
int plan_make(struct plan *plan, const struct bench *bench, const struct plan_request *request, struct reason *why);
void plan_free(struct plan *plan);

/*
 * Plan the second pass: the curves of `from` at other values of the bench's sweep axis. For each curve, `choose` writes
 * up to `most` values and returns their number; `like` is the first of the curve's points.
 */
typedef size_t (*plan_choose)(const struct memory_configuration *configuration, const struct paired_points *like,
	uint64_t *values, size_t most, void *context);
int plan_refine(struct plan *plan, const struct plan *from, plan_choose choose, void *context, struct reason *why);

/* Whether two chases have the same kind of memory and of guest tables: all but the count and, unless sparse, the distance. */
bool plan_same_memory(const struct chase *a, const struct chase *b);

/* Whether both belong to the same curve: all their values are equal, except that of the sweep axis. */
bool plan_same_curve(const struct bench *bench, const struct paired_points *a, const struct paired_points *b);

#endif
