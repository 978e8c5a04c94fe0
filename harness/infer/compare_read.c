#include "infer/compare_read.h"

#include "infer/compare_tables.h"
#include "record/database.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A line for each two runs of a row. `number` counts the runs of each side, and lines of one row follow each other; rows are in
 * the order of the base's points. Where a point has counterparts of which some agree in all that is extra, too, the others are
 * none: a guest's page size does not decide its backing, though a host's does.
 */
static const char find_lines[] =
	"WITH side_run AS MATERIALIZED (SELECT side, run, ROW_NUMBER() OVER (PARTITION BY side ORDER BY run) - 1 AS number,"
	" COUNT(*) OVER (PARTITION BY side) AS runs FROM (SELECT DISTINCT side, run FROM compare_point)),"
	" line AS MATERIALIZED (SELECT o.side, b.bench, bm.name, bm.unit, bm.better, b.family, bk.key, bk.extra AS base_extra,"
	" ok.extra AS other_extra, bk.common_text, json_patch(bk.extra_text, ok.extra_text) AS extra_text,"
	" json_patch(bk.raw, ok.raw) AS raw, b.point AS base,"
	" o.point AS other, bm.median AS base_median, bm.lo AS base_lo, bm.hi AS base_hi, om.median AS other_median,"
	" om.lo AS other_lo, om.hi AS other_hi, bs.number AS base_number, bs.runs AS base_runs, os.number AS other_number,"
	" os.runs AS other_runs, b.run = o.run AND pb.joined IS po.joined AS paired, bm.id,"
	" bk.extra IS ok.extra AS same, MAX(bk.extra IS ok.extra) OVER (PARTITION BY o.side, b.point, bm.id) AS best"
	" FROM compare_point b JOIN compare_key bk ON bk.point = b.point JOIN compare_key ok ON ok.key = bk.key"
	" JOIN compare_point o ON o.point = ok.point AND o.side > 0"
	" JOIN compare_metric bm ON bm.point = b.point AND bm.chosen JOIN compare_metric om ON om.point = o.point"
	" AND om.name = bm.name AND om.unit IS bm.unit JOIN side_run bs ON bs.side = 0 AND bs.run = b.run"
	" JOIN side_run os ON os.side = o.side AND os.run = o.run JOIN point pb ON pb.point = b.point"
	" JOIN point po ON po.point = o.point WHERE b.side = 0)"
	" SELECT side, bench, name, unit, better, common_text, extra_text, raw, base, other, base_median, base_lo, base_hi,"
	" other_median, other_lo, other_hi, base_number, base_runs, other_number, other_runs, paired,"
	" DENSE_RANK() OVER (ORDER BY side, bench, name), DENSE_RANK() OVER (ORDER BY side, bench, name, family), DENSE_RANK() OVER (ORDER BY side, bench, name, key, base_extra,"
	" other_extra) FROM line WHERE same = best"
	" ORDER BY side, bench, MIN(id) OVER (PARTITION BY side, bench, name), MIN(base) OVER (PARTITION BY side, bench, name,"
	" key, base_extra, other_extra), key, base_extra, other_extra, base_number, other_number";

enum column {
	SIDE,
	BENCH,
	METRIC,
	METRIC_UNIT,
	METRIC_BETTER,
	COMMON_TEXT,
	EXTRA_TEXT,
	RAW,
	BASE,
	OTHER,
	BASE_MEDIAN,
	OTHER_MEDIAN = BASE_MEDIAN + 3,
	BASE_NUMBER = OTHER_MEDIAN + 3,
	BASE_RUNS,
	OTHER_NUMBER,
	OTHER_RUNS,
	PAIRED,
	GROUP,
	FAMILY,
	ROW,
};

/* Reading a comparison. */
struct reader {
	sqlite3 *db;
	struct comparison *out;
	size_t room; /* of rows, of pieces of memory */
	size_t memory_room;
	sqlite3_stmt *samples;
	struct compare_control *control;
	size_t controls;
	struct reason *why;
};

