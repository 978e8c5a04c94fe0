#include "measure/hardware.h"

#include "base/member.h"
#include "base/units.h"
#include "counters/encode.h"
#include "machine/tlb.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The metrics that are counted around a chase. A chase stores nothing, so there are no metrics of stores. getrusage(2)
 * tells its page faults without a counter, the first of which takes the kernel 10 ms. Fewer metrics make fewer groups,
 * and so more samples of each.
 */
#define WANTED \
	(COUNT_ALL & ~(COUNT_BIT(COUNT_PAGE_FAULTS) | COUNT_BIT(COUNT_DTLB_STORE_WALKS) | \
			     COUNT_BIT(COUNT_DTLB_STORE_WALKS_4K) | COUNT_BIT(COUNT_DTLB_STORE_WALKS_2M) | \
			     COUNT_BIT(COUNT_DTLB_STORE_WALKS_1G)))

/*
 * A chase over this many times as many pages as the largest TLB has entries misses every TLB. The largest is the
 * largest known (Zen 5: 4096 entries), or the one that CPUID advertises if that is larger. An entry may cover four
 * neighbouring pages (AMD's coalescing), which is a factor of 4. A random cycle over twice as many pages as a TLB holds
 * finds next to none of them in it, which is a factor of 2.
 */
#define ENTRIES_MOST_KNOWN 4096
#define BEYOND_FACTOR 8

#define TLB_LEVELS_MOST 3 /* no x86-64 CPU has more */

struct of_setting {
	struct counting *counting; /* NULL: not a setting of this run */
	size_t turn; /* the index of the group whose turn it is */
	struct reason why[COUNT_METRICS]; /* "", or why the event counts nothing here although it can be opened */
	struct reason none;
};

struct hardware {
	const struct machine_source *source;
	const struct microarch *microarch; /* NULL: not known */
	struct reason microarch_why;
	struct core_pmu pmus[CORE_PMUS_MOST];
	size_t pmu_count;
	const struct core_pmu *pmu; /* of the CPU measured on; NULL: not known */
	struct of_setting of[SETTING_SPACES];
};

static const struct reason nothing_asked = { "no counters were asked for" };
static const struct reason control = { "the control of the host is not counted" };

static bool is_wanted(unsigned metric)
{
	return WANTED & COUNT_BIT(metric);
}

/* The reason why no metric is known: the one that all metrics share, or that there are several. */
static void find_common_reason(const struct hardware *hardware, enum setting setting, struct reason *common)
{
	const struct reason *first = NULL;

	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		const struct reason *why = hardware_reason(hardware, setting, (enum count_metric)m);

		if (!is_wanted(m) || !why)
			continue;
		if (first && strcmp(first->text, why->text)) {
			fail(common, 0, "no event can be counted, each for a reason of its own (counters in run.json)");
			return;
		}
		first = why;
	}
	if (first)
		*common = *first;
}

int hardware_open(const struct hardware_request *request, struct hardware **out, struct reason *why)
{
	struct hardware *hardware = calloc(1, sizeof(*hardware));
	int error = 0;

	if (!hardware)
		return fail(why, ENOMEM, "not enough memory for counters");
	hardware->source = request->source;
	hardware->microarch = request->microarch;
	if (!hardware->microarch)
		encode_detect(&hardware->microarch, &hardware->microarch_why);
	hardware->pmu_count = machine_core_pmus(request->source, hardware->pmus);
	hardware->pmu = core_pmu_of(hardware->pmus, hardware->pmu_count, request->cpu);
	for (unsigned s = 0; s < SETTING_SPACES && !error; s++) {
		bool guest = s == SETTING_VCPU;
		struct counting_plan plan = {
			.wanted = WANTED,
			.scope = guest && request->module ? count_scope_of_vcpu(request->module) : COUNT_THREAD,
			.microarch = hardware->microarch,
			.source = request->source,
			.pmu = hardware->pmu,
			.hybrid = hardware->pmu_count > 1,
			.calls = request->calls,
		};

		if (request->settings & SETTING_BIT(s))
			error = counting_open(&plan, &hardware->of[s].counting, why);
		if (!error)
			find_common_reason(hardware, (enum setting)s, &hardware->of[s].none);
	}
	if (error)
		hardware_close(hardware);
	else
		*out = hardware;
	return error;
}

void hardware_close(struct hardware *hardware)
{
	if (!hardware)
		return;
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		counting_close(hardware->of[s].counting);
	core_pmus_free(hardware->pmus, hardware->pmu_count);
	free(hardware);
}

struct counting *hardware_turn(struct hardware *hardware, enum setting setting, size_t samples)
{
	struct of_setting *of = hardware ? &hardware->of[setting] : NULL;
	size_t groups = of ? counting_groups(of->counting) : 0;

	if (!groups)
		return NULL;
	for (; of->turn != samples % groups; of->turn = (of->turn + 1) % groups)
		counting_rotate(of->counting);
	return of->counting;
}

/*
 * The number of walks that a chase must have caused: all its accesses where it has far more pages than any TLB holds,
 * otherwise 0.
 */
