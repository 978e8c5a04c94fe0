/*
 * How many times as much a metric is in some points as in others. Samples of one round of one run saw the same machine, so
 * the ratio is one of pairs. Rounds of different runs (a host's, and one made inside its guest) have nothing in common:
 * there the ratio is one of medians, with the bootstrap interval of all samples without regard to rounds.
 *
 * A difference is claimed by a stricter interval (statistics_sure_interval()). Samples of one round saw the same weather, so
 * that the ratios of a round count as one, their median, however many points they are of.
 */
#include "base/quiet.h"
#include "base/statistics.h"
#include "infer/tables.h"
#include "record/database.h"
#include "record/sql_functions.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One place at which both were measured: samples [first, under) are of the points over, [under, end) of those under. */
struct place {
	size_t first, under, end;
};

/* What is asked about a row's two points (?1 over, ?2 under) and their metric (?3). */
enum query {
	QUERY_SAME_RUN,
	QUERY_TAKEN_OVER,
	QUERY_TAKEN_UNDER,
	QUERY_OVER,
	QUERY_UNDER,
	QUERY_MEDIANS,
	QUERIES,
};

/* The samples of a point in the order in which they were taken, and whether each was quiet, where that is known. */
#define TAKEN(point) \
	"SELECT number, round, value, name = 'quiet' FROM sample WHERE point = " point " AND name IN (?3, 'quiet')"

static const char *const queries[QUERIES] = {
	/* Samples are pairs where both points are of one run. */
	[QUERY_SAME_RUN] =
		"SELECT r.seed, po.pass IS 'refine' FROM point po JOIN point pu ON pu.point = ?2 AND pu.run = po.run"
		" AND pu.joined IS po.joined JOIN run r ON r.run = po.run WHERE po.point = ?1",
	[QUERY_TAKEN_OVER] = TAKEN("?1"),
	[QUERY_TAKEN_UNDER] = TAKEN("?2"),
	[QUERY_OVER] = "SELECT value FROM sample WHERE point = ?1 AND name = ?3 AND value > 0 ORDER BY number",
	[QUERY_UNDER] = "SELECT value FROM sample WHERE point = ?2 AND name = ?3 AND value > 0 ORDER BY number",
	[QUERY_MEDIANS] =
		"SELECT o.median / u.median, r.seed FROM metric o JOIN metric u ON u.point = ?2 AND u.name = ?3"
		" JOIN point p ON p.point = o.point JOIN run r ON r.run = p.run WHERE o.point = ?1 AND o.name = ?3",
};

/* The state of the aggregate over rows of (over, under, metric). */
struct ratio {
	struct sql_numbers pairs; /* the ratio of each pair of samples */
	struct sql_numbers round; /* of each of these pairs, the round and pass, as one number */
	struct sql_numbers quiet; /* and whether both of its samples were quiet */
	struct sql_numbers sample; /* all samples of both, a place after the other */
	struct place *place;
	size_t places;
	bool has_medians; /* whether the next has a value: an aggregate starts as zeros, and an unknown ratio is not 0 */
	double medians; /* the ratio of the two medians of the last row, for points whose samples were not kept */
	uint64_t seed; /* of the run */
	sqlite3_stmt *statement[QUERIES]; /* prepared when first needed; rows come by the thousand */
};

/* What a resample works on. */
struct unpaired {
	const struct ratio *ratio;
	double *resample, *of_place; /* room for as many as there are samples, and places */
};

static double drawn_median(const struct unpaired *unpaired, const unsigned *drawn, size_t from, size_t to)
{
	return statistics_drawn_median(
		unpaired->ratio->sample.number + from, drawn + from, to - from, unpaired->resample);
}

/* A place of which a resample has nothing on one side is left out of it: the median of nothing is NaN. */
static double ratio_of_medians(const unsigned *drawn, size_t n, void *context)
{
	const struct unpaired *unpaired = context;
	size_t places = unpaired->ratio->places;

	(void)n;
	for (size_t i = 0; i < places; i++) {
		const struct place *place = &unpaired->ratio->place[i];

		unpaired->of_place[i] = drawn_median(unpaired, drawn, place->first, place->under) /
					drawn_median(unpaired, drawn, place->under, place->end);
	}
	return statistics_median(unpaired->of_place, places);
}