/* Memory that lives as long as the comparison; NULL where it is short. */
static void *keep(struct reader *reader, size_t bytes)
{
	struct comparison *out = reader->out;
	void **pieces = out->memory;

	if (out->memories == reader->memory_room) {
		size_t room = reader->memory_room ? 2 * reader->memory_room : 256;

		pieces = reallocarray(pieces, room, sizeof(*pieces));
		if (!pieces)
			return NULL;
		out->memory = pieces;
		reader->memory_room = room;
	}
	pieces[out->memories] = calloc(1, bytes + 1);
	return pieces[out->memories] ? pieces[out->memories++] : NULL;
}

static char *text_keep(struct reader *reader, sqlite3_stmt *line, int column)
{
	const char *text = (const char *)sqlite3_column_text(line, column);
	char *kept = text ? keep(reader, strlen(text)) : NULL;

	return kept ? strcpy(kept, text) : NULL;
}

static sqlite3_stmt *samples_ask(struct reader *reader, sqlite3_int64 point, const char *metric)
{
	sqlite3_reset(reader->samples);
	sqlite3_bind_int64(reader->samples, 1, point);
	sqlite3_bind_text(reader->samples, 2, metric, -1, SQLITE_STATIC);
	return reader->samples;
}

static int samples_read(struct reader *reader, sqlite3_int64 point, const char *metric, struct compare_samples *samples)
{
	sqlite3_stmt *rows = samples_ask(reader, point, metric);
	double *value, *round, *quiet;
	size_t count = 0, quiets = 0;
	int rc;

	while ((rc = database_step(rows, reader->why)) > 0)
		count++;
	value = keep(reader, 3 * count * sizeof(*value));
	if (rc || !value)
		return rc ? rc : fail(reader->why, ENOMEM, "out of memory");
	round = value + count;
	quiet = round + count;
	rows = samples_ask(reader, point, metric);
	for (size_t i = 0; i < count && database_step(rows, reader->why) > 0; i++) {
		value[i] = sqlite3_column_double(rows, 0);
		round[i] = database_number(rows, 1);
		quiet[i] = database_number(rows, 2);
		quiets += !isnan(quiet[i]);
	}
	samples->value = value;
	samples->round = round;
	/* What is not known of one is not known of any. */
	samples->quiet = count && quiets == count ? quiet : NULL;
	samples->count = count;
	return 0;
}

/* One run of a side. Of a row's runs the first line that names one reads it. */
static int side_read(struct reader *reader, sqlite3_stmt *line, struct compare_samples *samples, int point, int median)
{
	if (samples->value || isfinite(samples->told.median))
		return 0;
	samples->told = (struct interval){ database_number(line, median), database_number(line, median + 1),
		database_number(line, median + 2) };
	return samples_read(
		reader, sqlite3_column_int64(line, point), (const char *)sqlite3_column_text(line, METRIC), samples);
}

static struct compare_samples *runs_make(struct reader *reader, sqlite3_stmt *line, int column, size_t *count)
{
	struct compare_samples *runs;

	*count = (size_t)sqlite3_column_int64(line, column);
	runs = keep(reader, *count * sizeof(*runs));
	for (size_t i = 0; i < *count && runs; i++)
		runs[i].told = (struct interval){ NAN, NAN, NAN };
	return runs;
}

static enum better better_of(const char *word)
{
	return !word ? NEITHER : !strcmp(word, "less") ? LESS : !strcmp(word, "more") ? MORE : NEITHER;
}

