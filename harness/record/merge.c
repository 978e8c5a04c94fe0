#include "record/merge.h"

#include "base/member.h"
#include "record/traits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct merging {
	const struct merge_request *request;
	struct merged *out;
	json_t *where; /* identity -> index in out->points */
	json_t *list; /* run.json's "joined" */
	const struct joined_run *joined; /* the run being joined */
	size_t number; /* its place in the list, from 1 */
	size_t own_before; /* what is added to the numbers of the runs that this run is itself joined of */
	struct joined_judgement judgement; /* of that run */
	size_t taken, unfinished, nested_vcpus, replaced, clashes;
	struct reason *why;
};

static const char *or_unnamed(const char *text)
{
	return text ? text : "?";
}

static const char *path_of(const struct merging *merging, size_t number)
{
	return number ? or_unnamed(member_text(json_array_get(merging->out->sources, number - 1), "path"))
		      : merging->request->base->path;
}

static size_t joined_number(const json_t *point)
{
	json_int_t number = json_integer_value(json_object_get(point, "joined"));

	return number > 0 ? (size_t)number : 0;
}

/*
 * Record the hypervisor beneath the host of a guest's point, beside the guest's own: points of a guest in a guest are
 * comparable only if both are known.
 */
static void set_outer(json_t *point, const struct joined_judgement *judgement)
{
	char text[160];
	const char *own = member_text(point, "outer");

	if (!judgement->outer)
		return;
	snprintf(text, sizeof(text), "%s on %s", own ? own : "unknown", judgement->outer);
	json_object_set_new(point, "outer", json_string(text));
}

static void make_guest_point(json_t *point, const struct joined_judgement *judgement)
{
	json_object_set_new(point, "setting", json_string("guest"));
	json_object_del(point, "paging_reason");
	if (judgement->paging) {
		json_object_set_new(point, "paging", json_string(judgement->paging));
	} else {
		json_object_set_new(point, "paging", json_null());
		json_object_set_new(point, "paging_reason", json_string(judgement->paging_reason));
	}
	if (judgement->accel)
		json_object_set_new(point, "accel", json_string(judgement->accel));
	set_outer(point, judgement);
}

/* Note two points with one identity. The first such pair is described, further ones are counted. */
static void clash_note(struct merging *merging, const json_t *point, const json_t *before)
{
	char *params = json_dumps(json_object_get(point, "params"), JSON_COMPACT);
	const char *paging = member_text(point, "paging");

	merging->clashes++;
	if (merging->clashes == 1)
		fail(merging->why, EEXIST, "%s, %s, %s paging, %.120s is in %.90s and in %.90s",
			or_unnamed(member_text(point, "bench")), or_unnamed(member_text(point, "setting")),
			paging ? paging : "unknown", or_unnamed(params), path_of(merging, joined_number(before)),
			path_of(merging, joined_number(point)));
	free(params);
}

static int point_join(struct merging *merging, json_t *point)
{
	char *identity = point_identity(point);
	const json_t *index = identity ? json_object_get(merging->where, identity) : NULL;
	json_t *points = merging->out->points;
	size_t at = index ? (size_t)json_integer_value(index) : json_array_size(points);
	int rc = identity ? 0 : -1;

	if (index && !merging->request->replace) {
		clash_note(merging, point, json_array_get(points, at));
	} else if (index) {
		merging->replaced++;
		rc = json_array_set(points, at, point);
	} else if (identity) {
		rc = json_array_append(points, point);
		if (!rc)
			rc = json_object_set_new(merging->where, identity, json_integer((json_int_t)at));
	}
	free(identity);
	return rc ? fail(merging->why, ENOMEM, "out of memory") : 0;
}

static int take_point(struct merging *merging, const json_t *original)
{
	json_t *point;
	size_t number;
	int rc;

	/* The control of a guest's own host compares with nothing outside of that guest. */
	if (merging->judgement.guest && member_is(original, "setting", "host-again"))
		return 0;
	if (merging->judgement.guest && !joined_number(original) && !member_is(original, "setting", "host")) {
		merging->nested_vcpus++;
		return 0;
	}
	/*
	 * The base's run.json says whether the result is complete, and a complete run has finished points only. So
	 * unfinished points are left out.
	 */
	if (!json_is_true(json_object_get(original, "final"))) {
		merging->unfinished++;
		return 0;
	}
	if (joined_number(original) > json_array_size(json_object_get(merging->joined->run->about, "joined")))
		return fail(merging->why, EINVAL,
			"%s: a point is said to be of a joined run that run.json does not name",
			merging->joined->run->path);
	merging->taken++;
	point = json_copy((json_t *)original);
	if (!point)
		return fail(merging->why, ENOMEM, "out of memory");
	if (merging->judgement.guest)
		make_guest_point(point, &merging->judgement);
	number = joined_number(original) ? merging->own_before + joined_number(original) : merging->number;
	json_object_set_new(point, "joined", json_integer((json_int_t)number));
	rc = point_join(merging, point);
	json_decref(point);
	return rc;
}

