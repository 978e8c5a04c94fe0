/*
 * infer/compare: what is claimed of made-up runs. The noise is that of effort normal, as results/reference and ten runs of one
 * machine in a row have it (docs/METHOD.md, "Comparing runs"): 15 samples a point; seven of ten points have samples that spread
 * by less than 0.8 %, and a standard deviation of 0.33 % from run to run. Of that, 0.26 % are what the median of 15 such samples is
 * uncertain by; 0.2 % a run are luck.
 */
#include "infer/compare.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS 100
#define SAMPLES 15
#define SPREAD 0.008
#define LUCK 0.002 /* of one run */
#define TAILS 10 /* degrees of freedom of luck, whose tails are heavier than a normal distribution's */
#define PAIRS_OF_RUNS 10000
#define PLANTED 0.05

/* Rows of a made-up comparison, with room for their samples. */
struct made_up {
	gsl_rng *rng;
	struct compare_row row[ROWS];
	struct compare_samples base[ROWS][8], other[ROWS][8];
	double value[2][ROWS][8][SAMPLES], round[SAMPLES];
};

static void made_up_begin(struct made_up *made, size_t bases, size_t others)
{
	made->rng = gsl_rng_alloc(gsl_rng_taus2);
	for (size_t i = 0; i < SAMPLES; i++)
		made->round[i] = (double)i;
	for (size_t i = 0; i < ROWS; i++)
		made->row[i] = (struct compare_row){
			.group = 1,
			.family = 1,
			.side = 1,
			.better = LESS,
			.base = made->base[i],
			.other = made->other[i],
			.bases = bases,
			.others = others,
		};
}

/* The samples of one run of a row. */
static void run_fill(struct made_up *made, struct compare_samples *samples, double *value, double median, double spread)
{
	for (size_t i = 0; i < SAMPLES; i++)
		value[i] = median * (1 + spread * gsl_ran_gaussian_ziggurat(made->rng, 1));
	*samples = (struct compare_samples){
		.value = value, .round = made->round, .count = SAMPLES, .told = { NAN, NAN, NAN }
	};
}

/* Costs of 4 to 128 ns, as those of chases; row `i` is so many times as much at the other side as at the base. */
static double cost_of(size_t i)
{
	return 4 * pow(32, (double)(i * 37 % ROWS) / ROWS);
}

static void row_fill(struct made_up *made, size_t i, double factor, double spread, double luck)
{
	double of_run = luck / sqrt((double)TAILS / (TAILS - 2));

	for (size_t k = 0; k < made->row[i].bases; k++)
		run_fill(made, &made->base[i][k], made->value[0][i][k],
			cost_of(i) * (1 + of_run * gsl_ran_tdist(made->rng, TAILS)), spread);
	for (size_t k = 0; k < made->row[i].others; k++)
		run_fill(made, &made->other[i][k], made->value[1][i][k],
			cost_of(i) * factor * (1 + of_run * gsl_ran_tdist(made->rng, TAILS)), spread);
}

static bool claimed(const struct compare_row *row)
{
	return row->verdict == COMPARE_BETTER || row->verdict == COMPARE_WORSE || row->verdict == COMPARE_DIFFERS;
}

static size_t claims_of(const struct made_up *made, size_t from)
{
	size_t claims = 0;

	for (size_t i = from; i < ROWS; i++)
		claims += claimed(&made->row[i]);
	return claims;
}

static void judge(struct made_up *made)
{
	assert_int_equal(compare_judge(made->row, ROWS, NULL, 0), 0);
}

/* One row of a hundred is 5 % slower. It has to be found, and nothing else. */
static void a_planted_change_is_found(void **state)
{
	static struct made_up made;
	size_t found = 0, false_alarms = 0;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t pair = 0; pair < PAIRS_OF_RUNS; pair++) {
		size_t planted = pair % ROWS;
		bool is_found;

		for (size_t i = 0; i < ROWS; i++)
			row_fill(&made, i, i == planted ? 1 + PLANTED : 1, SPREAD, LUCK);
		judge(&made);
		is_found = made.row[planted].verdict == COMPARE_WORSE;
		found += is_found;
		false_alarms += claims_of(&made, 0) > is_found;
	}
	gsl_rng_free(made.rng);
	print_message("found in %zu of %d pairs of runs, false alarms in %zu\n", found, PAIRS_OF_RUNS, false_alarms);
	assert_true(found >= PAIRS_OF_RUNS * 95 / 100);
	assert_true(false_alarms <= PAIRS_OF_RUNS / 100);
}

