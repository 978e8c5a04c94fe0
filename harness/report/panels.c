#include "report/panels.h"

#include "report/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEPT "pages"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool point_is_emulated(const json_t *point)
{
	const char *outer = string_at(point, "outer");

	return same_text(string_at(point, "paging"), "software") || same_text(string_at(point, "accel"), "tcg") ||
	       (outer && (strstr(outer, "TCG") || strstr(outer, "emulat")));
}

bool point_is_of_reach(const json_t *point)
{
	/* The same as steps are inferred from: infer/curve.c. */
	if (json_at(point, "params.distance_bytes") || !json_at(point, "params.page_size_bytes"))
		return false;
	return json_at(point, "params." SWEPT) || json_at(point, "params.stride_pages");
}

static struct panel_curve *curve_find(struct panel_set *set, const json_t *point, const json_t *params)
{
	for (size_t i = 0; i < set->curves; i++) {
		struct panel_curve *curve = &set->curve[i];

		if (same_text(curve->bench, string_at(point, "bench")) &&
			same_text(curve->setting, string_at(point, "setting")) &&
			same_text(curve->paging, string_at(point, "paging")) &&
			curve->emulated == point_is_emulated(point) && json_equal(curve->params, params))
			return curve;
	}
	return NULL;
}

static struct panel_curve *curve_add(struct panel_set *set, const json_t *point, const json_t *params)
{
	struct panel_curve *grown = reallocarray(set->curve, set->curves + 1, sizeof(*grown));
	struct panel_curve *curve;

	if (!grown)
		return NULL;
	set->curve = grown;
	curve = &grown[set->curves++];
	*curve = (struct panel_curve){
		.bench = string_at(point, "bench"),
		.setting = string_at(point, "setting"),
		.paging = string_at(point, "paging"),
		.outer = string_at(point, "outer"),
		.params = json_deep_copy(params),
		.points = json_array(),
		.skipped = json_array(),
		.emulated = point_is_emulated(point),
	};
	return curve;
}

static int add_point(struct panel_set *set, json_t *point)
{
	json_t *params = json_copy(json_object_get(point, "params"));
	bool is_ok = same_text(string_at(point, "status"), "ok");
	struct panel_curve *curve;
	int rc = 0;

	if (!json_is_object(params) || !string_at(point, "bench") || !string_at(point, "setting") ||
		!point_is_of_reach(point))
		goto out;
	/* A group that was skipped as a whole has no pages; it belongs to a curve only if some of it was measured. */
	if (!json_is_integer(json_object_get(params, SWEPT)) && is_ok)
		goto out;
	json_object_del(params, SWEPT);
	curve = curve_find(set, point, params);
	if (!curve && is_ok)
		curve = curve_add(set, point, params);
	if (curve)
		rc = json_array_append(is_ok ? curve->points : curve->skipped, point);
	else if (is_ok)
		rc = -1;
out:
	json_decref(params);
	return rc ? -ENOMEM : 0;
}

static int by_pages(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	double pages_a = number_at(a, "params." SWEPT), pages_b = number_at(b, "params." SWEPT);
	const char *pass_a = string_at(a, "pass"), *pass_b = string_at(b, "pass");

	if (pages_a != pages_b)
		return pages_a < pages_b ? -1 : 1;
	/* "sweep" comes after "refine" in the alphabet, and first in time. */
	return pass_a && pass_b ? strcmp(pass_b, pass_a) : 0;
}

