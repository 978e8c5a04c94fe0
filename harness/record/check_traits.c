/* Checking what run.json says about the metrics and axes of its benches. */
#include "record/check_point.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct expected_key metric_keys[] = {
	{ "unit", KIND_STRING },
	{ "per", KIND_STRING | KIND_NULL },
	{ "better", KIND_STRING | KIND_NULL },
	{ "signed", KIND_BOOLEAN },
	{ "time", KIND_BOOLEAN },
};

static const struct expected_key axis_keys[] = {
	{ "kind", KIND_STRING },
	{ "help", KIND_STRING },
};

static void check_metric_traits(struct checking *c, const char *within, const json_t *traits)
{
	static const char *const better[] = { "less", "more" };
	const json_t *which = json_object_get(traits, "better");

	if (check_keys(c, traits, within, metric_keys, COUNT(metric_keys)) && !json_is_null(which))
		check_word(c, within, which, better, COUNT(better));
}

static void check_axis(struct checking *c, const char *within, const json_t *axis)
{
	static const char *const kinds[] = { "count", "bytes", "page_size", "choice" };

	if (check_keys(c, axis, within, axis_keys, COUNT(axis_keys)))
		check_word(c, within, json_object_get(axis, "kind"), kinds, COUNT(kinds));
}

static void check_each(struct checking *c, const json_t *about, const char *key,
	void (*check)(struct checking *c, const char *within, const json_t *member))
{
	json_t *benches = json_object_get(about, key), *members, *member;
	const char *bench, *name;

	if (benches && !json_is_object(benches))
		finding(c, FINDING_PROBLEM, "%s is not an object", key);
	json_object_foreach (benches, bench, members) {
		if (!json_is_object(members)) {
			finding(c, FINDING_PROBLEM, "%s.%s is not an object", key, bench);
			continue;
		}
		json_object_foreach (members, name, member) {
			char within[160];

			snprintf(within, sizeof(within), "%s.%s.%s", key, bench, name);
			if (json_is_object(member))
				check(c, within, member);
			else
				finding(c, FINDING_PROBLEM, "%s is not an object", within);
		}
	}
}

void check_traits(struct checking *c, const json_t *about)
{
	check_each(c, about, "metrics", check_metric_traits);
	check_each(c, about, "axes", check_axis);
}
