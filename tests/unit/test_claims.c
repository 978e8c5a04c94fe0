/* infer/: what may be claimed of differences between settings, where walks are read, and what a baseline is worth. */
#include "base/statistics.h"
#include "base/units.h"
#include "made_up_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define FIRST_LEVEL 72
#define ROUNDS 9
#define LAST_PAGES 16384

/* One setting of a made-up run. Its second level ends at `second` pages; costs are multiples of those of the host. */
struct made_up {
	const char *setting, *paging;
	int second;
	double walk, baseline;
	double growth; /* cycles an octave by which walks get dearer throughout; 0: the usual 8 */
};

static uint64_t random_state;
static int an_octave = 8; /* points of a sweep */

/* A sample within 1 % of its median. */
static double noisy(double median)
{
	random_state = statistics_seed(random_state, 1);
	return median * (0.99 + 0.02 * (double)(random_state >> 11) / 0x1p53);
}

/* Beyond the second level, walks get dearer by 8 cycles an octave, but for the octave's half from 4096 pages on. */
static double walk_of(const struct made_up *place, int pages)
{
	double octaves = log2((double)pages / place->second), flat_from = log2(4096. / place->second);

	if (pages <= FIRST_LEVEL)
		return 0.02;
	if (pages <= place->second)
		return 7;
	if (octaves > flat_from && !(place->growth > 0))
		octaves = fmax(flat_from, octaves - 0.5);
	return place->walk * (40 + (place->growth > 0 ? place->growth : 8) * octaves);
}

static void list_write(FILE *out, const char *name, const double *value, bool first)
{
	fprintf(out, "%s\"%s\":[", first ? "" : ",", name);
	for (int i = 0; i < ROUNDS; i++)
		fprintf(out, "%s%.9g", i ? "," : "", value[i]);
	fputc(']', out);
}

static void point_write(FILE *out, const struct made_up *place, int pages)
{
	static const char *const names[] = { "gross", "baseline", "net" };
	double sample[3][ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		sample[1][i] = noisy(4 * place->baseline);
		sample[2][i] = noisy(walk_of(place, pages));
		sample[0][i] = sample[1][i] + sample[2][i];
	}
	fprintf(out,
		"{\"bench\":\"tlb-reach\",\"setting\":\"%s\",\"paging\":\"%s\",\"pass\":\"sweep\",\"status\":\"ok\","
		"\"params\":{\"page_size_bytes\":4096,\"backing\":\"4K\",\"stride_pages\":1,\"pages\":%d},"
		"\"memory\":{\"baseline_page_bytes\":2097152},\"metrics\":{",
		place->setting, place->paging, pages);
	for (int m = 0; m < 6; m++) {
		struct interval interval = statistics_median_interval(sample[m / 2], ROUNDS, 1);

		fprintf(out, "%s\"%s_%s\":{\"median\":%.9g,\"lo\":%.9g,\"hi\":%.9g,\"unit\":\"%s\"}", m ? "," : "",
			names[m / 2], m % 2 ? "ns" : "cycles", interval.median, interval.lo, interval.hi,
			m % 2 ? "ns" : "cycles");
	}
	fputs("},\"samples\":{", out);
	for (int m = 0; m < 6; m++) {
		char name[32];

		snprintf(name, sizeof(name), "%s_%s", names[m / 2], m % 2 ? "ns" : "cycles");
		list_write(out, name, sample[m / 2], !m);
	}
	fputs(",\"round\":[0,1,2,3,4,5,6,7,8]}}\n", out);
}

static const char about[] =
	"{\"schema\":1,\"seed\":7,\"machine\":{\"topology\":{\"caches\":[{\"level\":2,\"type\":\"unified\","
	"\"size_bytes\":1048576}]},\"tlbs_advertised\":[{\"level\":1,\"kind\":\"data\",\"entries\":64,"
	"\"page_sizes_bytes\":[4096]},{\"level\":1,\"kind\":\"data\",\"entries\":40,\"page_sizes_bytes\":[2097152]}]}}";

struct made_up_places {
	const struct made_up *place;
	size_t count;
};

static void places_write(FILE *out, const void *context)
{
	const struct made_up_places *places = context;

	random_state = 1;
	for (size_t i = 0; i < places->count; i++)
		for (int k = 3 * an_octave, pages = 8; pages <= LAST_PAGES;
			pages = (int)round(exp2((double)++k / an_octave)))
			point_write(out, &places->place[i], pages);
}

/* `leaf`: what the run's pages of 2M are held in; 0: the run does not tell. */
static sqlite3 *inferred(const struct made_up *places, size_t count, uint64_t leaf)
{
	const struct made_up_places all = { places, count };
	char sql[200];

	snprintf(sql, sizeof(sql),
		"INSERT INTO effective_leaf (run, backing, page_size_bytes, leaf_bytes) VALUES (1, '2M-thp', 2097152, %llu)",
		(unsigned long long)leaf);
	return made_up_inferred(&(struct made_up_run){ about, places_write, &all, leaf ? sql : NULL });
}

