/* The values of an axis that are measured: those of --param, or the usual ones. */
#ifndef NESTWALK_VALUES_H
#define NESTWALK_VALUES_H

#include "base/reason.h"
#include "bench.h"
#include "measure/plan.h"

#define VALUES_MOST 100000 /* more would make a plan that no run finishes: plan.c */

struct values {
	uint64_t *value; /* owned: values_free(); each once, in the order asked for */
	size_t count, room;
	bool ascending; /* so that a value above the last is new */
	bool asked; /* by --param */
};

/*
 * Add the values of a list as --param has it: "60,72-80,64-260:8,8-64K*8" for numbers and sizes, names for choices. 0, or
 * -WRONG_REQUEST with *why: not a value of this axis, out of its range, or more than VALUES_MOST; -ENOMEM.
 */
int values_parse(const struct axis *axis, const char *list, struct values *values, struct reason *why);

/* -WRONG_REQUEST with *why where a value is not possible on this machine. */
int values_within(const struct axis *axis, const struct values *values, unsigned cpus, struct reason *why);

/* Add the values that are measured unless --param says otherwise. 0, or -ENOMEM with *why. */
int values_usual(
	const struct axis *axis, const struct plan_request *request, struct values *values, struct reason *why);

void values_free(struct values *values);

#endif
