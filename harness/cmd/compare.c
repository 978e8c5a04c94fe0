#include "cmd/cmd.h"
#include "cmd/compare_print.h"
#include "infer/compare_read.h"
#include "infer/compare_warnings.h"
#include "record/database.h"
#include "record/database_file.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What can be printed, by its name. */
static const struct format {
	const char *name;
	int (*print)(const struct compare_output *output, struct reason *why);
} formats[] = {
	{ "text", compare_print_text },
	{ "markdown", compare_print_markdown },
	{ "json", compare_print_json },
	{ "csv", compare_print_csv },
};

/* A list of names that grows; ended by NULL. */
struct names {
	char **name;
	size_t count;
};

struct arguments {
	char **sides;
	int count;
	char *by;
	struct names values, benches, metrics;
	const struct format *format;
	double threshold; /* a share; NaN: none */
	bool all;
};

/* Split a text at its commas, in place. */
static void names_add(struct names *names, char *text)
{
	for (char *rest = text, *name; (name = strsep(&rest, ","));) {
		char **grown = reallocarray(names->name, names->count + 2, sizeof(*grown));

		if (!grown)
			return;
		names->name = grown;
		grown[names->count++] = name;
		grown[names->count] = NULL;
	}
}

static void by_parse(struct arguments *arguments, char *argument)
{
	char *values = strchr(argument, '=');

	if (values) {
		*values = '\0';
		names_add(&arguments->values, values + 1);
	}
	arguments->by = argument;
}

/* "5%" or "0.05". */
static void threshold_parse(struct arguments *arguments, const char *argument, struct argp_state *state)
{
	char *end;

	arguments->threshold = strtod(argument, &end);
	if (!strcmp(end, "%"))
		arguments->threshold /= 100;
	if (end == argument || (*end && strcmp(end, "%")) || !(arguments->threshold >= 0))
		argp_error(state, "a threshold is a share, such as 5%% or 0.05, and not '%s'", argument);
}

/* Options that are too rare for a letter. */
enum { KEY_BY = 256, KEY_THRESHOLD };

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	size_t format = 0, count = sizeof(formats) / sizeof(formats[0]);

	switch (key) {
	case 'f':
		while (format < count && strcmp(argument, formats[format].name))
			format++;
		if (format == count)
			argp_error(state, "no format '%s'; there are text, markdown, json and csv", argument);
		arguments->format = &formats[format];
		return 0;
	case KEY_BY:
		by_parse(arguments, argument);
		return 0;
	case 'b':
		names_add(&arguments->benches, argument);
		return 0;
	case 'm':
		names_add(&arguments->metrics, argument);
		return 0;
	case KEY_THRESHOLD:
		threshold_parse(arguments, argument, state);
		return 0;
	case 'a':
		arguments->all = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->sides = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_SUCCESS:
		if (arguments->count < 1)
			argp_error(state, "which runs? Name two or more, or one and --by");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "by",
		.key = KEY_BY,
		.arg = "WHAT[=VALUE,...]",
		.doc = "sides are the values of WHAT, the first being the base: setting, paging, place, page_size, backing or "
		       "another parameter, host, kernel, microcode, thp, version, effort, outer, a path of run.json" },
	{ .name = "bench", .key = 'b', .arg = "NAME,...", .doc = "compare these benches only" },
	{ .name = "metric",
		.key = 'm',
		.arg = "NAME,...",
		.doc = "compare these metrics; all: every one that has a better direction. Otherwise one a bench: the first "
		       "time in ns, for chases the whole access (gross_ns)" },
	{ .name = "all", .key = 'a', .doc = "print rows without a difference, too, however many there are" },
	{ .name = "format", .key = 'f', .arg = "FORMAT", .doc = "text (the default), markdown, json or csv" },
	{ .name = "threshold",
		.key = KEY_THRESHOLD,
		.arg = "SHARE",
		.doc = "exit with 1 where something got worse, beyond chance, by so much or more: 5%" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "BASE OTHER...\nBASE1,BASE2,BASE3 OTHER1,OTHER2,OTHER3\nRUN... --by WHAT\nFILE.sqlite [--by WHAT]",
	.doc = "Say what differs beyond chance between runs, or between settings, page sizes, kernels within them."
	       "\vBefore and after a change, three runs each (of two runs, the luck of one with its frames of memory looks like "
	       "a change):\n"
	       "  nestwalk compare old1,old2,old3 new1,new2,new3\n"
	       "In CI, fail where something got 5 % worse:\n"
	       "  nestwalk compare --threshold 5% old1,old2,old3 new1,new2,new3\n"
	       "What does a guest cost more than the host; do huge pages pay; do two kernels differ?\n"
	       "  nestwalk compare RUN --by setting --bench walk-depth\n"
	       "  nestwalk compare RUN --by backing=4K,2M-thp --metric net_ns\n"
	       "  nestwalk compare RUN... --by kernel\n"
	       "A ratio is the other's median over the base's, with its 95 % interval. worse, better, differs: beyond chance (1 % "
	       "for the whole comparison), at least 1 %, and more than the host differs from itself; ~: not distinguishable; ?: "
	       "too few samples to tell. docs/METHOD.md explains the tests.",
};