/* Nothing changed, in rows ten times as noisy and lucky as above, those of the loudest points. */
static void noise_is_no_change(void **state)
{
	static struct made_up made;
	size_t false_alarms = 0, pairs = PAIRS_OF_RUNS / 10;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t pair = 0; pair < pairs; pair++) {
		for (size_t i = 0; i < ROWS; i++)
			row_fill(&made, i, 1, 10 * SPREAD, 10 * LUCK);
		judge(&made);
		false_alarms += claims_of(&made, 0) > 0;
	}
	gsl_rng_free(made.rng);
	print_message("false alarms in %zu of %zu pairs of runs\n", false_alarms, pairs);
	assert_true(false_alarms <= pairs / 100);
}

/* All rows got 5 % better: they changed alike, which is no luck. */
static void a_change_of_all_rows_is_found(void **state)
{
	static struct made_up made;
	size_t found = 0, pairs = 100;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t pair = 0; pair < pairs; pair++) {
		for (size_t i = 0; i < ROWS; i++)
			row_fill(&made, i, 1 / (1 + PLANTED), SPREAD, LUCK);
		judge(&made);
		for (size_t i = 0; i < ROWS; i++)
			found += made.row[i].verdict == COMPARE_BETTER;
	}
	gsl_rng_free(made.rng);
	assert_true(found >= pairs * ROWS * 95 / 100);
}

/* Luck that one pair of runs would take for a change of half of all rows is none of five runs a side, and changes are found. */
static void runs_are_observations(void **state)
{
	static struct made_up made;
	size_t found = 0, false_alarms = 0, comparisons = 300;

	(void)state;
	made_up_begin(&made, 5, 5);
	for (size_t at = 0; at < comparisons; at++) {
		for (size_t i = 0; i < ROWS; i++)
			row_fill(&made, i, i ? 1 : 1.2, SPREAD, i % 2 ? LUCK : 5 * LUCK);
		judge(&made);
		assert_int_equal(made.row[0].test, COMPARE_OF_RUNS);
		assert_int_equal(made.row[0].base_count, 5);
		found += made.row[0].verdict == COMPARE_WORSE;
		false_alarms += claims_of(&made, 1) > 0;
	}
	gsl_rng_free(made.rng);
	assert_true(found >= comparisons * 95 / 100);
	assert_true(false_alarms <= comparisons / 100);
}

/* Two runs a side: a run that is out of line is no change of its side. */
static void two_runs_have_to_agree(void **state)
{
	static struct made_up made;

	(void)state;
	made_up_begin(&made, 2, 2);
	for (size_t i = 0; i < ROWS; i++)
		row_fill(&made, i, i == 1 ? 1.2 : 1, SPREAD, 0);
	run_fill(&made, &made.other[0][1], made.value[1][0][1], 1.2 * cost_of(0), SPREAD);
	judge(&made);
	gsl_rng_free(made.rng);
	assert_int_equal(made.row[0].verdict, COMPARE_ALIKE);
	assert_int_equal(made.row[1].verdict, COMPARE_WORSE);
	assert_int_equal(made.row[1].test, COMPARE_SAMPLES);
	assert_int_equal(claims_of(&made, 2), 0);
}

/* One run: all samples of a round are disturbed alike by far more than what is planted. */
static void pairs_see_through_weather(void **state)
{
	static struct made_up made;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t i = 0; i < ROWS; i++) {
		row_fill(&made, i, i ? 1 : 1.03, SPREAD / 10, 0);
		for (size_t k = 0; k < SAMPLES; k++) {
			made.value[0][i][0][k] *= 1 + 0.05 * (double)k;
			made.value[1][i][0][k] *= 1 + 0.05 * (double)k;
		}
		made.row[i].paired = true;
	}
	assert_int_equal(compare_judge(made.row, 3, NULL, 0), 0);
	assert_int_equal(made.row[0].test, COMPARE_PAIRS);
	assert_int_equal(made.row[0].verdict, COMPARE_WORSE);
	assert_true(fabs(made.row[0].ratio.median - 1.03) < 0.005);
	assert_int_equal(made.row[1].verdict, COMPARE_ALIKE);
	/* Ten pairs cannot pass among a hundred rows, but as samples that do not overlap they can. */
	row_fill(&made, 2, 1.5, SPREAD, 0);
	made.base[2][0].count = made.other[2][0].count = 10;
	judge(&made);
	gsl_rng_free(made.rng);
	assert_int_equal(made.row[2].test, COMPARE_ROUNDS);
	assert_int_equal(made.row[2].verdict, COMPARE_WORSE);
	assert_true(isnan(made.row[2].luck));
}

