/* What all formats of a comparison say in the same words. */
#include "cmd/compare_print.h"

#define LARGE 40 /* rows that are read without scrolling far */

bool compare_shows(const struct compare_output *output, size_t row)
{
	enum compare_verdict verdict = output->found->row[row].verdict;

	return output->all || output->found->rows <= LARGE || (verdict != COMPARE_ALIKE && verdict != COMPARE_UNKNOWN);
}

struct compare_tally compare_tally_of(const struct comparison *found)
{
	struct compare_tally tally = { { 0 } };

	for (size_t i = 0; i < found->rows; i++)
		tally.of[found->row[i].verdict]++;
	return tally;
}

char *compare_overview(const struct comparison *found)
{
	struct compare_tally tally = compare_tally_of(found);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%zu %s compared, %zu worse, %zu better, %zu not distinguishable", found->rows,
		found->rows == 1 ? "row" : "rows", tally.of[COMPARE_WORSE], tally.of[COMPARE_BETTER],
		tally.of[COMPARE_ALIKE]);
	if (tally.of[COMPARE_DIFFERS])
		fprintf(out, ", %zu different", tally.of[COMPARE_DIFFERS]);
	if (tally.of[COMPARE_UNKNOWN])
		fprintf(out, ", %zu unknown", tally.of[COMPARE_UNKNOWN]);
	return fclose(out) ? NULL : text;
}
