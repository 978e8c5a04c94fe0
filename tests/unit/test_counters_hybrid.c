/* PMUs of the kinds of cores of a hybrid CPU, and events that the kernel names in /sys, on a recorded machine. */
#include "counters/counters.h"
#include "counters/encode.h"
#include "counters/kernel_event.h"
#include "machine/pmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test_counters_pmu.h"

static struct machine_source source;
static struct core_pmu pmus[CORE_PMUS_MOST];
static size_t count;

static int machine_open(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "tests/fixtures/machines/%s", name);
	if (machine_source_root(&source, path, NULL))
		return -1;
	count = machine_core_pmus(&source, pmus);
	return 0;
}

static int hybrid_open(void **state)
{
	return pmu_reset(state) || machine_open("hybrid");
}

static int machine_close(void **state)
{
	core_pmus_free(pmus, count);
	machine_source_close(&source);
	return pmu_check(state);
}

static void each_cpu_has_the_pmu_of_its_kind(void **state)
{
	(void)state;
	assert_int_equal(count, 2);
	assert_string_equal(core_pmu_of(pmus, count, 0)->name, "cpu_core");
	assert_string_equal(core_pmu_of(pmus, count, 15)->name, "cpu_core");
	assert_string_equal(core_pmu_of(pmus, count, 16)->name, "cpu_atom");
	assert_int_equal(core_pmu_of(pmus, count, 23)->type, 10);
	assert_null(core_pmu_of(pmus, count, 24));
	machine_close(state);
	assert_int_equal(machine_open("intel-ept"), 0);
	assert_int_equal(count, 1);
	assert_string_equal(core_pmu_of(pmus, count, 7)->name, "cpu");
}

static void the_kernels_events_are_encoded(void **state)
{
	const struct core_pmu *atom = core_pmu_of(pmus, count, 20);
	struct perf_event_attr attr;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(kernel_event_encode(&source, atom, "cpu-cycles", &attr, &why), 0);
	assert_int_equal(attr.type, 10);
	assert_int_equal(attr.config, 0x3c);
	assert_true(attr.exclude_kernel && attr.exclude_hv && attr.disabled);
	assert_int_equal(kernel_event_encode(&source, atom, "branches", &attr, &why), 0);
	assert_int_equal(attr.config, 0xc4 | 0x7f << 8 | 1 << 23 | 1 << 24);
	assert_int_equal(kernel_event_encode(&source, atom, "split", &attr, &why), 0);
	assert_int_equal(attr.config, 0xaULL | 0x5ULL << 32);
	assert_int_equal(attr.config1, 0x1234);
	assert_int_equal(kernel_event_encode(&source, atom, "dTLB-load-misses", &attr, &why), -ENOENT);
	assert_int_equal(kernel_event_encode(&source, atom, "unknown-term", &attr, &why), -EINVAL);
	assert_non_null(strstr(why.text, "cpu_atom does not say where the term ldlat"));
	assert_int_equal(kernel_event_encode(&source, atom, "too-wide", &attr, &why), -EINVAL);
	assert_int_equal(kernel_event_encode(&source, atom, "no-number", &attr, &why), -EINVAL);
}

/* How many open events have this type, and the PMU's type in config. */
static unsigned opened(uint32_t type, uint32_t extended)
{
	unsigned found = 0;

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		found += pmu.event[i].state != FAKE_FREE && pmu.event[i].attr.type == type &&
			 pmu.event[i].attr.config >> 32 == extended;
	return found;
}

static void generic_events_go_to_the_core_measured_on(void **state)
{
	struct counting_plan plan = { .wanted = COUNT_BIT(COUNT_CYCLES) | COUNT_BIT(COUNT_INSTRUCTIONS) |
						COUNT_BIT(COUNT_DTLB_LOAD_WALKS) | COUNT_BIT(COUNT_ITLB_WALKS),
		.microarch = catalogue_fallback(FALLBACK_ANY),
		.source = &source,
		.pmu = core_pmu_of(pmus, count, 20),
		.hybrid = true,
		.calls = &fake_calls };
	struct counting *counting;

	(void)state;
	lose_counters(pmu.counters); /* nobody else has any */
	assert_int_equal(counting_open(&plan, &counting, NULL), 0);
	/* Cycles and instructions have names in /sys; the others are the kernel's numbers, with the type of the PMU. */
	assert_int_equal(opened(10, 0), 2);
	assert_int_equal(opened(PERF_TYPE_HW_CACHE, 10), 2);
	counting_close(counting);

	/* Without a PMU for the CPU, as before; on a CPU with one kind of cores no type is given. */
	plan.pmu = NULL;
	assert_int_equal(counting_open(&plan, &counting, NULL), 0);
	assert_int_equal(opened(PERF_TYPE_HARDWARE, 0), 2);
	assert_int_equal(opened(PERF_TYPE_HW_CACHE, 0), 2);
	counting_close(counting);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hybrid_open, machine_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_cpu_has_the_pmu_of_its_kind),
		TEST(the_kernels_events_are_encoded),
		TEST(generic_events_go_to_the_core_measured_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
