#include "cmd/cmd.h"
#include "cmd/database.h"
#include "record/anonymous.h"
#include "record/database.h"
#include "record/database_file.h"
#include "report/rows.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
	char **runs;
	int count;
	const char *file;
	bool is_anonymous;
};

enum { KEY_ANONYMOUS = 256 };

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->file = argument;
		return 0;
	case KEY_ANONYMOUS:
		arguments->is_anonymous = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->runs = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name one or more run directories");
		return EINVAL;
	case ARGP_KEY_SUCCESS:
		if (!arguments->file)
			argp_error(state, "where to? -o FILE.sqlite or -o FILE.csv, or -o DIRECTORY with --anonymous");
		if (arguments->is_anonymous && arguments->count > 1)
			argp_error(state, "--anonymous is for one run");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "output", .key = 'o', .arg = "FILE", .doc = "FILE.sqlite: all tables; FILE.csv: a row a sample" },
	{ .name = "anonymous",
		.key = KEY_ANONYMOUS,
		.doc = "copy one run to the directory FILE, without what identifies people and machines" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN... -o FILE\n--anonymous RUN -o DIRECTORY",
	.doc = "Write the results of one or more runs as one file for other programs."
	       "\vFILE.sqlite holds all tables that `nestwalk query --schema` shows, with the levels and other things that "
	       "were inferred; `nestwalk query FILE.sqlite` asks it. FILE.csv is one long table for R, pandas or DuckDB: a "
	       "row for each sample of each metric, with the parameters of its point as JSON. docs/RESULTS.md describes "
	       "both.\n"
	       "With --anonymous, the copy is a run itself: words such as host-1 stand for names of hosts and users, "
	       "addresses, paths and serial numbers, and no number is changed. scripts/publish packs it.",
};

/*
 * Samples in the order they were taken. A point whose samples were not kept has its median, without a number of a sample,
 * and so has one that was not measured: its status says why it has no value.
 */
static const char select_samples[] =
	"SELECT r.path AS run, r.host, p.point, p.bench, p.setting, p.paging, p.place, p.outer, p.pass, p.emulated,"
	" p.interpreted, p.status, p.reason, (SELECT json_group_object(name, value) FROM parameter q WHERE q.point = p.point)"
	" AS parameters, m.name AS metric, m.unit, s.number AS sample, s.round,"
	" CASE WHEN s.point IS NOT NULL THEN COALESCE(c.value, 0) END AS contaminated,"
	" CASE WHEN s.point IS NULL THEN m.median ELSE s.value END AS value"
	" FROM point p JOIN run r USING (run) LEFT JOIN metric m ON m.point = p.point"
	" LEFT JOIN sample s ON s.point = m.point AND s.name = m.name"
	" LEFT JOIN sample c ON c.point = s.point AND c.name = 'contaminated' AND c.number = s.number"
	" ORDER BY p.point, m.name, s.number";

static int csv_write(sqlite3 *db, const char *path, struct reason *why)
{
	char *beside;
	FILE *out = database_file_beside(path, &beside, why);
	sqlite3_stmt *samples;
	int rc = 0;

	if (!out)
		return -EIO;
	samples = database_prepare(db, select_samples, why);
	rc = samples ? rows_write(samples, ROWS_CSV, out, NULL, why) : -EIO;
	sqlite3_finalize(samples);
	/* A full disk may show up only when the buffer is flushed. */
	if (fflush(out) && !rc)
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	if ((ferror(out) || fsync(fileno(out))) && !rc)
		rc = fail(why, EIO, "cannot write %s", path);
	fclose(out);
	if (!rc && rename(beside, path))
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	if (rc)
		unlink(beside);
	free(beside);
	return rc;
}

static const struct {
	const char *ending;
	int (*write)(sqlite3 *db, const char *path, struct reason *why);
} formats[] = {
	{ ".sqlite", database_file_write },
	{ ".csv", csv_write },
};

int cmd_export(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct reason why = { "" };
	sqlite3 *db;
	int rc = -EINVAL;

	cmd_parse(&argp, argc, argv, &arguments);
	if (arguments.is_anonymous) {
		rc = anonymous_write(arguments.runs[0], arguments.file, &why);
		return rc ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t length = strlen(arguments.file), ending = strlen(formats[i].ending);

		if (length <= ending || strcmp(arguments.file + length - ending, formats[i].ending))
			continue;
		rc = cmd_database_open(
			(const char *const *)arguments.runs, (size_t)arguments.count, DATABASE_SAMPLES, &db, &why);
		if (!rc) {
			rc = cmd_database_fill(db, &why);
			if (!rc)
				rc = formats[i].write(db, arguments.file, &why);
			sqlite3_close(db);
		}
		return rc ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
	}
	fail(&why, EINVAL, "%s: a file to export to ends in .sqlite or .csv", arguments.file);
	return cmd_fail(EXIT_USAGE, &why);
}
