/* infer/: walks that overlap, upper entries that are held, and the line of references, by costs whose answers are known. */
#include "infer/walks_model.h"
#include "made_up_run.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 9
#define SPREAD 0.02 /* samples lie evenly within this share of their median on both sides */
#define POINTS_MOST 16

#define assert_near(a, b, share) assert_true(fabs((double)(a) - (double)(b)) <= (share)*fabs((double)(b)))

/* Made-up points: each has SAMPLES samples around its cost. */
struct made_up {
	double gross[POINTS_MOST][SAMPLES], baseline[POINTS_MOST][SAMPLES], net[POINTS_MOST][SAMPLES];
	struct walk_samples point[POINTS_MOST];
	size_t points;
};

/* Samples are not sorted, like measured ones. */
static double sample_of(double median, int i)
{
	return median * (1 + SPREAD * ((i * 4) % SAMPLES - SAMPLES / 2) / (SAMPLES / 2));
}

static void add(struct made_up *all, double x, double gross, double baseline)
{
	size_t p = all->points++;

	for (int i = 0; i < SAMPLES; i++) {
		all->gross[p][i] = sample_of(gross, i);
		all->baseline[p][i] = sample_of(baseline, i);
		all->net[p][i] = all->gross[p][i] - all->baseline[p][i];
	}
	all->point[p] = (struct walk_samples){ x, all->gross[p], all->baseline[p], all->net[p], SAMPLES };
}

/* --- walks that overlap --- */

static const double chains[] = { 1, 2, 3, 4, 6, 8, 12 };
#define CHAINS (sizeof(chains) / sizeof(chains[0]))

/* A core with so many walkers: a walk takes 90 cycles, then the load takes `data`, which overlap without a limit. */
static void core_make(struct made_up *all, double walkers, double data)
{
	memset(all, 0, sizeof(*all));
	for (size_t i = 0; i < CHAINS; i++)
		add(all, chains[i], fmax((90 + data) / chains[i], 90 / walkers), data / chains[i]);
}

static void walkers_are_counted_where_throughput_saturates(void **state)
{
	static const double walkers[] = { 1, 2, 4, 6 };
	struct made_up all;
	struct walk_overlap found;

	(void)state;
	for (size_t i = 0; i < sizeof(walkers) / sizeof(walkers[0]); i++) {
		core_make(&all, walkers[i], 10);
		assert_int_equal(walk_overlap_infer(all.point, all.points, 1, &found), 0);
		assert_null(found.reason);
		assert_near(found.walks.median, walkers[i], 0.001);
		assert_true(found.walks.lo <= walkers[i] && found.walks.hi >= walkers[i]);
		assert_near(found.walks.hi - found.walks.lo, 2 * SPREAD * walkers[i], 0.9);
		assert_near(found.gain.median, 100 / 90. * walkers[i], 0.001);
		assert_near(found.one_net.median, 90, 0.001);
		/* The next number of chains that was measured above as many as the walkers keep busy. */
		assert_true(found.chains >= walkers[i] && found.chains <= 2 * walkers[i]);
	}
}

static void a_core_that_still_gains_has_at_least_so_many(void **state)
{
	struct made_up all;
	struct walk_overlap found;

	(void)state;
	core_make(&all, 40, 10);
	assert_int_equal(walk_overlap_infer(all.point, all.points, 1, &found), 0);
	assert_true(isnan(found.chains));
	assert_non_null(strstr(found.reason, "still gained"));
	assert_near(found.walks.median, 90 / (100 / 12.), 0.001);
	assert_true(isfinite(found.walks.lo) && isnan(found.walks.hi));
}

