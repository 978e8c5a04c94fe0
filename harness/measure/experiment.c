#include "measure/experiment.h"

#include "base/histogram.h"
#include "measure/experiment_kinds.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const experiment_take kinds[EXPERIMENT_KINDS] = {
	[EXPERIMENT_FAULT] = experiment_take_fault,
	[EXPERIMENT_SWITCH] = experiment_take_switch,
	[EXPERIMENT_TABLE_FOOTPRINT] = experiment_take_table_footprint,
	[EXPERIMENT_STORM] = experiment_take_storm,
	[EXPERIMENT_MALLOC] = experiment_take_malloc,
	[EXPERIMENT_SHOOTDOWN] = experiment_take_shootdown,
	[EXPERIMENT_CONTEXT_SWITCH] = experiment_take_context_switch,
	[EXPERIMENT_MAPPING] = experiment_take_mapping,
};

static int outcome_take(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct histogram *histogram = outcome->histogram;

	memset(histogram, 0, sizeof(*histogram));
	*outcome = (struct outcome){
		.setting = outcome->setting,
		.histogram = histogram,
		.ns_per_tsc = (double)NS_PER_S / m->around->context.tsc_hz,
		.cycles_per_tsc = clock_ratio(),
	};
	for (unsigned i = 0; i < METRICS_MAX; i++)
		outcome->value[i] = NAN;
	return kinds[experiment->kind](m, experiment, outcome, why);
}

static bool outcome_contaminated(const struct outcome *outcome)
{
	const struct disturbance *seen = &outcome->disturbance;

	return outcome->away_most > 0 && (double)seen->away_ns > outcome->away_most * (double)seen->elapsed_ns;
}

/* What cannot be had now may have been had before: a point that has samples keeps them, and gets no more. */
static void point_give_up(struct point *point, int error, const struct reason *why)
{
	bool wrong = error == -EIO || error == -EINVAL;

	if (wrong || !point->samples)
		point_fail(point, wrong ? POINT_ERROR : POINT_SKIPPED, why);
	else
		point->exhausted = true;
}

static int point_take(struct measurement *m, struct paired_points *pair, unsigned setting)
{
	static struct histogram histogram;
	struct point *point = &pair->point[setting];
	struct reason why = { "" };
	struct outcome outcome = { .setting = (enum setting)setting, .histogram = &histogram };
	int error = 0;

	for (unsigned take = 0; take <= RETAKES; take++) {
		/*
		 * On a busy machine long experiments that are taken again would take a run far beyond what it promised.
		 */
		if (take && now_ns() > m->deadline_ns)
			break;
		error = outcome_take(m, &pair->experiment, &outcome, &why);
		if (error)
			break;
		disturbance_add(&point->disturbance, &outcome.disturbance);
		if (!outcome_contaminated(&outcome))
			break;
		point->discarded++;
	}
	if (error == -EINTR)
		return error;
	if (error) {
		point_give_up(point, error, &why);
		return 0;
	}
	if (outcome_contaminated(&outcome)) {
		point->contaminated++;
		return 0;
	}
	point->interpreted = outcome.interpreted;
	point->unknown = outcome.unknown;
	memcpy(point->kvm_pages, outcome.kvm_pages, sizeof(point->kvm_pages));
	point->page_bytes = 0; /* verified by the experiment itself */
	error = point_tell_unknown(point, outcome.unknown_of);
	if (!error)
		error = point_add(point, outcome.value, outcome.cycles_per_tsc, m->round);
	return error ? error : point_add_latencies(point, &histogram);
}

int experiment_measure(struct measurement *m, struct paired_points *pair)
{
	int error = 0;

	for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
		if ((pair->settings & SETTING_BIT(s)) && pair->point[s].status == POINT_OK && !pair->point[s].exhausted)
			error = point_take(m, pair, s);
	return error;
}
