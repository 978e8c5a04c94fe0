#include "infer/levels.h"

#include "base/number.h"
#include "infer/step_judge.h"

#include <math.h>
#include <stdlib.h>

#define WHOLE_PAGES \
	24 /* a bracket up to so wide is measured at every page, so that a sharp level is told to the page */
/*
 * A wider one at so many counts, evenly in log N: 2 % apart within a third of an octave. With half as many, one
 * more level of 237 is invented.
 */
#define BRACKET_POINTS (size_t) TUNED(BRACKET_POINTS, 12)
/* Of the ends, which are known to the sweep's grid of 9 %. At half as much the worst 5 % are off by 12 %, not 10 %. */
#define MARGIN TUNED(MARGIN, 0.06)

/* Plateaus on both sides, for confirmation: clear of the bracket and its margin, yet before a next step. */
static const double below[] = { 0.65, 0.75, 0.85 };
static const double above[] = { 1.15, 1.3, 1.45 };

#define SIDES (sizeof(below) / sizeof(below[0]) + sizeof(above) / sizeof(above[0]))

struct plan {
	uint64_t *at;
	size_t count, most;
};

static int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Put a count in unless it is there, or would be no number of pages, or there is no room. */
static void plan_add(struct plan *plan, double pages)
{
	uint64_t whole;

	if (!(pages >= 2) || !number_whole(round(pages), UINT64_MAX, &whole) || plan->count == plan->most)
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->at[i] == whole)
			return;
	plan->at[plan->count++] = whole;
}

/* Brackets of all curves, those that overlap made one: settings step at the same place, or nearly. */
struct bracket {
	double onset, saturation, least, most;
};

/* One bracket, with at most @room counts in its middle. */
static void plan_step(struct plan *plan, const struct bracket *bracket, size_t room)
{
	double from = fmax(bracket->onset * (1 - MARGIN), bracket->least);
	double to = fmin(bracket->saturation * (1 + MARGIN), bracket->most);

	for (size_t i = 0; i < SIDES / 2; i++) {
		if (bracket->onset * below[i] >= bracket->least)
			plan_add(plan, bracket->onset * below[i]);
		if (bracket->saturation * above[i] <= bracket->most)
			plan_add(plan, bracket->saturation * above[i]);
	}
	if (to - from <= WHOLE_PAGES && to - from + 2 <= (double)room) {
		for (int i = 0; i <= (int)(ceil(to) - floor(from)); i++)
			plan_add(plan, floor(from) + i);
		return;
	}
	room = room < BRACKET_POINTS ? room : BRACKET_POINTS;
	for (size_t i = 0; i < room; i++)
		plan_add(plan, from * pow(to / from, room > 1 ? (double)i / (double)(room - 1) : 0.5));
}

static size_t brackets_add(struct bracket *all, size_t count, const struct bracket *one)
{
	for (size_t i = 0; i < count; i++)
		if (one->onset <= all[i].saturation && all[i].onset <= one->saturation) {
			all[i].onset = fmin(all[i].onset, one->onset);
			all[i].saturation = fmax(all[i].saturation, one->saturation);
			all[i].least = fmin(all[i].least, one->least);
			all[i].most = fmax(all[i].most, one->most);
			return count;
		}
	if (count < STEPS_MAX)
		all[count++] = *one;
	return count;
}

static size_t brackets_of(const struct curve *curves, size_t curve_count, struct bracket *all)
{
	struct judged_curve *judged = malloc(sizeof(*judged));
	size_t count = 0;

	for (size_t i = 0; judged && i < curve_count; i++) {
		const struct curve_series *sweep = &curves[i].pass[CURVE_SWEEP];

		if (curve_judge(&curves[i], 0, judged))
			break;
		for (size_t k = 0; k < judged->count; k++) {
			const struct step *step = &judged->step[k].step;
			struct bracket one = { step->onset, step->saturation, step->from, step->to };

			if (judged->step[k].verdict == STEP_REJECTED)
				continue;
			if (step->to <= step->saturation)
				one.most = sweep->at[sweep->count - 1].pages;
			count = brackets_add(all, count, &one);
		}
	}
	free(judged);
	return count;
}

static int by_onset(const void *a, const void *b)
{
	const struct bracket *left = a, *right = b;

	return (left->onset > right->onset) - (left->onset < right->onset);
}

size_t levels_refine(const struct curve *curves, size_t curve_count, uint64_t *pages, size_t most)
{
	struct plan plan = { .at = pages, .most = most };
	struct bracket brackets[STEPS_MAX];
	size_t count;

	count = brackets_of(curves, curve_count, brackets);
	qsort(brackets, count, sizeof(brackets[0]), by_onset);
	for (size_t i = 0; i < count; i++) {
		/* Narrow brackets first come with every page, as long as later ones keep a few points each. */
		size_t later = (count - i - 1) * 2 * SIDES, left = most - plan.count;
		size_t room = left > later + SIDES ? left - later - SIDES : SIDES;

		plan_step(&plan, &brackets[i], room);
	}
	qsort(pages, plan.count, sizeof(*pages), ascending);
	return plan.count;
}
