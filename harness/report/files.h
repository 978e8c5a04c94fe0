/* Files that a report reads and writes, lists of names, and the scratch directory that gnuplot works in. */
#ifndef NESTWALK_REPORT_FILES_H
#define NESTWALK_REPORT_FILES_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

/* A list of names; owned. */
struct names {
	char **name;
	size_t count;
};

/* Append a copy of a name. 0, or -ENOMEM. */
int names_add(struct names *names, const char *name);
bool names_has(const struct names *names, const char *name);
void names_free(struct names *names);

/* Append the names in a directory in the order of their bytes, but no hidden ones. 0, or a negative errno with *why. */
int names_list(struct names *names, const char *directory, struct reason *why);

/* The whole of a text file DIRECTORY/NAME, which the caller frees. NULL with *why. */
char *file_read(const char *directory, const char *name, struct reason *why);

/* Copy a file of bytes. 0, or a negative errno with *why. */
int file_copy(
	const char *from_directory, const char *from, const char *to_directory, const char *to, struct reason *why);

/*
 * A new directory below $TMPDIR, in which plots-0, plots-1 and so on are links to the folders `plots` (ended by NULL). Its
 * path goes to scratch_remove(). NULL with *why.
 */
#define SCRATCH_PLOTS "plots-"
char *scratch_make(const char *const *plots, struct reason *why);

/* Remove what is in the directory and matches the pattern. */
void scratch_empty(const char *scratch, const char *pattern);

/* Remove the directory with everything in it, and free its path. NULL: nothing. */
void scratch_remove(char *scratch);

#endif
