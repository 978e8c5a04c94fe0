#include "record/check_point.h"

#include "base/member.h"
#include "base/quiet.h"
#include "base/text.h"
#include "base/units.h"
#include "base/vocabulary.h"
#include "record/traits.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Numbers are written with a limited number of digits, so a result that is computed again may differ by this much. */
#define ROUNDING 1e-4
/* A sample's cycles are its TSC time times its own calibration, so the two clocks agree except for rounding. */
#define CLOCKS_TOLERANCE 0.01
/*
 * space/backed.c refuses memory beyond this. A surplus fault may be a NUMA hint, or a page that the kernel took back.
 */
#define FAULTS_TOLERANCE 0.001
#define FAULTS_SLACK 4
/*
 * Core cycles per TSC cycle: power saving goes down to a tenth, and no turbo has come near four times the base clock.
 */
#define CYCLES_PER_TSC_LEAST 0.05
#define CYCLES_PER_TSC_MOST 4.0

static const char *const passes[] = { "sweep", "refine" };
static const char *const statuses[] = { "ok", "skipped", "error" };

static const struct expected_key point_keys[] = {
	{ "bench", KIND_STRING },
	{ "setting", KIND_STRING },
	{ "paging", KIND_STRING | KIND_NULL },
	{ "outer", KIND_STRING },
	{ "pass", KIND_STRING },
	{ "params", KIND_OBJECT },
	{ "status", KIND_STRING },
	{ "reason", KIND_STRING | KIND_NULL },
	{ "final", KIND_BOOLEAN },
	{ "metrics", KIND_OBJECT },
	{ "samples", KIND_OBJECT },
	{ "discarded", KIND_INTEGER },
	{ "contaminated", KIND_INTEGER },
	{ "counters", KIND_OBJECT | KIND_NULL },
	{ "kvm", KIND_OBJECT | KIND_NULL },
	{ "memory", KIND_OBJECT | KIND_NULL },
};

static const struct expected_key metric_keys[] = {
	{ "median", KIND_NUMBER },
	{ "lo", KIND_NUMBER },
	{ "hi", KIND_NUMBER },
	{ "unit", KIND_STRING },
};

bool check_metric(struct checking *c, const char *name, const json_t *metric)
{
	double lo, median, hi;

	if (!json_is_object(metric)) {
		finding(c, FINDING_PROBLEM, "%s is not an object", name);
		return false;
	}
	if (!check_keys(c, metric, name, metric_keys, COUNT(metric_keys)))
		return false;
	lo = json_number_value(json_object_get(metric, "lo"));
	median = json_number_value(json_object_get(metric, "median"));
	hi = json_number_value(json_object_get(metric, "hi"));
	if (!(lo <= median && median <= hi)) {
		finding(c, FINDING_PROBLEM, "%s: not in order: lo %g, median %g, hi %g", name, lo, median, hi);
		return false;
	}
	return true;
}

/* A metric of a point: its name, what run.json says of it, and what the point says. */
struct checked_metric {
	const char *name, *unit;
	struct metric_traits traits;
	const json_t *metric, *samples;
	const json_t *quiet; /* 1 or 0 for each sample; NULL where nobody says */
};

static struct checked_metric metric_find(const struct checking *c, const json_t *point, const char *name)
{
	const json_t *metric = json_object_get(json_object_get(point, "metrics"), name);

	return (struct checked_metric){
		.name = name,
		.unit = member_text(metric, "unit"),
		.traits = traits_find(c->about, member_text(point, "bench"), name),
		.metric = metric,
		.samples = json_object_get(json_object_get(point, "samples"), name),
		.quiet = json_object_get(json_object_get(point, "samples"), "quiet"),
	};
}

static void check_unit(struct checking *c, const struct checked_metric *metric)
{
	if (metric->traits.known && metric->unit && strcmp(metric->unit, metric->traits.unit))
		finding(c, FINDING_PROBLEM, "metric %s is said to be in %s, and in %s by run.json", metric->name,
			metric->unit, metric->traits.unit);
}

/*
 * Check that the median is the median of the samples. `contaminated` samples are kept but not counted, so they may move
 * the median.
 */
