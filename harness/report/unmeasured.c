#include "report/unmeasured.h"

#include "report/panels.h"
#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_of_lanes(const json_t *point, const struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		if (text_is(point, "bench", lanes->lane[i].bench))
			return true;
	}
	return false;
}

/* Take out of `common` what `params` has otherwise. */
static void keep_common(json_t *common, const json_t *params)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(common, next, key, value)
	{
		if (!json_equal(value, json_object_get(params, key)))
			json_object_del(common, key);
	}
}

/* Points without a number that is to be drawn, of one setting and reason: {"n", "params", "place", "why"}. */
static void add_to_group(json_t *groups, const json_t *point)
{
	const char *why = string_at(point, "reason"), *setting = string_at(point, "setting");
	const json_t *params = json_object_get(point, "params");
	char place[64] = "", *name;
	json_t *group;

	place_label(setting ? setting : "unknown setting", string_at(point, "paging"), place, sizeof(place));
	if (asprintf(&name, "%s\n%s", place, why ? why : "") < 0)
		return;
	group = json_object_get(groups, name);
	if (!group) {
		group = json_pack("{s:i, s:o, s:s, s:s}", "n", 0, "params",
			json_is_object(params) ? json_deep_copy(params) : json_object(), "place", place, "why",
			why ? why : "no reason given");
		if (group && json_object_set_new(groups, name, group))
			group = NULL;
	}
	if (group) {
		keep_common(json_object_get(group, "params"), params);
		json_object_set_new(group, "n", json_integer((json_int_t)number_at(group, "n") + 1));
	}
	free(name);
}

static void write_group(FILE *text, const json_t *group)
{
	double points = number_at(group, "n");
	const char *key;
	json_t *value;

	fputs("- Not measured: ", text);
	markdown_text(text, string_at(group, "place"));
	json_object_foreach (json_object_get(group, "params"), key, value) {
		char label[64] = "";

		text_append(label, sizeof(label), "%.24s %.24s", key, param_text(key, value).text);
		fputs(", ", text);
		markdown_text(text, label);
	}
	fprintf(text, " (%s point%s): ", count_text(points).text, points == 1 ? "" : "s");
	markdown_text(text, string_at(group, "why"));
	fputs(".\n", text);
}

void unmeasured_explain(FILE *text, const json_t *points, const struct lanes *lanes)
{
	json_t *groups = json_object();
	const char *key;
	json_t *point, *group;
	size_t i;

	json_array_foreach (points, i, point) {
		if (string_at(point, "status") && !text_is(point, "status", "ok") && !point_is_emulated(point) &&
			is_of_lanes(point, lanes))
			add_to_group(groups, point);
	}
	if (json_object_size(groups))
		fputc('\n', text);
	json_object_foreach (groups, key, group)
		write_group(text, group);
	json_decref(groups);
}

/* Reasons are the keys of `told`. */
static void tell_reason(FILE *text, json_t *told, const char *why)
{
	if (!why || json_object_get(told, why))
		return;
	fputs(json_object_size(told) ? "; " : "\n`–`: ", text);
	markdown_text(text, why);
	json_object_set_new(told, why, json_true());
}

void unknown_explain(FILE *text, const struct lanes *lanes, const char *const *metrics)
{
	json_t *told = json_object();
	json_t *point;
	size_t k;

	for (size_t i = 0; i < lanes->count; i++) {
		json_array_foreach (lanes->lane[i].points, k, point) {
			for (const char *const *metric = metrics; *metric; metric++) {
				if (!isfinite(metric_at(point, *metric).value))
					tell_reason(text, told,
						string_at(json_object_get(json_object_get(point, "metrics"), *metric),
							"reason"));
			}
		}
	}
	if (json_object_size(told))
		fputs(".\n", text);
	json_decref(told);
}

struct text cell_text(struct estimate estimate)
{
	if (!isfinite(estimate.value))
		return (struct text){ "–" };
	/* Counts are often the same in all samples: their interval would be the number twice more. */
	return estimate.lo == estimate.hi ? number_text(estimate.value) : estimate_text(estimate);
}