/* A query with the three arguments of a row bound to it. NULL with an error set in the context. */
static sqlite3_stmt *statement_of(
	sqlite3_context *context, enum query query, sqlite3_value **values, struct ratio *ratio)
{
	struct reason why;
	sqlite3_stmt *statement = ratio->statement[query];

	if (statement)
		sqlite3_reset(statement);
	else
		statement = database_prepare(sqlite3_context_db_handle(context), queries[query], &why);
	ratio->statement[query] = statement;
	if (!statement) {
		sqlite3_result_error(context, why.text, -1);
		return NULL;
	}
	for (int i = 0; i < 3; i++)
		sqlite3_bind_value(statement, i + 1, values[i]);
	return statement;
}

/* A sample of a point; NaN where it or its round is not known. */
struct taken {
	double value, round;
	bool quiet;
};

/* The samples of a point. The caller frees them. */
struct taken_samples {
	struct taken *sample;
	size_t count;
};

/* No point has so many: a file that says so comes from somebody else. */
#define SAMPLES_MOST (1 << 24)

static int taken_grow(struct taken_samples *taken, size_t count)
{
	struct taken *grown = reallocarray(taken->sample, count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	taken->sample = grown;
	while (taken->count < count)
		grown[taken->count++] = (struct taken){ NAN, NAN, true };
	return 0;
}

static int taken_read(sqlite3_context *context, sqlite3_value **values, enum query query, struct ratio *ratio,
	struct taken_samples *taken)
{
	sqlite3_stmt *samples = statement_of(context, query, values, ratio);
	int rc = samples ? 0 : -EIO;

	while (!rc && sqlite3_step(samples) == SQLITE_ROW) {
		sqlite3_int64 number = sqlite3_column_int64(samples, 0);

		if (number < 0 || number >= SAMPLES_MOST)
			continue;
		if ((size_t)number >= taken->count)
			rc = taken_grow(taken, (size_t)number + 1);
		if (rc)
			break;
		if (sqlite3_column_int(samples, 3)) {
			taken->sample[number].quiet = sqlite3_column_double(samples, 2) > 0;
		} else {
			taken->sample[number].value = database_number(samples, 2);
			taken->sample[number].round = database_number(samples, 1);
		}
	}
	return rc;
}

/* Of the pairs of one row, which begin at `first`, keep those that the numbers of a point are made of, too (base/quiet.h). */
static void quiet_keep(struct ratio *ratio, size_t first)
{
	size_t count = ratio->quiet.count - first, kept;
	const double *quiet = ratio->quiet.number + first;

	if (!count || !quiet_suffice(quiet, count))
		return;
	kept = quiet_select(ratio->pairs.number + first, quiet, count, ratio->pairs.number + first);
	quiet_select(ratio->round.number + first, quiet, count, ratio->round.number + first);
	ratio->pairs.count = ratio->round.count = ratio->quiet.count = first + kept;
}

/* Every sample of `over` with the first of `under` that is of the same round. */
static int taken_pair(
	struct ratio *ratio, const struct taken_samples *over, const struct taken_samples *under, bool refine)
{
	int rc = 0;

	for (size_t i = 0, k; i < over->count && !rc; i++) {
		for (k = 0; k < under->count && under->sample[k].round != over->sample[i].round; k++)
			;
		if (k == under->count || !(under->sample[k].value > 0) || !isfinite(over->sample[i].value))
			continue;
		rc = sql_numbers_add(&ratio->pairs, over->sample[i].value / under->sample[k].value);
		if (!rc)
			rc = sql_numbers_add(&ratio->round, 2 * over->sample[i].round + refine);
		if (!rc)
			rc = sql_numbers_add(&ratio->quiet, over->sample[i].quiet && under->sample[k].quiet);
	}
	return rc;
}

static int pairs_add(sqlite3_context *context, sqlite3_value **values, struct ratio *ratio)
{
	struct taken_samples over = { 0 }, under = { 0 };
	size_t first = ratio->pairs.count;
	sqlite3_stmt *same = statement_of(context, QUERY_SAME_RUN, values, ratio);
	int rc;

	if (!same)
		return -EIO;
	if (sqlite3_step(same) != SQLITE_ROW)
		return 0;
	ratio->seed = (uint64_t)sqlite3_column_int64(same, 0);
	rc = taken_read(context, values, QUERY_TAKEN_OVER, ratio, &over);
	if (!rc)
		rc = taken_read(context, values, QUERY_TAKEN_UNDER, ratio, &under);
	if (!rc)
		rc = taken_pair(ratio, &over, &under, sqlite3_column_int(same, 1));
	quiet_keep(ratio, first);
	free(over.sample);
	free(under.sample);
	return rc;
}

static int samples_add(sqlite3_context *context, sqlite3_value **values, enum query query, struct ratio *ratio)
{
	sqlite3_stmt *samples = statement_of(context, query, values, ratio);
	int rc = samples ? 0 : -EIO;

	while (!rc && sqlite3_step(samples) == SQLITE_ROW)
		rc = sql_numbers_add(&ratio->sample, database_number(samples, 0));
	return rc;
}

/* A place without samples on one side is none. */
static int place_add(sqlite3_context *context, sqlite3_value **values, struct ratio *ratio)
{
	struct place place = { .first = ratio->sample.count };
	struct place *grown = reallocarray(ratio->place, ratio->places + 1, sizeof(*grown));
	int rc = grown ? samples_add(context, values, QUERY_OVER, ratio) : -ENOMEM;

	if (grown)
		ratio->place = grown;
	place.under = ratio->sample.count;
	if (!rc)
		rc = samples_add(context, values, QUERY_UNDER, ratio);
	place.end = ratio->sample.count;
	if (rc)
		return rc;
	if (place.first < place.under && place.under < place.end)
		grown[ratio->places++] = place;
	else
		ratio->sample.count = place.first;
	return 0;
}

static int medians_read(sqlite3_context *context, sqlite3_value **values, struct ratio *ratio)
{
	sqlite3_stmt *medians = statement_of(context, QUERY_MEDIANS, values, ratio);

	if (!medians)
		return -EIO;
	if (sqlite3_step(medians) == SQLITE_ROW) {
		ratio->has_medians = true;
		ratio->medians = database_number(medians, 0);
		ratio->seed = (uint64_t)sqlite3_column_int64(medians, 1);
	}
	return 0;
}

/* Once there are pairs, nothing is asked of what stands in for them. */
static void ratio_step(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct ratio *ratio = sqlite3_aggregate_context(context, sizeof(*ratio));
	int rc = ratio ? pairs_add(context, values, ratio) : -ENOMEM;

	(void)count;
	if (!rc && !ratio->pairs.count)
		rc = medians_read(context, values, ratio);
	if (!rc && !ratio->pairs.count)
		rc = place_add(context, values, ratio);
	if (rc == -ENOMEM)
		sqlite3_result_error_nomem(context);
}

static int unpaired_interval(const struct ratio *ratio, struct interval *out)
{
	struct unpaired unpaired = {
		.ratio = ratio,
		.resample = calloc(ratio->sample.count + 1, sizeof(double)),
		.of_place = calloc(ratio->places + 1, sizeof(double)),
	};
	int rc = unpaired.resample && unpaired.of_place ? 0 : -ENOMEM;

	if (!rc && ratio->places)
		*out = statistics_bootstrap(ratio->sample.count, ratio_of_medians, &unpaired, ratio->seed);
	free(unpaired.resample);
	free(unpaired.of_place);
	return rc;
}

/* A ratio, and the round it was taken in. */
struct in_round {
	double round, ratio;
};

static int by_round(const void *left, const void *right)
{
	const struct in_round *a = left, *b = right;

	return (a->round > b->round) - (a->round < b->round);
}

/* The strict interval over rounds, each with the median of its ratios. */
static int sure_of_pairs(const struct ratio *ratio, double *lo, double *hi)
{
	size_t pairs = ratio->pairs.count, rounds = 0;
	struct in_round *pair = malloc(pairs * sizeof(*pair));
	double *of_round = malloc(pairs * sizeof(*of_round)), *same = malloc(pairs * sizeof(*same));
	int rc = pair && of_round && same ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < pairs; i++)
		pair[i] = (struct in_round){ ratio->round.number[i], ratio->pairs.number[i] };
	if (!rc)
		qsort(pair, pairs, sizeof(*pair), by_round);
	for (size_t i = 0, end; !rc && i < pairs; i = end) {
		for (end = i; end < pairs && pair[end].round == pair[i].round; end++)
			same[end - i] = pair[end].ratio;
		of_round[rounds++] = statistics_median(same, end - i);
	}
	if (!rc)
		statistics_sure_interval(of_round, rounds, lo, hi);
	free(same);
	free(of_round);
	free(pair);
	return rc;
}

