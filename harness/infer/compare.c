#include "infer/compare.h"

#include "base/quiet.h"
#include "base/rank_test.h"
#include "infer/compare_luck.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

/* The standard error of the median of n normal samples is this times their quartiles' distance over sqrt(n): sqrt(pi / 2) / 1.349. */
#define MEDIAN_ERROR 0.929
#define TAIL 0.025 /* of a 95 % interval, each side */

const char *const compare_verdict_names[COMPARE_VERDICTS] = { "alike", "better", "worse", "differs", "unknown" };
const char *const compare_test_names[COMPARE_TESTS] = { "pairs", "rounds", "samples", "runs" };

static const char no_ratio[] = "a median is not above 0, so that there is no ratio";
static const char no_samples[] = "samples were not kept";
static const char few_samples[] = "too few samples for so many comparisons";
static const char few_rows[] = "too few other rows to tell how much two runs differ by chance";

/* The samples that a run's numbers are made of, in ascending order. */
struct counted {
	double *value;
	size_t count;
	double median, error; /* standard error of the median, as a share of it; NaN where it is not known */
};

static int counted_make(const struct compare_samples *samples, struct counted *out)
{
	*out = (struct counted){ malloc((samples->count + 1) * sizeof(double)), 0, samples->told.median, NAN };
	if (!out->value)
		return -ENOMEM;
	out->count = quiet_select(samples->value, samples->quiet, samples->count, out->value);
	if (!out->count)
		return 0;
	gsl_sort(out->value, 1, out->count);
	if (!isfinite(out->median))
		out->median = gsl_stats_median_from_sorted_data(out->value, 1, out->count);
	if (out->count > 1)
		out->error = MEDIAN_ERROR *
			     (gsl_stats_quantile_from_sorted_data(out->value, 1, out->count, 0.75) -
				     gsl_stats_quantile_from_sorted_data(out->value, 1, out->count, 0.25)) /
			     sqrt((double)out->count) / out->median;
	return 0;
}

/* What is known of a row while it is judged. */
struct judged {
	struct counted *base, *other; /* of each run */
	double *ranked; /* p of each two runs */
};

static void judged_free(struct judged *judged, const struct compare_row *row)
{
	for (size_t i = 0; i < row->bases && judged->base; i++)
		free(judged->base[i].value);
	for (size_t i = 0; i < row->others && judged->other; i++)
		free(judged->other[i].value);
	free(judged->base);
	free(judged->other);
	free(judged->ranked);
}

static int judged_make(const struct compare_row *row, struct judged *judged)
{
	int rc = 0;

	*judged = (struct judged){ calloc(row->bases + 1, sizeof(struct counted)),
		calloc(row->others + 1, sizeof(struct counted)), NULL };
	if (!judged->base || !judged->other)
		return -ENOMEM;
	for (size_t i = 0; i < row->bases && !rc; i++)
		rc = counted_make(&row->base[i], &judged->base[i]);
	for (size_t i = 0; i < row->others && !rc; i++)
		rc = counted_make(&row->other[i], &judged->other[i]);
	return rc;
}

/* The medians of those runs that have one. Returns how many; *told is their median and interval. */
static size_t medians_of(const struct compare_samples *samples, const struct counted *runs, size_t count,
	double *median, struct interval *told)
{
	size_t known = 0;

	*told = (struct interval){ NAN, NAN, NAN };
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(runs[i].median))
			continue;
		*told = samples[i].told;
		told->median = runs[i].median;
		median[known++] = runs[i].median;
	}
	if (known > 1)
		*told = statistics_median_interval(median, known, 0);
	return known;
}

static struct interval interval_of_log(double log_ratio, double half)
{
	return (struct interval){ exp(log_ratio), exp(log_ratio - half), exp(log_ratio + half) };
}

/* --- one run: pairs --- */

/* The logarithms of the ratios of samples of one round, of which only the quiet ones are kept where these suffice. */
static size_t pairs_make(
	const struct compare_samples *over, const struct compare_samples *under, double *ratio, double *quiet)
{
	size_t pairs = 0;

	for (size_t i = 0; i < over->count; i++)
		for (size_t k = 0; k < under->count; k++) {
			if (over->round[i] != under->round[k])
				continue;
			/* A round has one sample of a point. */
			if (over->value[i] > 0 && under->value[k] > 0) {
				ratio[pairs] = log(over->value[i] / under->value[k]);
				quiet[pairs++] =
					(!over->quiet || over->quiet[i] > 0) && (!under->quiet || under->quiet[k] > 0);
			}
			break;
		}
	return quiet_select(ratio, quiet, pairs, ratio);
}

double compare_ratio_of_pairs(const struct compare_samples *over, const struct compare_samples *under)
{
	double *ratio = malloc((over->count + 1) * sizeof(*ratio)), *quiet = malloc((over->count + 1) * sizeof(*quiet));
	double result = ratio && quiet ? exp(statistics_median(ratio, pairs_make(over, under, ratio, quiet))) : NAN;

	free(quiet);
	free(ratio);
	return result;
}

