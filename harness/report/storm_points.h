/* Points of storms of page faults, as the figures about them look at them: by kind, frames and actors. */
#ifndef NESTWALK_REPORT_STORM_POINTS_H
#define NESTWALK_REPORT_STORM_POINTS_H

#include "report/figure.h"
#include "report/lanes.h"
#include "system/storm.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORM_ACTORS_MAX AXIS_VALUES_MAX /* different numbers of actors in one run */

struct storms {
	const struct report *report;
	struct lanes lanes; /* of processors only: all of this is about times */
	const char *kind[STORM_KINDS]; /* those measured, in the order of storm_kind_names */
	size_t kinds;
	uint64_t seed;
};

/* Whether a point is of a storm, measured or not: its params say which faults, and on what frames. */
bool point_is_of_storm(const json_t *point);

/* A few words for a picture: "first write to anonymous memory". "" for a kind that is none. */
const char *storm_meaning(const char *kind);

/* Sort the points that belong to a figure. 0 with *storms, which storms_free() frees; -ENOMEM with *why. */
int storms_gather(
	const struct report *report, bool (*belongs)(const json_t *point), struct storms *storms, struct reason *why);
void storms_free(struct storms *storms);

/* Which point of a lane. */
struct storm_place {
	const char *kind, *frames;
	const char *as; /* NULL: any, as one actor alone is neither threads nor processes */
	double actors;
};

/* NULL: there is none. */
const json_t *storm_point(const struct lane *lane, const struct storm_place *place);

/*
 * The one actor that others of this place are compared with: under the same name where it was measured so, otherwise under
 * any. NULL: one actor alone was not measured.
 */
const json_t *storm_alone(const struct lane *lane, const struct storm_place *place);

/* The different numbers of actors of a kind, ascending, into out[STORM_ACTORS_MAX]; lane NULL: in all lanes. */
size_t storm_actors(const struct storms *storms, const struct lane *lane, const char *kind, double *out);

/* The most actors of a kind; lane NULL: in all lanes. 0: it was not measured there. */
double storm_most_actors(const struct storms *storms, const struct lane *lane, const char *kind);

#endif