static int row_begin(struct reader *reader, sqlite3_stmt *line)
{
	struct comparison *out = reader->out;
	struct compare_label *label;
	struct compare_row *row;

	if (out->rows == reader->room) {
		reader->room = reader->room ? 2 * reader->room : 256;
		row = reallocarray(out->row, reader->room, sizeof(*row));
		out->row = row ? row : out->row;
		label = reallocarray(out->label, reader->room, sizeof(*label));
		out->label = label ? label : out->label;
		if (!row || !label)
			return -ENOMEM;
	}
	label = &out->label[out->rows];
	row = &out->row[out->rows++];
	*label = (struct compare_label){ text_keep(reader, line, BENCH), text_keep(reader, line, METRIC),
		text_keep(reader, line, METRIC_UNIT), text_keep(reader, line, METRIC_BETTER),
		text_keep(reader, line, COMMON_TEXT), text_keep(reader, line, EXTRA_TEXT),
		text_keep(reader, line, RAW) };
	*row = (struct compare_row){
		.group = (size_t)sqlite3_column_int64(line, GROUP),
		.family = (size_t)sqlite3_column_int64(line, FAMILY),
		.side = (size_t)sqlite3_column_int64(line, SIDE),
		.better = better_of(label->better),
	};
	row->base = runs_make(reader, line, BASE_RUNS, &row->bases);
	row->other = runs_make(reader, line, OTHER_RUNS, &row->others);
	row->paired = row->bases == 1 && row->others == 1 && sqlite3_column_int(line, PAIRED);
	out->undirected += row->better == NEITHER;
	return label->bench && label->metric && label->parameters && label->extra && label->raw && row->base &&
			       row->other
		       ? 0
		       : -ENOMEM;
}

static int rows_read(struct reader *reader)
{
	sqlite3_stmt *line = database_prepare(reader->db, find_lines, reader->why);
	sqlite3_int64 last = -1;
	int rc = line ? 1 : -EIO;

	while (rc > 0 && (rc = database_step(line, reader->why)) > 0) {
		struct compare_row *row;
		int error = 0;

		if (sqlite3_column_int64(line, ROW) != last && row_begin(reader, line)) {
			rc = fail(reader->why, ENOMEM, "out of memory");
			break;
		}
		last = sqlite3_column_int64(line, ROW);
		row = &reader->out->row[reader->out->rows - 1];
		error = side_read(reader, line, &row->base[sqlite3_column_int64(line, BASE_NUMBER)], BASE, BASE_MEDIAN);
		if (!error)
			error = side_read(reader, line, &row->other[sqlite3_column_int64(line, OTHER_NUMBER)], OTHER,
				OTHER_MEDIAN);
		rc = error ? error : rc;
	}
	sqlite3_finalize(line);
	return rc;
}

/* The control of the runs of a group's two sides. */
static const char find_controls[] =
	"SELECT c.point, c.base, m.median FROM compare_control c JOIN compare_metric m ON m.point = c.base AND m.name = ?2"
	" WHERE c.bench = ?1 AND c.run IN (SELECT run FROM compare_point WHERE side IN (0, ?3))";

static int controls_read(struct reader *reader, size_t at)
{
	const struct compare_label *label = &reader->out->label[at];
	sqlite3_stmt *pair = database_prepare(reader->db, find_controls, reader->why);
	int rc = pair ? 1 : -EIO;

	if (pair) {
		sqlite3_bind_text(pair, 1, label->bench, -1, SQLITE_STATIC);
		sqlite3_bind_text(pair, 2, label->metric, -1, SQLITE_STATIC);
		sqlite3_bind_int64(pair, 3, (sqlite3_int64)reader->out->row[at].side);
	}
	while (rc > 0 && (rc = database_step(pair, reader->why)) > 0) {
		struct compare_control *grown =
			reallocarray(reader->control, reader->controls + 1, sizeof(*reader->control));
		struct compare_samples control = { 0 }, host = { 0 };
		int error;

		if (!grown) {
			rc = fail(reader->why, ENOMEM, "out of memory");
			break;
		}
		reader->control = grown;
		error = samples_read(reader, sqlite3_column_int64(pair, 0), label->metric, &control);
		if (!error)
			error = samples_read(reader, sqlite3_column_int64(pair, 1), label->metric, &host);
		grown[reader->controls++] = (struct compare_control){ reader->out->row[at].group,
			database_number(pair, 2), error ? NAN : compare_ratio_of_pairs(&control, &host) };
		rc = error ? error : rc;
	}
	sqlite3_finalize(pair);
	return rc;
}