static double walks_least(const struct hardware *hardware, const struct hardware_chase *chase)
{
	uint64_t entries = ENTRIES_MOST_KNOWN;

	for (unsigned level = 1; level <= TLB_LEVELS_MOST; level++) {
		uint64_t advertised = machine_tlb_reach(hardware->source, level, chase->page_bytes);

		if (advertised > entries)
			entries = advertised;
	}
	return chase->pages >= BEYOND_FACTOR * entries ? chase->accesses : 0;
}

void hardware_judge(struct hardware *hardware, enum setting setting, const struct hardware_chase *chase,
	struct count_sample *sample)
{
	struct of_setting *of = hardware ? &hardware->of[setting] : NULL;
	struct count_expectation expectation = { .accesses = chase->accesses };

	if (!of || !counting_groups(of->counting))
		return;
	expectation.walks_least = walks_least(hardware, chase);
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		struct count_expectation walks = { .walks_least = expectation.walks_least };
		enum count_metric metric = (enum count_metric)m;
		struct reason why;

		/*
		 * A count that ran for a part of the time may have missed all walks, so it proves nothing about the
		 * event.
		 */
		if (!sample->scaled[m] && judge_count(metric, sample->value[m], &walks, &why))
			of->why[m] = why;
		if (!of->why[m].text[0])
			continue;
		sample->value[m] = NAN;
		sample->why[m] = &of->why[m];
	}
	counting_judge(of->counting, sample, &expectation);
}

const struct reason *hardware_reason(const struct hardware *hardware, enum setting setting, enum count_metric metric)
{
	const struct of_setting *of = hardware ? &hardware->of[setting] : NULL;

	if (setting == SETTING_HOST_AGAIN)
		return &control;
	if (!of || !of->counting || !is_wanted(metric))
		return &nothing_asked;
	return of->why[metric].text[0] ? &of->why[metric] : counting_reason(of->counting, metric);
}

const struct reason *hardware_none(const struct hardware *hardware, enum setting setting)
{
	if (setting == SETTING_HOST_AGAIN)
		return &control;
	if (!hardware || !hardware->of[setting].counting)
		return &nothing_asked;
	return counting_groups(hardware->of[setting].counting) ? NULL : &hardware->of[setting].none;
}

bool hardware_is_generic(const struct hardware *hardware, enum count_metric metric)
{
	return hardware && hardware->microarch && (hardware->microarch->rows[metric].flags & COUNT_GENERIC);
}

static json_t *setting_json(const struct hardware *hardware, enum setting setting)
{
	const struct counting *counting = hardware->of[setting].counting;
	json_t *available = json_array(), *unavailable = json_object(), *counts = json_object(),
	       *generic = json_array();
	const struct reason *none = hardware_none(hardware, setting);
	json_t *json;

	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		const char *name = count_meanings[m].name;
		const struct reason *why = hardware_reason(hardware, setting, (enum count_metric)m);

		if (!is_wanted(m))
			continue;
		/* A reason that all metrics share is written once. */
		if (why) {
			if (!none || strcmp(why->text, none->text))
				json_object_set_new(unavailable, name, json_string(why->text));
			continue;
		}
		json_array_append_new(available, json_string(name));
		json_object_set_new(counts, name, json_string(hardware->microarch->rows[m].counts));
		if (hardware_is_generic(hardware, (enum count_metric)m))
			json_array_append_new(generic, json_string(name));
	}
	json = json_pack("{s:o, s:o, s:o, s:o, s:b, s:i}", "available", available, "unavailable", unavailable, "counts",
		counts, "generic", generic, "rdpmc", counting_by_rdpmc(counting), "groups",
		(int)counting_groups(counting));
	if (json && none)
		json_object_set_new(json, "reason", json_string(none->text));
	return json;
}

/* The PMU of the CPU measured on, and on a hybrid CPU the other kinds of cores, whose numbers would differ. */
static void pmu_json(const struct hardware *hardware, json_t *json)
{
	json_t *others = json_array();

	json_object_set_new(json, "pmu", hardware->pmu ? json_string(hardware->pmu->name) : json_null());
	if (!hardware->pmu)
		json_object_set_new(json, "pmu_reason",
			json_string(hardware->pmu_count ? "no PMU in /sys lists the CPU measured on"
							: "no PMU of cores in /sys"));
	for (size_t i = 0; i < hardware->pmu_count; i++)
		if (&hardware->pmus[i] != hardware->pmu)
			json_array_append_new(others,
				json_pack("{s:s, s:o}", "pmu", hardware->pmus[i].name, "cpus",
					hardware->pmus[i].cpus ? text_json(hardware->pmus[i].cpus) : json_null()));
	json_object_set_new(json, "other_kinds_of_cores", others);
}

json_t *hardware_json(const struct hardware *hardware)
{
	json_t *json = json_object();

	pmu_json(hardware, json);
	if (hardware->microarch) {
		json_object_set_new(json, "microarchitecture", json_string(hardware->microarch->name));
	} else {
		json_object_set_new(json, "microarchitecture", json_null());
		json_object_set_new(json, "microarchitecture_reason", json_string(hardware->microarch_why.text));
	}
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		if (hardware->of[s].counting)
			json_object_set_new(
				json, setting_name((enum setting)s), setting_json(hardware, (enum setting)s));
	return json;
}
