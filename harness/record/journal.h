/*
 * The samples of a run that is still going on: samples.jsonl. Each sample is appended as soon as it is finished, so that a run
 * that is killed loses none. Once points.jsonl holds all points, the file is removed.
 *
 *   {"point":7,"line":{...}}         the point as docs/RESULTS.md describes it, as it stood then, without "samples"
 *   {"point":7,"sample":{"round":0,"net_cycles":3.1,...}}    a value under each name that "samples" has
 *   {"point":7,"dropped_round":4}    the samples of this round do not count, as the round was given up
 *   {"point":7,"final":true}         points.jsonl has the point's final line
 */
#ifndef NESTWALK_JOURNAL_H
#define NESTWALK_JOURNAL_H

#include "base/reason.h"
#include "record/load.h"

#include <jansson.h>

#define JOURNAL_NAME "samples.jsonl"

/*
 * Call `each` with a line for every point that the journal of the run directory `path` has and points.jsonl lacks: its samples,
 * and medians with intervals made of them as a run itself would. line->number is 0. A last line that was cut off is left out,
 * as is everything that is no line of a journal. Stops early where `each` returns non-zero, and returns that; else 0, also
 * where there is no journal; a negative errno with *why where it cannot be read.
 */
int journal_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why);

/*
 * The numbers of the points that journal_each_line() gives: identity (record/load.h) -> number, a new object in *numbers, and the
 * greatest number of the journal in *most, 0 where there is none. 0, or a negative errno with *why.
 */
int journal_numbers(const char *path, json_t **numbers, unsigned *most, struct reason *why);

#endif
