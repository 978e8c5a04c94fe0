#include "base/quiet.h"

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