#define INFERRED(leaf, ...) \
	inferred((const struct made_up[]){ __VA_ARGS__ }, \
		sizeof((const struct made_up[]){ __VA_ARGS__ }) / sizeof(struct made_up), leaf)

#define HOST \
	{ \
		"host", "native", 3072, 1, 1, 0 \
	}
#define AGAIN(walk) \
	{ \
		"host-again", "native", 3072, walk, 1, 0 \
	}
#define VCPU(walk, baseline) \
	{ \
		"vcpu", "shadow", 2300, walk, baseline, 0 \
	}

static void the_control_is_no_place(void **state)
{
	sqlite3 *db = INFERRED(0, HOST, AGAIN(1), VCPU(1, 1));
	double points = number(db, "SELECT COUNT(*) FROM point WHERE setting = 'host'");

	(void)state;
	assert_true(points > 80);
	assert_true(number(db, "SELECT COUNT(*) FROM point WHERE control") == points);
	assert_true(number(db, "SELECT COUNT(*) FROM point WHERE control AND setting <> 'host-again'") == 0);
	assert_true(number(db, "SELECT COUNT(*) FROM curve") == 2);
	assert_true(number(db, "SELECT COUNT(*) FROM tlb_reach") == 2 * points);
	assert_true(
		number(db, "SELECT COUNT(*) FROM alike JOIN point p ON p.point IN (base, alike.point) WHERE control") ==
		0);
	assert_true(
		number(db, "SELECT COUNT(*) FROM control_pair JOIN point b ON b.point = base"
			   " JOIN point o ON o.point = control_pair.point WHERE b.setting = 'host' AND o.control") ==
		points);
	sqlite3_close(db);
}

static void the_host_differs_little_from_itself(void **state)
{
	sqlite3 *db = INFERRED(0, HOST, AGAIN(1), VCPU(1, 1));

	(void)state;
	assert_true(number(db, "SELECT rows FROM null_ratio WHERE metric = 'gross_ns'") ==
		    number(db, "SELECT COUNT(*) FROM control_pair"));
	assert_true(number(db, "SELECT ratio_hi FROM null_ratio WHERE metric = 'gross_ns'") < 1.02);
	assert_true(number(db, "SELECT ratio_lo FROM null_ratio WHERE metric = 'gross_ns'") > 0.98);
	assert_true(number(db, "SELECT significant FROM null_ratio WHERE metric = 'gross_ns'") <= 3);
	sqlite3_close(db);
}

static void walks_are_read_at_the_same_pages(void **state)
{
	sqlite3 *db = INFERRED(0, HOST, VCPU(1, 1));

	(void)state;
	assert_true(number(db, "SELECT COUNT(*) FROM tlb_walk") == 2);
	assert_true(number(db, "SELECT COUNT(DISTINCT pages_from || ' ' || pages_to) FROM tlb_walk") == 1);
	/* The flat half octave, and the median of all of its samples. */
	assert_in_range((uint64_t)number(db, "SELECT pages_from FROM tlb_walk"), 3756, 4467);
	assert_in_range((uint64_t)number(db, "SELECT pages_to FROM tlb_walk"), 5312, 6317);
	assert_true(
		number(db,
			"SELECT MAX(ABS(cycles - (SELECT median(value) FROM sample JOIN curve_point p USING (point)"
			" WHERE name = 'net_cycles' AND p.curve = w.curve AND p.pages BETWEEN pages_from AND pages_to)))"
			" FROM tlb_walk w") < 0.001);
	assert_true(number(db, "SELECT MIN(cycles_lo <= cycles AND cycles <= cycles_hi) FROM tlb_walk") == 1);
	assert_true(number(db, "SELECT MIN(last_low_cycles < last_cycles) FROM tlb_walk") == 1);
	sqlite3_close(db);
}

/* A rise whose end is not resolved ends in walks where it is dearer than any hit, if the sweep has pages for that. */
static void walks_beyond_a_level_whose_end_is_open(void **state)
{
	struct made_up host = HOST;
	sqlite3 *db;

	(void)state;
	host.growth = 60;
	an_octave = 2;
	db = inferred(&host, 1, 0);
	assert_true(number(db, "SELECT MAX(level) FROM tlb_level") == 1);
	assert_true(number(db, "SELECT COUNT(*) FROM tlb_unresolved WHERE reason LIKE 'the cost rises from%'") == 1);
	assert_true(number(db, "SELECT pages_from FROM tlb_walk") >= 2 * 2896);
	assert_true(number(db, "SELECT cycles FROM tlb_walk") > 40);
	sqlite3_close(db);
	host.second = 14000;
	db = inferred(&host, 1, 0);
	assert_true(number(db, "SELECT MAX(level) FROM tlb_level") == 1);
	assert_true(number(db, "SELECT COUNT(*) FROM tlb_walk") == 0);
	assert_true(number(db, "SELECT COUNT(*) FROM tlb_unresolved WHERE reason LIKE 'what walks cost: %'") == 1);
	an_octave = 8;
	sqlite3_close(db);
}

