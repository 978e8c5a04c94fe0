#include "record/traits.h"

#include <errno.h>
#include <string.h>

static const json_t *metric_of(const json_t *about, const char *bench, const char *metric)
{
	return json_object_get(json_object_get(json_object_get(about, "metrics"), bench), metric);
}

struct metric_traits traits_find(const json_t *about, const char *bench, const char *metric)
{
	const json_t *traits = metric_of(about, bench, metric);
	const char *unit = json_string_value(json_object_get(traits, "unit"));

	return (struct metric_traits){
		.known = unit != NULL,
		.unit = unit,
		.time = json_is_true(json_object_get(traits, "time")),
		.signed_value = json_is_true(json_object_get(traits, "signed")),
	};
}

/* The runs may be of versions of nestwalk in which the metric is not the same. */
static int units_agree(const json_t *about, const char *bench, const json_t *metrics, struct reason *why)
{
	const char *name;
	json_t *traits;

	json_object_foreach ((json_t *)metrics, name, traits) {
		const struct metric_traits ours = traits_find(about, bench, name);
		const char *theirs = json_string_value(json_object_get(traits, "unit"));

		if (ours.known && theirs && strcmp(ours.unit, theirs))
			return fail(why, EINVAL, "metric %s of %s is in %s in one run and in %s in another", name,
				bench, ours.unit, theirs);
	}
	return 0;
}

/* What a bench has in one object of run.json ("metrics" or "axes"), less what is there already. */
static int members_unite(json_t *all, const char *bench, json_t *members)
{
	json_t *ours = json_object_get(all, bench);

	/* A stranger's run.json may hold anything; what is no object says nothing. */
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
