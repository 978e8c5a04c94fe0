#include "measure/point.h"

#include "measure/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const struct {
	const char *name, *unit;
} metrics[SERIES_METRICS] = {
	[SERIES_GROSS_CYCLES] = { "gross_cycles", "cycles" },
	[SERIES_BASELINE_CYCLES] = { "baseline_cycles", "cycles" },
	[SERIES_NET_CYCLES] = { "net_cycles", "cycles" },
	[SERIES_GROSS_NS] = { "gross_ns", "ns" },
	[SERIES_BASELINE_NS] = { "baseline_ns", "ns" },
	[SERIES_NET_NS] = { "net_ns", "ns" },
};

static const char *const status_names[] = { "ok", "skipped", "error" };
static const char *const pass_names[] = { "sweep", "refine" };

void point_init(struct point *point, const struct bench *bench, enum setting setting)
{
	*point = (struct point){ .bench = bench, .setting = setting };
	for (unsigned i = 0; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = KVM_COUNT_UNKNOWN;
}

void point_free(struct point *point)
{
	for (unsigned i = 0; i < SERIES_COUNT; i++)
		free(point->series[i]);
	free(point->round);
}

static int point_grow(struct point *point)
{
	size_t room = point->room ? 2 * point->room : 16;
	unsigned *round = realloc(point->round, room * sizeof(*round));

	if (!round)
		return -ENOMEM;
	point->round = round;
	for (unsigned i = 0; i < SERIES_COUNT; i++) {
		double *series = realloc(point->series[i], room * sizeof(*series));

		if (!series)
			return -ENOMEM;
		point->series[i] = series;
	}
	point->room = room;
	return 0;
}

int point_add(struct point *point, const struct sample *sample, unsigned round, const struct point_context *context)
{
	size_t at = point->samples;
	double ns_per_tsc = (double)NS_PER_S / context->tsc_hz;
	double gross = sample->gross_tsc, baseline = sample->baseline_tsc;

	if (at == point->room && point_grow(point))
		return -ENOMEM;
	point->series[SERIES_GROSS_CYCLES][at] = gross * sample->cycles_per_tsc;
	point->series[SERIES_BASELINE_CYCLES][at] = baseline * sample->cycles_per_tsc;
	point->series[SERIES_NET_CYCLES][at] = (gross - baseline) * sample->cycles_per_tsc;
	point->series[SERIES_GROSS_NS][at] = gross * ns_per_tsc;
	point->series[SERIES_BASELINE_NS][at] = baseline * ns_per_tsc;
	point->series[SERIES_NET_NS][at] = (gross - baseline) * ns_per_tsc;
	point->series[SERIES_CYCLES_PER_TSC][at] = sample->cycles_per_tsc;
	point->round[at] = round;
	point->samples++;
	return 0;
}

void point_drop_round(struct point *point, unsigned round)
{
	while (point->samples && point->round[point->samples - 1] == round)
		point->samples--;
}

void point_fail(struct point *point, enum point_status status, const struct reason *why)
{
	point->status = status;
	point->reason = *why;
	point->samples = 0;
}

static struct interval point_interval(const struct point *point, enum series series, uint64_t seed)
{
	return stats_median_interval(point->series[series], point->samples, seed);
}

double point_uncertainty(const struct point *point, const struct point_context *context)
{
	struct interval gross;

	if (point->samples < 2)
		return INFINITY;
	gross = point_interval(point, SERIES_GROSS_CYCLES, context->seed);
	return (gross.hi - gross.lo) / 2 / gross.median;
}

/* A number, or null where it is not one. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count(uint64_t value)
{
	return value == KVM_COUNT_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

static json_t *params_json(const struct point *point)
{
	json_t *params = json_object();

	for (size_t i = 0; i < point->bench->axis_count; i++) {
		const struct axis *axis = &point->bench->axes[i];

		if (!(axis->settings & SETTING_BIT(point->setting)))
			continue;
		if (point->without_pages && (int)i == point->bench->step_axis)
			continue;
		json_object_set_new(params, axis->key,
			axis->kind == AXIS_CHOICE ? json_string(axis->choices[point->value[i]])
						  : json_integer((json_int_t)point->value[i]));
	}
	return params;
}

static json_t *metrics_json(const struct point *point, const struct point_context *context)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < SERIES_METRICS && point->samples; i++) {
		struct interval interval = point_interval(point, (enum series)i, context->seed);

		json_object_set_new(all, metrics[i].name,
			json_pack("{s:o, s:o, s:o, s:s}", "median", number(interval.median), "lo", number(interval.lo),
				"hi", number(interval.hi), "unit", metrics[i].unit));
	}
	return all;
}

static json_t *samples_json(const struct point *point)
{
	json_t *all = json_object();
	json_t *list;

	if (!point->samples)
		return all;
	for (unsigned i = 0; i < SERIES_COUNT; i++) {
		list = json_array();
		for (size_t k = 0; k < point->samples; k++)
			json_array_append_new(list, number(point->series[i][k]));
		json_object_set_new(all, i < SERIES_METRICS ? metrics[i].name : "cycles_per_tsc", list);
	}
	list = json_array();
	for (size_t k = 0; k < point->samples; k++)
		json_array_append_new(list, json_integer(point->round[k]));
	json_object_set_new(all, "round", list);
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
		json_object_set_new(kvm, kvm_count_names[i], count(value));
	}
	if (unknown)
		json_object_set_new(kvm, "reason", json_string("this kernel's KVM does not count what is null"));
	return kvm;
}

static json_t *memory_json(const struct point *point)
{
	if (!point->samples)
		return json_null();
	return json_pack("{s:I, s:s, s:I, s:I, s:I}", "page_bytes", (json_int_t)point->page_bytes, "page_bytes_source",
		point->setting == SETTING_HOST ? "smaps" : "guest page tables", "baseline_page_bytes",
		(json_int_t)point->baseline_page_bytes, "faults_expected", (json_int_t)point->faults_expected,
		"faults_counted", (json_int_t)point->faults_counted);
}

static json_t *counters_json(const struct point *point)
{
	if (!point->samples)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "involuntary_context_switches",
		(json_int_t)point->disturbance.involuntary_switches, "page_faults",
		(json_int_t)point->disturbance.page_faults, "away_ns", (json_int_t)point->disturbance.away_ns);
}

json_t *point_json(const struct point *point, const struct point_context *context)
{
	const char *paging = context->paging[point->setting];
	json_t *json = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:s, s:s?, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o}",
		"bench", point->bench->name, "setting", setting_name(point->setting), "paging", paging, "outer",
		context->outer, "pass", pass_names[point->pass], "params", params_json(point), "status",
		status_names[point->status], "reason", point->status == POINT_OK ? NULL : point->reason.text, "final",
		point->final, "metrics", metrics_json(point, context), "samples", samples_json(point), "discarded",
		(int)point->discarded, "contaminated", (int)point->contaminated, "counters", counters_json(point),
		"kvm", kvm_json(point), "memory", memory_json(point));

	if (json && !paging)
		json_object_set_new(json, "paging_reason", json_string(context->paging_reason));
	return json;
}
