#include "cmd/site_compare.h"

#include "cmd/compare_print.h"
#include "infer/compare_read.h"
#include "infer/compare_warnings.h"
#include "record/database.h"
#include "report/files.h"

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

/* What the runs are called, in their order. 0, or a negative errno with *why. */
static int labels_read(sqlite3 *db, struct names *labels, struct reason *why)
{
	sqlite3_stmt *row = database_prepare(db, "SELECT label FROM run_label ORDER BY run", why);
	int rc = row ? 0 : -EIO;

	while (!rc && (rc = database_step(row, why)) > 0)
		rc = names_add(labels, (const char *)sqlite3_column_text(row, 0)) ? fail(why, ENOMEM, "out of memory")
										  : 0;
	sqlite3_finalize(row);
	return rc;
}

char *site_compare_text(sqlite3 *db, struct reason *why)
{
	struct names labels = { 0 };
	size_t *side = NULL, size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	int rc = labels_read(db, &labels, why);

	if (!rc)
		side = calloc(labels.count, sizeof(*side));
	if (!rc && (!side || !out))
		rc = fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < labels.count && side; i++)
		side[i] = i;
	if (!rc) {
		fputs("\n## What differs beyond chance\n\n", out);
		rc = comparison_print(db, &(struct compare_question){ .side_of_run = side }, &labels, out, why);
	}
	if (out && fclose(out) && !rc)
		rc = fail(why, ENOMEM, "out of memory");
	names_free(&labels);
	free(side);
	if (!rc)
		return text;
	free(text);
	return NULL;
}