static int nothing_joined(const struct merging *merging)
{
	const char *path = merging->joined->run->path;

	if (merging->nested_vcpus)
		return fail(merging->why, EINVAL,
			"%s was made inside a guest and has no finished points of setting host: its vcpu points are of guests of that guest and cannot be compared here",
			path);
	return fail(merging->why, EINVAL, "%s has no finished points", path);
}

/* Paging modes of a run's guests, where they agree; NULL: it has none, or several. */
static const char *vcpu_paging(const json_t *points)
{
	const char *paging = NULL;
	size_t i;
	json_t *point;

	json_array_foreach (points, i, point) {
		const char *its = member_text(point, "paging");

		if (!member_is(point, "setting", "vcpu") || !its)
			continue;
		if (paging && strcmp(paging, its))
			return NULL;
		paging = its;
	}
	return paging;
}

static void set_text(json_t *object, const char *key, const char *value, const char *why_not)
{
	char beside[32];

	json_object_set_new(object, key, value ? json_string(value) : json_null());
	if (value)
		return;
	snprintf(beside, sizeof(beside), "%s_reason", key);
	json_object_set_new(object, beside, json_string(why_not));
}

static json_t *file_name(size_t number)
{
	return json_sprintf("joined/%zu-run.json", number);
}

static json_t *joined_run_json(const struct merging *merging)
{
	const struct loaded_run *run = merging->joined->run;
	const struct joined_judgement *judgement = &merging->judgement;
	const json_t *machine = json_object_get(run->about, "machine");
	json_t *element = json_object(), *guest = json_object_get(run->about, "guest"), *outer = json_object();

	json_object_set_new(element, "file", file_name(merging->number));
	json_object_set_new(element, "as", json_string(judgement->guest ? "guest" : "host"));
	if (judgement->guest) {
		set_text(element, "paging", judgement->paging, judgement->paging_reason);
		set_text(element, "accel", judgement->accel, judgement->accel_reason);
	} else {
		set_text(element, "paging", vcpu_paging(run->points), "it has no guests, or of several paging modes");
		set_text(element, "accel", NULL, "measured on the host itself");
	}
	set_text(element, "host", member_text(run->about, "host"), "the run does not say it");
	json_object_set(outer, "outer", json_object_get(json_object_get(machine, "outer"), "name"));
	set_outer(outer, judgement);
	set_text(element, "outer", member_text(outer, "outer"), "the run does not say it");
	set_text(element, "started_utc", member_text(run->about, "started_utc"), "the run does not say it");
	if (json_is_object(guest))
		json_object_set(element, "guest", guest);
	json_object_set(element, "warnings", judgement->warnings);
	json_decref(outer);
	return element;
}

static void warn_of_points(struct merging *merging)
{
	const struct loaded_run *run = merging->joined->run;

	if (merging->nested_vcpus)
		joined_warn(&merging->judgement, "left out, as they are of vCPUs inside the guest: %zu of its points",
			merging->nested_vcpus);
	if (merging->unfinished)
		joined_warn(&merging->judgement, "left out, as they were not finished: %zu of its points",
			merging->unfinished);
	if (run->truncated)
		joined_warn(&merging->judgement, "the last line of its points was cut off and is left out");
	if (merging->replaced)
		joined_warn(
			&merging->judgement, "replacing those of earlier runs: %zu of its points", merging->replaced);
}

/* Append a run to the list. The reference of `element` is taken. */
static int list_add(struct merging *merging, json_t *element, const char *path, const char *file)
{
	/* The path is for opening files, and is never written as JSON: it need not be UTF-8. */
	json_t *source = json_pack("{s:o, s:s}", "path", json_string_nocheck(path), "file", file);

	if (json_array_append_new(merging->list, element) | json_array_append_new(merging->out->sources, source))
		return fail(merging->why, ENOMEM, "out of memory");
	return 0;
}

