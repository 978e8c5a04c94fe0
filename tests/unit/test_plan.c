/* From axes and --param to points. */
#include "base/units.h"
#include "measure/benches.h"
#include "measure/plan.h"

#include <errno.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BOTH (SETTING_BIT(SETTING_HOST) | SETTING_BIT(SETTING_VCPU))
/* What both become in a chase: the host is measured again, as a control. */
#define WITH_CONTROL (BOTH | SETTING_BIT(SETTING_HOST_AGAIN))

static const struct bench *reach(void)
{
	return benches_find("tlb-reach");
}

static int make(struct plan *plan, unsigned settings, const struct param *params, size_t count, struct reason *why)
{
	struct plan_request request = { .settings = settings, .params = params, .param_count = count, .cpus = 2 };

	return plan_make(plan, reach(), &request, why);
}

static size_t points_in(const struct plan *plan, unsigned setting)
{
	size_t count = 0;

	for (size_t g = 0; g < plan->configurations; g++)
		for (size_t c = 0; c < plan->configuration[g].pairs; c++)
			count += !!(plan->configuration[g].pair[c]->settings & SETTING_BIT(setting));
	return count;
}

static void the_default_plan_has_each_page_size_on_its_own_backing(void **state)
{
	struct plan plan;
	bool seen[BACKING_COUNT] = { false };

	(void)state;
	assert_int_equal(make(&plan, BOTH, NULL, 0, NULL), 0);
	assert_int_equal(plan.configurations, BACKING_LEAVES);
	for (size_t g = 0; g < plan.configurations; g++) {
		const struct memory_configuration *configuration = &plan.configuration[g];

		assert_int_equal(configuration->like.page_bytes, backing_page_bytes(configuration->like.backing));
		assert_false(seen[configuration->like.backing]);
		seen[configuration->like.backing] = true;
		/* Two strides; of the 13 octaves from 8 to 64 Ki, 6 have 8 counts, the others 4. */
		assert_int_equal(configuration->pairs, 2 * (6 * 8 + 7 * 4 + 1));
		for (size_t c = 0; c < configuration->pairs; c++)
			assert_int_equal(configuration->pair[c]->settings, WITH_CONTROL);
	}
	assert_int_equal(points_in(&plan, SETTING_HOST), points_in(&plan, SETTING_VCPU));
	assert_int_equal(points_in(&plan, SETTING_HOST), points_in(&plan, SETTING_HOST_AGAIN));
	assert_int_equal(plan.points, 3 * points_in(&plan, SETTING_HOST));
	plan_free(&plan);
}

/* Of the sizes between 4K and 2M the default plan has those that the kernel offers, for hosts only. */
static void sizes_that_the_kernel_offers_are_planned_for_hosts(void **state)
{
	struct plan_request request = { .settings = BOTH, .cpus = 2, .mthp_bytes = 64 * KIB + 1 * MIB };
	struct plan plan;
	uint64_t seen = 0;

	(void)state;
	for (size_t b = 0; b < benches_count(); b++) {
		const struct bench *bench = benches_at(b);

		if (plan_make(&plan, bench, &request, NULL))
			continue;
		for (size_t g = 0; g < plan.configurations; g++) {
			const struct memory_configuration *configuration = &plan.configuration[g];
			const struct chase *like = &configuration->like;

			assert_int_equal(page_is_mthp(like->page_bytes), backing_is_mthp(like->backing));
			if (!page_is_mthp(like->page_bytes))
				continue;
			assert_int_equal(backing_page_bytes(like->backing), like->page_bytes);
			seen |= like->page_bytes;
			for (size_t c = 0; c < configuration->pairs; c++)
				assert_false(configuration->pair[c]->settings & SETTING_BIT(SETTING_VCPU));
		}
		plan_free(&plan);
	}
	assert_int_equal(seen, request.mthp_bytes);
}

