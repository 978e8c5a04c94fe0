/* infer/: where paging modes cost the same, by costs whose answers are known; and which points were measured alike. */
#include "infer/crossover_model.h"
#include "made_up_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 9
#define SPREAD 0.01 /* samples lie evenly within this share of their median on both sides */

#define assert_near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-6 * fabs((double)(b)))

/* Samples are not sorted, like measured ones. */
static double sample_of(double median, int i)
{
	int rank = (i * 4) % SAMPLES - SAMPLES / 2;

	return median * (1 + SPREAD * rank / (SAMPLES / 2));
}

static void cost_make(struct crossover_cost *cost, double ns, int samples, uint64_t seed)
{
	double sample[SAMPLES];

	for (int i = 0; i < SAMPLES; i++)
		sample[i] = sample_of(ns, i);
	*cost = (struct crossover_cost){ .ns = ns };
	assert_int_equal(crossover_cost_resample(cost, sample, (size_t)samples, seed), 0);
}

static struct crossover_costs costs_of(double change, double miss, uint64_t seed)
{
	struct crossover_costs costs;

	cost_make(&costs.change, change, SAMPLES, statistics_seed(seed, 0));
	cost_make(&costs.miss, miss, SAMPLES, statistics_seed(seed, 1));
	return costs;
}

static struct crossing cross(double change_a, double miss_a, double change_b, double miss_b)
{
	struct crossover_costs first = costs_of(change_a, miss_a, 1), second = costs_of(change_b, miss_b, 2);
	struct crossing crossing = crossover_crossing(&first, &second);

	crossover_costs_free(&first);
	crossover_costs_free(&second);
	return crossing;
}

static void crossings(void **state)
{
	struct crossing found = cross(100, 40, 900, 20);

	(void)state;
	assert_near(found.misses.median, 40);
	assert_true(found.misses.lo < 40 && found.misses.lo > 35 && found.misses.hi > 40 && found.misses.hi < 45);
	assert_int_equal(found.better_below, 0);
	found = cross(900, 20, 100, 40);
	assert_near(found.misses.median, 40);
	assert_int_equal(found.better_below, 1);
	assert_int_equal(cross(100, 20, 900, 40).always, 0);
	assert_int_equal(cross(900, 40, 100, 20).always, 1);
	assert_int_equal(cross(100, 40, 100, 20).always, 1);
	assert_int_equal(cross(100, 20, 100, 40).always, 0);
	assert_int_equal(cross(100, 20, 100, 20).always, -1);
	/* The costs of misses cannot be told apart: the crossover may lie at any number beyond. */
	found = cross(100, 20.01, 900, 20);
	assert_true(isinf(found.misses.hi) && found.misses.lo > 1000);
	/* The same holds for changes. */
	found = cross(100, 40, 100.1, 20);
	assert_true(found.misses.lo == 0 && found.misses.hi > found.misses.median);
}

static void one_sample_has_no_interval(void **state)
{
	struct crossover_costs first = costs_of(100, 40, 1), second = costs_of(900, 20, 2);
	struct crossing crossing;
	struct interval slowdown;

	(void)state;
	free(first.miss.resampled);
	cost_make(&first.miss, 40, 1, 3);
	assert_null(first.miss.resampled);
	crossing = crossover_crossing(&first, &second);
	assert_near(crossing.misses.median, 40);
	assert_true(isnan(crossing.misses.lo) && isnan(crossing.misses.hi));
	slowdown = crossover_slowdown(&second, &first, 0);
	assert_near(slowdown.median, 9);
	assert_true(isnan(slowdown.lo));
	slowdown = crossover_slowdown(&second, &second, INFINITY);
	assert_near(slowdown.median, 1);
	assert_true(slowdown.lo <= 1 && slowdown.hi >= 1);
	crossover_costs_free(&first);
	crossover_costs_free(&second);
}

/* --- from a database --- */

/* The measurements of one place: misses take a multiple of the host's time. */
struct made_up {
	const char *setting, *paging, *more;
	double miss, recycled_ns, warm_ns;
	bool interpreted;
};

