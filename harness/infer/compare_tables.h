/* The temporary tables by which points of a database are matched for a comparison (infer/compare_read.h). */
#ifndef NESTWALK_INFER_COMPARE_TABLES_H
#define NESTWALK_INFER_COMPARE_TABLES_H

#include "base/reason.h"

#include <sqlite3.h>

struct compare_question;

/*
 * Fill, for a question:
 *
 *   compare_value (side, text, value)                what sides are called; empty where the question gives the sides
 *   compare_point (point, run, side, bench, emulated, family)
 *   compare_key (point, key, extra, common_text, extra_text, raw)
 *                                             points of different sides with one key are a row. Key and extra hold values for
 *                                             programs, the texts are JSON objects for readers, raw is both for other programs. extra: what not all points
 *                                             of the family have, or what follows from `by`
 *   compare_metric (id, point, name, median, lo, hi, unit, better, chosen)   without times that are an emulator's
 *   compare_control (point, base, run, bench) a point of the control, and the host's
 *   compare_sample (point, name, number, round, value)
 *
 * 0, or a negative errno with *why, as compare_find().
 */
int compare_tables_fill(sqlite3 *db, const struct compare_question *question, struct reason *why);

#endif