static void check_median(struct checking *c, const struct checked_metric *metric, json_int_t contaminated)
{
	double median = json_number_value(json_object_get(metric->metric, "median"));
	size_t count;
	double *numbers = quiet_samples(metric->samples, metric->quiet, &count);
	double scale, middle;

	if (!numbers)
		return;
	gsl_sort(numbers, 1, count);
	scale = fmax(fabs(numbers[0]), fabs(numbers[count - 1])) * ROUNDING;
	middle = (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
	if (!contaminated && fabs(middle - median) > scale)
		finding(c, FINDING_PROBLEM, "metric %s: median %g, but its samples' is %g", metric->name, median,
			middle);
	else if (median < numbers[0] - scale || median > numbers[count - 1] + scale)
		finding(c, FINDING_PROBLEM, "metric %s: median %g lies outside its samples (%g to %g)", metric->name,
			median, numbers[0], numbers[count - 1]);
	if (metric->traits.time && !metric->traits.signed_value && numbers[0] <= 0)
		finding(c, FINDING_PROBLEM, "samples %s: %g is not a time", metric->name, numbers[0]);
	free(numbers);
}

static bool check_point_samples(struct checking *c, const json_t *samples)
{
	size_t count = json_array_size(json_object_get(samples, "round"));
	const char *name;
	json_t *array;
	bool sound = true;

	if (!count) {
		finding(c, FINDING_PROBLEM, "an ok point without samples: samples.round is missing or empty");
		return false;
	}
	json_object_foreach ((json_t *)samples, name, array) {
		size_t i;
		json_t *number;

		if (!json_is_array(array) || json_array_size(array) != count) {
			finding(c, FINDING_PROBLEM, "samples %s: %zu numbers, but %zu rounds", name,
				json_array_size(array), count);
			sound = false;
			continue;
		}
		json_array_foreach (array, i, number) {
			if (json_is_number(number))
				continue;
			finding(c, FINDING_PROBLEM, "samples %s: number %zu is not a number", name, i + 1);
			sound = false;
			break;
		}
	}
	return sound;
}

/* A run with a fixed number of rounds has no sample of a later round. */
static void check_sample_rounds(struct checking *c, const json_t *samples)
{
	size_t i;
	json_t *round;

	json_array_foreach (json_object_get(samples, "round"), i, round) {
		if (json_integer_value(round) < c->rounds)
			continue;
		finding(c, FINDING_PROBLEM, "samples round: %lld, but the run has %lld rounds, counted from 0",
			(long long)json_integer_value(round), (long long)c->rounds);
		return;
	}
}

/* Check the conversion factor of each sample of a point: core cycles per TSC cycle. */
static bool check_calibrations(struct checking *c, const json_t *calibrations)
{
	if (!json_is_array(calibrations)) {
		finding(c, FINDING_PROBLEM, "samples without cycles_per_tsc: their cycles cannot be checked");
		return false;
	}
	for (size_t i = 0; i < json_array_size(calibrations); i++) {
		double ratio = json_number_value(json_array_get(calibrations, i));

		if (ratio >= CYCLES_PER_TSC_LEAST && ratio <= CYCLES_PER_TSC_MOST)
			continue;
		finding(c, FINDING_PROBLEM, "samples cycles_per_tsc: %g is not plausible", ratio);
		return false;
	}
	return true;
}

/* Cycles over nanoseconds are the core's clock, which each sample's own calibration tells too. */
static void check_clock_of(struct checking *c, const struct checked_metric *cycles, const struct checked_metric *ns,
	const json_t *calibrations, double tsc_hz)
{
	for (size_t i = 0; i < json_array_size(ns->samples); i++) {
		double in_ns = json_number_value(json_array_get(ns->samples, i));
		double in_cycles = json_number_value(json_array_get(cycles->samples, i));
		double told = json_number_value(json_array_get(calibrations, i)) * tsc_hz / (double)NS_PER_S;

		/*
		 * A difference may be so close to 0 that its digits say nothing. A time of 0 has already been reported.
		 */
		if (cycles->traits.signed_value || in_ns <= 0 || in_cycles <= 0)
			continue;
		if (fabs(in_cycles / in_ns - told) <= CLOCKS_TOLERANCE * told)
			continue;
		finding(c, FINDING_PROBLEM, "samples %s and %s: number %zu means %.3g GHz, calibrated was %.3g",
			cycles->name, ns->name, i + 1, in_cycles / in_ns, told);
		return;
	}
}

/* Each metric in cycles is compared with the metric of the same name in ns ("gross_cycles" and "gross_ns"), if any. */
static void check_clocks(struct checking *c, const json_t *point, double tsc_hz)
{
	static const char in_cycles[] = "_cycles", in_ns[] = "_ns";
	const json_t *calibrations = json_object_get(json_object_get(point, "samples"), "cycles_per_tsc");
	const char *name;
	json_t *value;

	if (!check_calibrations(c, calibrations) || tsc_hz <= 0)
		return;
	json_object_foreach (json_object_get(point, "metrics"), name, value) {
		const struct checked_metric cycles = metric_find(c, point, name);
		size_t length = strlen(name), tail = strlen(in_cycles);
		char twin[64];
		struct checked_metric ns;

		if (!cycles.unit || strcmp(cycles.unit, "cycles") || length <= tail ||
			strcmp(name + length - tail, in_cycles) || length >= sizeof(twin))
			continue;
		snprintf(twin, sizeof(twin), "%.*s%s", (int)(length - tail), name, in_ns);
		ns = metric_find(c, point, twin);
		if (ns.unit && !strcmp(ns.unit, "ns"))
			check_clock_of(c, &cycles, &ns, calibrations, tsc_hz);
	}
}

/* The joined run that a point comes from; NULL: the point belongs to this run itself. */
static struct checked_join *join_of(const struct checking *c, const json_t *point)
{
	json_int_t number = json_integer_value(json_object_get(point, "joined"));

	return number >= 1 && (size_t)number <= c->joins ? &c->join[number - 1] : NULL;
}

/* One sample has no interval: its ends are null then, and only then. */
static bool check_numbers(struct checking *c, const struct checked_metric *metric)
{
	if (json_array_size(metric->samples) != 1 || !json_is_null(json_object_get(metric->metric, "lo")) ||
		!json_is_null(json_object_get(metric->metric, "hi")))
		return check_metric(c, metric->name, metric->metric);
	if (json_is_number(json_object_get(metric->metric, "median")) && metric->unit)
		return true;
	finding(c, FINDING_PROBLEM, "metric %s has no median or no unit", metric->name);
	return false;
}

static void check_metrics(struct checking *c, const json_t *point)
{
	const json_t *metrics = json_object_get(point, "metrics");
	json_int_t contaminated = json_integer_value(json_object_get(point, "contaminated"));
	bool sound = check_point_samples(c, json_object_get(point, "samples"));
	const char *name;
	json_t *value;

	if (!json_object_size(metrics))
		finding(c, FINDING_PROBLEM, "an ok point without metrics");
	json_object_foreach ((json_t *)metrics, name, value) {
		const struct checked_metric metric = metric_find(c, point, name);

		check_unit(c, &metric);
		/* An unknown metric says why, and has no samples. */
		if (!metric.samples && json_is_null(json_object_get(value, "median")) &&
			json_is_string(json_object_get(value, "reason")))
			continue;
		if (!check_numbers(c, &metric))
			continue;
		if (!metric.samples)
			finding(c, FINDING_PROBLEM, "metric %s has no samples", name);
		else if (sound)
			check_median(c, &metric, contaminated);
	}
	if (sound && c->rounds && !join_of(c, point))
		check_sample_rounds(c, json_object_get(point, "samples"));
	/* Each run has a clock of its own: a hypervisor may scale a guest's TSC. */
	if (sound)
		check_clocks(c, point, join_of(c, point) ? join_of(c, point)->tsc_hz : c->tsc_hz);
}

/* Check that the point got the pages that were asked for. */
static void check_memory(struct checking *c, const json_t *point)
{
	const json_t *memory = json_object_get(point, "memory"), *params = json_object_get(point, "params");
	const json_t *expected = json_object_get(memory, "faults_expected");
	const json_t *counted = json_object_get(memory, "faults_counted");
	const json_t *asked = json_object_get(params, "page_size_bytes"), *got = json_object_get(memory, "page_bytes");

	if (!json_is_object(memory)) {
		/* An experiment makes and verifies its memory itself. */
		if (!json_is_boolean(json_object_get(point, "interpreted")))
			finding(c, FINDING_PROBLEM, "an ok point without what was read back of its memory");
		return;
	}
	if (json_is_integer(expected) && json_is_integer(counted) &&
		fabs((double)json_integer_value(expected) - (double)json_integer_value(counted)) >
			FAULTS_SLACK + FAULTS_TOLERANCE * (double)json_integer_value(expected))
		finding(c, FINDING_PROBLEM, "memory: %lld faults expected, %lld counted",
			(long long)json_integer_value(expected), (long long)json_integer_value(counted));
	if (json_is_integer(asked) && json_is_integer(got) && json_integer_value(asked) != json_integer_value(got))
		finding(c, FINDING_PROBLEM, "memory: pages of %lld bytes asked for, %lld got",
			(long long)json_integer_value(asked), (long long)json_integer_value(got));
}

/*
 * Check a point of a Linux guest: what ran the guest, and how its addresses are translated, which the guest itself
 * cannot see.
 */
static void check_guest(struct checking *c, const json_t *point)
{
	static const char *const accels[] = { "kvm", "tcg" };
	const json_t *accel = json_object_get(point, "accel");
	bool software = member_is(point, "paging", "software");

	if (accel && !member_is(point, "setting", "guest"))
		finding(c, FINDING_PROBLEM, "accel outside a guest");
	else if (accel)
		check_word(c, "accel", accel, accels, COUNT(accels));
	if (member_is(point, "setting", "guest") && software != text_is(json_string_value(accel), "tcg"))
		finding(c, FINDING_PROBLEM,
			software ? "software paging without accel tcg" : "accel tcg without software paging");
}

static void check_kvm(struct checking *c, const json_t *point)
{
	const json_t *kvm = json_object_get(point, "kvm"), *paging = json_object_get(point, "paging");

	if (!member_is(point, "setting", "vcpu") && json_is_object(kvm))
		finding(c, FINDING_PROBLEM, "a %s has no counters of KVM's",
			member_is(point, "setting", "guest") ? "guest" : "host");
	if (member_is(point, "setting", "host") || member_is(point, "setting", "host-again")) {
		if (text_is(json_string_value(paging), "nested") || text_is(json_string_value(paging), "shadow"))
			finding(c, FINDING_PROBLEM, "paging %s on a host", json_string_value(paging));
		return;
	}
	if (text_is(json_string_value(paging), "native"))
		finding(c, FINDING_PROBLEM, "native paging in a guest");
	if (!member_is(point, "status", "ok") || !member_is(point, "setting", "vcpu"))
		return;
	if (!json_is_object(kvm))
		finding(c, FINDING_PROBLEM, "a vcpu point without KVM's counters");
	if (!json_is_string(paging))
		finding(c, FINDING_PROBLEM, "a vcpu point that does not say its paging");
}

static void check_counts(struct checking *c, const json_t *point, const char *within)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(point, within), name, value) {
		if (!json_is_number(value) && !json_is_null(value) && !json_is_string(value))
			finding(c, FINDING_PROBLEM, "%s.%s is not a number", within, name);
		else if (json_is_number(value) && json_number_value(value) < 0)
			finding(c, FINDING_PROBLEM, "%s.%s is negative", within, name);
	}
	check_nulls(c, json_object_get(point, within), within);
}