static void without_walks_none_are_counted(void **state)
{
	struct made_up all = { 0 };
	struct walk_overlap found;

	(void)state;
	for (size_t i = 0; i < CHAINS; i++)
		add(&all, chains[i], fmax(18 / chains[i], 3), 11 / chains[i]);
	assert_int_equal(walk_overlap_infer(all.point, all.points, 1, &found), 0);
	assert_true(isnan(found.walks.median) && isnan(found.walks.lo));
	assert_non_null(strstr(found.reason, "no walks"));
	/* Data that misses limits walks and packed lines alike. */
	memset(&all, 0, sizeof(all));
	for (size_t i = 0; i < CHAINS; i++)
		add(&all, chains[i], fmax(300 / chains[i], 50), fmax(200 / chains[i], 40));
	assert_int_equal(walk_overlap_infer(all.point, all.points, 1, &found), 0);
	assert_true(isnan(found.walks.median));
	assert_non_null(strstr(found.reason, "misses of the data"));
	assert_near(found.gain.median, 6, 0.001);
	/* One chain alone, or none of one, compares with nothing. */
	assert_int_equal(walk_overlap_infer(all.point, 1, 1, &found), -ENODATA);
	assert_int_equal(walk_overlap_infer(all.point + 1, 3, 1, &found), -ENODATA);
}

/* --- upper entries --- */

/* A cache of `held` entries: a walk takes 70 cycles, and `added` more for each entry that it misses (LRU: all or none). */
static void cache_curve(struct curve *curve, double held, double added)
{
	memset(curve, 0, sizeof(*curve));
	for (double entries = 4; entries <= 2048; entries *= 2)
		for (int i = 0; i < SAMPLES; i++) {
			double net = 70 + (entries > held ? added : 0);
			struct curve_sample sample = { .gross = 20 + sample_of(net, i), .baseline = 20, .net = NAN };

			assert_int_equal(curve_add(curve, CURVE_SWEEP, entries, &sample), 0);
		}
	assert_int_equal(curve_finish(curve), 0);
}

static void a_cache_of_entries_is_found_where_the_cost_steps_up(void **state)
{
	static const double held[] = { 32, 64, 128 };
	struct curve curve;
	struct walk_cache_level found;

	(void)state;
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		cache_curve(&curve, held[i], 20);
		assert_int_equal(walk_cache_infer(&curve, &found), 0);
		assert_null(found.reason);
		assert_near(found.walk_cycles, 70 * (1 - SPREAD), 0.01);
		assert_near(found.added_cycles, 20, 0.1);
		/* Points lie an octave apart, and nothing is finer than that. */
		assert_true(found.lo <= held[i] && found.hi >= held[i]);
		assert_true(found.entries >= held[i] && found.entries < 2 * held[i]);
		curve_free(&curve);
	}
}

static void without_a_step_no_number_of_entries_is_told(void **state)
{
	struct curve curve;
	struct walk_cache_level found;

	(void)state;
	cache_curve(&curve, 1e9, 0);
	assert_int_equal(walk_cache_infer(&curve, &found), 0);
	assert_true(isnan(found.entries) && isnan(found.hi));
	assert_near(found.lo, 2048, 0);
	assert_non_null(strstr(found.reason, "does not step up"));
	curve_free(&curve);
	/* The step is the sweep's last: nothing shows whether it is over. */
	cache_curve(&curve, 1024, 20);
	assert_int_equal(walk_cache_infer(&curve, &found), 0);
	assert_true(isnan(found.entries));
	assert_near(found.lo, 1024, 0);
	assert_non_null(strstr(found.reason, "end of the sweep"));
	curve_free(&curve);
	memset(&curve, 0, sizeof(curve));
	/* Two points that are dearer than all others are no step. */
	for (double entries = 4; entries <= 2048; entries *= 2)
		for (int i = 0; i < SAMPLES; i++)
			assert_int_equal(
				curve_add(&curve, CURVE_SWEEP, entries,
					&(struct curve_sample){
						.gross = 90 + (entries == 64 || entries == 128 || entries == 256
									      ? 30
									      : i / 10.),
						.baseline = 20,
						.net = NAN }),
				0);
	assert_int_equal(curve_finish(&curve), 0);
	assert_int_equal(walk_cache_infer(&curve, &found), 0);
	assert_true(isnan(found.entries) && isnan(found.lo) && isnan(found.added_cycles));
	assert_non_null(strstr(found.reason, "rises and falls"));
	curve_free(&curve);
	memset(&curve, 0, sizeof(curve));
	assert_int_equal(walk_cache_infer(&curve, &found), 0);
	assert_non_null(strstr(found.reason, "too few"));
}

