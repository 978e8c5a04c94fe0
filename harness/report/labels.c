#include "report/labels.h"

#include "record/database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A legend has no room for more. Host names may have 64 bytes, and directories 255. */
#define LABEL_BYTES_MOST 40

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FACT(path) "(SELECT value FROM fact f WHERE f.run = r.run AND f.path = '" path "')"
/* The last part of a path: what is left of it without all that ends in a slash. */
#define PATH "rtrim(path, '/')"
#define DIRECTORY "replace(" PATH ", rtrim(" PATH ", replace(" PATH ", '/', '')), '')"

/*
 * What runs may differ in, the best name first. The directories that `nestwalk run` makes are named after the time, which
 * is said last and in words.
 */
static const char *const tells[] = {
	"CASE WHEN instr(host, '.') > 1 THEN substr(host, 1, instr(host, '.') - 1) ELSE host END",
	"CASE WHEN " DIRECTORY " NOT GLOB '[0-9]*T[0-9]*Z*' THEN NULLIF(" DIRECTORY ", '.') END",
	"cpu",
	"'kernel ' || " FACT("machine.kernel.release"),
	"'effort ' || effort",
	"'version ' || version",
	"replace(substr(started_utc, 1, 16), 'T', ' ')",
	"replace(started_utc, 'T', ' ')",
};

struct labels {
	char **label; /* owned, as are the labels */
	size_t count; /* of runs */
};

static void labels_free(struct labels *labels)
{
	for (size_t i = 0; labels->label && i < labels->count; i++)
		free(labels->label[i]);
	free(labels->label);
	*labels = (struct labels){ 0 };
}

static size_t labels_different(const struct labels *labels)
{
	size_t different = 0;

	for (size_t i = 0; i < labels->count; i++) {
		size_t k = 0;

		while (k < i && strcmp(labels->label[k], labels->label[i]))
			k++;
		different += k == i;
	}
	return different;
}

/* The length of the UTF-8 character that text begins with; 0 where it begins with none. */
static size_t character_length(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t length = first < 0x80   ? 1
			: first < 0xc2 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
			: first < 0xf5 ? 4
				       : 0;

	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* One line of text that is not too long, from whatever a run or a user says. The caller frees; NULL: no memory. */
static char *label_clean(const char *text)
{
	char *clean = malloc(LABEL_BYTES_MOST + 1);
	size_t at = 0;

	if (!clean)
		return NULL;
	while (*text) {
		size_t length = character_length(text);
		bool shown = length && (unsigned char)*text >= ' ' && *text != 0x7f;

		if (at + (shown ? length : 1) > LABEL_BYTES_MOST)
			break;
		if (shown)
			memcpy(clean + at, text, length);
		else
			clean[at] = ' ';
		at += shown ? length : 1;
		text += length ? length : 1;
	}
	clean[at] = '\0';
	return clean;
}

/* What one query tells of each run, as a label; without labels where it does not tell it of all. */
static int told_read(sqlite3 *db, const char *what, struct labels *told, size_t runs, struct reason *why)
{
	char *sql = sqlite3_mprintf("SELECT %s FROM run r ORDER BY run", what);
	sqlite3_stmt *rows = sql ? database_prepare(db, sql, why) : NULL;
	int rc = rows ? 1 : -EIO;

	*told = (struct labels){ .label = calloc(runs, sizeof(*told->label)) };
	if (!told->label)
		rc = fail(why, ENOMEM, "out of memory");
	while (rc > 0 && told->count < runs && (rc = database_step(rows, why)) > 0) {
		const char *text = (const char *)sqlite3_column_text(rows, 0);

		if (!text || !*text)
			break;
		told->label[told->count] = label_clean(text);
		if (!told->label[told->count++])
			rc = fail(why, ENOMEM, "out of memory");
	}
	sqlite3_finalize(rows);
	sqlite3_free(sql);
	if (rc < 0 || told->count < runs)
		labels_free(told);
	return rc < 0 ? rc : 0;
}

/* Labels with more at their ends, where that tells more runs apart. */
static int labels_extend(struct labels *labels, const struct labels *more, struct reason *why)
{
	struct labels longer = { .label = calloc(labels->count, sizeof(*longer.label)), .count = labels->count };
	int rc = longer.label ? 0 : -ENOMEM;

	for (size_t i = 0; i < labels->count && !rc; i++) {
		const char *label = labels->label[i];

		if (asprintf(&longer.label[i], "%s%s%s", label, *label ? "/" : "", more->label[i]) < 0) {
			longer.label[i] = NULL;
			rc = -ENOMEM;
		}
	}
	if (rc)
		fail(why, ENOMEM, "out of memory");
	else if (labels_different(&longer) > labels_different(labels)) {
		struct labels kept = *labels;

		*labels = longer;
		longer = kept;
	}
	labels_free(&longer);
	return rc;
}

/* What distinguishes the runs: as little as is enough, and in the end their numbers. */
static int labels_find(sqlite3 *db, struct labels *labels, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < labels->count && !rc; i++) {
		labels->label[i] = strdup("");
		if (!labels->label[i])
			rc = fail(why, ENOMEM, "out of memory");
	}
	/* One thing that tells all apart is best; several, each of which tells more apart, are second best. */
	for (size_t i = 0; i < 2 * COUNT(tells) + 1 && !rc; i++) {
		bool alone = i < COUNT(tells);
		struct labels told;

		if (labels_different(labels) == labels->count)
			break;
		rc = told_read(db, i < 2 * COUNT(tells) ? tells[i % COUNT(tells)] : "'run ' || run", &told,
			labels->count, why);
		if (!rc && told.count && (!alone || labels_different(&told) == told.count))
			rc = labels_extend(labels, &told, why);
		labels_free(&told);
	}
	return rc;
}

