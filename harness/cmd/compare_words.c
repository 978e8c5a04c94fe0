/* What all formats of a comparison say in the same words. */
#include "cmd/compare_print.h"

#define LARGE 40 /* rows that are read without scrolling far */

/* The length of a character of UTF-8; 0: it is none. Longer encodings than needed are none, as they could hide a short one. */
static size_t character_length(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t length = first < 0x80			? 1
			: first >= 0xc2 && first < 0xe0 ? 2
			: first >= 0xe0 && first < 0xf0 ? 3
			: first < 0xf5			? 4
							: 0;

	if (first >= 0x80 && first < 0xc2)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && (unsigned char)text[1] < 0xa0) || (first == 0xed && (unsigned char)text[1] >= 0xa0) ||
		(first == 0xf0 && (unsigned char)text[1] < 0x90) || (first == 0xf4 && (unsigned char)text[1] >= 0x90))
		return 0;
	return length;
}

char *compare_clean(char *text)
{
	char *out = text;

	for (const char *at = text; *at;) {
		size_t length = character_length(at);
		unsigned char first = (unsigned char)at[0], second = (unsigned char)at[length > 1];
		/* C0, DEL, C1, and the marks that turn the direction of writing around. */
		bool steers =
			first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0) ||
			(length == 3 && first == 0xe2 &&
				((second == 0x80 && (unsigned char)at[2] >= 0xa8 && (unsigned char)at[2] <= 0xae) ||
					(second == 0x81 && (unsigned char)at[2] >= 0xa6 &&
						(unsigned char)at[2] <= 0xa9)));

		if (!length || steers)
			*out++ = length ? ' ' : '?';
		for (size_t i = 0; i < length && !steers; i++)
			*out++ = at[i];
		at += length ? length : 1;
	}
	*out = '\0';
	return text;
}

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