#define WALK_RATIO(column, metric) \
	"SELECT " column " FROM walk_ratio JOIN curve USING (curve) WHERE setting = 'vcpu' AND metric = '" metric "'"

static void equal_walks_do_not_differ_and_others_do(void **state)
{
	/* From its smaller second level on, the vCPU's walks get dearer: at equal pages it is 3.3 cycles ahead. */
	sqlite3 *db = INFERRED(0, HOST, AGAIN(1), VCPU(0.93, 1));

	(void)state;
	assert_true(number(db, WALK_RATIO("differs", "net_ns")) == 0);
	assert_true(number(db, WALK_RATIO("differs", "baseline_ns")) == 0);
	assert_true(number(db, "SELECT COUNT(*) FROM walk_ratio WHERE control") == 3);
	sqlite3_close(db);
	db = INFERRED(0, HOST, AGAIN(1), VCPU(1.4, 1));
	assert_true(number(db, WALK_RATIO("differs", "net_ns")) == 1);
	assert_true(fabs(number(db, WALK_RATIO("ratio", "net_ns")) - 1.5) < 0.05);
	sqlite3_close(db);
}

static void what_the_control_shows_is_no_difference(void **state)
{
	sqlite3 *db = INFERRED(0, HOST, AGAIN(1.2), VCPU(1.1, 1));

	(void)state;
	assert_true(number(db, WALK_RATIO("sure_lo > 1", "net_ns")) == 1);
	assert_true(number(db, WALK_RATIO("differs", "net_ns")) == 0);
	sqlite3_close(db);
	/* Without a control there is nothing but the interval. */
	db = INFERRED(0, HOST, VCPU(1.1, 1));
	assert_true(number(db, WALK_RATIO("differs", "net_ns")) == 1);
	assert_true(number(db, "SELECT COUNT(*) FROM null_ratio") == 0);
	sqlite3_close(db);
}

static void of_different_baselines_the_whole_access_is_compared(void **state)
{
	sqlite3 *db = INFERRED(0, HOST, AGAIN(1), VCPU(1, 1.3));

	(void)state;
	assert_true(fabs(number(db, WALK_RATIO("ratio", "baseline_ns")) - 1.3) < 0.02);
	assert_true(isnan(number(db, WALK_RATIO("ratio", "net_ns"))));
	assert_true(number(db, WALK_RATIO("walk_ratio.reason LIKE '%1.3%'", "net_ns")) == 1);
	assert_true(number(db, WALK_RATIO("ratio", "gross_ns")) > 1);
	sqlite3_close(db);
}

static void a_baseline_has_an_entry_for_each_piece(void **state)
{
	sqlite3 *db = INFERRED(PAGE_4K, HOST);

	(void)state;
	/* 72 pieces of 4K hold 4608 lines. */
	assert_true(number(db, "SELECT entries FROM baseline LIMIT 1") == FIRST_LEVEL);
	assert_true(
		number(db, "SELECT MIN(in_reach = (pages <= 4608)) FROM baseline JOIN tlb_reach USING (point)") == 1);
	assert_true(number(db, "SELECT MIN(pieces * 4096 - bytes) FROM baseline") >= 0);
	assert_true(number(db, "SELECT MAX(pieces * 4096 - bytes) FROM baseline") < 4096);
	assert_true(number(db, "SELECT COUNT(*) FROM baseline WHERE NOT in_reach") > 10);
	sqlite3_close(db);
	/* Whole pages of 2M, of which CPUID advertises 40 and the run has no curve. */
	db = INFERRED(PAGE_2M, HOST);
	assert_true(number(db, "SELECT MIN(in_reach) FROM baseline") == 1);
	assert_true(number(db, "SELECT entries FROM baseline LIMIT 1") == 40);
	sqlite3_close(db);
	db = INFERRED(0, HOST);
	assert_true(number(db, "SELECT COUNT(*) FROM baseline") > 80);
	assert_true(number(db, "SELECT COUNT(in_reach) FROM baseline") == 0);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_control_is_no_place),
		cmocka_unit_test(the_host_differs_little_from_itself),
		cmocka_unit_test(walks_are_read_at_the_same_pages),
		cmocka_unit_test(walks_beyond_a_level_whose_end_is_open),
		cmocka_unit_test(equal_walks_do_not_differ_and_others_do),
		cmocka_unit_test(what_the_control_shows_is_no_difference),
		cmocka_unit_test(of_different_baselines_the_whole_access_is_compared),
		cmocka_unit_test(a_baseline_has_an_entry_for_each_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