/* What samples [from, to) say about the mean of their logarithms, which are written to `logarithm`. */
struct log_mean {
	double mean, variance; /* of the mean */
	double freedom;
};

static struct log_mean log_mean_of(const struct ratio *ratio, size_t from, size_t to, double *logarithm)
{
	size_t n = to - from;

	for (size_t i = 0; i < n; i++)
		logarithm[i] = log(ratio->sample.number[from + i]);
	return (struct log_mean){
		.mean = gsl_stats_mean(logarithm, 1, n),
		.variance = n > 1 ? gsl_stats_variance(logarithm, 1, n) / (double)n : NAN,
		.freedom = (double)n - 1,
	};
}

/*
 * The strict interval of samples that are no pairs: Student's t of the difference of mean logarithms, over all places, with
 * Welch's and Satterthwaite's degrees of freedom, as the two sides need not spread alike.
 */
static int sure_of_medians(const struct ratio *ratio, double *lo, double *hi)
{
	double *logarithm = malloc((ratio->sample.count + 1) * sizeof(*logarithm));
	double mean = 0, variance = 0, parts = 0, half;

	if (!logarithm)
		return -ENOMEM;
	for (size_t i = 0; i < ratio->places; i++) {
		const struct place *place = &ratio->place[i];
		struct log_mean over = log_mean_of(ratio, place->first, place->under, logarithm);
		struct log_mean under = log_mean_of(ratio, place->under, place->end, logarithm);

		mean += over.mean - under.mean;
		variance += over.variance + under.variance;
		parts += over.variance * over.variance / over.freedom + under.variance * under.variance / under.freedom;
	}
	free(logarithm);
	half = variance > 0 ? statistics_sure_t(variance * variance / parts) * sqrt(variance) / (double)ratio->places
			    : variance;
	*lo = exp(mean / (double)ratio->places - half);
	*hi = exp(mean / (double)ratio->places + half);
	return 0;
}

