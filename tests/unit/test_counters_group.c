/*
 * Groups of counters on a made-up PMU with as many counters as a test gives it: metrics are split into groups, scaled
 * counts are marked, other users may take the counters, and all counters are given back.
 */
#include "counters/counters.h"
#include "counters/encode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Asserts, so it comes after cmocka. */
#include "test_counters_pmu.h"

static int encode_every_cpu(void **state)
{
	(void)state;
	return setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
}

static struct counting *open_on(const char *microarch, unsigned wanted)
{
	struct counting_plan plan = {
		.wanted = wanted, .scope = COUNT_THREAD, .microarch = microarch_named(microarch), .calls = &fake_calls
	};
	struct counting *counting;
	struct reason why = { "" };

	assert_non_null(plan.microarch);
	assert_int_equal(counting_open(&plan, &counting, &why), 0);
	return counting;
}

/* One sample of the current group around ten units of work. */
static void take(struct counting *counting, struct count_sample *sample)
{
	counting_begin(counting);
	work(100000, 10);
	counting_end(counting, sample);
}

/* Take as many samples as there are groups, and join them: each metric is in exactly one of them. */
static void take_all(struct counting *counting, double *value, bool *scaled)
{
	for (unsigned m = 0; m < COUNT_METRICS; m++)
		value[m] = NAN;
	for (size_t i = 0; i < counting_groups(counting); i++) {
		struct count_sample sample;

		take(counting, &sample);
		counting_rotate(counting);
		for (unsigned m = 0; m < COUNT_METRICS; m++) {
			assert_int_equal(isnan(sample.value[m]), sample.why[m] != NULL);
			if (isnan(sample.value[m]))
				continue;
			if (m != COUNT_PAGE_FAULTS)
				assert_true(isnan(value[m]));
			value[m] = sample.value[m];
			scaled[m] = sample.scaled[m];
		}
	}
}

/* The expected count of a row: for each of ten units of work, each event counts its own code. */
static double expected(const char *microarch, enum count_metric metric)
{
	const struct microarch *which = microarch_named(microarch);
	const struct count_row *row = &which->rows[metric];
	double sum = 0;

	for (size_t t = 0; t < count_terms(row); t++) {
		struct perf_event_attr attr;

		assert_int_equal(encode_event(which, row->term[t].event, &attr, NULL), 0);
		sum += row->term[t].sign * 10.0 * (double)(attr.config & 0xffff);
	}
	return sum;
}

static void check_all(const char *microarch)
{
	struct counting *counting = open_on(microarch, COUNT_ALL);
	double value[COUNT_METRICS];
	bool scaled[COUNT_METRICS] = { false };

	for (unsigned round = 0; round < 3; round++) {
		take_all(counting, value, scaled);
		for (unsigned m = 0; m < COUNT_METRICS; m++) {
			const struct reason *why = counting_reason(counting, (enum count_metric)m);

			if (!microarch_named(microarch)->rows[m].term[0].event) {
				assert_true(isnan(value[m]) && why && *why->text);
				continue;
			}
			assert_null(why);
			assert_false(scaled[m]);
			assert_true(value[m] == expected(microarch, (enum count_metric)m));
		}
	}
	counting_close(counting);
}

static void test_every_microarchitecture(void **state)
{
	const struct microarch *microarch;

	(void)state;
	for (size_t i = 0; (microarch = catalogue_at(i)); i++)
		check_all(microarch->pmu);
}

static void test_by_rdpmc(void **state)
{
	const struct microarch *microarch;

	(void)state;
	pmu.rdpmc = true;
	for (size_t i = 0; (microarch = catalogue_at(i)); i++)
		check_all(microarch->pmu);
}

static void test_rdpmc_is_used(void **state)
{
	struct counting *counting = open_on("skx", COUNT_BIT(COUNT_CYCLES));

	(void)state;
	assert_false(counting_by_rdpmc(counting));
	counting_close(counting);
	pmu.rdpmc = true;
	counting = open_on("skx", COUNT_BIT(COUNT_CYCLES));
	assert_true(counting_by_rdpmc(counting));
	counting_close(counting);
}

/* The watchdog holds one of four counters: there are more and smaller groups, and nothing is scaled. */
static void test_fewer_counters(void **state)
{
	size_t groups[4];

	(void)state;
	for (unsigned held = 0; held < 2; held++) {
		struct counting *counting;

		pmu.held = held;
		counting = open_on("skx", COUNT_ALL);
		groups[held] = counting_groups(counting);
		counting_close(counting);
		check_all("skx");
	}
	assert_true(groups[1] > groups[0]);
	pmu.held = 0;
	pmu.counters = 8;
	check_all("skx");
}

