#include "measure/point_counts.h"

#include "base/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Behind the metrics per access: cycles of walks over walks, in samples that know both. */
#define PER_WALK COUNT_METRICS
#define SERIES (COUNT_METRICS + 1)

struct point_counts {
	size_t room;
	double *each[SERIES]; /* one a sample; NAN: not known in it */
	bool scaled[SERIES];
	struct reason *why[COUNT_METRICS]; /* of the last sample that had its turn and does not know it; NULL: none */
};

static int grow(struct point_counts *counts, size_t least)
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
	if (!all || (index >= all->room && grow(all, index + 1)))
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
	/* Without walks there are no cycles of one. */
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

static size_t known(const double *each, size_t samples)
{
	size_t count = 0;

	for (size_t i = 0; i < samples; i++)
		count += isfinite(each[i]);
	return count;
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
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

/* Whether some point of the run in this setting may know it. NULL: it may. */
static const struct reason *reason_of(const struct counts_context *context, unsigned series)
{
	const struct reason *why;

	if (series != PER_WALK)
		return hardware_reason(context->hardware, context->setting, (enum count_metric)series);
	why = hardware_reason(context->hardware, context->setting, COUNT_DTLB_LOAD_WALKS);
	return why ? why : hardware_reason(context->hardware, context->setting, COUNT_DTLB_WALK_CYCLES);
}

static const char *why_unknown(const struct point_counts *counts, unsigned series)
{
	if (series == PER_WALK)
		return "no sample has walks and their cycles both: compare them per access, or there were no walks";
	return counts->why[series] ? counts->why[series]->text : count_not_its_turn.text;
}

static json_t *series_json(const struct point_counts *counts, const struct counts_context *context, unsigned series)
{
	bool generic = series == PER_WALK ? hardware_is_generic(context->hardware, COUNT_DTLB_LOAD_WALKS)
					  : hardware_is_generic(context->hardware, (enum count_metric)series);
	size_t samples = known(counts->each[series], context->samples);
	struct interval interval;
	json_t *json;

	if (!samples)
		return json_pack("{s:n, s:n, s:n, s:s, s:s}", "median", "lo", "hi", "unit", unit_of(series), "reason",
			why_unknown(counts, series));
	interval = statistics_median_interval(counts->each[series], context->samples, context->seed);
	json = json_pack("{s:o, s:o, s:o, s:s, s:i, s:b}", "median", number(interval.median), "lo", number(interval.lo),
		"hi", number(interval.hi), "unit", unit_of(series), "samples", (int)samples, "scaled",
		counts->scaled[series]);
	if (json && generic)
		json_object_set_new(json, "generic", json_true());
	return json;
}

/* As many as the point has samples, null where another group of counters had its turn. */
static json_t *samples_json(const double *each, size_t samples)
{
	json_t *list = json_array();

	for (size_t i = 0; i < samples; i++)
		json_array_append_new(list, number(each[i]));
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

		/* What no point can know is told once, in run.json. */
		if (reason_of(context, s))
			continue;
		name_of(s, name, sizeof(name));
		json_object_set_new(all, name, series_json(counts, context, s));
		if (known(counts->each[s], context->samples))
			json_object_set_new(samples, name, samples_json(counts->each[s], context->samples));
	}
	return json_object_set_new(point, "hardware", all) || json_object_set_new(point, "hardware_samples", samples)
		       ? -ENOMEM
		       : 0;
}
