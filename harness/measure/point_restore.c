/* A point of a run that is resumed: what its line says. */
#include "base/member.h"
#include "measure/point.h"

#include <math.h>
#include <string.h>

/* A value of a list; NAN where there is none. */
static double number_at(const json_t *lists, const char *name, size_t i)
{
	const json_t *number = json_array_get(json_object_get(lists, name), i);

	return json_is_number(number) ? json_number_value(number) : NAN;
}

static int latencies_restore(struct point *point, const json_t *buckets)
{
	static struct histogram latencies;
	size_t i;
	json_t *bucket;
	int error;

	memset(&latencies, 0, sizeof(latencies));
	json_array_foreach (buckets, i, bucket) {
		uint64_t from = (uint64_t)json_integer_value(json_array_get(bucket, 0));
		uint64_t count = (uint64_t)json_integer_value(json_array_get(bucket, 2));

		latencies.count[histogram_bucket(from)] += count;
		latencies.total += count;
		latencies.most = from; /* buckets ascend */
	}
	error = point_add_latencies(point, &latencies);
	point_keep_round(point);
	return error;
}

static int samples_restore(struct point *point, const json_t *lists)
{
	size_t count = json_array_size(json_object_get(lists, "round"));
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		double values[METRICS_MAX], quiet = number_at(lists, "quiet", i);

		for (size_t k = 0; k < point->metric_count; k++)
			values[k] = number_at(lists, point->metrics[k].name, i);
		error = point_add(point, values,
			&(struct sample_facts){ .cycles_per_tsc = number_at(lists, "cycles_per_tsc", i),
				.round = (unsigned)number_at(lists, "round", i),
				.at_s = number_at(lists, "at_s", i),
				.weather = { .cycles = number_at(lists, "weather", i), .quiet = quiet > 0 } });
	}
	return error;
}

static void memory_restore(struct point *point, const json_t *memory)
{
	const json_t *counted = json_object_get(memory, "faults_counted");

	point->page_bytes = (uint64_t)json_integer_value(json_object_get(memory, "page_bytes"));
	point->baseline_page_bytes = (uint64_t)json_integer_value(json_object_get(memory, "baseline_page_bytes"));
	point->baseline_bytes = (uint64_t)json_integer_value(json_object_get(memory, "baseline_bytes"));
	point->faults_expected = (uint64_t)json_integer_value(json_object_get(memory, "faults_expected"));
	point->faults_counted = json_is_integer(counted) ? (uint64_t)json_integer_value(counted) : FAULTS_NOT_COUNTED;
}

int point_restore(struct point *point, json_t *line)
{
	const json_t *counters = json_object_get(line, "counters");
	int error = samples_restore(point, json_object_get(line, "samples"));

	if (json_is_true(json_object_get(line, "final")) && !json_is_true(json_object_get(line, "interrupted"))) {
		point->kept = json_incref(line);
		for (unsigned s = 0; s < POINT_STATUSES; s++)
			if (member_is(line, "status", point_status_names[s]))
				point->status = (enum point_status)s;
	}
	point->discarded = (unsigned)json_integer_value(json_object_get(line, "discarded"));
	point->contaminated = (unsigned)json_integer_value(json_object_get(line, "contaminated"));
	memory_restore(point, json_object_get(line, "memory"));
	point->interpreted = json_is_true(json_object_get(line, "interpreted"));
	point->disturbance.involuntary_switches =
		(uint64_t)json_integer_value(json_object_get(counters, "involuntary_context_switches"));
	point->disturbance.page_faults = (uint64_t)json_integer_value(json_object_get(counters, "page_faults"));
	point->disturbance.away_ns = (uint64_t)json_integer_value(json_object_get(counters, "away_ns"));
	return error ? error : latencies_restore(point, json_object_get(json_object_get(line, "latencies"), "buckets"));
}