/* A run may itself be joined of other runs. Append these behind it in the list, under new numbers. */
static int list_add_its_own(struct merging *merging, const struct loaded_run *run)
{
	size_t i;
	json_t *element;
	int rc = 0;

	merging->own_before = json_array_size(merging->list);
	json_array_foreach (json_object_get(run->about, "joined"), i, element) {
		json_t *copy = json_deep_copy(element);

		json_object_set_new(copy, "file", file_name(merging->own_before + i + 1));
		rc = list_add(merging, copy, run->path, or_unnamed(member_text(element, "file")));
		if (rc)
			break;
	}
	return rc;
}

static int join_one(struct merging *merging)
{
	const struct loaded_run *run = merging->joined->run;
	size_t i;
	json_t *point, *described = json_object();
	int rc = joined_judge(merging->request->base, merging->joined, &merging->judgement, merging->why);

	if (!rc && merging->judgement.guest && json_object_get(run->about, "joined"))
		rc = fail(merging->why, EINVAL,
			"%s was made in a guest and is itself joined of runs: name those runs instead", run->path);
	merging->taken = merging->unfinished = merging->nested_vcpus = merging->replaced = 0;
	merging->number = json_array_size(merging->list) + 1;
	/* The run's description is known only after its points were taken, but its place in the list is taken now. */
	if (!rc)
		rc = list_add(merging, json_incref(described), run->path, "run.json");
	if (!rc)
		rc = list_add_its_own(merging, run);
	if (!rc)
		rc = traits_unite(merging->out->about, run->about, merging->why);
	if (!rc) {
		json_array_foreach (run->points, i, point) {
			rc = take_point(merging, point);
			if (rc)
				break;
		}
	}
	if (!rc && !merging->taken)
		rc = nothing_joined(merging);
	if (!rc) {
		json_t *element;

		warn_of_points(merging);
		element = joined_run_json(merging);
		rc = json_object_update(described, element) ? fail(merging->why, ENOMEM, "out of memory") : 0;
		json_decref(element);
	}
	json_decref(described);
	joined_free(&merging->judgement);
	return rc;
}

/* Count the points that each run has in the end, as a later run may have replaced some of them. */
static void joined_points_count(const struct merged *merged, json_t *list)
{
	size_t i, k;
	json_t *element, *point;

	json_array_foreach (list, i, element) {
		json_int_t points = 0;

		json_array_foreach (merged->points, k, point)
			points += joined_number(point) == i + 1;
		json_object_set_new(element, "points", json_integer(points));
	}
}

static int merging_start(struct merging *merging)
{
	const struct loaded_run *base = merging->request->base;
	size_t i;
	json_t *point;
	int rc;

	merging->out->about = json_copy(base->about);
	merging->out->points = json_array();
	merging->out->sources = json_array();
	merging->where = json_object();
	merging->list = json_array();
	if (!merging->out->about || !merging->out->points || !merging->out->sources || !merging->where ||
		!merging->list)
		return fail(merging->why, ENOMEM, "out of memory");
	rc = list_add_its_own(merging, base);
	json_array_foreach (base->points, i, point) {
		if (!rc)
			rc = point_join(merging, point);
	}
	return rc;
}

int merge_runs(const struct merge_request *request, struct merged *out, struct reason *why)
{
	struct reason first = { "" };
	struct merging merging = { .request = request, .out = out, .why = &first };
	int rc;

	*out = (struct merged){ 0 };
	rc = merging_start(&merging);
	for (size_t i = 0; i < request->count && !rc; i++) {
		merging.joined = &request->joined[i];
		rc = join_one(&merging);
		if (!rc && merging.clashes)
			rc = -EEXIST;
	}
	if (!rc) {
		joined_points_count(out, merging.list);
		if (json_object_set(out->about, "joined", merging.list))
			rc = fail(&first, ENOMEM, "out of memory");
	} else if (rc == -EEXIST) {
		rc = fail(why, EEXIST, "%s%s; take the later ones with --replace, or leave out that run", first.text,
			merging.clashes > 1 ? ", and more points are in both" : "");
	}
	if (rc && rc != -EEXIST && why)
		*why = first;
	json_decref(merging.list);
	json_decref(merging.where);
	if (rc)
		merged_free(out);
	return rc;
}

void merged_free(struct merged *merged)
{
	json_decref(merged->about);
	json_decref(merged->points);
	json_decref(merged->sources);
	*merged = (struct merged){ 0 };
}
