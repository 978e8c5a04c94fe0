/*
 * What two runs of one machine differ by although nothing changed: each has other frames of memory, at another time. Two runs
 * do not tell it for one row. All rows of the same two runs do, if most of them did not change or changed alike.
 */
#ifndef NESTWALK_INFER_COMPARE_LUCK_H
#define NESTWALK_INFER_COMPARE_LUCK_H

#include <stddef.h>

struct compare_row;
struct compare_control;

/*
 * The least standard deviation of a run, as a share: medians are whole numbers of TSC cycles of 8192 accesses, and the TSC's own
 * rate is measured to some parts in 10 000. Rows that happen to be equal in two runs do not prove a machine without luck.
 */
#define LUCK_LEAST 0.001

/* A row that was measured in two runs. */
struct luck_row {
	size_t family, side; /* as those of struct compare_row */
	double cost; /* the base's median */
	double log_ratio;
	double error; /* the standard error of log_ratio by the samples of both runs */
};

/* The standard deviation of the logarithm of a ratio of two runs beyond the samples' own; NaN: too few rows tell. */
struct luck {
	double deviation;
	double freedom; /* of Student's t that such ratios follow */
	double middle; /* 95 % of that t lie within so many times its scale */
};

/* Rows in an order in which they are found. */
struct luck_rows;

/* 0 with *made, which luck_rows_free() frees; or -ENOMEM. The rows are copied. */
int luck_rows_make(const struct luck_row *rows, size_t count, struct luck_rows **made);
void luck_rows_free(struct luck_rows *rows);

/*
 * The luck of a row: that of rows of its family that cost half to twice as much, of all of its family where these are few, of
 * all of its side where these are few, too.
 */
struct luck luck_of(struct luck_rows *rows, const struct luck_row *row);

/* Fill `control` of each row from the controls of its group. 0, or -ENOMEM. */
int luck_controls_apply(
	struct compare_row *rows, size_t count, const struct compare_control *controls, size_t controls_count);

#endif