/* Which test it is does not depend on what the samples are, only on how many there are. @tests: rows of the comparison. */
static int pairs_test(struct compare_row *row, const struct judged *judged, size_t tests)
{
	const struct counted *base = &judged->base[0], *other = &judged->other[0];
	size_t room = row->other->count + 1, pairs;
	double *ratio = malloc(room * sizeof(*ratio)), *quiet = malloc(room * sizeof(*quiet));
	struct interval logs;

	if (!ratio || !quiet) {
		free(ratio);
		free(quiet);
		return -ENOMEM;
	}
	pairs = pairs_make(row->other, row->base, ratio, quiet);
	row->base_count = row->other_count = pairs;
	if (pairs) {
		logs = statistics_median_interval(ratio, pairs, 0);
		row->ratio = (struct interval){ exp(logs.median), exp(logs.lo), exp(logs.hi) };
		row->p = rank_signed_p(ratio, pairs);
		if (rank_signed_least_p(pairs) * (double)tests > COMPARE_LEVEL) {
			row->test = COMPARE_ROUNDS;
			row->p = rank_sum_p(base->value, base->count, other->value, other->count);
			row->base_count = base->count;
			row->other_count = other->count;
		}
	}
	free(quiet);
	free(ratio);
	return 0;
}

/* --- several runs a side --- */

/* The mean of the logarithms of medians, and the variance of that mean. */
static double log_mean(double *median, size_t count, double *variance)
{
	for (size_t i = 0; i < count; i++)
		median[i] = log(median[i]);
	/* Medians of a few whole cycles may be the same in all runs, which proves no infinite precision. */
	*variance = fmax(gsl_stats_variance(median, 1, count), LUCK_LEAST * LUCK_LEAST) / (double)count;
	return gsl_stats_mean(median, 1, count);
}

/* Welch's test, with Satterthwaite's degrees of freedom: the spread of runs need not be the same before and after. */
static void runs_test(struct compare_row *row, double *base, size_t bases, double *other, size_t others)
{
	double base_variance, other_variance, difference, error, freedom;

	difference = -log_mean(base, bases, &base_variance);
	difference += log_mean(other, others, &other_variance);
	error = sqrt(base_variance + other_variance);
	freedom = pow(error, 4) / (base_variance * base_variance / ((double)bases - 1) +
					  other_variance * other_variance / ((double)others - 1));
	row->ratio = interval_of_log(difference, gsl_cdf_tdist_Qinv(TAIL, freedom) * error);
	row->base_count = bases;
	row->other_count = others;
	row->p = 2 * gsl_cdf_tdist_Q(fabs(difference) / error, freedom);
}

/* --- two runs --- */

static int samples_test(struct compare_row *row, struct judged *judged)
{
	judged->ranked = malloc((row->bases * row->others + 1) * sizeof(double));
	if (!judged->ranked)
		return -ENOMEM;
	for (size_t i = 0; i < row->bases; i++)
		for (size_t k = 0; k < row->others; k++) {
			const struct counted *base = &judged->base[i], *other = &judged->other[k];

			judged->ranked[i * row->others + k] =
				base->count && other->count
					? rank_sum_p(base->value, base->count, other->value, other->count)
					: NAN;
		}
	return 0;
}

/* Hold one run against one other: the row is as certain as the least certain two. */
static void luck_apply(struct compare_row *row, const struct judged *judged, size_t pair, const struct luck *luck)
{
	const struct counted *base = &judged->base[pair / row->others], *other = &judged->other[pair % row->others];
	double difference = log(other->median / base->median), error, p = judged->ranked[pair];
	bool is_first = isnan(row->p);

	if (isnan(p) || !isfinite(difference))
		return;
	if (isnan(luck->deviation)) {
		row->reason = few_rows;
		return;
	}
	error = hypot(luck->deviation, hypot(base->error, other->error));
	/* What is not beyond chance by its samples is not beyond luck, either. */
	if (isfinite(error) && p <= COMPARE_LEVEL)
		p = fmax(p, 2 * gsl_cdf_tdist_Q(fabs(difference) / error, luck->freedom));
	/* Two runs of a side that lie on different sides of one of the other show no difference of the sides. */
	if (!is_first && (difference > 0) != (row->ratio.median > 1))
		p = 1;
	if (!is_first && p <= row->p)
		return;
	row->p = p;
	row->luck = luck->deviation;
	row->ratio = interval_of_log(difference, luck->middle * error);
	row->base_count = base->count;
	row->other_count = other->count;
}

static double log_ratio_of(const struct compare_row *row, const struct judged *judged, size_t pair)
{
	return log(judged->other[pair % row->others].median / judged->base[pair / row->others].median);
}