/* Asked for, a size is planned without being offered: its points then say why they have no number. */
static void sizes_that_are_asked_for_are_planned(void **state)
{
	static const struct param params[] = { { "page_size", "64K,4K" }, { "pages", "8" }, { "stride", "1" } };
	static const struct param behind[] = { { "page_size", "4K" }, { "backing", "64K-thp" }, { "pages", "8" },
		{ "stride", "1" } };
	static const struct param elsewhere[] = { { "page_size", "64K" } };
	struct plan_request request = {
		.settings = BOTH, .params = elsewhere, .param_count = 1, .cpus = 2, .mthp_bytes = 64 * KIB
	};
	struct reason why = { "" };
	struct plan plan;

	(void)state;
	assert_int_equal(make(&plan, BOTH, params, 3, NULL), 0);
	assert_int_equal(points_in(&plan, SETTING_HOST), 2);
	assert_int_equal(points_in(&plan, SETTING_VCPU), 1);
	plan_free(&plan);
	/* Behind a guest's pages, where that is asked for. */
	assert_int_equal(make(&plan, BOTH, behind, 4, NULL), 0);
	assert_int_equal(points_in(&plan, SETTING_HOST), 0);
	assert_int_equal(points_in(&plan, SETTING_VCPU), 1);
	plan_free(&plan);
	/* Other benches know leaves of the CPU only. */
	assert_int_equal(plan_make(&plan, benches_find("walk-depth"), &request, &why), -WRONG_REQUEST);
	assert_non_null(strstr(why.text, "4K, 2M, 1G"));
	assert_null(strstr(why.text, "16K"));
}

static void the_ladder_has_eight_steps_an_octave_and_both_ends(void **state)
{
	static const struct param params[] = { { "page_size", "4K" }, { "stride", "1" } };
	struct plan plan;
	uint64_t before = 0, octave = 0;

	(void)state;
	assert_int_equal(make(&plan, SETTING_BIT(SETTING_HOST), params, 2, NULL), 0);
	assert_int_equal(plan.configurations, 1);
	for (size_t c = 0; c < plan.configuration[0].pairs; c++) {
		uint64_t pages = plan.configuration[0].pair[c]->chase.count;

		assert_true(pages > before);
		octave += pages >= 1024 && pages < 2048;
		before = pages;
	}
	assert_int_equal(plan.configuration[0].pair[0]->chase.count, 8);
	assert_int_equal(before, 64 * 1024);
	assert_int_equal(octave, 8);
	plan_free(&plan);
}

/* The counts of a plan for the host of 4K pages, in the order in which they are planned. */
static size_t counts_of(const char *pages, uint64_t *counts, size_t most)
{
	const struct param params[] = { { "page_size", "4K" }, { "stride", "1" }, { "pages", pages } };
	struct plan plan;
	size_t pairs;

	assert_int_equal(make(&plan, SETTING_BIT(SETTING_HOST), params, 3, NULL), 0);
	assert_int_equal(plan.configurations, 1);
	pairs = plan.configuration[0].pairs;
	for (size_t c = 0; c < pairs && c < most; c++)
		counts[c] = plan.configuration[0].pair[c]->chase.count;
	plan_free(&plan);
	return pairs;
}

static void ranges_have_steps_or_values_an_octave(void **state)
{
	uint64_t counts[200], by_step[] = { 64, 72, 80, 88 }, by_octave[] = { 8, 11, 16, 23, 32 };

	(void)state;
	assert_int_equal(counts_of("64-90:8", counts, 200), 4);
	assert_memory_equal(counts, by_step, sizeof(by_step));
	assert_int_equal(counts_of("8-44*2", counts, 200), 5);
	assert_memory_equal(counts, by_octave, sizeof(by_octave));
	/* The usual ladder, by hand: its lower end has fewer different counts than eight an octave. */
	assert_int_equal(counts_of("8-64K*8", counts, 200), 104);
	assert_int_equal(counts[103], 64 * 1024);
	/* More values than a ladder has, each once, and mixed with others. */
	assert_int_equal(counts_of("64-260", counts, 200), 197);
	assert_int_equal(counts[196], 260);
	assert_int_equal(counts_of("64-20000", counts, 200), 19937);
	assert_int_equal(counts_of("300,64-260:1,100,1K", counts, 200), 199);
	assert_int_equal(counts[198], 1024);
	assert_int_equal(counts_of("64-64:8,64-64*3", counts, 200), 1);
}

static void params_choose(void **state)
{
	static const struct param params[] = { { "page_size", "4K,2M" }, { "pages", "60-62,100,61" }, { "stride", "1" },
		{ "other-bench-s", "7" } };
	struct plan plan;

	(void)state;
	assert_int_equal(make(&plan, BOTH, params, 4, NULL), 0);
	/* 4K, 2M-thp and 2M-hugetlb; 60, 61, 62 and 100, each once. */
	assert_int_equal(plan.configurations, 3);
	for (size_t g = 0; g < plan.configurations; g++) {
		assert_int_equal(plan.configuration[g].pairs, 4);
		assert_int_equal(plan.configuration[g].pair[3]->chase.count, 100);
	}
	plan_free(&plan);
}

