#include "report/comparison.h"

#include "report/inferred.h"
#include "report/lanes.h"
#include "report/text.h"

#include <math.h>
#include <string.h>

/* Levels are smeared: so many times fewer pages than one holds surely fit, so many times more surely do not. */
#define CLEAR_OF_EDGE 2.
/* Where no level was resolved: the smallest first level of an x86-64 CPU, AMD K8's, holds 8 pages of 2M. */
#define SURELY_FITS_PAGES 8.

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Whether a point's times are a processor's own. */
static bool is_of_hardware(const json_t *point)
{
	return text_is(point, "status", "ok") && string_at(point, "setting") && !point_is_emulated(point) &&
	       !json_is_true(json_object_get(point, "interpreted"));
}

static void add_place(struct places *places, const json_t *point)
{
	struct place found = { .setting = string_at(point, "setting"), .paging = string_at(point, "paging") };
	unsigned rank = place_rank(found.setting, found.paging);
	size_t at = places->count;

	for (size_t i = 0; i < places->count; i++) {
		if (same(places->place[i].setting, found.setting) && same(places->place[i].paging, found.paging))
			return;
	}
	if (places->count == PLACES_MAX)
		return;
	place_label(found.setting, found.paging, found.label, sizeof(found.label));
	label_clean(found.label);
	for (; at && rank < place_rank(places->place[at - 1].setting, places->place[at - 1].paging); at--)
		places->place[at] = places->place[at - 1];
	places->place[at] = found;
	places->count++;
}

void places_find(const struct report *report, struct places *out)
{
	size_t i;
	json_t *point;

	*out = (struct places){ 0 };
	json_array_foreach (report->run->points, i, point) {
		if (is_of_hardware(point))
			add_place(out, point);
	}
}

/* Between which numbers of pages a condition about levels holds; lo is NaN where no level says. */
struct range {
	double lo, hi;
};

static bool is_about_levels(const struct condition *condition)
{
	return condition->kind == CONDITION_FIRST_LEVEL || condition->kind == CONDITION_SECOND_LEVEL ||
	       condition->kind == CONDITION_BEYOND;
}

/* Whether params are what they have to be, as far as words and numbers go. */
static bool are_wanted(const json_t *params, const struct quantity *quantity)
{
	for (const struct condition *condition = quantity->where; condition->kind; condition++) {
		const json_t *value = json_object_get(params, condition->key);

		if (condition->kind == CONDITION_WORD &&
			!(json_is_string(value) && same(json_string_value(value), condition->word)))
			return false;
		if (condition->kind == CONDITION_NUMBER &&
			!(json_is_number(value) && json_number_value(value) == condition->number))
			return false;
	}
	return true;
}

static double least_of(struct estimate estimate)
{
	return isfinite(estimate.lo) ? estimate.lo : estimate.value;
}

static double most_of(struct estimate estimate)
{
	return isfinite(estimate.hi) ? estimate.hi : estimate.value;
}

/*
 * What the quantity's condition about levels means here, where it has one. All curves that it may be read off take part:
 * what is in or beyond a level is so in each of them.
 */
static struct range pages_of_levels(const struct report *report, const struct quantity *quantity)
{
	enum condition_kind kind = CONDITION_NONE;
	double first_lo = INFINITY, first_hi = 0, second_lo = INFINITY, last_hi = 0;

	for (const struct condition *condition = quantity->where; condition->kind; condition++)
		kind = is_about_levels(condition) ? condition->kind : kind;
	for (size_t i = 0; i < report->curves.curves && kind; i++) {
		const struct panel_curve *curve = &report->curves.curve[i];
		struct level level[LEVELS_MAX];
		size_t count;

		if (!are_wanted(curve->params, quantity) || !curve_drawable(curve))
			continue;
		count = inferred_levels(report->inferred, curve, level, LEVELS_MAX);
		if (count) {
			first_lo = fmin(first_lo, least_of(level[0].entries));
			first_hi = fmax(first_hi, most_of(level[0].entries));
			last_hi = fmax(last_hi, most_of(level[count - 1].entries));
		}
		if (count > 1)
			second_lo = fmin(second_lo, least_of(level[1].entries));
	}
	if (kind == CONDITION_FIRST_LEVEL)
		return (struct range){ 1, last_hi > 0 ? first_lo / CLEAR_OF_EDGE : SURELY_FITS_PAGES };
	if (kind == CONDITION_SECOND_LEVEL)
		return (struct range){ isfinite(second_lo) ? first_hi * CLEAR_OF_EDGE : NAN,
			second_lo / CLEAR_OF_EDGE };
	return (struct range){ last_hi > 0 ? last_hi * CLEAR_OF_EDGE : NAN, INFINITY };
}