static int number_read(sqlite3 *db, const char *sql, size_t *number, struct reason *why)
{
	sqlite3_stmt *statement = database_prepare(db, sql, why);
	int rc = statement ? database_step(statement, why) : -EIO;

	*number = rc > 0 ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

static int sides_read(struct reader *reader, const char *by)
{
	sqlite3_stmt *value = database_prepare(reader->db,
		"SELECT CASE WHEN typeof(value) IN ('integer', 'real') AND EXISTS (SELECT 1 FROM axis WHERE parameter IN (?1,"
		" ?1 || '_bytes') AND kind IN ('bytes', 'page_size')) THEN size(value) ELSE text END FROM compare_value ORDER BY side",
		reader->why);
	struct comparison *out = reader->out;
	int rc = value ? 1 : -EIO;

	if (value)
		sqlite3_bind_text(value, 1, by, -1, SQLITE_STATIC);
	while (rc > 0 && (rc = database_step(value, reader->why)) > 0) {
		char **grown = reallocarray(out->side, out->sides + 1, sizeof(*grown));

		out->side = grown ? grown : out->side;
		if (grown)
			grown[out->sides] = text_keep(reader, value, 0);
		if (!grown || !grown[out->sides++])
			rc = fail(reader->why, ENOMEM, "out of memory");
	}
	sqlite3_finalize(value);
	return rc;
}

/* What was not compared, and why. */
static int left_out_read(struct reader *reader)
{
	struct comparison *out = reader->out;
	size_t points = 0;
	int rc = number_read(
		reader->db, "SELECT COUNT(*) FROM compare_point WHERE emulated", &out->emulated, reader->why);

	if (!rc)
		rc = number_read(reader->db,
			"SELECT COUNT(*) FROM compare_point c JOIN compare_key k USING (point) WHERE NOT EXISTS (SELECT 1 FROM"
			" compare_key o JOIN compare_point p USING (point) WHERE o.key = k.key AND (p.side = 0) <> (c.side = 0))",
			&out->alone, reader->why);
	if (!rc)
		rc = number_read(reader->db, "SELECT COUNT(*) FROM compare_point", &points, reader->why);
	if (!rc && !out->rows)
		rc = fail(reader->why, ENOENT, "nothing in common to compare: %s",
			!points		       ? "no point of these benches was measured"
			: out->alone == points ? "no point was measured in the same way on both sides"
			: out->emulated
				? "what both sides have are times of an emulated machine, or of interpreted code"
				: "no metric is known on both sides");
	return rc;
}

static int comparison_read(struct reader *reader, const char *by)
{
	struct comparison *out = reader->out;
	size_t last = 0;
	int rc;

	reader->samples = database_prepare(reader->db,
		"SELECT s.value, s.round, q.value FROM compare_sample s LEFT JOIN compare_sample q ON q.point = s.point"
		" AND q.name = 'quiet' AND q.number = s.number WHERE s.point = ?1 AND s.name = ?2 ORDER BY s.number",
		reader->why);
	rc = reader->samples ? sides_read(reader, by) : -EIO;
	if (!rc)
		rc = rows_read(reader);
	if (!rc)
		rc = left_out_read(reader);
	for (size_t i = 0; i < out->rows && !rc; i++) {
		if (out->row[i].group != last)
			rc = controls_read(reader, i);
		last = out->row[i].group;
	}
	out->controls = reader->controls;
	out->control_factor = compare_control_factor(reader->control, reader->controls);
	if (!rc && compare_judge(out->row, out->rows, reader->control, reader->controls))
		rc = fail(reader->why, ENOMEM, "out of memory");
	sqlite3_finalize(reader->samples);
	free(reader->control);
	return rc;
}

int compare_find(sqlite3 *db, const struct compare_question *question, struct comparison *out, struct reason *why)
{
	struct reader reader = { .db = db, .out = out, .why = why };
	int rc = compare_tables_fill(db, question, why);

	*out = (struct comparison){ 0 };
	if (!rc)
		rc = comparison_read(&reader, question->by);
	if (!rc && question->by && out->sides < 2)
		rc = fail(why, EINVAL, "there is only one %s in what was measured", question->by);
	if (rc)
		comparison_free(out);
	return rc;
}

void comparison_free(struct comparison *comparison)
{
	void **pieces = comparison->memory;

	for (size_t i = 0; i < comparison->memories; i++)
		free(pieces[i]);
	free(pieces);
	free(comparison->row);
	free(comparison->label);
	free(comparison->side);
	*comparison = (struct comparison){ 0 };
}
