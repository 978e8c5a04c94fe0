/* What check.c, check_point.c, check_hardware.c and check_joined.c share: the state of one validation. */
#ifndef NESTWALK_CHECK_POINT_H
#define NESTWALK_CHECK_POINT_H

#include "record/check.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A run that was joined to the run being checked. */
struct checked_join {
	double tsc_hz; /* of its clock; 0: unknown */
	json_int_t said, seen; /* the number of its points by run.json, and in points.jsonl */
};

struct checking {
	check_say say;
	void *context;
	struct check_result *result;
	const char *file; /* of the line being checked */
	size_t line;
	double tsc_hz; /* 0: unknown */
	const json_t *about; /* run.json; NULL: it cannot be read */
	json_int_t rounds; /* that the run measured in each pass; 0: as many as its time allowed */
	struct checked_join *join; /* owned by check.c */
	size_t joins;
};

/* Kinds of JSON values, to be or-ed together. */
enum {
	KIND_INTEGER = 1 << 0,
	KIND_NUMBER = 1 << 1, /* integers too */
	KIND_STRING = 1 << 2,
	KIND_BOOLEAN = 1 << 3,
	KIND_OBJECT = 1 << 4,
	KIND_ARRAY = 1 << 5,
	KIND_NULL = 1 << 6,
};

struct expected_key {
	const char *key;
	unsigned kinds;
};

/* Say "FILE:LINE: what". */
void finding(struct checking *c, enum finding_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Check that every key of `expected` is in `object`, with a value of one of its kinds. `within` names the object in
 * findings.
 */
bool check_keys(struct checking *c, const json_t *object, const char *within, const struct expected_key *expected,
	size_t count);

/* Check that `value` is one of `count` words; `what` names it in findings. */
bool check_word(struct checking *c, const char *what, const json_t *value, const char *const *words, size_t count);

/* Check {"median", "lo", "hi", "unit"}: lo <= median <= hi. */
bool check_metric(struct checking *c, const char *name, const json_t *metric);

/* Check that nulls in `object` and below have a "reason" or "KEY_reason" beside them. */
void check_nulls(struct checking *c, const json_t *object, const char *within);

/*
 * Check what run.json says about joined runs and about a guest's shape, and the files that it names in the directory
 * `run`. Fills c->join. 0, or -ENOMEM.
 */
int check_joined(struct checking *c, const char *run, const json_t *about);

/* Check that each joined run has as many points as run.json says. To be called after all points were checked. */
void check_joined_points(struct checking *c);

/* Check the traits of metrics and axes in run.json, where it has them. */
void check_traits(struct checking *c, const json_t *about);

/* Check the effective leaves in the description of a machine, where it has them. */
void check_effective_leaf(struct checking *c, const json_t *machine);

/*
 * Check the hardware counts of a point ("hardware" and its samples), where the point has them, and those of a run
 * ("counters").
 */
void check_hardware(struct checking *c, const json_t *point);
void check_counters(struct checking *c, const json_t *about);

/*
 * Check one point, but not whether there are others with its identity. True where its identity and status can be relied
 * on.
 */
bool check_point(struct checking *c, const json_t *point);

#endif