/* --- the line --- */

static void a_line_is_fitted_with_its_intervals(void **state)
{
	struct made_up all = { 0 };
	struct walk_line line;

	(void)state;
	for (double references = 1; references <= 3; references++) {
		add(&all, references, 12 + 50 * references + 10, 10);
		add(&all, references, 12 + 50 * references + 10, 10);
	}
	assert_int_equal(walk_line_fit(all.point, all.points, 1, &line), 0);
	assert_near(line.base.median, 12, 0.01);
	assert_near(line.each.median, 50, 0.01);
	assert_true(line.each.lo < 50 && line.each.hi > 50 && line.each.hi - line.each.lo < 5);
	assert_true(line.base.lo < 12 && line.base.hi > 12);
	assert_true(line.residual < 0.01);
	/* Two kinds of points 10 cycles apart: a line between them leaves 5. */
	memset(&all, 0, sizeof(all));
	for (double references = 1; references <= 3; references++) {
		add(&all, references, 50 * references + 15, 10);
		add(&all, references, 50 * references + 5, 10);
	}
	assert_int_equal(walk_line_fit(all.point, all.points, 1, &line), 0);
	assert_near(line.residual, 5, 0.01);
	/* A point with one sample is a point, but there is no interval. */
	all.point[0].count = 1;
	assert_int_equal(walk_line_fit(all.point, all.points, 1, &line), 0);
	assert_true(isfinite(line.each.median) && isnan(line.each.lo));
	/* All at one number of references, or two points: no line. */
	assert_int_equal(walk_line_fit(all.point, 2, 1, &line), -ENODATA);
	all.point[2].x = 1;
	assert_int_equal(walk_line_fit(all.point, 3, 1, &line), -ENODATA);
	assert_true(isnan(line.each.median));
}

/* --- from a database --- */

static void metric_write(FILE *out, const char *name, double median)
{
	fprintf(out, "\"%s\":{\"median\":%.9g,\"lo\":%.9g,\"hi\":%.9g,\"unit\":\"cycles\"}", name, median, median,
		median);
}

/* A point of a chase as measured in a vCPU, or what an emulator made of it. */
static void point_write(FILE *out, const char *outer, const char *params, double gross, double baseline)
{
	fprintf(out,
		"{\"bench\":\"made-up\",\"setting\":\"vcpu\",\"paging\":\"nested\",\"outer\":\"%s\",\"pass\":\"sweep\","
		"\"status\":\"ok\",\"params\":{%s,\"guest_levels\":4},\"metrics\":{",
		outer, params);
	metric_write(out, "gross_cycles", gross);
	fputc(',', out);
	metric_write(out, "baseline_cycles", baseline);
	fputc(',', out);
	metric_write(out, "net_cycles", gross - baseline);
	fputs("},\"samples\":{\"round\":[0,1,2,3,4,5,6,7,8]", out);
	for (int metric = 0; metric < 3; metric++) {
		static const char *const names[] = { "gross_cycles", "baseline_cycles", "net_cycles" };

		fprintf(out, ",\"%s\":[", names[metric]);
		for (int i = 0; i < SAMPLES; i++)
			fprintf(out, "%s%.9g", i ? "," : "",
				metric == 1 ? baseline : sample_of(gross - baseline, i) + (metric == 0 ? baseline : 0));
		fputc(']', out);
	}
	fputs("}}\n", out);
}

