#include "report/lanes.h"

#include "report/panels.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool text_is(const json_t *point, const char *path, const char *word)
{
	const char *text = string_at(point, path);

	return text && !strcmp(text, word);
}

static json_t *other_params(const json_t *point, const char *const *axes)
{
	json_t *others = json_copy(json_object_get(point, "params"));

	for (; others && *axes; axes++)
		json_object_del(others, *axes);
	return others;
}

static struct lane *lane_of(struct lanes *lanes, const json_t *point, const json_t *others)
{
	struct lane wanted = {
		.bench = string_at(point, "bench"),
		.setting = string_at(point, "setting"),
		.paging = string_at(point, "paging"),
		.emulated = point_is_emulated(point),
		.interpreted = json_is_true(json_object_get(point, "interpreted")),
	};
	struct lane *grown;

	for (size_t i = 0; i < lanes->count; i++) {
		struct lane *lane = &lanes->lane[i];

		if (same_text(lane->bench, wanted.bench) && same_text(lane->setting, wanted.setting) &&
			same_text(lane->paging, wanted.paging) && lane->emulated == wanted.emulated &&
			lane->interpreted == wanted.interpreted && json_equal(lane->others, others))
			return lane;
	}
	grown = reallocarray(lanes->lane, lanes->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	lanes->lane = grown;
	wanted.others = json_deep_copy(others);
	wanted.points = json_array();
	grown[lanes->count] = wanted;
	return &grown[lanes->count++];
}

static int add_point(struct lanes *lanes, json_t *point, const char *const *axes)
{
	json_t *others = other_params(point, axes);
	struct lane *lane = others ? lane_of(lanes, point, others) : NULL;
	int rc = lane ? json_array_append(lane->points, point) : -1;

	json_decref(others);
	return rc ? -ENOMEM : 0;
}

/* Insertion sort: stable, and there are few. */
static void sort_lanes(struct lanes *lanes)
{
	for (size_t i = 1; i < lanes->count; i++) {
		struct lane moved = lanes->lane[i];
		unsigned rank = place_rank(moved.setting, moved.paging);
		size_t slot = i;

		for (; slot && rank < place_rank(lanes->lane[slot - 1].setting, lanes->lane[slot - 1].paging); slot--)
			lanes->lane[slot] = lanes->lane[slot - 1];
		lanes->lane[slot] = moved;
	}
}

/* Params are named only where another lane of the same setting and paging has them otherwise. */
static void label_lane(const struct lanes *lanes, struct lane *lane)
{
	const char *key;
	json_t *value;
	bool alike = false;

	place_label(lane->setting, lane->paging, lane->label, sizeof(lane->label));
	if (lane->emulated)
		text_append(lane->label, sizeof(lane->label), ", emulated machine");
	if (lane->interpreted)
		text_append(lane->label, sizeof(lane->label), ", interpreted");
	for (size_t i = 0; i < lanes->count; i++)
		alike = alike || (&lanes->lane[i] != lane && same_text(lanes->lane[i].setting, lane->setting) &&
					 same_text(lanes->lane[i].paging, lane->paging) &&
					 !json_equal(lanes->lane[i].others, lane->others));
	json_object_foreach (lane->others, key, value) {
		if (alike)
			text_append(
				lane->label, sizeof(lane->label), ", %.16s %.16s", key, param_text(key, value).text);
	}
	label_clean(lane->label);
}

static void lane_release(struct lane *lane)
{
	json_decref(lane->others);
	json_decref(lane->points);
}

void lanes_drop_emulated(struct lanes *lanes)
{
	size_t kept = 0;

	for (size_t i = 0; i < lanes->count; i++) {
		if (lanes->lane[i].emulated)
			lane_release(&lanes->lane[i]);
		else
			lanes->lane[kept++] = lanes->lane[i];
	}
	lanes->count = kept;
}

/* What an emulator took or counted stands in figures of its own, or in none: never beside a processor's. */
static void part_from_emulated(struct lanes *lanes)
{
	bool hardware = false;

	for (size_t i = 0; i < lanes->count; i++)
		hardware = hardware || !lanes->lane[i].emulated;
	if (hardware)
		lanes_drop_emulated(lanes);
}

int lanes_gather(
	const json_t *points, bool (*belongs)(const json_t *point), const char *const *axes, struct lanes *lanes)
{
	size_t i;
	json_t *point;
	int rc = 0;

	*lanes = (struct lanes){ 0 };
	json_array_foreach (points, i, point) {
		if (!text_is(point, "status", "ok") || !string_at(point, "bench") || !string_at(point, "setting") ||
			!json_is_object(json_object_get(point, "params")) || !belongs(point))
			continue;
		rc = add_point(lanes, point, axes);
		if (rc)
			goto out;
	}
	part_from_emulated(lanes);
	sort_lanes(lanes);
	for (i = 0; i < lanes->count; i++)
		label_lane(lanes, &lanes->lane[i]);
out:
	if (rc)
		lanes_free(lanes);
	return rc;
}

void lanes_free(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		lane_release(&lanes->lane[i]);
	free(lanes->lane);
	*lanes = (struct lanes){ 0 };
}

static size_t keep_number(double *out, size_t count, size_t most, double number)
{
	size_t at = count;

	for (size_t i = 0; i < count; i++) {
		if (out[i] == number)
			return count;
	}
	if (!isfinite(number) || count == most)
		return count;
	for (; at && out[at - 1] > number; at--)
		out[at] = out[at - 1];
	out[at] = number;
	return count + 1;
}

size_t lanes_numbers(const struct lanes *lanes, const char *path, double *out, size_t most)
{
	size_t count = 0, k;
	json_t *point;

	for (size_t i = 0; i < lanes->count; i++) {
		json_array_foreach (lanes->lane[i].points, k, point)
			count = keep_number(out, count, most, number_at(point, path));
	}
	return count;
}

struct estimate metric_at(const json_t *point, const char *name)
{
	const json_t *metric = json_object_get(json_object_get(point, "metrics"), name);

	return (struct estimate){ number_at(metric, "median"), number_at(metric, "lo"), number_at(metric, "hi") };
}

struct estimate estimate_scaled(struct estimate estimate, double factor)
{
	return (struct estimate){ estimate.value * factor, estimate.lo * factor, estimate.hi * factor };
}

void table_estimate(FILE *table, struct estimate estimate)
{
	fputc('\t', table);
	table_number(table, estimate.value);
	fputc('\t', table);
	table_number(table, isfinite(estimate.lo) ? estimate.lo : estimate.value);
	fputc('\t', table);
	table_number(table, isfinite(estimate.hi) ? estimate.hi : estimate.value);
}

struct text estimate_text(struct estimate estimate)
{
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.40s%.50s", number_text(estimate.value).text,
		interval_text(estimate.value, estimate.lo, estimate.hi).text);
	return out;
}