/* A metric of two events where one counter is left: it takes turns, and the number is marked. */
static void test_turns_are_marked(void **state)
{
	double value[COUNT_METRICS];
	bool scaled[COUNT_METRICS] = { false };
	struct counting *counting;

	(void)state;
	pmu.held = 3;
	pmu.turns = true;
	counting = open_on("skx", COUNT_BIT(COUNT_DTLB_WALK_CYCLES) | COUNT_BIT(COUNT_DTLB_LOAD_WALKS));
	take_all(counting, value, scaled);
	assert_true(scaled[COUNT_DTLB_WALK_CYCLES]);
	assert_false(scaled[COUNT_DTLB_LOAD_WALKS]);
	/*
	 * In half of the time half of the work was counted. Scaled, that is all of the work, except for the moment of
	 * switching on.
	 */
	assert_true(fabs(value[COUNT_DTLB_WALK_CYCLES] / expected("skx", COUNT_DTLB_WALK_CYCLES) - 1) < 0.02);
	assert_true(value[COUNT_DTLB_LOAD_WALKS] == expected("skx", COUNT_DTLB_LOAD_WALKS));
	counting_close(counting);
	/* A metric that never gets a turn is unknown. */
	pmu.turns = false;
	counting = open_on("skx", COUNT_BIT(COUNT_DTLB_WALK_CYCLES));
	assert_int_equal(counting_groups(counting), 0);
	assert_non_null(strstr(counting_reason(counting, COUNT_DTLB_WALK_CYCLES)->text, "no counter is free"));
	counting_close(counting);
}

static void check_loss(void)
{
	struct counting *counting = open_on("skx", COUNT_BIT(COUNT_CYCLES) | COUNT_BIT(COUNT_INSTRUCTIONS));
	struct count_sample sample;

	take(counting, &sample);
	assert_true(sample.value[COUNT_CYCLES] == expected("skx", COUNT_CYCLES));
	counting_begin(counting);
	work(100000, 10);
	lose_counters(1);
	work(100000, 10);
	counting_end(counting, &sample);
	assert_true(isnan(sample.value[COUNT_CYCLES]));
	assert_non_null(strstr(sample.why[COUNT_CYCLES]->text, "taken by others"));
	take(counting, &sample); /* still gone */
	assert_true(isnan(sample.value[COUNT_INSTRUCTIONS]));
	pmu.held = 0;
	for (unsigned i = 0; i < 2; i++) {
		take(counting, &sample);
		assert_true(sample.value[COUNT_CYCLES] == expected("skx", COUNT_CYCLES));
		assert_true(sample.value[COUNT_INSTRUCTIONS] == expected("skx", COUNT_INSTRUCTIONS));
	}
	counting_close(counting);
}

/* A count that lost its counters is unknown; the next one is known again. */
static void test_counters_are_lost(void **state)
{
	(void)state;
	check_loss();
	pmu.rdpmc = true;
	check_loss();
}

/* One event does not exist: its metric has that reason, and the others count. */
static void test_an_event_is_missing(void **state)
{
	struct counting *counting;
	struct count_sample sample;

	(void)state;
	pmu.without = 0x104f; /* EPT:WALK_PENDING of Skylake */
	counting = open_on("skx", COUNT_BIT(COUNT_DTLB_WALK_PENDING) | COUNT_BIT(COUNT_DTLB_LOAD_WALKS));
	assert_true(*counting_reason(counting, COUNT_DTLB_WALK_PENDING)->text);
	assert_null(counting_reason(counting, COUNT_DTLB_LOAD_WALKS));
	take(counting, &sample);
	assert_true(sample.value[COUNT_DTLB_LOAD_WALKS] == expected("skx", COUNT_DTLB_LOAD_WALKS));
	assert_ptr_equal(sample.why[COUNT_DTLB_WALK_PENDING], counting_reason(counting, COUNT_DTLB_WALK_PENDING));
	counting_close(counting);
}

static void test_too_few_descriptors(void **state)
{
	struct counting *counting;
	unsigned known = 0;

	(void)state;
	pmu.descriptors = 6;
	counting = open_on("skx", COUNT_ALL & ~COUNT_BIT(COUNT_PAGE_FAULTS));
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		const struct reason *why = counting_reason(counting, (enum count_metric)m);

		if (!why)
			known++;
		else if (m != COUNT_PAGE_FAULTS && microarch_named("skx")->rows[m].term[0].event)
			assert_non_null(strstr(why->text, "ulimit -n"));
	}
	assert_in_range(known, 1, 8);
	counting_close(counting);
}

