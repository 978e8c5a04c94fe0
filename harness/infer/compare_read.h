/* Comparisons of a database of runs: which points are held against which, and what is found. */
#ifndef NESTWALK_INFER_COMPARE_READ_H
#define NESTWALK_INFER_COMPARE_READ_H

#include "base/reason.h"
#include "infer/compare.h"

#include <sqlite3.h>

/*
 * What is asked. Lists are ended by NULL; an empty list or NULL: no limit. Sides are numbered from 0, the base.
 */
struct compare_question {
	const char *
		by; /* "setting", "page_size", "kernel", ...: sides are its values; NULL: sides are given by `side_of_run` */
	const char *const *values; /* of `by`: these alone, in this order */
	const size_t *side_of_run; /* without `by`: of each run of the database, in their order */
	const char *const *benches;
	const char *const
		*metrics; /* "all": every metric that has a direction; none: the first time of each bench in ns */
};

/* What a row is called. Texts are owned by the comparison. */
struct compare_label {
	char *bench, *metric, *unit, *better; /* unit and better: NULL where the run does not say */
	char *parameters; /* what both sides have in common: a JSON object of texts, in a fixed order */
	char *extra; /* what only one side has, or each has another of: the same */
	char *raw; /* both, as numbers where they are numbers */
};

struct comparison {
	struct compare_row *row;
	struct compare_label *label; /* of each row */
	size_t rows;
	char **side; /* the values of `by`; NULL without */
	size_t sides;
	size_t alone; /* points of a side that have nothing to be held against */
	size_t emulated; /* points whose times were left out: an emulator's, or of interpreted code */
	size_t undirected; /* rows of metrics whose direction the run does not tell */
	size_t controls; /* pairs of the A/A control of the runs compared, a metric each */
	double control_factor; /* 99 % of them differ by less; NaN without */
	void *memory; /* of samples */
	size_t memories;
};

/*
 * Find and judge the rows of a question. The database is one of record/database.h, with samples, or an exported one; temporary
 * tables are made in it. compare_table() may be called after. 0 with *out, which comparison_free() frees; a negative errno with
 * *why: -EINVAL no such `by`, or fewer than two sides; -ENOENT nothing in common.
 */
int compare_find(sqlite3 *db, const struct compare_question *question, struct comparison *out, struct reason *why);
void comparison_free(struct comparison *comparison);

#endif
