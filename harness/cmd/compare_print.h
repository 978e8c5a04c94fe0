/* A comparison in words: as text for a terminal, and as Markdown, JSON or CSV. */
#ifndef NESTWALK_CMD_COMPARE_PRINT_H
#define NESTWALK_CMD_COMPARE_PRINT_H

#include "base/reason.h"
#include "infer/compare_read.h"
#include "infer/compare_warnings.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

/* What is printed. All of it is the caller's. */
struct compare_output {
	sqlite3 *db; /* of the runs */
	const struct comparison *found;
	const struct compare_warnings *warnings;
	const char *const *side; /* what each side is called; cleaned */
	bool all; /* rows without a difference, too */
	bool colour;
	FILE *out;
};

/* How many rows there are of each verdict. */
struct compare_tally {
	size_t of[COMPARE_VERDICTS];
};
struct compare_tally compare_tally_of(const struct comparison *found);

/* Whether a row is printed: on a small comparison each, on a large one those that differ, unless all are wanted. */
bool compare_shows(const struct compare_output *output, size_t row);

/* "3 rows compared, 1 worse, 0 better, 2 not distinguishable". The caller frees it; NULL where memory is short. */
char *compare_overview(const struct comparison *found);

/*
 * A line of 80 columns at most for a terminal, a table for each bench, metric and side. The names that parameters have in a
 * row (json): see struct compare_label. 0, or -ENOMEM with *why.
 */
int compare_print_text(const struct compare_output *output, struct reason *why);

/* The same as Markdown; as one object; as one table with a line for each row. The last two hold all rows. */
int compare_print_markdown(const struct compare_output *output, struct reason *why);
int compare_print_json(const struct compare_output *output, struct reason *why);
int compare_print_csv(const struct compare_output *output, struct reason *why);

#endif