/* What luck is estimated from: each row that is not a pair of one run or tested by runs. */
static int luck_judge(struct compare_row *rows, size_t count, const struct judged *judged)
{
	struct luck_row *all = malloc((count + 1) * sizeof(*all));
	size_t pairs = 0;
	int rc = all ? 0 : -ENOMEM;

	for (size_t i = 0; i < count; i++)
		if (judged[i].ranked && rows[i].bases * rows[i].others > pairs)
			pairs = rows[i].bases * rows[i].others;
	for (size_t pair = 0; pair < pairs && !rc; pair++) {
		struct luck_rows *luck;
		size_t told = 0;

		for (size_t i = 0; i < count; i++) {
			const struct judged *one = &judged[i];
			const struct counted *base, *other;

			if (!one->ranked || pair >= rows[i].bases * rows[i].others)
				continue;
			base = &one->base[pair / rows[i].others];
			other = &one->other[pair % rows[i].others];
			all[told++] = (struct luck_row){ rows[i].family, rows[i].side, base->median,
				log_ratio_of(&rows[i], one, pair), hypot(base->error, other->error) };
		}
		rc = luck_rows_make(all, told, &luck);
		for (size_t i = 0, at = 0; i < count && !rc; i++) {
			struct luck of_row;

			if (!judged[i].ranked || pair >= rows[i].bases * rows[i].others)
				continue;
			of_row = luck_of(luck, &all[at++]);
			luck_apply(&rows[i], &judged[i], pair, &of_row);
		}
		luck_rows_free(luck);
	}
	free(all);
	return rc;
}

/* --- all rows --- */

static int row_test(struct compare_row *row, struct judged *judged, size_t tests)
{
	double *base = malloc((row->bases + 1) * sizeof(*base)), *other = malloc((row->others + 1) * sizeof(*other));
	size_t bases, others;
	int rc = base && other ? judged_make(row, judged) : -ENOMEM;

	row->p = row->luck = row->control = NAN;
	row->ratio = (struct interval){ NAN, NAN, NAN };
	row->reason = NULL;
	row->few = false;
	row->base_count = row->other_count = 0;
	row->test = row->paired ? COMPARE_PAIRS : COMPARE_SAMPLES;
	if (rc)
		goto out;
	bases = medians_of(row->base, judged->base, row->bases, base, &row->base_told);
	others = medians_of(row->other, judged->other, row->others, other, &row->other_told);
	if (!(row->base_told.median > 0) || !(row->other_told.median > 0)) {
		row->reason = no_ratio;
	} else if (row->paired) {
		rc = pairs_test(row, judged, tests);
	} else if (bases >= COMPARE_RUNS && others >= COMPARE_RUNS) {
		row->test = COMPARE_OF_RUNS;
		runs_test(row, base, bases, other, others);
	} else {
		row->ratio.median = row->other_told.median / row->base_told.median;
		rc = samples_test(row, judged);
	}
out:
	free(other);
	free(base);
	return rc;
}

/* Whether no p-value that so few samples can have would pass as the first of Holm's. */
static bool too_few(const struct compare_row *row, size_t tests)
{
	double least = 0;

	if (row->test == COMPARE_PAIRS)
		least = rank_signed_least_p(row->base_count);
	else if (row->test != COMPARE_OF_RUNS)
		least = rank_sum_least_p(row->base_count, row->other_count);
	return least * (double)tests > COMPARE_LEVEL;
}

static void verdict_give(struct compare_row *row, size_t tests)
{
	const struct interval *ratio = &row->ratio;
	double factor = isfinite(row->control) ? row->control : 1;
	bool is_less = ratio->median < 1;

	row->verdict = COMPARE_ALIKE;
	if (row->base_told.median == row->other_told.median)
		return;
	if (row->p <= COMPARE_LEVEL && fabs(log(ratio->median)) >= log1p(COMPARE_LEAST) &&
		(ratio->lo > factor || ratio->hi < 1 / factor)) {
		row->verdict = row->better == NEITHER		  ? COMPARE_DIFFERS
			       : (row->better == LESS) == is_less ? COMPARE_BETTER
								  : COMPARE_WORSE;
		return;
	}
	row->few = isfinite(row->p) && too_few(row, tests);
	if (row->few)
		row->reason = few_samples;
	else if (isnan(row->p) && !row->reason)
		row->reason = no_samples;
	if (row->few || isnan(row->p))
		row->verdict = COMPARE_UNKNOWN;
}

int compare_judge(struct compare_row *rows, size_t count, const struct compare_control *controls, size_t control_count)
{
	struct judged *judged = calloc(count + 1, sizeof(*judged));
	double *p = malloc((count + 1) * sizeof(*p));
	size_t tests = 0;
	int rc = judged && p ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !rc; i++)
		rc = row_test(&rows[i], &judged[i], count);
	if (!rc)
		rc = luck_judge(rows, count, judged);
	if (!rc)
		rc = luck_controls_apply(rows, count, controls, control_count);
	for (size_t i = 0; i < count && !rc; i++) {
		p[i] = rows[i].p;
		tests += !isnan(p[i]);
	}
	if (!rc)
		rc = rank_holm(p, count);
	for (size_t i = 0; i < count && !rc; i++) {
		rows[i].p = p[i];
		verdict_give(&rows[i], tests);
	}
	for (size_t i = 0; i < count && judged; i++)
		judged_free(&judged[i], &rows[i]);
	free(judged);
	free(p);
	return rc;
}

double compare_worsening(const struct compare_row *row)
{
	if (row->verdict != COMPARE_WORSE)
		return 0;
	return fabs(row->ratio.median - 1);
}