static void backings_of_another_size_are_for_guests_and_when_asked_for(void **state)
{
	static const struct param params[] = { { "page_size_bytes", "4K" }, { "backing", "2M-thp" }, { "pages", "8" } };
	struct plan plan;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(make(&plan, BOTH, params, 3, NULL), 0);
	assert_int_equal(points_in(&plan, SETTING_HOST), 0);
	assert_int_equal(points_in(&plan, SETTING_VCPU), 2);
	plan_free(&plan);
	assert_int_equal(make(&plan, SETTING_BIT(SETTING_HOST), params, 3, &why), -WRONG_REQUEST);
	assert_non_null(strstr(why.text, "nothing to measure"));
}

/* Frames and levels mean nothing on a host: it is measured once, beside the first of the guest's. */
static void axes_of_guests_do_not_multiply_host_points(void **state)
{
	static const struct param params[] = { { "frames", "contiguous,shuffled" }, { "levels", "4,5" },
		{ "page_size", "4K" }, { "pages", "8,9" }, { "stride", "1" } };
	struct plan plan;

	(void)state;
	assert_int_equal(make(&plan, BOTH, params, 5, NULL), 0);
	assert_int_equal(points_in(&plan, SETTING_HOST), 2);
	assert_int_equal(points_in(&plan, SETTING_VCPU), 8);
	plan_free(&plan);
}

static void bad_values_are_refused_with_a_reason(void **state)
{
	static const struct {
		struct param param;
		const char *says;
	} cases[] = {
		{ { "page_size", "3K" }, "4K, 2M, 1G" },
		{ { "page_size", "huge" }, "is not a size" },
		{ { "page_size", "" }, "no value" },
		{ { "pages", "many" }, "neither a number" },
		{ { "pages", "-5" }, "neither a number" },
		{ { "pages", "12x" }, "neither a number" },
		{ { "pages", "1" }, "not within" },
		{ { "pages", "99999999999" }, "not within" },
		{ { "pages", "9-8" }, "empty" },
		{ { "pages", "8-1000000" }, "more than" },
		{ { "pages", "8-100000:0" }, "neither a number" },
		{ { "pages", "8-64*" }, "neither a number" },
		{ { "pages", "8-64:2*2" }, "neither a number" },
		{ { "pages", "8-64*100000" }, "more than" },
		{ { "pages", "64-8:8" }, "empty" },
		{ { "pages", "8-99999999999:1000000" }, "not within" },
		{ { "frames", "sorted" }, "none of contiguous, shuffled" },
		{ { "levels", "6" }, "not within" },
		{ { "stride", "0" }, "not within" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan plan;
		struct reason why = { "" };

		assert_int_equal(make(&plan, BOTH, &cases[i].param, 1, &why), -WRONG_REQUEST);
		assert_non_null(strstr(why.text, cases[i].says));
		assert_int_equal(plan.points, 0);
	}
}

static size_t choose_two(const struct memory_configuration *configuration, const struct paired_points *like,
	uint64_t *values, size_t most, void *calls)
{
	(void)configuration;
	assert_true(most >= 2);
	(*(unsigned *)calls)++;
	if (like->chase.distance_bytes != PAGE_4K)
		return 0;
	values[0] = 70;
	values[1] = 71;
	return 2;
}

static void a_second_pass_keeps_all_but_the_step_axis(void **state)
{
	static const struct param params[] = { { "page_size", "4K" } };
	struct plan sweep, refine;
	unsigned calls = 0;

	(void)state;
	assert_int_equal(make(&sweep, BOTH, params, 1, NULL), 0);
	assert_int_equal(plan_refine(&refine, &sweep, choose_two, &calls, NULL), 0);
	/* Once for each of the two strides. */
	assert_int_equal(calls, 2);
	assert_int_equal(refine.configurations, 1);
	assert_int_equal(refine.configuration[0].pairs, 2);
	for (size_t c = 0; c < 2; c++) {
		const struct paired_points *pair = refine.configuration[0].pair[c];

		assert_int_equal(pair->chase.count, 70 + c);
		assert_int_equal(pair->chase.distance_bytes, PAGE_4K);
		assert_int_equal(pair->settings, WITH_CONTROL);
		assert_int_equal(pair->point[SETTING_VCPU].pass, PASS_REFINE);
		assert_int_equal(pair->point[SETTING_VCPU].samples, 0);
	}
	plan_free(&refine);
	plan_free(&sweep);
}

static const struct metric storm_like[] = { { .name = "fault_ns", .unit = UNIT_NS }, { .name = NULL } };

static int not_measured(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	(void)request;
	(void)sample;
	(void)why;
	return -ENOTSUP;
}

static size_t workers_planned(enum axis_limit limit, unsigned cpus, const char *asked, uint64_t *workers, size_t most)
{
	const struct axis axis = { .name = "actors",
		.key = "actors",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 4, 8),
		.most = 1024,
		.limit = limit,
		.settings = HOSTS };
	const struct bench bench = { .name = "storm",
		.settings = HOSTS,
		.axes = &axis,
		.axis_count = 1,
		.experiment = { .measure = not_measured },
		.metrics = storm_like,
		.sweep_axis = -1 };
	const struct param param = { "actors", asked };
	struct plan_request request = {
		.settings = HOSTS, .params = &param, .param_count = asked != NULL, .cpus = cpus
	};
	struct plan plan;
	size_t count = 0;

	if (plan_make(&plan, &bench, &request, NULL))
		return 0;
	for (size_t c = 0; c < plan.configuration[0].pairs && count < most; c++)
		workers[count++] = plan.configuration[0].pair[c]->point[SETTING_HOST].value[0];
	plan_free(&plan);
	return count;
}