/* --- loading --- */

/* Runs that were loaded, and the side of each. */
struct loaded {
	sqlite3 *db;
	char **side; /* what each is called; owned */
	size_t sides;
	size_t *side_of_run; /* owned */
	size_t runs;
};

static void loaded_free(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->sides; i++)
		free(loaded->side[i]);
	free(loaded->side);
	free(loaded->side_of_run);
	sqlite3_close(loaded->db);
}

static int side_name(struct loaded *loaded, const char *name, struct reason *why)
{
	char **grown = reallocarray(loaded->side, loaded->sides + 1, sizeof(*grown));

	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	loaded->side = grown;
	grown[loaded->sides] = strdup(name);
	return grown[loaded->sides++] ? 0 : fail(why, ENOMEM, "out of memory");
}

static int run_note(struct loaded *loaded, size_t side, struct reason *why)
{
	size_t *grown = reallocarray(loaded->side_of_run, loaded->runs + 1, sizeof(*grown));

	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	loaded->side_of_run = grown;
	grown[loaded->runs++] = side;
	return 0;
}

/* A run that cannot be read is named, and the others are compared. */
static int run_load_one(struct loaded *loaded, const char *path, size_t side, struct reason *why)
{
	struct reason own = { "" };
	int rc = database_load(loaded->db, path, DATABASE_SAMPLES, &own);

	if (!rc)
		return run_note(loaded, side, why);
	/* There is nothing to take back where not even run.json could be read. */
	sqlite3_exec(loaded->db, "ROLLBACK", NULL, NULL, NULL);
	cmd_fail(EXIT_FAILED, &own);
	return rc == -ENOMEM ? fail(why, ENOMEM, "out of memory") : 0;
}

/* One side: a run, or several with commas between them. A directory may have a comma in its name. */
static int side_load(struct loaded *loaded, const char *argument, struct reason *why)
{
	struct stat status;
	size_t before = loaded->runs;
	char *copy = strdup(argument), *rest = copy, *path;
	int rc = copy ? 0 : fail(why, ENOMEM, "out of memory");

	if (!rc && !stat(argument, &status)) {
		rc = run_load_one(loaded, argument, loaded->sides, why);
		rest = NULL;
	}
	while (!rc && (path = strsep(&rest, ",")))
		if (*path)
			rc = run_load_one(loaded, path, loaded->sides, why);
	free(copy);
	return rc || loaded->runs == before ? rc : side_name(loaded, argument, why);
}

