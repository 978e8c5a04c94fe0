#include "report/pairs.h"

#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ratios {
	double *number;
	size_t count, room;
};

static int keep(struct ratios *ratios, double number)
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

/* Every sample of `over` against that of `under` with the same round. */
static int pair_points(const char *metric, const json_t *over, const json_t *under, struct ratios *ratios)
{
	const json_t *over_rounds = json_at(over, "samples.round"), *under_rounds = json_at(under, "samples.round");
	const json_t *over_samples = json_object_get(json_at(over, "samples"), metric);
	const json_t *under_samples = json_object_get(json_at(under, "samples"), metric);

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

static bool same_place(const json_t *a, const json_t *b)
{
	const char *pass_a = string_at(a, "pass"), *pass_b = string_at(b, "pass");

	return number_at(a, "params.pages") == number_at(b, "params.pages") && pass_a && pass_b &&
	       !strcmp(pass_a, pass_b);
}

int ratio_of_pairs(const struct ratio_request *request, struct interval *ratio, size_t *pairs)
{
	struct ratios ratios = { 0 };
	size_t i, j;
	json_t *over, *under;
	int rc = 0;

	json_array_foreach (request->over->points, i, over) {
		double pages = number_at(over, "params.pages");

		if (!(pages >= request->pages_least && pages <= request->pages_most))
			continue;
		json_array_foreach (request->under->points, j, under) {
			if (same_place(over, under))
				rc = rc ? rc : pair_points(request->metric, over, under, &ratios);
		}
	}
	*ratio = stats_median_interval(ratios.number, ratios.count, request->seed);
	*pairs = ratios.count;
	free(ratios.number);
	return rc;
}

/* The samples of two points in one array, those of the first before those of the second. */
struct unpaired {
	const double *sample;
	double *resample; /* room for as many */
	size_t over;
};

static double drawn_median(const struct unpaired *unpaired, const unsigned *drawn, size_t from, size_t to)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++) {
		for (unsigned times = 0; times < drawn[i]; times++)
			unpaired->resample[count++] = unpaired->sample[i];
	}
	return stats_median(unpaired->resample, count);
}

static double ratio_of_medians(const unsigned *drawn, size_t n, void *context)
{
	const struct unpaired *unpaired = context;

	return drawn_median(unpaired, drawn, 0, unpaired->over) / drawn_median(unpaired, drawn, unpaired->over, n);
}

static int keep_all(const json_t *point, const char *metric, struct ratios *into)
{
	const json_t *samples = json_object_get(json_object_get(point, "samples"), metric);
	int rc = 0;

	for (size_t i = 0; i < json_array_size(samples) && !rc; i++) {
		if (sample_at(samples, i) > 0)
			rc = keep(into, sample_at(samples, i));
	}
	return rc;
}

static int ratio_unpaired(const struct point_ratio_request *request, struct interval *ratio)
{
	struct ratios both = { 0 };
	struct unpaired unpaired;
	int rc = keep_all(request->over, request->metric, &both);

	unpaired.over = both.count;
	if (!rc)
		rc = keep_all(request->under, request->metric, &both);
	unpaired.sample = both.number;
	unpaired.resample = malloc((both.count + 1) * sizeof(double));
	if (!rc && unpaired.resample && unpaired.over && both.count > unpaired.over)
		*ratio = stats_bootstrap(both.count, ratio_of_medians, &unpaired, request->seed);
	if (!unpaired.resample)
		rc = -ENOMEM;
	free(unpaired.resample);
	free(both.number);
	return rc;
}

static double median_of(const json_t *point, const char *metric)
{
	return number_at(json_object_get(json_at(point, "metrics"), metric), "median");
}

int ratio_of_points(const struct point_ratio_request *request, struct point_ratio *out)
{
	struct ratios ratios = { 0 };
	int rc = pair_points(request->metric, request->over, request->under, &ratios);

	out->pairs = ratios.count;
	out->ratio = stats_median_interval(ratios.number, ratios.count, request->seed);
	free(ratios.number);
	if (!rc && !out->pairs)
		rc = ratio_unpaired(request, &out->ratio);
	if (!rc && !isfinite(out->ratio.median))
		out->ratio.median =
			median_of(request->over, request->metric) / median_of(request->under, request->metric);
	return rc;
}