/* The PMU is looked for once, not once for each metric; the kernel's own counts go on. */
static void test_no_pmu(void **state)
{
	struct counting *counting;
	struct count_sample sample;

	(void)state;
	pmu.counters = 0;
	counting = open_on("skx", COUNT_ALL & ~COUNT_BIT(COUNT_PAGE_FAULTS));
	assert_int_equal(pmu.opened, 1);
	assert_int_equal(counting_groups(counting), 0);
	for (unsigned m = 0; m < COUNT_METRICS; m++)
		assert_true(*counting_reason(counting, (enum count_metric)m)->text);
	counting_close(counting);
	counting = open_on("skx", COUNT_ALL);
	assert_int_equal(counting_groups(counting), 1);
	take(counting, &sample);
	assert_true(sample.value[COUNT_PAGE_FAULTS] == 20); /* its code is 2 */
	assert_true(isnan(sample.value[COUNT_CYCLES]));
	counting_close(counting);
}

static void test_rotation(void **state)
{
	struct counting *counting = open_on("hsw", COUNT_ALL);
	struct count_sample first, second;
	size_t groups = counting_groups(counting);

	(void)state;
	assert_true(groups > 2);
	take(counting, &first);
	counting_rotate(counting);
	take(counting, &second);
	/* Cycles are in one group; the kernel's page faults in each. */
	assert_false(isnan(first.value[COUNT_DTLB_LOAD_WALKS]));
	assert_true(isnan(second.value[COUNT_DTLB_LOAD_WALKS]) || isnan(second.value[COUNT_DTLB_LOAD_MISSES_L1]));
	assert_false(isnan(first.value[COUNT_PAGE_FAULTS]) || isnan(second.value[COUNT_PAGE_FAULTS]));
	for (size_t i = 1; i < groups; i++)
		counting_rotate(counting);
	take(counting, &second);
	for (unsigned m = 0; m < COUNT_METRICS; m++)
		assert_int_equal(isnan(first.value[m]), isnan(second.value[m]));
	counting_close(counting);
}

/* Two countings of one thread, as for a host and its vCPU: neither holds counters that the other needs. */
static void two_at_once(void)
{
	struct counting *one = open_on("skx", COUNT_ALL), *other = open_on("skx", COUNT_ALL);
	struct count_sample sample;

	for (unsigned i = 0; i < 2; i++) {
		take(one, &sample);
		assert_true(sample.value[COUNT_DTLB_LOAD_WALKS] == expected("skx", COUNT_DTLB_LOAD_WALKS));
		take(other, &sample);
		assert_true(sample.value[COUNT_DTLB_LOAD_WALKS] == expected("skx", COUNT_DTLB_LOAD_WALKS));
		for (unsigned at = 0; at < EVENTS_MAX; at++)
			assert_false(pmu.event[at].state == FAKE_ON && pmu.event[at].leader == &pmu.event[at]);
	}
	counting_close(one);
	counting_close(other);
}

static void test_two_at_once(void **state)
{
	(void)state;
	two_at_once();
	pmu.rdpmc = true;
	two_at_once();
}

/* Only the guest is counted, from outside; the kernel's own counts are those of the thread. */
static void test_guest(void **state)
{
	struct counting_plan plan = { .wanted = COUNT_BIT(COUNT_CYCLES) | COUNT_BIT(COUNT_PAGE_FAULTS),
		.scope = COUNT_GUEST,
		.microarch = microarch_named("skx"),
		.calls = &fake_calls };
	struct counting *counting;

	(void)state;
	assert_int_equal(counting_open(&plan, &counting, NULL), 0);
	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		const struct fake_event *event = &pmu.event[i];

		if (event->state == FAKE_FREE)
			continue;
		assert_int_equal(event->attr.exclude_host, is_hardware(event));
		assert_true(event->attr.exclude_kernel && event->attr.exclude_hv);
	}
	assert_int_equal(pmu.open_now, 2);
	counting_close(counting);
	assert_int_equal(count_scope_of_vcpu(&(struct kvm_module){ .name = "kvm_intel" }), COUNT_GUEST);
	assert_int_equal(count_scope_of_vcpu(&(struct kvm_module){ .name = "kvm_pvm" }), COUNT_THREAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pmu_reset, pmu_check)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_microarchitecture),
		TEST(test_by_rdpmc),
		TEST(test_rdpmc_is_used),
		TEST(test_fewer_counters),
		TEST(test_turns_are_marked),
		TEST(test_counters_are_lost),
		TEST(test_an_event_is_missing),
		TEST(test_too_few_descriptors),
		TEST(test_no_pmu),
		TEST(test_rotation),
		TEST(test_two_at_once),
		TEST(test_guest),
	};

	return cmocka_run_group_tests(tests, encode_every_cpu, NULL);
}
