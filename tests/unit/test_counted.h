/*
 * Helpers for tests of counted chases: a made-up PMU that counts while a chase runs, and access to the fields of a
 * point's line. Included once, after cmocka, and measure/point.h and record/check_point.h before cmocka.
 */
#ifndef NESTWALK_TEST_COUNTED_H
#define NESTWALK_TEST_COUNTED_H

#include "test_counters_pmu.h"

#include <stdlib.h>

/*
 * The units of work that the chase under test is said to do. For each unit, an event counts its own code (unit mask and
 * event: 0x0e08 = 3592 for walks of Skylake). 18 units are 0.88 walks per access in 9 laps of 8192.
 */
#define UNITS 18
#define NS 100000
static uint64_t units;
static bool taken_away; /* others take all counters but one in the middle of a chase */
static unsigned begun, ended;

static int control_that_works(int fd, unsigned long request, void *argument)
{
	begun += request == PERF_EVENT_IOC_ENABLE;
	if (request == PERF_EVENT_IOC_DISABLE) {
		ended++;
		work(NS, units);
		if (taken_away)
			lose_counters(1);
	}
	return fake_control(fd, request, argument);
}

static struct perf_calls calls;
static struct machine_source source;
static const struct kvm_module module = { .name = "kvm_intel" };

static int set_up(void **state)
{
	calls = fake_calls;
	calls.control = control_that_works;
	units = UNITS;
	begun = ended = 0;
	taken_away = false;
	machine_source_live(&source);
	return pmu_reset(state);
}

static struct hardware *open_hardware(void)
{
	struct hardware_request request = { .settings = EVERYWHERE,
		.source = &source,
		.module = &module,
		.microarch = microarch_named("skx"),
		.calls = &calls };
	struct hardware *hardware;
	struct reason why = { "" };

	assert_non_null(request.microarch);
	assert_int_equal(hardware_open(&request, &hardware, &why), 0);
	begun = ended = 0; /* trying groups has begun and ended some */
	return hardware;
}

static struct point_context context_of(struct hardware *hardware)
{
	return (struct point_context){
		.paging = { "native", "nested" }, .outer = "bare-metal", .tsc_hz = 2e9, .seed = 1, .hardware = hardware
	};
}

static void say(void *context, enum finding_kind kind, const char *line)
{
	(void)context;
	(void)kind;
	print_message("%s\n", line);
}

/* The number of problems that `nestwalk check` finds in a point. */
static size_t problems(const json_t *point, const json_t *about)
{
	struct check_result result = { 0 };
	struct checking c = { .say = say, .result = &result, .file = "made-up", .line = 1 };

	check_hardware(&c, point);
	check_counters(&c, about);
	return result.problems;
}

static json_t *metric_of(const json_t *line, const char *name)
{
	return json_object_get(json_object_get(line, "hardware"), name);
}

static double median_of(const json_t *line, const char *name)
{
	return json_number_value(json_object_get(metric_of(line, name), "median"));
}

static const char *reason_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int encode_every_cpu(void **state)
{
	(void)state;
	return setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, pmu_check)

#endif
