#include "report/storm_points.h"

#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const axes[] = { "kind", "frames", "as", "actors", NULL };

/* Of names[count]; count: it is none of them. */
static size_t index_of(const char *word, const char *const *names, size_t count)
{
	size_t i = 0;

	while (word && i < count && strcmp(word, names[i]))
		i++;
	return word ? i : count;
}

/* Guests' own faults have kinds of their own, some of the same name: the frames tell which these are. */
bool point_is_of_storm(const json_t *point)
{
	return index_of(string_at(point, "params.kind"), storm_kind_names, STORM_KINDS) < STORM_KINDS &&
	       index_of(string_at(point, "params.frames"), storm_frames_names, STORM_FRAMES) < STORM_FRAMES;
}

const char *storm_meaning(const char *kind)
{
	static const char *const meanings[STORM_KINDS] = {
		[STORM_ANON_WRITE] = "first write to anonymous memory",
		[STORM_ANON_READ] = "first read of anonymous memory",
		[STORM_ZERO_WRITE] = "write to what was read before",
		[STORM_THP_WRITE] = "first write, a transparent huge page",
		[STORM_HUGETLB_WRITE] = "first write, a page of the hugetlb pool",
		[STORM_SHARED_WRITE] = "write to a page that a memfd has",
		[STORM_FILE_READ] = "read of a file, 64K mapped at a time",
		[STORM_FILE_COPY] = "write to a private mapping of a file",
		[STORM_FORK_COPY] = "write after fork: the page is copied",
		[STORM_DONTNEED_WRITE] = "write after MADV_DONTNEED",
		[STORM_FREE_WRITE] = "write after MADV_FREE",
		[STORM_UPGRADE] = "write after PROT_READ is taken back",
		[STORM_POPULATE] = "a page of one MADV_POPULATE_WRITE",
		[STORM_USERFAULT_MISSING] = "another thread gives the page",
		[STORM_USERFAULT_MINOR] = "another thread maps a page of a memfd",
	};
	size_t i = index_of(kind, storm_kind_names, STORM_KINDS);

	return i < STORM_KINDS ? meanings[i] : "";
}

int storms_gather(
	const struct report *report, bool (*belongs)(const json_t *point), struct storms *storms, struct reason *why)
{
	bool seen[STORM_KINDS] = { false };
	size_t k;
	json_t *point;
	int rc;

	*storms = (struct storms){ .report = report,
		.seed = (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")) };
	rc = lanes_gather(report->run->points, belongs, axes, &storms->lanes);
	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&storms->lanes);
	for (size_t i = 0; i < storms->lanes.count; i++) {
		json_array_foreach (storms->lanes.lane[i].points, k, point)
			seen[index_of(string_at(point, "params.kind"), storm_kind_names, STORM_KINDS)] = true;
	}
	for (size_t i = 0; i < STORM_KINDS; i++) {
		if (seen[i])
			storms->kind[storms->kinds++] = storm_kind_names[i];
	}
	return 0;
}

void storms_free(struct storms *storms)
{
	lanes_free(&storms->lanes);
}

const json_t *storm_point(const struct lane *lane, const struct storm_place *place)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (text_is(point, "params.kind", place->kind) && text_is(point, "params.frames", place->frames) &&
			(!place->as || text_is(point, "params.as", place->as)) &&
			number_at(point, "params.actors") == place->actors)
			return point;
	}
	return NULL;
}

const json_t *storm_alone(const struct lane *lane, const struct storm_place *place)
{
	struct storm_place alone = *place;
	const json_t *point;

	alone.actors = 1;
	point = storm_point(lane, &alone);
	alone.as = NULL;
	return point ? point : storm_point(lane, &alone);
}

static size_t keep_number(double *out, size_t count, double number)
{
	size_t at = count;

	for (size_t i = 0; i < count; i++) {
		if (out[i] == number)
			return count;
	}
	if (!(number >= 1) || count == STORM_ACTORS_MAX)
		return count;
	for (; at && out[at - 1] > number; at--)
		out[at] = out[at - 1];
	out[at] = number;
	return count + 1;
}

size_t storm_actors(const struct storms *storms, const struct lane *lane, const char *kind, double *out)
{
	size_t count = 0, k;
	json_t *point;

	for (size_t i = 0; i < storms->lanes.count; i++) {
		if (lane && lane != &storms->lanes.lane[i])
			continue;
		json_array_foreach (storms->lanes.lane[i].points, k, point) {
			if (text_is(point, "params.kind", kind))
				count = keep_number(out, count, number_at(point, "params.actors"));
		}
	}
	return count;
}

double storm_most_actors(const struct storms *storms, const struct lane *lane, const char *kind)
{
	double actors[STORM_ACTORS_MAX];
	size_t count = storm_actors(storms, lane, kind, actors);

	return count ? actors[count - 1] : 0;
}
