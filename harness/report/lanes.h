/*
 * Points of one kind, sorted by where they were measured: what stands side by side in a figure, or has a panel to itself.
 * And small helpers to read their metrics, and to put estimates into tables and text.
 */
#ifndef NESTWALK_REPORT_LANES_H
#define NESTWALK_REPORT_LANES_H

#include "report/inferred.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The points of one bench, setting and paging that differ in the figure's axes only. Strings are borrowed from them. */
struct lane {
	const char *bench, *setting, *paging;
	json_t *others; /* params that are no axes of the figure */
	json_t *points; /* in the order of the run; ok ones only */
	char label[96]; /* "host", "vcpu, shadow paging" */
	bool emulated; /* its times are an emulator's: never to be drawn or compared */
	bool interpreted; /* a hypervisor interpreted the measured code: only its counts mean something */
};

struct lanes {
	struct lane *lane; /* by place_rank(): host first, then vcpu, then guest */
	size_t count;
};

/*
 * Sort the ok points for which `belongs` says yes into lanes; `axes` (ended by NULL) are the params along which a lane
 * varies. Where a processor measured any of them, those that an emulator did are left out. 0 with *lanes, which
 * lanes_free() frees and which borrows from `points`; -ENOMEM.
 */
int lanes_gather(
	const json_t *points, bool (*belongs)(const json_t *point), const char *const *axes, struct lanes *lanes);
void lanes_free(struct lanes *lanes);

/* Leave out those lanes whose times are an emulator's, also where there are no others. */
void lanes_drop_emulated(struct lanes *lanes);

/* The different values of a number in the points of all lanes ("params.pages"), ascending, into out[most]. */
size_t lanes_numbers(const struct lanes *lanes, const char *path, double *out, size_t most);

/* Whether the text at `path` is `word`. */
bool text_is(const json_t *point, const char *path, const char *word);

/* A metric of a point with its interval; NaN where it has none. */
struct estimate metric_at(const json_t *point, const char *name);
struct estimate estimate_scaled(struct estimate estimate, double factor);

/* Three cells, each after a tab: the value and the ends of its interval, the value itself where they are not known. */
void table_estimate(FILE *table, struct estimate estimate);

/* "54.2 [53.1, 55.0]". */
struct text estimate_text(struct estimate estimate);

#endif