static int exported_load(struct loaded *loaded, const char *path, struct reason *why)
{
	sqlite3_stmt *runs;
	int rc = database_file_open(path, &loaded->db, why);

	if (rc)
		return rc;
	runs = database_prepare(loaded->db, "SELECT path FROM run ORDER BY run", why);
	rc = runs ? 1 : -EIO;
	while (rc > 0 && (rc = database_step(runs, why)) > 0) {
		int error = run_note(loaded, loaded->sides, why);

		if (!error)
			error = side_name(loaded, (const char *)sqlite3_column_text(runs, 0), why);
		rc = error ? error : rc;
	}
	sqlite3_finalize(runs);
	return rc;
}

static int sides_load(struct loaded *loaded, const struct arguments *arguments, struct reason *why)
{
	struct stat status;
	int rc = 0;

	if (arguments->count == 1 && !stat(arguments->sides[0], &status) && S_ISREG(status.st_mode))
		rc = exported_load(loaded, arguments->sides[0], why);
	else
		rc = database_open(&loaded->db, why);
	/* What was loaded of a run that turns out to be damaged is taken back. */
	if (!rc && !sqlite3_db_readonly(loaded->db, "main"))
		rc = database_run(loaded->db, "PRAGMA journal_mode = MEMORY", why);
	for (int i = 0; i < arguments->count && !rc && !sqlite3_db_readonly(loaded->db, "main"); i++)
		rc = side_load(loaded, arguments->sides[i], why);
	if (!rc && !loaded->runs)
		return fail(why, ENOENT, "no run is left to compare");
	if (!rc && !arguments->by && loaded->sides < 2)
		return fail(why, EINVAL,
			"one side is left, and a comparison needs two: name another run, or say --by WHAT");
	return rc;
}

/* --- comparing --- */

static bool is_colourful(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	/* https://no-color.org: set and not empty. */
	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb");
}

/* The greatest worsening that was found; 0 where nothing got worse. */
static double worst_of(const struct comparison *found)
{
	double worst = 0;

	for (size_t i = 0; i < found->rows; i++)
		worst = fmax(worst, compare_worsening(&found->row[i]));
	return worst;
}

static int compare_loaded(
	const struct arguments *arguments, const struct loaded *loaded, enum exit_code *code, struct reason *why)
{
	const struct compare_question question = {
		.by = arguments->by,
		.values = (const char *const *)arguments->values.name,
		.side_of_run = loaded->side_of_run,
		.benches = (const char *const *)arguments->benches.name,
		.metrics = (const char *const *)arguments->metrics.name,
	};
	struct comparison found;
	struct compare_warnings warnings;
	struct compare_output output = {
		.db = loaded->db,
		.found = &found,
		.warnings = &warnings,
		.all = arguments->all,
		.colour = is_colourful(),
		.out = stdout,
	};
	int rc = compare_find(loaded->db, &question, &found, why);

	if (rc)
		return rc;
	if (!arguments->by)
		found.sides = loaded->sides;
	output.side = (const char *const *)(arguments->by ? found.side : loaded->side);
	rc = compare_warnings_find(loaded->db, &question, &found, &warnings, why);
	if (!rc) {
		rc = arguments->format->print(&output, why);
		if (worst_of(&found) > 0 && worst_of(&found) >= arguments->threshold)
			*code = EXIT_FAILED;
		compare_warnings_free(&warnings);
	}
	comparison_free(&found);
	return rc;
}

int cmd_compare(int argc, char **argv)
{
	struct arguments arguments = { .format = &formats[0], .threshold = NAN };
	struct loaded loaded = { 0 };
	struct reason why = { "" };
	enum exit_code code = EXIT_DONE;
	int rc;

	cmd_parse(&argp, argc, argv, &arguments);
	rc = sides_load(&loaded, &arguments, &why);
	if (!rc)
		rc = compare_loaded(&arguments, &loaded, &code, &why);
	loaded_free(&loaded);
	free(arguments.values.name);
	free(arguments.benches.name);
	free(arguments.metrics.name);
	return rc ? cmd_fail(EXIT_FAILED, &why) : (int)code;
}