static void ratio_end(sqlite3_context *context)
{
	struct ratio *ratio = sqlite3_aggregate_context(context, 0);
	struct interval interval = { NAN, NAN, NAN };
	double sure_lo = NAN, sure_hi = NAN;
	int rc = 0;

	if (!ratio)
		return;
	if (ratio->pairs.count) {
		interval = statistics_median_interval(ratio->pairs.number, ratio->pairs.count, ratio->seed);
		rc = sure_of_pairs(ratio, &sure_lo, &sure_hi);
	} else {
		rc = unpaired_interval(ratio, &interval);
		if (!rc && ratio->places)
			rc = sure_of_medians(ratio, &sure_lo, &sure_hi);
	}
	if (!isfinite(interval.median) && ratio->has_medians)
		interval.median = ratio->medians;
	if (rc) {
		sqlite3_result_error_nomem(context);
	} else {
		double values[] = { interval.median, interval.lo, interval.hi, (double)ratio->pairs.count, sure_lo,
			sure_hi };

		sql_result_numbers(context, values, sizeof(values) / sizeof(values[0]));
	}
	for (size_t i = 0; i < QUERIES; i++)
		sqlite3_finalize(ratio->statement[i]);
	free(ratio->pairs.number);
	free(ratio->round.number);
	free(ratio->quiet.number);
	free(ratio->sample.number);
	free(ratio->place);
}

int infer_ratio_add(sqlite3 *db, struct reason *why)
{
	if (sqlite3_create_function_v2(db, "ratio_of_pairs", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, NULL,
		    ratio_step, ratio_end, NULL) == SQLITE_OK)
		return 0;
	return fail(why, ENOMEM, "cannot add the SQL function ratio_of_pairs: %s", sqlite3_errmsg(db));
}