static int sort_points(struct panel_curve *curve)
{
	size_t count = json_array_size(curve->points);
	json_t **order = calloc(count ? count : 1, sizeof(json_t *));
	json_t *sorted = json_array();
	int rc = 0;

	if (!order || !sorted) {
		free(order);
		json_decref(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = json_array_get(curve->points, i);
	qsort(order, count, sizeof(json_t *), by_pages);
	for (size_t i = 0; i < count; i++)
		rc |= json_array_append(sorted, order[i]);
	free(order);
	json_decref(curve->points);
	curve->points = sorted;
	return rc ? -ENOMEM : 0;
}

/* The params that every curve of its bench has: others mean something in some settings only, and do not part panels. */
static json_t *common_params(const struct panel_set *set, const struct panel_curve *curve)
{
	json_t *common = json_deep_copy(curve->params);

	for (size_t i = 0; common && i < set->curves; i++) {
		const char *key;
		json_t *value;
		void *next;

		if (strcmp(set->curve[i].bench, curve->bench))
			continue;
		json_object_foreach_safe(common, next, key, value)
		{
			if (!json_object_get(set->curve[i].params, key))
				json_object_del(common, key);
		}
	}
	return common;
}

static void name_panel(struct panel *panel)
{
	const char *key;
	json_t *value;
	struct text size = { "" };
	const char *pages = size.text;

	if (isfinite(panel->page_bytes))
		size = param_text("_bytes_bytes", json_at(panel->common, "page_size_bytes"));
	/* "2M-thp" says both size and backing; so does "4K" of 4K pages on 4K memory. */
	if (panel->backing && !strncmp(panel->backing, size.text, strlen(size.text)))
		pages = panel->backing;
	text_append(panel->name, sizeof(panel->name), "%.40s", panel->bench);
	if (pages[0]) {
		text_append(panel->name, sizeof(panel->name), "-%.24s", pages);
		text_append(panel->label, sizeof(panel->label), "%.24s pages", pages);
	}
	json_object_foreach (panel->common, key, value) {
		struct text text = param_text(key, value);

		if (!strcmp(key, "page_size_bytes") ||
			(panel->backing && pages == panel->backing && !strcmp(key, "backing")))
			continue;
		if (!strcmp(key, "stride_pages")) {
			text_append(panel->name, sizeof(panel->name), "-stride%.16s", text.text);
			if (panel->stride_pages > 1)
				text_append(panel->label, sizeof(panel->label), ", every %.16s%s page", text.text,
					ordinal_suffix((unsigned long)panel->stride_pages));
			continue;
		}
		text_append(panel->name, sizeof(panel->name), "-%.24s", text.text);
		text_append(panel->label, sizeof(panel->label), "%s%.24s %.24s", panel->label[0] ? ", " : "", key,
			text.text);
	}
	label_clean(panel->label);
	/* This becomes the name of a file. */
	for (char *c = panel->name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-')
			*c = '-';
	}
}

static struct panel *panel_of(struct panel_set *set, const struct panel_curve *curve)
{
	json_t *common = common_params(set, curve);
	json_t *picked = json_object();
	struct panel *grown;
	const char *key;
	json_t *value;

	json_object_foreach (common, key, value)
		json_object_set(picked, key, json_object_get(curve->params, key));
	json_decref(common);
	for (size_t i = 0; i < set->panels; i++) {
		if (!strcmp(set->panel[i].bench, curve->bench) && json_equal(set->panel[i].common, picked)) {
			json_decref(picked);
			return &set->panel[i];
		}
	}
	grown = reallocarray(set->panel, set->panels + 1, sizeof(*grown));
	if (!grown) {
		json_decref(picked);
		return NULL;
	}
	set->panel = grown;
	grown = &set->panel[set->panels++];
	*grown = (struct panel){ .bench = curve->bench, .common = picked };
	grown->backing = string_at(picked, "backing");
	grown->page_bytes = number_at(picked, "page_size_bytes");
	grown->stride_pages = number_at(picked, "stride_pages");
	if (!isfinite(grown->stride_pages))
		grown->stride_pages = 1;
	name_panel(grown);
	return grown;
}

static void label_curve(const struct panel *panel, struct panel_curve *curve)
{
	const char *key;
	json_t *value;
	size_t alike = 0;

	place_label(curve->setting, curve->paging, curve->label, sizeof(curve->label));
	/* Params are named only where another curve of the same setting and paging has them otherwise. */
	for (size_t i = 0; i < panel->count; i++)
		alike += same_text(panel->curve[i]->setting, curve->setting) &&
			 same_text(panel->curve[i]->paging, curve->paging);
	json_object_foreach (curve->params, key, value) {
		if (alike > 1 && !json_object_get(panel->common, key))
			text_append(
				curve->label, sizeof(curve->label), ", %.16s %.16s", key, param_text(key, value).text);
	}
	label_clean(curve->label);
}

static int by_size(const void *left, const void *right)
{
	const struct panel *a = left, *b = right;

	if (a->page_bytes != b->page_bytes)
		return a->page_bytes < b->page_bytes ? -1 : 1;
	if (a->stride_pages != b->stride_pages)
		return a->stride_pages < b->stride_pages ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Insertion sort: stable, and there are few. */
static void sort_curves(struct panel_set *set)
{
	for (size_t i = 1; i < set->curves; i++) {
		struct panel_curve moved = set->curve[i];
		unsigned rank = place_rank(moved.setting, moved.paging);
		size_t slot = i;

		for (; slot && rank < place_rank(set->curve[slot - 1].setting, set->curve[slot - 1].paging); slot--)
			set->curve[slot] = set->curve[slot - 1];
		set->curve[slot] = moved;
	}
}

static int make_panels(struct panel_set *set)
{
	for (size_t i = 0; i < set->curves; i++) {
		struct panel *panel = panel_of(set, &set->curve[i]);
		struct panel_curve **grown;

		if (!panel)
			return -ENOMEM;
		grown = reallocarray(panel->curve, panel->count + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		panel->curve = grown;
		panel->curve[panel->count++] = &set->curve[i];
		panel->points += json_array_size(set->curve[i].points);
	}
	for (size_t i = 0; i < set->panels; i++) {
		for (size_t j = 0; j < set->panel[i].count; j++)
			label_curve(&set->panel[i], set->panel[i].curve[j]);
	}
	if (set->panels)
		qsort(set->panel, set->panels, sizeof(set->panel[0]), by_size);
	/* Long or odd params may have been cut to the same name, and two panels must not share a file. */
	for (size_t i = 1; i < set->panels; i++) {
		if (!strcmp(set->panel[i].name, set->panel[i - 1].name))
			snprintf(set->panel[i].name, sizeof(set->panel[i].name), "panel-%zu", i);
	}
	return 0;
}

int panels_gather(const json_t *points, struct panel_set *set)
{
	size_t i;
	json_t *point;
	int rc = 0;

	*set = (struct panel_set){ 0 };
	json_array_foreach (points, i, point) {
		rc = add_point(set, point);
		if (rc)
			goto out;
	}
	for (i = 0; i < set->curves && !rc; i++)
		rc = sort_points(&set->curve[i]);
	sort_curves(set);
	if (!rc)
		rc = make_panels(set);
out:
	if (rc)
		panels_free(set);
	return rc;
}

void panels_free(struct panel_set *set)
{
	for (size_t i = 0; i < set->panels; i++) {
		json_decref(set->panel[i].common);
		free(set->panel[i].curve);
	}
	for (size_t i = 0; i < set->curves; i++) {
		json_decref(set->curve[i].params);
		json_decref(set->curve[i].points);
		json_decref(set->curve[i].skipped);
	}
	free(set->panel);
	free(set->curve);
	*set = (struct panel_set){ 0 };
}
