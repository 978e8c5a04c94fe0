/* Checking what run.json says about the runs that were joined to it, and the files that it names. */
#include "base/member.h"
#include "base/plain_file.h"
#include "record/check_point.h"
#include "record/joined.h"
#include "record/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct expected_key joined_keys[] = {
	{ "file", KIND_STRING },
	{ "as", KIND_STRING },
	{ "paging", KIND_STRING | KIND_NULL },
	{ "accel", KIND_STRING | KIND_NULL },
	{ "host", KIND_STRING | KIND_NULL },
	{ "outer", KIND_STRING | KIND_NULL },
	{ "started_utc", KIND_STRING | KIND_NULL },
	{ "points", KIND_INTEGER },
	{ "warnings", KIND_ARRAY },
};

/* Check that the joined run's own run.json can be read, and take its clock, by which its points are checked. */
static void check_file(struct checking *c, const char *run, const char *name, struct checked_join *join)
{
	json_error_t error;
	struct reason why;
	json_t *about;
	FILE *file;

	if (!joined_file_is_own(name)) {
		finding(c, FINDING_PROBLEM, "joined: %s is not a file of this run", name);
		return;
	}
	file = plain_file_open(run, name, PLAIN_FILE_DOCUMENT_MOST, &why);
	if (!file) {
		finding(c, FINDING_PROBLEM, "joined: %s", why.text);
		return;
	}
	about = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	fclose(file);
	if (!about)
		finding(c, FINDING_PROBLEM, "joined: cannot read %s: %s", name, error.text);
	else if (json_integer_value(json_object_get(about, "schema")) != RUN_SCHEMA)
		finding(c, FINDING_PROBLEM, "joined: the schema of %s is not %d", name, RUN_SCHEMA);
	join->tsc_hz = json_number_value(json_object_get(json_object_get(about, "clock"), "tsc_hz"));
	json_decref(about);
}

static void check_element(struct checking *c, const char *run, const json_t *element, struct checked_join *join)
{
	static const char *const as[] = { "host", "guest" };
	static const char *const accels[] = { "kvm", "tcg" };
	const json_t *accel = json_object_get(element, "accel"), *guest = json_object_get(element, "guest");

	if (!check_keys(c, element, "joined", joined_keys, COUNT(joined_keys)))
		return;
	check_word(c, "joined.as", json_object_get(element, "as"), as, COUNT(as));
	if (!json_is_null(accel))
		check_word(c, "joined.accel", accel, accels, COUNT(accels));
	check_nulls(c, element, "joined");
	if (guest && !json_is_object(guest))
		finding(c, FINDING_PROBLEM, "joined.guest is not an object");
	join->said = json_integer_value(json_object_get(element, "points"));
	check_file(c, run, member_text(element, "file"), join);
}

int check_joined(struct checking *c, const char *run, const json_t *about)
{
	const json_t *list = json_object_get(about, "joined"), *guest = json_object_get(about, "guest");
	size_t i;
	json_t *element;

	if (guest && !json_is_object(guest))
		finding(c, FINDING_PROBLEM, "guest is not an object");
	if (!list)
		return 0;
	if (!json_array_size(list)) {
		finding(c, FINDING_PROBLEM, "joined is not a list of runs");
		return 0;
	}
	c->join = calloc(json_array_size(list), sizeof(*c->join));
	if (!c->join)
		return -ENOMEM;
	c->joins = json_array_size(list);
	json_array_foreach (list, i, element)
		check_element(c, run, element, &c->join[i]);
	return 0;
}

void check_joined_points(struct checking *c)
{
	for (size_t i = 0; i < c->joins; i++) {
		if (c->join[i].said != c->join[i].seen)
			finding(c, FINDING_PROBLEM, "joined run %zu has %lld points here, but run.json says %lld",
				i + 1, (long long)c->join[i].seen, (long long)c->join[i].said);
	}
}