static const struct made_up host = { "host", "native", "", 1, 500, 0, false };
static const struct made_up nested = { "guest", "nested", "", 2, 550, 0, false };
static const struct made_up shadow = { "guest", "shadow", "", 1.05, 2000, 0, false };
static const struct made_up vcpu_nested = { "vcpu", "nested", ",\"guest_levels\":4", 2, 0, 100, false };
static const struct made_up vcpu_shadow = { "vcpu", "shadow", ",\"guest_levels\":4", 1.05, 0, 2000, false };
static const struct made_up interpreted = { "guest", "shadow", "", 2, 550, 0, true };

static void metric_write(FILE *out, const char *name, double median)
{
	fprintf(out, "%s\"%s\":{\"median\":%.9g,\"lo\":%.9g,\"hi\":%.9g,\"unit\":\"ns\"}",
		strcmp(name, "gross_cycles") ? "," : "", name, median, median * (1 - SPREAD), median * (1 + SPREAD));
}

static void samples_write(FILE *out, const char *name, double median)
{
	fprintf(out, ",\"%s\":[", name);
	for (int i = 0; i < SAMPLES; i++)
		fprintf(out, "%s%.9g", i ? "," : "", sample_of(median, i));
	fputc(']', out);
}

/* A point of which only `name` is of interest; others make it a point of a curve. */
static void point_write(
	FILE *out, const struct made_up *place, const char *bench, const char *params, const char *name, double ns)
{
	const char *const names[] = { "gross_cycles", "net_cycles", "gross_ns", name };
	const double values[] = { 5 + 3 * ns, 3 * ns, 5. / 3 + ns, ns };

	fprintf(out,
		"{\"bench\":\"%s\",\"setting\":\"%s\",\"paging\":\"%s\",\"pass\":\"sweep\",\"status\":\"ok\","
		"\"interpreted\":%s,\"params\":{%s%s},\"metrics\":{",
		bench, place->setting, place->paging, place->interpreted ? "true" : "false", params, place->more);
	for (size_t i = 0; i < 4; i++)
		metric_write(out, names[i], values[i]);
	fputs("},\"samples\":{\"round\":[0,1,2,3,4,5,6,7,8]", out);
	for (size_t i = 0; i < 4; i++)
		samples_write(out, names[i], values[i]);
	fputs("}}\n", out);
}

static void place_write(FILE *out, const struct made_up *place)
{
	for (int i = 0; i <= 48; i++) {
		/* A first level of 72, then walks. */
		int pages = (int)(8 * exp2(i / 4.));
		char params[160];

		snprintf(params, sizeof(params),
			"\"page_size_bytes\":4096,\"backing\":\"4K\",\"stride_pages\":1,\"pages\":%d", pages);
		point_write(out, place, "tlb-reach", params, "net_ns", pages <= 72 ? 0.001 : 20 * place->miss);
	}
	if (place->recycled_ns > 0)
		point_write(out, place, "fault-storm", "\"kind\":\"anon-write\",\"frames\":\"recycled\",\"actors\":1",
			"fault_ns", place->recycled_ns);
	if (place->warm_ns > 0)
		point_write(out, place, "vcpu-fault",
			"\"kind\":\"guest-warm\",\"flush\":\"none\",\"order\":\"shuffled\"", "fault_ns",
			place->warm_ns);
}

/* @context: the places, up to NULL. */
static void places_write(FILE *out, const void *context)
{
	for (const struct made_up *const *place = context; *place; place++)
		place_write(out, *place);
}

#define INFERRED(...) \
	made_up_inferred(&(struct made_up_run){ "{\"schema\":1,\"seed\":7}", places_write, \
		(const struct made_up *const[]){ __VA_ARGS__, NULL }, NULL })

