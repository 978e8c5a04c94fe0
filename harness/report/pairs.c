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

/* Every sample of `over` against that of `under` with the same round. */
static int pair_points(const char *metric, const json_t *over, const json_t *under, struct ratios *ratios)
{
	const json_t *over_rounds = json_at(over, "samples.round"), *under_rounds = json_at(under, "samples.round");
	const json_t *over_samples = json_object_get(json_at(over, "samples"), metric);
	const json_t *under_samples = json_object_get(json_at(under, "samples"), metric);

	for (size_t i = 0; i < json_array_size(over_rounds); i++) {
		for (size_t j = 0; j < json_array_size(under_rounds); j++) {
			double a = json_number_value(json_array_get(over_samples, i));
			double b = json_number_value(json_array_get(under_samples, j));

			if (!json_equal(json_array_get(over_rounds, i), json_array_get(under_rounds, j)) || !(b > 0))
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