/* How good a point is among those that meet the conditions: the greater the better; NaN where it does not meet them. */
static double goodness(const struct quantity *quantity, const struct range *levels, const json_t *point)
{
	const json_t *params = json_object_get(point, "params");
	double good = 0;

	if (!are_wanted(params, quantity) || !(metric_at(point, quantity->metric).value > 0))
		return NAN;
	for (const struct condition *condition = quantity->where; condition->kind; condition++) {
		double number = number_at(params, condition->key);

		if (condition->kind == CONDITION_MOST)
			good = number;
		if (is_about_levels(condition))
			good = point_is_of_reach(point) && number >= levels->lo && number <= levels->hi ? number : NAN;
		if (!isfinite(good))
			return NAN;
	}
	return good;
}

/* Whether `other` was measured as `point` was: the second pass of a sweep is another measurement. */
static bool is_like(const json_t *other, const json_t *point)
{
	const char *key;
	json_t *value;

	if (!same(string_at(other, "bench"), string_at(point, "bench")) ||
		!same(string_at(other, "pass"), string_at(point, "pass")))
		return false;
	json_object_foreach (json_object_get(point, "params"), key, value) {
		if (!json_equal(json_object_get(json_object_get(other, "params"), key), value))
			return false;
	}
	return true;
}

static bool is_at(const json_t *point, const struct place *place)
{
	return text_is(point, "setting", place->setting) && same(string_at(point, "paging"), place->paging);
}

/* The first of the run in each place. */
static struct chosen likes_of(
	const struct report *report, const struct places *places, const struct quantity *quantity, const json_t *base)
{
	struct chosen found = { .base = PLACES_MAX };
	size_t i;
	json_t *point;

	json_array_foreach (report->run->points, i, point) {
		if (!is_of_hardware(point) || !is_like(point, base) || !(metric_at(point, quantity->metric).value > 0))
			continue;
		for (size_t p = 0; p < places->count; p++) {
			if (is_at(base, &places->place[p])) {
				found.point[p] = base;
				found.base = p;
			} else if (!found.point[p] && is_at(point, &places->place[p])) {
				found.point[p] = point;
				found.others++;
			}
		}
	}
	/* A place beyond PLACES_MAX is no base. */
	if (found.base == PLACES_MAX)
		found.others = 0;
	return found;
}

static bool is_base(const json_t *point, const struct quantity *quantity)
{
	return text_is(point, "setting", quantity->base_setting ? quantity->base_setting : "host") &&
	       (!quantity->base_paging || text_is(point, "paging", quantity->base_paging)) &&
	       !text_is(point, "pass", "refine");
}

bool quantity_choose(
	const struct report *report, const struct places *places, const struct quantity *quantity, struct chosen *out)
{
	const struct range levels = pages_of_levels(report, quantity);
	double best = -INFINITY;
	size_t i;
	json_t *point;

	*out = (struct chosen){ .others = 0 };
	json_array_foreach (report->run->points, i, point) {
		struct chosen found;
		double good;

		if (!is_base(point, quantity))
			continue;
		good = goodness(quantity, &levels, point);
		if (!isfinite(good) || !is_of_hardware(point))
			continue;
		found = likes_of(report, places, quantity, point);
		if (found.others > out->others || (found.others && found.others == out->others && good > best)) {
			*out = found;
			best = good;
		}
	}
	return out->others > 0;
}

void quantity_label(const struct quantity *quantity, const struct chosen *chosen, char *label, size_t bytes)
{
	const json_t *value =
		quantity->told ? json_object_get(json_at(chosen->point[chosen->base], "params"), quantity->told) : NULL;

	label[0] = '\0';
	text_append(label, bytes, "%s", quantity->what);
	if (json_is_number(value))
		text_append(label, bytes, "%s%s",
			strstr(quantity->told, "_bytes") ? bytes_text(json_number_value(value)).text
							 : count_text(json_number_value(value)).text,
			quantity->after ? quantity->after : "");
	label_clean(label);
}