/* The host differs from itself by a fifth: less than that is no difference, in whichever direction. */
static void the_control_is_a_limit(void **state)
{
	static struct made_up made;
	struct compare_control control[20];

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t i = 0; i < ROWS; i++)
		row_fill(&made, i, i == 1 ? 1.1 : i == 2 ? 1.5 : 1, SPREAD, LUCK);
	for (size_t i = 0; i < 20; i++)
		control[i] = (struct compare_control){ 1, cost_of(1), i % 2 ? 1.2 : 0.99 };
	assert_int_equal(compare_judge(made.row, ROWS, control, 20), 0);
	gsl_rng_free(made.rng);
	assert_int_equal(made.row[1].verdict, COMPARE_ALIKE);
	assert_int_equal(made.row[2].verdict, COMPARE_WORSE);
	assert_true(fabs(made.row[2].control - 1.2) < 1e-9);
	assert_true(fabs(compare_control_factor(control, 20) - 1.2) < 1e-9);
	assert_true(isnan(compare_control_factor(control, 0)));
}

static void what_is_unknown_has_a_reason(void **state)
{
	static struct made_up made;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t i = 0; i < ROWS; i++)
		row_fill(&made, i, i == 3 ? 2 : 1, SPREAD, LUCK);
	made.base[0][0].count = 4; /* too few for a hundred rows */
	made.base[1][0] = (struct compare_samples){ .told = { 5, 4, 6 } }; /* not kept */
	for (size_t i = 0; i < SAMPLES; i++)
		made.value[0][2][0][i] = 0; /* a count that may be 0 */
	made.row[3].better = NEITHER;
	judge(&made);
	assert_int_equal(made.row[0].verdict, COMPARE_UNKNOWN);
	assert_true(made.row[0].few && made.row[0].reason);
	assert_int_equal(made.row[1].verdict, COMPARE_UNKNOWN);
	assert_true(!made.row[1].few && made.row[1].reason);
	assert_int_equal(made.row[2].verdict, COMPARE_UNKNOWN);
	assert_true(isnan(made.row[2].ratio.median) && made.row[2].reason);
	assert_int_equal(made.row[3].verdict, COMPARE_DIFFERS);
	/* Few rows do not tell how much two runs differ by luck. */
	assert_int_equal(compare_judge(made.row + 3, 5, NULL, 0), 0);
	assert_int_equal(made.row[3].verdict, COMPARE_UNKNOWN);
	assert_true(!made.row[3].few && made.row[3].reason);
	gsl_rng_free(made.rng);
}

/* Samples that somebody else's work disturbed do not count where five quiet ones are there. */
static void only_quiet_samples_count(void **state)
{
	static struct made_up made;
	double quiet[SAMPLES];

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t i = 0; i < ROWS; i++)
		row_fill(&made, i, 1, SPREAD, LUCK);
	for (size_t i = 0; i < SAMPLES; i++) {
		quiet[i] = i < 9;
		made.value[1][0][0][i] *= i < 9 ? 1 : 3;
	}
	made.other[0][0].quiet = quiet;
	judge(&made);
	gsl_rng_free(made.rng);
	assert_int_equal(made.row[0].other_count, 9);
	assert_true(made.row[0].ratio.median < 1.05);
}

static void worse_depends_on_the_metric(void **state)
{
	static struct made_up made;

	(void)state;
	made_up_begin(&made, 1, 1);
	for (size_t i = 0; i < ROWS; i++)
		row_fill(&made, i, i < 2 ? 0.9 : 1, SPREAD, 0);
	made.row[0].better = MORE;
	judge(&made);
	gsl_rng_free(made.rng);
	assert_int_equal(made.row[0].verdict, COMPARE_WORSE);
	assert_true(fabs(compare_worsening(&made.row[0]) - 0.1) < 0.01);
	assert_int_equal(made.row[1].verdict, COMPARE_BETTER);
	assert_true(compare_worsening(&made.row[1]) == 0);
	assert_int_equal(claims_of(&made, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_planted_change_is_found),
		cmocka_unit_test(noise_is_no_change),
		cmocka_unit_test(a_change_of_all_rows_is_found),
		cmocka_unit_test(runs_are_observations),
		cmocka_unit_test(two_runs_have_to_agree),
		cmocka_unit_test(pairs_see_through_weather),
		cmocka_unit_test(the_control_is_a_limit),
		cmocka_unit_test(what_is_unknown_has_a_reason),
		cmocka_unit_test(only_quiet_samples_count),
		cmocka_unit_test(worse_depends_on_the_metric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