static void check_paging(struct checking *c, const json_t *point)
{
	const json_t *paging = json_object_get(point, "paging");

	if (!json_is_null(paging))
		check_word(c, "paging", paging, paging_names + PAGING_NATIVE, PAGING_COUNT - PAGING_NATIVE);
	else if (!json_is_string(json_object_get(point, "paging_reason")))
		finding(c, FINDING_PROBLEM, "paging is null without a paging_reason beside it");
}

/* Count the point for the run that it was joined from. */
static void check_join(struct checking *c, const json_t *point)
{
	struct checked_join *join = join_of(c, point);

	if (join)
		join->seen++;
	else if (json_object_get(point, "joined"))
		finding(c, FINDING_PROBLEM, "joined is not the number of a run in run.json");
}

static void check_failed(struct checking *c, const json_t *point)
{
	const char *status = member_text(point, "status");
	const char *why = member_text(point, "reason");

	if (!why || !why[0])
		finding(c, FINDING_PROBLEM, "a %s point without a reason", status);
	else if (strchr(why, '\n'))
		finding(c, FINDING_PROBLEM, "the reason is more than one line");
	if (json_object_size(json_object_get(point, "metrics")))
		finding(c, FINDING_PROBLEM, "a %s point with metrics", status);
}

bool check_point(struct checking *c, const json_t *point)
{
	const char *name;
	json_t *value;

	if (!check_keys(c, point, NULL, point_keys, COUNT(point_keys)))
		return false;
	if (!check_word(c, "status", json_object_get(point, "status"), statuses, COUNT(statuses)))
		return false;
	check_word(c, "setting", json_object_get(point, "setting"), setting_names, SETTING_COUNT);
	check_word(c, "pass", json_object_get(point, "pass"), passes, COUNT(passes));
	check_paging(c, point);
	check_join(c, point);
	json_object_foreach (json_object_get(point, "params"), name, value) {
		if (!json_is_number(value) && !json_is_string(value) && !json_is_boolean(value))
			finding(c, FINDING_PROBLEM, "params.%s is neither a number nor a name", name);
	}
	if (json_integer_value(json_object_get(point, "discarded")) < 0 ||
		json_integer_value(json_object_get(point, "contaminated")) < 0)
		finding(c, FINDING_PROBLEM, "a negative number of discarded or contaminated samples");
	check_guest(c, point);
	check_kvm(c, point);
	check_counts(c, point, "counters");
	check_counts(c, point, "kvm");
	check_hardware(c, point);
	if (!member_is(point, "status", "ok")) {
		check_failed(c, point);
		return true;
	}
	if (!json_is_null(json_object_get(point, "reason")))
		finding(c, FINDING_PROBLEM, "an ok point with a reason");
	check_metrics(c, point);
	check_memory(c, point);
	return true;
}