/* Six walkers; 64 PDEs are held, and PDPTEs never are; a walk costs 20 cycles and 40 more for each reference. */
static void points_write(FILE *out, const void *outer)
{
	static const double distances[] = { 4096, 32768, 0x1p21, 0x1p24, 0x1p30 };
	static const double references[] = { 1, 2, 2, 2, 3 };
	char params[200];

	for (size_t i = 0; i < CHAINS; i++) {
		snprintf(params, sizeof(params),
			"\"page_size_bytes\":4096,\"backing\":\"4K\",\"lines\":8192,\"chains\":%g", chains[i]);
		point_write(out, outer, params, fmax(100 / chains[i], 15), 10 / chains[i]);
	}
	for (double entries = 2; entries <= 1024; entries *= 2) {
		snprintf(params, sizeof(params), "\"entry\":\"PDE\",\"entries\":%g", entries);
		point_write(out, outer, params, entries > 64 ? 110 : 70, 10);
	}
	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++)
		for (double pages = 64; pages <= 8192; pages *= 128) {
			snprintf(params, sizeof(params),
				"\"page_size_bytes\":4096,\"backing\":\"4K\",\"placement\":\"scattered\","
				"\"distance_bytes\":%.0f,\"pages\":%g",
				distances[i], pages);
			point_write(out, outer, params, pages > 64 ? 30 + 40 * references[i] : 10, 10);
		}
}

static sqlite3 *inferred(const char *outer)
{
	return made_up_inferred(&(struct made_up_run){ "{\"schema\":1,\"seed\":7}", points_write, outer, NULL });
}

static void tables_hold_what_the_points_say(void **state)
{
	sqlite3 *db = inferred("bare-metal");

	(void)state;
	assert_near(number(db, "SELECT walks FROM walk_overlap WHERE place = 'vcpu, nested paging'"), 6, 0.001);
	assert_near(number(db, "SELECT COUNT(*) FROM walk_overlap"), 1, 0);
	assert_near(number(db, "SELECT lines FROM walk_overlap"), 8192, 0);
	assert_true(number(db, "SELECT entries_lo FROM walk_cache_level WHERE level = 'PDE'") <= 64);
	assert_true(number(db, "SELECT entries_hi FROM walk_cache_level WHERE level = 'PDE'") <= 128);
	assert_near(number(db, "SELECT base_cycles FROM walk_line"), 20, 0.001);
	assert_near(number(db, "SELECT reference_cycles FROM walk_line"), 40, 0.001);
	/* Only pages beyond the TLBs walk. */
	assert_near(number(db, "SELECT points FROM walk_line"), 5, 0);
	assert_near(number(db, "SELECT MIN(pages) FROM walk_line_point"), 8192, 0);
	/* 32K apart, 8192 pages need 128 PDEs, of which 64 are held; 4K apart they need 16. */
	assert_near(number(db, "SELECT \"references\" FROM walk_line_point WHERE distance_bytes = 32768"), 2, 0);
	assert_near(number(db, "SELECT \"references\" FROM walk_line_point WHERE distance_bytes = 4096"), 1, 0);
	assert_near(number(db, "SELECT bare_references FROM walk_line_point"), 4, 0);
	assert_near(number(db, "SELECT outer_references FROM walk_line_point"), 24, 0);
	sqlite3_close(db);
}

static void an_emulator_has_no_walks(void **state)
{
	sqlite3 *db = inferred("QEMU TCG");

	(void)state;
	assert_near(number(db, "SELECT (SELECT COUNT(*) FROM walk_overlap) + (SELECT COUNT(*) FROM walk_cache_level)"
			       " + (SELECT COUNT(*) FROM walk_line) + (SELECT COUNT(*) FROM walk_line_point)"),
		0, 0);
	assert_true(number(db, "SELECT COUNT(*) FROM point") > 20);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walkers_are_counted_where_throughput_saturates),
		cmocka_unit_test(a_core_that_still_gains_has_at_least_so_many),
		cmocka_unit_test(without_walks_none_are_counted),
		cmocka_unit_test(a_cache_of_entries_is_found_where_the_cost_steps_up),
		cmocka_unit_test(without_a_step_no_number_of_entries_is_told),
		cmocka_unit_test(a_line_is_fitted_with_its_intervals),
		cmocka_unit_test(tables_hold_what_the_points_say),
		cmocka_unit_test(an_emulator_has_no_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
