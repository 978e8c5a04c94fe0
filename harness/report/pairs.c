#include "report/pairs.h"

#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A list of numbers. */
struct numbers {
	double *number;
	size_t count, room;
};

static int keep(struct numbers *ratios, double number)
{
	if (ratios->count == ratios->room) {
		size_t room = ratios->room ? 2 * ratios->room : 64;
		double *grown = reallocarray(ratios->number, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		ratios->number = grown;
		ratios->room = room;
	}
	ratios->number[ratios->count++] = number;
	return 0;
}

static double sample_at(const json_t *samples, size_t i)
{
	const json_t *value = json_array_get(samples, i);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Whether two points were taken in one run; those that were joined to it from others say from which. */
static bool same_run(const json_t *a, const json_t *b)
{
	const json_t *run_a = json_object_get(a, "joined"), *run_b = json_object_get(b, "joined");

	return run_a && run_b ? json_equal(run_a, run_b) : run_a == run_b;
}

/* Every sample of `over` against that of `under` with the same round. */
static int pair_points(const char *metric, const json_t *over, const json_t *under, struct numbers *ratios)
{
	const json_t *over_rounds = json_at(over, "samples.round"), *under_rounds = json_at(under, "samples.round");
	const json_t *over_samples = json_object_get(json_at(over, "samples"), metric);
	const json_t *under_samples = json_object_get(json_at(under, "samples"), metric);

	if (!same_run(over, under))
		return 0;
	for (size_t i = 0; i < json_array_size(over_rounds); i++) {
		for (size_t j = 0; j < json_array_size(under_rounds); j++) {
			double a = sample_at(over_samples, i), b = sample_at(under_samples, j);

			if (!json_equal(json_array_get(over_rounds, i), json_array_get(under_rounds, j)) || !(b > 0) ||
				!isfinite(a))
				continue;
			if (keep(ratios, a / b))
				return -ENOMEM;
			break;
		}
	}
	return 0;
}

/* One place at which both were measured: the samples [first, under) are of the one, [under, end) of the other. */
struct place {
	size_t first, under, end;
};

/* All samples of both, a place after the other. */
struct unpaired {
	struct numbers sample;
	struct place *place;
	size_t places;
	double *resample, *ratio; /* room for as many as there are samples, and places */
};

static double drawn_median(const struct unpaired *unpaired, const unsigned *drawn, size_t from, size_t to)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++) {
		for (unsigned times = 0; times < drawn[i]; times++)
			unpaired->resample[count++] = unpaired->sample.number[i];
	}
	return statistics_median(unpaired->resample, count);
}

/* A place of which a resample has nothing on one side is left out of it: the median of nothing is NaN. */
static double ratio_of_medians(const unsigned *drawn, size_t n, void *context)
{
	const struct unpaired *unpaired = context;

	(void)n;
	for (size_t i = 0; i < unpaired->places; i++) {
		const struct place *place = &unpaired->place[i];

		unpaired->ratio[i] = drawn_median(unpaired, drawn, place->first, place->under) /
				     drawn_median(unpaired, drawn, place->under, place->end);
	}
	return statistics_median(unpaired->ratio, unpaired->places);
}

static int keep_all(const json_t *point, const char *metric, struct numbers *into)
{
	const json_t *samples = json_object_get(json_object_get(point, "samples"), metric);
	int rc = 0;

	for (size_t i = 0; i < json_array_size(samples) && !rc; i++) {
		if (sample_at(samples, i) > 0)
			rc = keep(into, sample_at(samples, i));
	}
	return rc;
}

/* A place without samples on one side is none. */
static int add_place(struct unpaired *unpaired, const char *metric, const json_t *over, const json_t *under)
{
	struct place place = { .first = unpaired->sample.count };
	struct place *grown = reallocarray(unpaired->place, unpaired->places + 1, sizeof(*grown));
	int rc = grown ? keep_all(over, metric, &unpaired->sample) : -ENOMEM;

	if (grown)
		unpaired->place = grown;
	place.under = unpaired->sample.count;
	if (!rc)
		rc = keep_all(under, metric, &unpaired->sample);
	place.end = unpaired->sample.count;
	if (rc)
		return rc;
	if (place.first < place.under && place.under < place.end)
		grown[unpaired->places++] = place;
	else
		unpaired->sample.count = place.first;
	return 0;
}

/* Frees what was gathered. `rc` is how the gathering went. */
static int ratio_unpaired(struct unpaired *unpaired, int rc, uint64_t seed, struct interval *ratio)
{
	unpaired->resample = calloc(unpaired->sample.count + 1, sizeof(double));
	unpaired->ratio = calloc(unpaired->places + 1, sizeof(double));
	if (!unpaired->resample || !unpaired->ratio)
		rc = -ENOMEM;
	*ratio = (struct interval){ NAN, NAN, NAN };
	if (!rc && unpaired->places)
		*ratio = statistics_bootstrap(unpaired->sample.count, ratio_of_medians, unpaired, seed);
	free(unpaired->ratio);
	free(unpaired->resample);
	free(unpaired->place);
	free(unpaired->sample.number);
	return rc;
}

static bool same_place(const json_t *a, const json_t *b)
{
	const char *pass_a = string_at(a, "pass"), *pass_b = string_at(b, "pass");

	return number_at(a, "params.pages") == number_at(b, "params.pages") && pass_a && pass_b &&
	       !strcmp(pass_a, pass_b);
}

int ratio_of_pairs(const struct ratio_request *request, struct interval *ratio, size_t *pairs)
{
	struct numbers ratios = { 0 };
	struct unpaired unpaired = { .places = 0 };
	size_t i, j;
	json_t *over, *under;
	int rc = 0;

	json_array_foreach (request->over->points, i, over) {
		double pages = number_at(over, "params.pages");

		if (!(pages >= request->pages_least && pages <= request->pages_most))
			continue;
		json_array_foreach (request->under->points, j, under) {
			if (!same_place(over, under))
				continue;
			rc = rc ? rc : pair_points(request->metric, over, under, &ratios);
			rc = rc ? rc : add_place(&unpaired, request->metric, over, under);
		}
	}
	/* Not used where there are pairs, but freed. */
	if (ratios.count)
		unpaired.places = 0;
	rc = ratio_unpaired(&unpaired, rc, request->seed, ratio);
	if (ratios.count)
		*ratio = statistics_median_interval(ratios.number, ratios.count, request->seed);
	*pairs = ratios.count;
	free(ratios.number);
	return rc;
}

static double median_of(const json_t *point, const char *metric)
{
	return number_at(json_object_get(json_at(point, "metrics"), metric), "median");
}

int ratio_of_points(const struct point_ratio_request *request, struct point_ratio *out)
{
	struct numbers ratios = { 0 };
	int rc = pair_points(request->metric, request->over, request->under, &ratios);

	out->pairs = ratios.count;
	out->ratio = statistics_median_interval(ratios.number, ratios.count, request->seed);
	free(ratios.number);
	if (!rc && !out->pairs) {
		struct unpaired unpaired = { .places = 0 };

		rc = add_place(&unpaired, request->metric, request->over, request->under);
		rc = ratio_unpaired(&unpaired, rc, request->seed, &out->ratio);
	}
	if (!rc && !isfinite(out->ratio.median))
		out->ratio.median =
			median_of(request->over, request->metric) / median_of(request->under, request->metric);
	return rc;
}
