#include "measure/point.h"

#include "base/member.h"
#include "base/quiet.h"
#include "base/statistics.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct metric chase_metrics[CHASE_METRICS + 1] = {
	[CHASE_GROSS_CYCLES] = { "gross_cycles", UNIT_CYCLES, "access", LESS },
	[CHASE_BASELINE_CYCLES] = { "baseline_cycles", UNIT_CYCLES, "access", LESS },
	[CHASE_NET_CYCLES] = { "net_cycles", UNIT_CYCLES, "access", LESS, .signed_value = true },
	[CHASE_GROSS_NS] = { "gross_ns", UNIT_NS, "access", LESS },
	[CHASE_BASELINE_NS] = { "baseline_ns", UNIT_NS, "access", LESS },
	[CHASE_NET_NS] = { "net_ns", UNIT_NS, "access", LESS, .signed_value = true },
};

const struct metric *bench_metrics(const struct bench *bench)
{
	return bench->metrics ? bench->metrics : chase_metrics;
}

const char *const point_status_names[POINT_STATUSES] = { "ok", "skipped", "error" };
static const char *const pass_names[] = { "sweep", "refine" };

void point_init(struct point *point, const struct bench *bench, enum setting setting)
{
	*point = (struct point){
		.bench = bench,
		.setting = setting,
		.metrics = bench_metrics(bench),
	};
	while (point->metrics[point->metric_count].name)
		point->metric_count++;
	assert(point->metric_count <= METRICS_MAX);
	for (unsigned i = 0; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = KVM_COUNT_UNKNOWN;
}

void point_free(struct point *point)
{
	for (size_t i = 0; i < point->metric_count; i++)
		free(point->series[i]);
	free(point->cycles_per_tsc);
	free(point->at_s);
	free(point->weather);
	free(point->quiet);
	free(point->round);
	free(point->latencies);
	free(point->latencies_of_round);
	free(point->unknown_of);
	point_counts_free(point->counts);
	json_decref(point->kept);
}

static int series_grow(double **series, size_t room)
{
	double *grown = realloc(*series, room * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*series = grown;
	return 0;
}

static int point_grow(struct point *point)
{
	size_t room = point->room ? 2 * point->room : 16;
	unsigned *round = realloc(point->round, room * sizeof(*round));
	int error = round ? 0 : -ENOMEM;

	if (round)
		point->round = round;
	for (size_t i = 0; i < point->metric_count && !error; i++)
		error = series_grow(&point->series[i], room);
	if (!error)
		error = series_grow(&point->cycles_per_tsc, room);
	if (!error)
		error = series_grow(&point->at_s, room);
	if (!error)
		error = series_grow(&point->weather, room);
	if (!error)
		error = series_grow(&point->quiet, room);
	if (!error)
		point->room = room;
	return error;
}

int point_add(struct point *point, const double *values, const struct sample_facts *facts)
{
	if (point->samples == point->room && point_grow(point))
		return -ENOMEM;
	for (size_t i = 0; i < point->metric_count; i++)
		point->series[i][point->samples] = values[i];
	point->cycles_per_tsc[point->samples] = facts->cycles_per_tsc;
	point->at_s[point->samples] = facts->at_s;
	point->weather[point->samples] = facts->weather.cycles;
	point->quiet[point->samples] = facts->weather.quiet;
	point->round[point->samples] = facts->round;
	point->samples++;
	return 0;
}

int point_add_latencies(struct point *point, const struct histogram *latencies)
{
	if (!latencies->total)
		return 0;
	if (!point->latencies)
		point->latencies = calloc(1, sizeof(*point->latencies));
	if (!point->latencies_of_round)
		point->latencies_of_round = calloc(1, sizeof(*point->latencies_of_round));
	if (!point->latencies || !point->latencies_of_round)
		return -ENOMEM;
	histogram_merge(point->latencies_of_round, latencies);
	return 0;
}

int point_tell_unknown(struct point *point, const struct reason *unknown_of)
{
	for (size_t i = 0; i < point->metric_count; i++) {
		if (!unknown_of[i].text[0])
			continue;
		if (!point->unknown_of)
			point->unknown_of = calloc(METRICS_MAX, sizeof(*point->unknown_of));
		if (!point->unknown_of)
			return -ENOMEM;
		point->unknown_of[i] = unknown_of[i];
	}
	return 0;
}

void point_keep_round(struct point *point)
{
	if (!point->latencies_of_round)
		return;
	histogram_merge(point->latencies, point->latencies_of_round);
	memset(point->latencies_of_round, 0, sizeof(*point->latencies_of_round));
}

void chase_values(const struct chase_sample *sample, const struct point_context *context, double *values)
{
	double ns_per_tsc = (double)NS_PER_S / context->tsc_hz;
	double gross = sample->gross_tsc, baseline = sample->baseline_tsc;

	values[CHASE_GROSS_CYCLES] = gross * sample->cycles_per_tsc;
	values[CHASE_BASELINE_CYCLES] = baseline * sample->cycles_per_tsc;
	values[CHASE_NET_CYCLES] = (gross - baseline) * sample->cycles_per_tsc;
	values[CHASE_GROSS_NS] = gross * ns_per_tsc;
	values[CHASE_BASELINE_NS] = baseline * ns_per_tsc;
	values[CHASE_NET_NS] = (gross - baseline) * ns_per_tsc;
}

bool point_has_round(const struct point *point, unsigned round)
{
	return point->samples && point->round[point->samples - 1] == round;
}

bool point_is_due(const struct point *point, unsigned round)
{
	return point->status == POINT_OK && !point->exhausted && !point->kept && !point_has_round(point, round);
}

void point_drop_round(struct point *point, unsigned round)
{
	while (point_has_round(point, round))
		point->samples--;
	if (point->latencies_of_round)
		memset(point->latencies_of_round, 0, sizeof(*point->latencies_of_round));
}

void point_fail(struct point *point, enum point_status status, const struct reason *why)
{
	point->reason = *why;
	if (point->samples)
		point->exhausted = true;
	else
		point->status = status;
	point->failed = point->failed || status == POINT_ERROR;
}

static struct interval point_interval(const struct point *point, size_t metric, uint64_t seed)
{
	struct interval interval = { NAN, NAN, NAN };
	double *selected = malloc((point->samples + 1) * sizeof(*selected));

	if (selected)
		interval = statistics_median_interval(
			selected, quiet_select(point->series[metric], point->quiet, point->samples, selected), seed);
	free(selected);
	return interval;
}

size_t point_samples_counted(const struct point *point)
{
	size_t quiet = 0;

	if (!quiet_suffice(point->quiet, point->samples))
		return point->samples;
	for (size_t i = 0; i < point->samples; i++)
		quiet += point->quiet[i] > 0;
	return quiet;
}

/* Whether a metric means something in the point's setting, and whether it has a number in every sample. */
static bool metric_applies(const struct point *point, size_t i)
{
	return !point->metrics[i].settings || (point->metrics[i].settings & SETTING_BIT(setting_like(point->setting)));
}

static bool metric_is_known(const struct point *point, size_t i)
{
	for (size_t k = 0; k < point->samples; k++)
		if (!isfinite(point->series[i][k]))
			return false;
	return true;
}

double point_uncertainty(const struct point *point, const struct point_context *context)
{
	struct interval first;

	if (point->samples < 2)
		return INFINITY;
	/* More samples do not help where the first metric is unknown. */
	if (!metric_applies(point, 0) || !metric_is_known(point, 0))
		return 0;
	first = point_interval(point, 0, context->seed);
	return first.median ? (first.hi - first.lo) / 2 / fabs(first.median) : first.hi - first.lo;
}

static json_t *kvm_count_json(uint64_t value)
{
	return value == KVM_COUNT_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

static json_t *params_json(const struct point *point)
{
	json_t *params = json_object();

	for (size_t i = 0; i < point->bench->axis_count; i++) {
		const struct axis *axis = &point->bench->axes[i];

		if (!(axis->settings & SETTING_BIT(setting_like(point->setting))))
			continue;
		if (point->without_pages && (int)i == point->bench->sweep_axis)
			continue;
		json_object_set_new(params, axis->key,
			axis->kind == AXIS_CHOICE ? json_string(axis->choices[point->value[i]])
						  : json_integer((json_int_t)point->value[i]));
	}
	return params;
}

static const char *metric_why_unknown(const struct point *point, size_t i)
{
	if (point->unknown_of && point->unknown_of[i].text[0])
		return point->unknown_of[i].text;
	return point->unknown.text[0] ? point->unknown.text : "not known";
}

static json_t *metrics_json(const struct point *point, const struct point_context *context)
{
	json_t *all = json_object();

	for (size_t i = 0; i < point->metric_count && point->samples; i++) {
		struct interval interval;

		if (!metric_applies(point, i))
			continue;
		if (!metric_is_known(point, i)) {
			json_object_set_new(all, point->metrics[i].name,
				json_pack("{s:n, s:n, s:n, s:s, s:s}", "median", "lo", "hi", "unit",
					unit_name(point->metrics[i].unit), "reason", metric_why_unknown(point, i)));
			continue;
		}
		interval = point_interval(point, i, context->seed);
		json_object_set_new(all, point->metrics[i].name,
			json_pack("{s:o, s:o, s:o, s:s}", "median", number_or_null(interval.median), "lo",
				number_or_null(interval.lo), "hi", number_or_null(interval.hi), "unit",
				unit_name(point->metrics[i].unit)));
	}
	return all;
}

static json_t *numbers_json(const double *values, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, number_or_null(values[i]));
	return list;
}

static json_t *point_samples_json(const struct point *point)
{
	json_t *all = json_object(), *rounds;

	if (!point->samples)
		return all;
	for (size_t i = 0; i < point->metric_count; i++)
		if (metric_applies(point, i) && metric_is_known(point, i))
			json_object_set_new(
				all, point->metrics[i].name, numbers_json(point->series[i], point->samples));
	json_object_set_new(all, "cycles_per_tsc", numbers_json(point->cycles_per_tsc, point->samples));
	json_object_set_new(all, "at_s", numbers_json(point->at_s, point->samples));
	if (isfinite(point->weather[0])) {
		json_object_set_new(all, "weather", numbers_json(point->weather, point->samples));
		json_object_set_new(all, "quiet", numbers_json(point->quiet, point->samples));
	}
	rounds = json_array();
	for (size_t k = 0; k < point->samples; k++)
		json_array_append_new(rounds, json_integer(point->round[k]));
	json_object_set_new(all, "round", rounds);
	return all;
}

json_t *point_sample_json(const struct point *point, size_t sample)
{
	json_t *all = json_pack("{s:o, s:o, s:i}", "cycles_per_tsc", number_or_null(point->cycles_per_tsc[sample]),
		"at_s", number_or_null(point->at_s[sample]), "round", (int)point->round[sample]);

	for (size_t i = 0; i < point->metric_count; i++)
		if (metric_applies(point, i))
			json_object_set_new(all, point->metrics[i].name, number_or_null(point->series[i][sample]));
	if (isfinite(point->weather[sample])) {
		json_object_set_new(all, "weather", number_or_null(point->weather[sample]));
		json_object_set_new(all, "quiet", number_or_null(point->quiet[sample]));
	}
	return all;
}

static json_t *kvm_json(const struct point *point)
{
	json_t *kvm;
	bool unknown = false;

	if (point->setting != SETTING_VCPU || !point->samples)
		return json_null();
	kvm = json_object();
	for (unsigned i = 0; i < KVM_COUNTS; i++) {
		uint64_t value = i < KVM_COUNTS_OF_VCPU ? point->disturbance.kvm[i] : point->kvm_pages[i];

		unknown = unknown || value == KVM_COUNT_UNKNOWN;
		json_object_set_new(kvm, kvm_count_names[i], kvm_count_json(value));
	}
	if (unknown)
		json_object_set_new(kvm, "reason", json_string("this kernel's KVM does not count what is null"));
	return kvm;
}

/* What the page size was told by. smaps does not show transparent huge pages below 2M, the number of faults does. */
static const char *memory_source(const struct point *point)
{
	if (setting_like(point->setting) != SETTING_HOST)
		return "guest page tables";
	return page_is_mthp(point->page_bytes) ? "faults" : "smaps";
}

static json_t *memory_json(const struct point *point)
{
	bool counted = point->faults_counted != FAULTS_NOT_COUNTED;
	json_t *memory;

	if (!point->samples || !point->page_bytes)
		return json_null();
	memory = json_pack("{s:I, s:s, s:I, s:I, s:I, s:o}", "page_bytes", (json_int_t)point->page_bytes,
		"page_bytes_source", memory_source(point), "baseline_page_bytes",
		(json_int_t)point->baseline_page_bytes, "baseline_bytes", (json_int_t)point->baseline_bytes,
		"faults_expected", (json_int_t)point->faults_expected, "faults_counted",
		counted ? json_integer((json_int_t)point->faults_counted) : json_null());
	if (!counted)
		json_object_set_new(memory, "faults_counted_reason",
			json_string("this kernel does not count the faults of hugetlb pages brought in by madvise"));
	return memory;
}

static json_t *counters_json(const struct point *point)
{
	/* A bench that counts page tables has no timed region, so nothing was counted. That is not a count of 0. */
	if (!point->samples || !point->disturbance.elapsed_ns)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "involuntary_context_switches",
		(json_int_t)point->disturbance.involuntary_switches, "page_faults",
		(json_int_t)point->disturbance.page_faults, "away_ns", (json_int_t)point->disturbance.away_ns);
}

/* Buckets that are not empty, as [from, to, count]: `count` values of from .. to - 1 ns. */
static json_t *latencies_json(const struct point *point)
{
	const struct histogram *latencies = point->latencies;
	json_t *buckets;

	if (!latencies || !latencies->total || !point->samples)
		return NULL;
	buckets = json_array();
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (latencies->count[i])
			json_array_append_new(
				buckets, json_pack("[I, I, I]", (json_int_t)histogram_from(i),
						 (json_int_t)histogram_to(i), (json_int_t)latencies->count[i]));
	return json_pack("{s:s, s:I, s:I, s:o}", "unit", "ns", "count", (json_int_t)latencies->total, "most",
		(json_int_t)latencies->most, "buckets", buckets);
}

/* Hardware is counted around chases only. 0, or -ENOMEM. */
static int hardware_put(const struct point *point, const struct point_context *context, json_t *json)
{
	if (!point->bench->chase || !point->samples)
		return 0;
	return point_counts_json(point->counts,
		&(struct counts_context){ context->hardware, point->setting, point->samples, context->seed }, json);
}

json_t *point_json(const struct point *point, const struct point_context *context)
{
	const char *paging = context->paging[point->setting];
	json_t *latencies = latencies_json(point);
	json_t *json = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:s, s:s?, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o}",
		"bench", point->bench->name, "setting", setting_name(point->setting), "paging", paging, "outer",
		context->outer, "pass", pass_names[point->pass], "params", params_json(point), "status",
		point_status_names[point->status], "reason", point->status == POINT_OK ? NULL : point->reason.text,
		"final", point->final, "metrics", metrics_json(point, context), "samples", point_samples_json(point),
		"discarded", (int)point->discarded, "contaminated", (int)point->contaminated, "counters",
		counters_json(point), "kvm", kvm_json(point), "memory", memory_json(point));

	if (json && point->samples && !point->disturbance.elapsed_ns)
		json_object_set_new(json, "counters_reason", json_string("nothing is timed in this bench"));
	if (json && latencies)
		json_object_set(json, "latencies", latencies);
	if (json && point->interrupted)
		json_object_set_new(json, "interrupted", json_true());
	if (json && point->exhausted)
		json_object_set_new(json, "stopped", json_string(point->reason.text));
	json_decref(latencies);
	if (json && !point->bench->chase)
		json_object_set_new(json, "interpreted", json_boolean(point->interpreted));
	if (json && !paging)
		json_object_set_new(json, "paging_reason", json_string(context->paging_reason));
	if (json && hardware_put(point, context, json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}
