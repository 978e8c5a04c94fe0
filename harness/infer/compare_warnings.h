/* What makes a comparison doubtful: differences between runs that nobody asked for, and runs that did not go well. */
#ifndef NESTWALK_INFER_COMPARE_WARNINGS_H
#define NESTWALK_INFER_COMPARE_WARNINGS_H

#include "base/reason.h"
#include "infer/compare_read.h"

#include <sqlite3.h>

/* Lines of text, which compare_warnings_free() frees. */
struct compare_warnings {
	char **line;
	size_t lines;
};

/*
 * Warnings about the runs that compare_find() has just compared in this database, and about what it found. `by` is not told as
 * a difference. 0, or a negative errno with *why.
 */
int compare_warnings_find(sqlite3 *db, const struct compare_question *question, const struct comparison *found,
	struct compare_warnings *out, struct reason *why);
void compare_warnings_free(struct compare_warnings *warnings);

#endif
