#include "infer/compare_luck.h"

#include "infer/compare.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Nine tenths of the rows are taken for unchanged (or changed alike). Less would miss that luck is in some rows and not in
 * others: hits of the L1 cache have none, and half of the points of a sweep are such hits.
 */
#define UNCHANGED 0.9
#define COMPARABLE 2 /* costs that are half or twice as much come from about the same mixture of hits and misses */
#define ROWS_LEAST 8 /* of fewer, nine tenths is all */
#define ROWS_ENOUGH (2 * FREEDOM_MOST) /* more comparable rows tell nothing more certainly */
/*
 * Luck has heavy tails: ten runs of one machine, compared with their neighbours, differ as Student's t with some ten degrees
 * of freedom does (docs/METHOD.md). A quantile of k rows is worth about half as many observations.
 */
#define FREEDOM_MOST 10
#define UNCHANGED_WITHIN 1.8125 /* nine tenths of Student's t with FREEDOM_MOST lie within so many times its scale */
#define MIDDLE_WITHIN 2.2281 /* 95 % of it */
#define A_A_SHARE 0.99 /* of pairs of the control, as in null_ratio (infer/claims.c) */

struct luck_rows {
	struct luck_row *row; /* by family and cost */
	size_t count;
	double *room; /* for as many numbers */
};

static int by_family_and_cost(const void *left, const void *right)
{
	const struct luck_row *a = left, *b = right;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return (a->cost > b->cost) - (a->cost < b->cost);
}

int luck_rows_make(const struct luck_row *rows, size_t count, struct luck_rows **made)
{
	struct luck_rows *out = calloc(1, sizeof(*out));

	*made = out;
	if (!out)
		return -ENOMEM;
	out->row = malloc((count + 1) * sizeof(*out->row));
	out->room = malloc((count + 1) * sizeof(*out->room));
	if (!out->row || !out->room)
		return -ENOMEM;
	/* Rows of one sample have no error of their own, and tell nothing. */
	for (size_t i = 0; i < count; i++)
		if (isfinite(rows[i].log_ratio) && isfinite(rows[i].error) && isfinite(rows[i].cost))
			out->row[out->count++] = rows[i];
	qsort(out->row, out->count, sizeof(*out->row), by_family_and_cost);
	return 0;
}

void luck_rows_free(struct luck_rows *rows)
{
	if (!rows)
		return;
	free(rows->row);
	free(rows->room);
	free(rows);
}

/* The first row that is not before a family and cost. */
static size_t first_from(const struct luck_rows *rows, size_t family, double cost)
{
	const struct luck_row key = { .family = family, .cost = cost };
	size_t low = 0, high = rows->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_family_and_cost(&rows->row[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Rows [from, to), of which at least so many have to be there to tell. */
struct luck_range {
	size_t from, to, least;
};

/*
 * The luck that makes UNCHANGED of the rows lie as far from their common median as numbers of Student's t do, beside the errors of
 * their samples. The rows are those of a range, and of a side.
 */
static struct luck luck_of_range(struct luck_rows *rows, const struct luck_range *range, size_t side)
{
	struct luck luck = { NAN, NAN, NAN };
	size_t count = 0;
	double median, within, variance;

	for (size_t i = range->from; i < range->to; i++)
		if (rows->row[i].side == side)
			rows->room[count++] = rows->row[i].log_ratio;
	if (count < range->least)
		return luck;
	luck.freedom = fmin(FREEDOM_MOST, (double)count / 2);
	luck.middle = luck.freedom < FREEDOM_MOST ? gsl_cdf_tdist_Pinv(0.975, luck.freedom) : MIDDLE_WITHIN;
	within = luck.freedom < FREEDOM_MOST ? gsl_cdf_tdist_Pinv((1 + UNCHANGED) / 2, luck.freedom) : UNCHANGED_WITHIN;
	median = gsl_stats_select(rows->room, 1, count, count / 2);
	count = 0;
	for (size_t i = range->from; i < range->to; i++) {
		double off = (rows->row[i].log_ratio - median) / within, error = rows->row[i].error;

		if (rows->row[i].side == side)
			rows->room[count++] = off * off - error * error;
	}
	variance = gsl_stats_select(rows->room, 1, count, (size_t)(UNCHANGED * (double)count));
	luck.deviation = fmax(LUCK_LEAST, sqrt(fmax(0, variance)));
	return luck;
}

struct luck luck_of(struct luck_rows *rows, const struct luck_row *row)
{
	double dearest = nextafter(row->cost * COMPARABLE, INFINITY);
	const struct luck_range ranges[] = {
		{ first_from(rows, row->family, row->cost / COMPARABLE), first_from(rows, row->family, dearest),
			ROWS_ENOUGH },
		{ first_from(rows, row->family, -INFINITY), first_from(rows, row->family + 1, -INFINITY), ROWS_LEAST },
		{ 0, rows->count, ROWS_LEAST },
	};
	struct luck luck = { NAN, NAN, NAN };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && isnan(luck.deviation); i++)
		luck = luck_of_range(rows, &ranges[i], row->side);
	return luck;
}

double compare_control_factor(const struct compare_control *controls, size_t count)
{
	double *factor = malloc((count + 1) * sizeof(*factor)), result = NAN;
	size_t known = 0;

	for (size_t i = 0; i < count && factor; i++)
		if (controls[i].ratio > 0)
			factor[known++] = fmax(controls[i].ratio, 1 / controls[i].ratio);
	if (factor)
		result = statistics_quantile(factor, known, A_A_SHARE);
	free(factor);
	return result;
}

/* The controls of a group, all or those of comparable cost. *count: how many. */
static double factor_of(const struct compare_control *controls, size_t controls_count, const struct compare_row *row,
	double within, double *room, size_t *count)
{
	double cost = row->base_told.median;

	*count = 0;
	for (size_t i = 0; i < controls_count; i++)
		if (controls[i].group == row->group && controls[i].ratio > 0 && controls[i].cost >= cost / within &&
			controls[i].cost <= cost * within)
			room[(*count)++] = fmax(controls[i].ratio, 1 / controls[i].ratio);
	return statistics_quantile(room, *count, A_A_SHARE);
}

int luck_controls_apply(
	struct compare_row *rows, size_t count, const struct compare_control *controls, size_t controls_count)
{
	double *room = malloc((controls_count + 1) * sizeof(*room));

	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t found;

		/* Only rows that might be claimed are held against the control. */
		if (!(rows[i].p <= COMPARE_LEVEL))
			continue;
		rows[i].control = factor_of(controls, controls_count, &rows[i], COMPARABLE, room, &found);
		if (found < ROWS_LEAST)
			rows[i].control = factor_of(controls, controls_count, &rows[i], INFINITY, room, &found);
	}
	free(room);
	return 0;
}