static int labels_take(const char *const *asked, size_t count, struct labels *labels, struct reason *why)
{
	if (count != labels->count)
		return fail(
			why, EINVAL, "%zu labels for %zu runs: each run needs one, or none has", count, labels->count);
	for (size_t i = 0; i < count; i++) {
		labels->label[i] = label_clean(asked[i]);
		if (!labels->label[i])
			return fail(why, ENOMEM, "out of memory");
	}
	if (labels_different(labels) < count)
		return fail(why, EINVAL, "two runs have one label, of which %d bytes count", LABEL_BYTES_MOST);
	return 0;
}

/* Places of one setting and paging mode stand side by side, in the order of the runs. */
static const char label_points[] = "UPDATE point SET place_rank = place_rank * (SELECT COUNT(*) FROM run) +"
				   " (SELECT COUNT(*) FROM run r WHERE r.run < point.run),"
				   " place = place || ' (' || l.label || ')', series = series || ' (' || l.label || ')'"
				   " FROM run_label l WHERE l.run = point.run";

static int labels_store(sqlite3 *db, const struct labels *labels, struct reason *why)
{
	sqlite3_stmt *insert = database_prepare(
		db, "INSERT INTO temp.run_label SELECT run, ?2 FROM run ORDER BY run LIMIT 1 OFFSET ?1", why);
	int rc = insert ? 0 : -EIO;

	for (size_t i = 0; i < labels->count && !rc; i++) {
		sqlite3_bind_int64(insert, 1, (sqlite3_int64)i);
		sqlite3_bind_text(insert, 2, labels->label[i], -1, SQLITE_STATIC);
		rc = database_step(insert, why);
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	return rc ? rc : database_run(db, label_points, why);
}

int labels_table_make(sqlite3 *db, struct reason *why)
{
	return database_run(db, "CREATE TEMP TABLE IF NOT EXISTS run_label (run INTEGER PRIMARY KEY, label TEXT)", why);
}

int labels_put(sqlite3 *db, const char *const *asked, size_t count, struct reason *why)
{
	sqlite3_stmt *runs = database_prepare(db, "SELECT COUNT(*) FROM run", why);
	struct labels labels = { 0 };
	int rc = runs && database_step(runs, why) > 0 ? labels_table_make(db, why) : -EIO;

	if (!rc)
		labels.count = (size_t)sqlite3_column_int64(runs, 0);
	sqlite3_finalize(runs);
	if (rc || (labels.count < 2 && !count))
		return rc;
	labels.label = calloc(labels.count + 1, sizeof(*labels.label));
	if (!labels.label)
		return fail(why, ENOMEM, "out of memory");
	rc = count ? labels_take(asked, count, &labels, why) : labels_find(db, &labels, why);
	if (!rc && labels.count > 1)
		rc = labels_store(db, &labels, why);
	labels_free(&labels);
	return rc;
}
