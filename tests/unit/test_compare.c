/*
 * infer/compare: what is claimed of made-up runs. The noise is that of effort normal, as results/reference and ten runs of one
 * machine in a row have it (docs/METHOD.md, "Comparing runs"): 15 samples a point; seven of ten points have samples that spread
 * by less than 0.8 %, and a standard deviation of 0.33 % from run to run. Of that, 0.26 % are what the median of 15 such samples is
 * uncertain by; 0.2 % a run are luck.
 */
#include "base/rank_test.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_planted_change_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
