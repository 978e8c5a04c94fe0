/* Reading a run directory back. */
#ifndef NESTWALK_LOAD_H
#define NESTWALK_LOAD_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RUN_SCHEMA 1 /* of docs/RESULTS.md; another number may mean anything, so it is refused */

/*
 * A run as docs/RESULTS.md describes it. Owned by the caller: run_unload() frees it. points: a JSON array, one object a
 * point; of lines with one point_identity() the last one is valid.
 */
struct loaded_run {
	char *path;
	json_t *about; /* run.json */
	json_t *points; /* array */
	bool truncated; /* the last line of points.jsonl was cut off (a full disk) and left out */
};

/*
 * Read DIR/run.json and DIR/points.jsonl, whose texts are cleaned (base/text.h). 0, or a negative errno with *why naming file and line: -ENOENT no run there,
 * -EINVAL not JSON, or a schema this version does not read. On failure *run is empty. Needs no privilege.
 */
int run_load(const char *path, struct loaded_run *run, struct reason *why);
void run_unload(struct loaded_run *run);

/* Read DIR/run.json, with the errors of run_load(). The caller frees *about with json_decref(). */
int run_about_load(const char *path, json_t **about, struct reason *why);

/* One line of a file. The text is valid during the call only, and is not ended by a NUL where it holds one. */
struct text_line {
	size_t number; /* from 1 */
	const char *text;
	size_t length; /* the newline included */
	bool cut; /* it has no newline, so it is the last one, and the writer did not finish it */
};

/*
 * Call `each` for every line of a file of JSON that is not blank, with its texts cleaned (base/text.h). Stops early where it returns non-zero, and returns that; else
 * 0, or a negative errno with *why where the file cannot be read.
 */
int json_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why);

/*
 * Call `each` for every line of the points of the run directory `path`: those of points.jsonl and, of a run that goes on or was
 * killed, one for each point that only its journal has (record/journal.h), whose number is 0. Otherwise as json_each_line().
 */
int run_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why);

/* One line of a run's points. Everything in it is valid during the call only; take a reference to keep `point`. */
struct point_line {
	size_t number; /* from 1; 0: it is made of the journal */
	json_t *point; /* NULL where the line is not a JSON object */
	const char *problem; /* why not; NULL with a point */
	bool cut;
};

/* As run_each_line(), with each line, good or bad, read as JSON as it stands. */
int points_each_line(
	const char *path, int (*each)(void *context, const struct point_line *line), void *context, struct reason *why);

/*
 * The identity of a point: its bench, setting, paging, accel, params and pass, as one line of text that the caller
 * frees. Of two points with one identity the later is valid: interim lines of a point have the paging of its last line.
 * One directory may hold the same point under several paging modes. NULL where memory is short.
 */
char *point_identity(const json_t *point);

/* "DIR/NAME", which the caller frees; NULL where memory is short. */
char *run_file(const char *path, const char *name);

#endif