static void modes_cross_where_the_formula_says(void **state)
{
	/* C: 550 and 2000 ns; M: 40 and 21 ns. */
	const double expected = (2000. - 550) / (40 - 21);
	sqlite3 *db = INFERRED(&host, &nested, &shadow);

	(void)state;
	assert_near(number(db, "SELECT misses FROM crossover_equal WHERE panel = 0"), expected);
	assert_true(number(db, "SELECT misses_lo FROM crossover_equal") < expected);
	assert_true(number(db, "SELECT misses_hi FROM crossover_equal") > expected);
	assert_near(number(db, "SELECT slowdown FROM crossover WHERE place = 'guest, shadow paging' AND misses = 1"),
		2021. / 520);
	assert_near(number(db, "SELECT slowdown FROM crossover WHERE place = 'guest, nested paging' AND misses = 0"),
		550. / 500);
	assert_near(
		number(db, "SELECT slowdown FROM crossover WHERE place = 'guest, nested paging' AND misses = 9e999"),
		2);
	/* Where walks are read: within an octave of one and a half times the last level. */
	assert_in_range((uint64_t)number(db, "SELECT pages FROM crossover_cost WHERE is_base"), 72, 3 * 75);
	/* The other places are compared with the host. */
	assert_near(number(db, "SELECT COUNT(*) FROM crossover WHERE place = 'host'"), 0);
	sqlite3_close(db);
}

static void one_mode_has_one_line(void **state)
{
	sqlite3 *db = INFERRED(&host, &shadow);

	(void)state;
	assert_near(number(db, "SELECT COUNT(DISTINCT place) FROM crossover"), 1);
	assert_near(number(db, "SELECT COUNT(*) FROM crossover_equal"), 0);
	sqlite3_close(db);
	db = INFERRED(&host);
	assert_near(number(db, "SELECT COUNT(*) FROM crossover_cost"), 0);
	sqlite3_close(db);
}

static void bare_vcpus_are_held_against_each_other(void **state)
{
	sqlite3 *db = INFERRED(&host, &vcpu_shadow, &vcpu_nested);

	(void)state;
	assert_near(
		number(db,
			"SELECT COUNT(*) FROM crossover_cost WHERE panel = 2 AND is_base AND place = 'vcpu, nested paging'"),
		1);
	assert_near(number(db, "SELECT misses FROM crossover_equal WHERE panel = 2"), 1900. / 19);
	sqlite3_close(db);
}

static void points_alike(void **state)
{
	sqlite3 *db = INFERRED(&host, &nested, &vcpu_nested, &interpreted);

	(void)state;
	/*
	 * A vCPU has one parameter more than a host, so a vCPU's point matches a host's, but not the other way round.
	 */
	assert_near(
		number(db,
			"SELECT COUNT(*) FROM alike JOIN point b ON b.point = base JOIN point o ON o.point = alike.point"
			" WHERE b.setting = 'host' AND o.setting = 'vcpu'"),
		49);
	assert_near(
		number(db, "SELECT COUNT(*) FROM alike JOIN point b ON b.point = base WHERE b.setting = 'vcpu'"), 0);
	assert_near(
		number(db,
			"SELECT COUNT(*) FROM alike JOIN point b ON b.point = base JOIN point o ON o.point = alike.point"
			" WHERE b.setting = 'host' AND o.setting = 'guest'"),
		50);
	/* Times of interpreted code must not be compared. */
	assert_near(
		number(db,
			"SELECT COUNT(*) FROM alike JOIN point p ON p.point IN (base, alike.point) WHERE interpreted"),
		0);
	sqlite3_close(db);
}

static void pages_clear_of_the_edges_of_levels(void **state)
{
	sqlite3 *db = INFERRED(&host, &nested);

	(void)state;
	assert_true(number(db, "SELECT first_to FROM tlb_clear") <= 36);
	assert_true(number(db, "SELECT first_to FROM tlb_clear") > 30);
	assert_true(number(db, "SELECT beyond_from FROM tlb_clear") >= 144);
	assert_true(isnan(number(db, "SELECT second_from FROM tlb_clear")));
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossings),
		cmocka_unit_test(one_sample_has_no_interval),
		cmocka_unit_test(modes_cross_where_the_formula_says),
		cmocka_unit_test(one_mode_has_one_line),
		cmocka_unit_test(bare_vcpus_are_held_against_each_other),
		cmocka_unit_test(points_alike),
		cmocka_unit_test(pages_clear_of_the_edges_of_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
