#include "cmd/site_compare.h"

#include "cmd/compare_print.h"
#include "infer/compare_read.h"
#include "infer/compare_warnings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int comparison_print(
	sqlite3 *db, const struct compare_question *question, const struct names *sides, FILE *out, struct reason *why)
{
	struct compare_warnings warnings;
	struct comparison found;
	struct compare_output output = { .db = db,
		.found = &found,
		.warnings = &warnings,
		.side = (const char *const *)sides->name,
		.all = true,
		.out = out };
	int rc = compare_find(db, question, &found, why);

	if (rc)
		return rc;
	/* A side may have no points at all. */
	found.sides = sides->count;
	rc = compare_warnings_find(db, question, &found, &warnings, why);
	if (!rc) {
		rc = compare_print_markdown(&output, why);
		compare_warnings_free(&warnings);
	}
	comparison_free(&found);
	return rc;
}

char *site_compare_text(sqlite3 *db, const struct names *labels, struct reason *why)
{
	size_t *side = calloc(labels->count, sizeof(*side)), size;
	struct compare_question question = { .side_of_run = side };
	struct names cleaned = { 0 };
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	int rc = side && out ? 0 : fail(why, ENOMEM, "out of memory");

	for (size_t i = 0; i < labels->count && !rc; i++) {
		side[i] = i;
		rc = names_add(&cleaned, labels->name[i]) ? fail(why, ENOMEM, "out of memory") : 0;
		if (!rc)
			compare_clean(cleaned.name[i]);
	}
	if (!rc) {
		fputs("\n## What differs beyond chance\n\n", out);
		rc = comparison_print(db, &question, &cleaned, out, why);
	}
	if (out && fclose(out) && !rc)
		rc = fail(why, ENOMEM, "out of memory");
	names_free(&cleaned);
	free(side);
	if (!rc)
		return text;
	free(text);
	return NULL;
}