/* A first answer of every bench: fewer points than its whole plan, and some. */
static void brief_plans_are_small(void **state)
{
	(void)state;
	for (size_t i = 0; i < benches_count(); i++) {
		struct plan_request request = { .settings = BOTH, .cpus = 2 };
		struct plan whole, brief;

		assert_int_equal(plan_make(&whole, benches_at(i), &request, NULL), 0);
		request.brief = true;
		assert_int_equal(plan_make(&brief, benches_at(i), &request, NULL), 0);
		if (brief.points * 2 > whole.points)
			fail_msg("%s: %zu points of %zu are no first answer", benches_at(i)->name, brief.points,
				whole.points);
		plan_free(&whole);
		plan_free(&brief);
	}
}

static void an_axis_ends_with_the_cpus_that_there_are(void **state)
{
	uint64_t workers[8];

	(void)state;
	assert_int_equal(workers_planned(LIMIT_CPUS, 6, NULL, workers, 8), 4);
	assert_int_equal(workers[2], 4);
	assert_int_equal(workers[3], 6);
	assert_int_equal(workers_planned(LIMIT_CPUS, 4, NULL, workers, 8), 3);
	assert_int_equal(workers_planned(LIMIT_CPUS, 1, NULL, workers, 8), 1);
	assert_int_equal(workers_planned(LIMIT_OTHER_CPUS, 4, NULL, workers, 8), 3);
	assert_int_equal(workers[2], 3);
	assert_int_equal(workers_planned(LIMIT_NONE, 1, NULL, workers, 8), 4);
	assert_int_equal(workers_planned(LIMIT_CPUS, 6, "5", workers, 8), 1);
	assert_int_equal(workers_planned(LIMIT_CPUS, 6, "7", workers, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_plan_has_each_page_size_on_its_own_backing),
		cmocka_unit_test(sizes_that_the_kernel_offers_are_planned_for_hosts),
		cmocka_unit_test(sizes_that_are_asked_for_are_planned),
		cmocka_unit_test(the_ladder_has_eight_steps_an_octave_and_both_ends),
		cmocka_unit_test(params_choose),
		cmocka_unit_test(backings_of_another_size_are_for_guests_and_when_asked_for),
		cmocka_unit_test(axes_of_guests_do_not_multiply_host_points),
		cmocka_unit_test(ranges_have_steps_or_values_an_octave),
		cmocka_unit_test(bad_values_are_refused_with_a_reason),
		cmocka_unit_test(brief_plans_are_small),
		cmocka_unit_test(an_axis_ends_with_the_cpus_that_there_are),
		cmocka_unit_test(a_second_pass_keeps_all_but_the_step_axis),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
