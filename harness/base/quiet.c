#include "base/quiet.h"

#include <math.h>
#include <stdlib.h>

bool quiet_suffice(const double *quiet, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; quiet && i < count; i++)
		found += quiet[i] > 0;
	return found >= QUIET_LEAST;
}

size_t quiet_select(const double *values, const double *quiet, size_t count, double *selected)
{
	bool quiet_only = quiet_suffice(quiet, count);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!quiet_only || quiet[i] > 0)
			selected[kept++] = values[i];
	return kept;
}

/* The numbers of an array that has so many. */
static double *numbers_of(const json_t *array, size_t count)
{
	double *numbers = calloc(count, sizeof(*numbers));

	for (size_t i = 0; numbers && i < count; i++) {
		const json_t *number = json_array_get(array, i);

		numbers[i] = json_is_number(number) ? json_number_value(number) : NAN;
	}
	return numbers;
}

double *quiet_samples(const json_t *samples, const json_t *quiet, size_t *count)
{
	bool is_known = json_array_size(quiet) == json_array_size(samples);
	double *selected, *is_quiet;

	*count = json_array_size(samples);
	if (!*count)
		return NULL;
	selected = numbers_of(samples, *count);
	is_quiet = is_known ? numbers_of(quiet, *count) : NULL;
	if (selected && (is_quiet || !is_known)) {
		*count = quiet_select(selected, is_quiet, *count, selected);
	} else {
		free(selected);
		selected = NULL;
	}
	free(is_quiet);
	return selected;
}
