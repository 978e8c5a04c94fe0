#include "record/traits.h"

#include "base/member.h"

#include <errno.h>
#include <string.h>

static const json_t *metric_of(const json_t *about, const char *bench, const char *metric)
{
	return json_object_get(json_object_get(json_object_get(about, "metrics"), bench), metric);
}

struct metric_traits traits_find(const json_t *about, const char *bench, const char *metric)
{
	const json_t *traits = metric_of(about, bench, metric);
	const char *unit = member_text(traits, "unit");

	return (struct metric_traits){
		.known = unit != NULL,
		.unit = unit,
		.time = json_is_true(json_object_get(traits, "time")),
		.signed_value = json_is_true(json_object_get(traits, "signed")),
	};
}

/* Two versions of nestwalk may define a metric differently. */
static int units_agree(const json_t *about, const char *bench, const json_t *metrics, struct reason *why)
{
	const char *name;
	json_t *traits;

	json_object_foreach ((json_t *)metrics, name, traits) {
		const struct metric_traits ours = traits_find(about, bench, name);
		const char *theirs = member_text(traits, "unit");

		if (ours.known && theirs && strcmp(ours.unit, theirs))
			return fail(why, EINVAL, "metric %s of %s is in %s in one run and in %s in another", name,
				bench, ours.unit, theirs);
	}
	return 0;
}

/* Add a bench's members of one object of run.json ("metrics" or "axes") that are not there yet. */
static int members_unite(json_t *all, const char *bench, json_t *members)
{
	json_t *ours = json_object_get(all, bench);

	/* A run.json from elsewhere may hold anything. A value that is not an object is ignored. */
	if (!json_is_object(members))
		return 0;
	return json_is_object(ours) ? json_object_update_missing(ours, members) : json_object_set(all, bench, members);
}

static int benches_unite(json_t *about, const char *key, const json_t *other, struct reason *why)
{
	const json_t *old = json_object_get(about, key);
	json_t *all = json_is_object(old) ? json_deep_copy(old) : json_object();
	const char *bench;
	json_t *members;
	int error = all ? 0 : -1;

	json_object_foreach (json_object_get(other, key), bench, members)
		error = error ? error : members_unite(all, bench, members);
	if (!error && json_object_size(all))
		error = json_object_set(about, key, all);
	json_decref(all);
	return error ? fail(why, ENOMEM, "out of memory") : 0;
}

int traits_unite(json_t *about, const json_t *other, struct reason *why)
{
	const char *bench;
	json_t *metrics;
	int error = 0;

	json_object_foreach (json_object_get(other, "metrics"), bench, metrics) {
		error = units_agree(about, bench, metrics, why);
		if (error)
			return error;
	}
	error = benches_unite(about, "metrics", other, why);
	return error ? error : benches_unite(about, "axes", other, why);
}
