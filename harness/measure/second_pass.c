#include "measure/second_pass.h"

#include "infer/levels.h"
#include "measure/point.h"

/* Add what was measured at one point to the curve of its setting. 0, or -ENOMEM. */
static int curve_extend(struct curve *curve, const struct paired_points *pair, const struct point *point)
{
	int error = 0;

	for (size_t i = 0; i < point->samples && !error; i++) {
		const struct curve_sample sample = {
			.gross = point->series[CHASE_GROSS_CYCLES][i],
			.baseline = point->series[CHASE_BASELINE_CYCLES][i],
			.net = point->series[CHASE_NET_CYCLES][i],
			.net_ns = point->series[CHASE_NET_NS][i],
			.round = point->round[i],
		};

		error = curve_add(curve, CURVE_SWEEP, (double)pair->chase.count, &sample);
	}
	return error;
}

/* Where the second pass measures on one curve: the steps of that curve decide, as all settings show them. */
static size_t refine_choose(const struct memory_configuration *configuration, const struct paired_points *like,
	uint64_t *values, size_t most, void *context)
{
	struct curve curves[SETTING_SPACES] = { 0 };
	size_t count = 0;
	int error = 0;

	(void)context;
	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		curves[s].setting = (int)s;
		curves[s].page_bytes = like->chase.page_bytes;
		curves[s].stride = like->chase.distance_bytes / like->chase.page_bytes;
	}
	for (size_t c = 0; c < configuration->pairs; c++) {
		const struct paired_points *pair = configuration->pair[c];

		if (!plan_same_curve(like->point[0].bench, pair, like))
			continue;
		for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
			if ((pair->settings & SETTING_BIT(s)) && pair->point[s].status == POINT_OK)
				error = curve_extend(&curves[s], pair, &pair->point[s]);
	}
	for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
		error = curve_finish(&curves[s]);
	if (!error)
		count = levels_refine(curves, SETTING_SPACES, values, most);
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		curve_free(&curves[s]);
	return count;
}

int second_pass_plan(struct plan *refine, const struct plan *sweep, struct reason *why)
{
	return plan_refine(refine, sweep, refine_choose, NULL, why);
}
