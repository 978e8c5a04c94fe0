#include "measure/point_counts.h"

#include "base/member.h"
#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One more series stands behind the metrics per access: walk cycles per walk, in samples that know both. */
#define PER_WALK COUNT_METRICS
#define SERIES (COUNT_METRICS + 1)

struct point_counts {
	size_t room;
	double *each[SERIES]; /* a value for each sample; NAN: not known in that sample */
	bool scaled[SERIES];
	/* the reason of the last sample whose turn it was and that does not know the metric; NULL: none */
	struct reason *why[COUNT_METRICS];
};

static int counts_grow(struct point_counts *counts, size_t least)
{
	size_t room = counts->room ? 2 * counts->room : 16;

	if (room < least)
		room = least;
	for (unsigned s = 0; s < SERIES; s++) {
		double *grown = realloc(counts->each[s], room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		counts->each[s] = grown;
		for (size_t i = counts->room; i < room; i++)
			grown[i] = NAN;
	}
	counts->room = room;
	return 0;
}

int point_counts_add(struct point_counts **counts, size_t index, const struct count_sample *sample, double accesses)
{
	const double walks = sample->value[COUNT_DTLB_LOAD_WALKS], cycles = sample->value[COUNT_DTLB_WALK_CYCLES];
	struct point_counts *all = *counts;

	if (!all)
		all = *counts = calloc(1, sizeof(*all));
	if (!all || (index >= all->room && counts_grow(all, index + 1)))
		return -ENOMEM;
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		all->each[m][index] = sample->value[m] / accesses;
		all->scaled[m] = all->scaled[m] || (sample->scaled[m] && isfinite(sample->value[m]));
		if (isfinite(sample->value[m]) || !sample->why[m] || sample->why[m] == &count_not_its_turn)
			continue;
		if (!all->why[m])
			all->why[m] = malloc(sizeof(*all->why[m]));
		if (!all->why[m])
			return -ENOMEM;
		*all->why[m] = *sample->why[m];
	}
	/* Without walks there are no cycles per walk. */
	all->each[PER_WALK][index] = walks > 0 ? cycles / walks : NAN;
	all->scaled[PER_WALK] = all->scaled[COUNT_DTLB_LOAD_WALKS] || all->scaled[COUNT_DTLB_WALK_CYCLES];
	return 0;
}

void point_counts_free(struct point_counts *counts)
{
	if (!counts)
		return;
	for (unsigned s = 0; s < SERIES; s++)
		free(counts->each[s]);
	for (unsigned m = 0; m < COUNT_METRICS; m++)
		free(counts->why[m]);
	free(counts);
}

static size_t known_count(const double *each, size_t samples)
{
	size_t count = 0;

	for (size_t i = 0; i < samples; i++)
		count += isfinite(each[i]);
	return count;
}

static bool is_in_cycles(unsigned metric)
{
	return metric == COUNT_DTLB_WALK_CYCLES || metric == COUNT_DTLB_WALK_PENDING ||
	       metric == COUNT_EPT_WALK_CYCLES || metric == COUNT_CYCLES;
}

static void name_of(unsigned series, char *name, size_t bytes)
{
	if (series == PER_WALK)
		snprintf(name, bytes, "walk_cycles_per_walk");
	else
		snprintf(name, bytes, "%s_per_access", count_meanings[series].name);
}

static const char *unit_of(unsigned series)
{
	if (series == PER_WALK)
		return "cycles per walk";
	return is_in_cycles(series) ? "cycles per access" : "count per access";
}

/* The reason why no point of the run in this setting knows a series; NULL where points may know it. */
static const struct reason *reason_of(const struct counts_context *context, unsigned series)
{
	const struct reason *why;

	if (series != PER_WALK)
		return hardware_reason(context->hardware, context->setting, (enum count_metric)series);
	why = hardware_reason(context->hardware, context->setting, COUNT_DTLB_LOAD_WALKS);
	return why ? why : hardware_reason(context->hardware, context->setting, COUNT_DTLB_WALK_CYCLES);
}

static const char *count_why_unknown(const struct point_counts *counts, unsigned series)
{
	if (series == PER_WALK)
		return "no sample has walks and their cycles both: compare them per access, or there were no walks";
	return counts->why[series] ? counts->why[series]->text : count_not_its_turn.text;
}

static json_t *series_json(const struct point_counts *counts, const struct counts_context *context, unsigned series)
{
	bool generic = series == PER_WALK ? hardware_is_generic(context->hardware, COUNT_DTLB_LOAD_WALKS)
					  : hardware_is_generic(context->hardware, (enum count_metric)series);
	size_t samples = known_count(counts->each[series], context->samples);
	struct interval interval;
	json_t *json;

	if (!samples)
		return json_pack("{s:n, s:n, s:n, s:s, s:s}", "median", "lo", "hi", "unit", unit_of(series), "reason",
			count_why_unknown(counts, series));
	interval = statistics_median_interval(counts->each[series], context->samples, context->seed);
	json = json_pack("{s:o, s:o, s:o, s:s, s:i, s:b}", "median", number_or_null(interval.median), "lo",
		number_or_null(interval.lo), "hi", number_or_null(interval.hi), "unit", unit_of(series), "samples",
		(int)samples, "scaled", counts->scaled[series]);
	if (json && generic)
		json_object_set_new(json, "generic", json_true());
	return json;
}

/* An array with a value for each sample of the point: null where another group of counters had its turn. */
static json_t *counted_samples_json(const double *each, size_t samples)
{
	json_t *list = json_array();

	for (size_t i = 0; i < samples; i++)
		json_array_append_new(list, number_or_null(each[i]));
	return list;
}

static int set_null(json_t *point, const char *why)
{
	return json_object_set_new(point, "hardware", json_null()) ||
			       json_object_set_new(point, "hardware_reason", json_string(why))
		       ? -ENOMEM
		       : 0;
}

int point_counts_json(const struct point_counts *counts, const struct counts_context *context, json_t *point)
{
	const struct reason *none = hardware_none(context->hardware, context->setting);
	json_t *all, *samples;

	if (none)
		return set_null(point, none->text);
	if (!counts || counts->room < context->samples)
		return set_null(point, "nothing was counted around the samples of this point");
	all = json_object();
	samples = json_object();
	for (unsigned s = 0; s < SERIES; s++) {
		char name[48];

		/* A metric that no point can know is left out here: run.json gives its reason once. */
		if (reason_of(context, s))
			continue;
		name_of(s, name, sizeof(name));
		json_object_set_new(all, name, series_json(counts, context, s));
		if (known_count(counts->each[s], context->samples))
			json_object_set_new(samples, name, counted_samples_json(counts->each[s], context->samples));
	}
	return json_object_set_new(point, "hardware", all) || json_object_set_new(point, "hardware_samples", samples)
		       ? -ENOMEM
		       : 0;
}
