#include "report/report.h"

#include "base/directory.h"
#include "base/new_file.h"
#include "base/text.h"
#include "record/database.h"
#include "report/figure.h"
#include "report/files.h"
#include "report/html.h"
#include "report/labels.h"
#include "report/paper.h"
#include "report/picture.h"
#include "report/plots.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of clocks that are farther apart, one axis cannot tell both time and cycles. */
#define CLOCKS_APART "1.05"

/* As many as a picture has room for; CPUs and hypervisors have shorter names. */
#define SUBTITLE_CHARACTERS_MOST 120

/* What every picture says below its title, and the core's clock; a negative one says that there are several. */
static const char describe[] =
	"SELECT COALESCE(cpu, 'unknown CPU') || ' · ' || place || ' · ' || COALESCE(substr(started_utc, 1, 10), ''), ghz"
	" FROM run WHERE (SELECT COUNT(*) FROM run) = 1 UNION ALL"
	" SELECT alike, ghz FROM (SELECT CASE WHEN COUNT(DISTINCT COALESCE(cpu, '?') || place) = 1"
	" THEN group_concat(label, ' · ') || ' · ' || COALESCE(cpu, 'unknown CPU') || ' · ' || place"
	" ELSE (SELECT group_concat(told, ' · ') FROM (SELECT group_concat(label, ', ') || ': ' || COALESCE(cpu, 'unknown CPU')"
	" || ', ' || place AS told FROM run JOIN run_label USING (run) GROUP BY cpu, place ORDER BY MIN(run))) END AS alike,"
	" CASE WHEN COUNT(ghz) = COUNT(*) AND MAX(ghz) <= MIN(ghz) * " CLOCKS_APART " THEN AVG(ghz) ELSE -1 END AS ghz"
	" FROM run JOIN run_label USING (run) HAVING COUNT(*) > 1)";

static int run_describe(struct report *report, struct reason *why)
{
	sqlite3_stmt *run = database_prepare(report->db, describe, why);
	int rc = run ? database_step(run, why) : -EIO;

	if (rc > 0) {
		const char *text = (const char *)sqlite3_column_text(run, 0);

		report->subtitle = strdup(text ? text : "");
		if (report->subtitle)
			text_shorten(text_clean(report->subtitle), SUBTITLE_CHARACTERS_MOST);
		report->ghz = database_number(run, 1);
	}
	sqlite3_finalize(run);
	if (rc < 0)
		return rc;
	return report->subtitle ? 0 : fail(why, ENOMEM, "out of memory");
}

/* What the queries of several figures of a folder share, where it has such. */
static int shared_make(sqlite3 *db, const char *plots, struct reason *why)
{
	struct reason own;
	char *sql = file_read(plots, "shared.sql", &own);
	int rc = sql ? database_run(db, sql, &own) : 0;

	free(sql);
	return rc ? fail(why, EIO, "%s/shared.sql: %s", plots, own.text) : 0;
}

/* Write each figure in the folder `plots` that the report has not included, in the order of their names. */
static int others_write(struct report *report, const char *plots, FILE *out, struct reason *why)
{
	char *pattern;
	glob_t found;
	int rc = 0;

	if (asprintf(&pattern, "%s/*/text.md", plots) < 0)
		return fail(why, ENOMEM, "out of memory");
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
			char *name;

			*strrchr(found.gl_pathv[i], '/') = '\0';
			name = strrchr(found.gl_pathv[i], '/') + 1;
			if (!names_has(&report->included, name))
				rc = figure_include(report, name, out, why);
		}
		globfree(&found);
	}
	free(pattern);
	return rc;
}

/* Blocks that gave nothing leave blank lines: of several, one stays. In place. */
static void blank_lines_thin(char *text)
{
	char *out = text;
	size_t newlines = 2;

	for (; *text; text++) {
		newlines = *text == '\n' ? newlines + 1 : 0;
		if (newlines <= 2)
			*out++ = *text;
	}
	*out = '\0';
}

/* The whole of report.md, which the caller frees; NULL with *why. */
static char *document_make(struct report *report, const char *more, struct reason *why)
{
	const struct template_hooks hooks = { figure_write, figure_include, report, NULL };
	char *text = NULL, *markdown = NULL;
	size_t size, folders = 0;
	FILE *out = open_memstream(&markdown, &size);
	int rc = out ? 0 : fail(why, ENOMEM, "out of memory");

	while (report->plots[folders] && !text)
		text = file_read(report->plots[folders++], "report.md", why);
	if (!text)
		rc = -ENOENT;
	if (!rc)
		rc = template_write(report->db, text, &hooks, out, why);
	/* A report.md of the user's chooses among our figures. Ours chooses an order only. */
	while (!rc && folders--)
		rc = others_write(report, report->plots[folders], out, why);
	if (!rc && more)
		fputs(more, out);
	if (out && fclose(out) && !rc)
		rc = fail(why, ENOMEM, "out of memory");
	free(text);
	markdown = picture_finish_all(report, markdown);
	if (!rc && report->stop && report->stop())
		rc = fail(why, EINTR, "interrupted: the report is not finished");
	if (rc) {
		free(markdown);
		return NULL;
	}
	if (markdown)
		blank_lines_thin(markdown);
	else
		fail(why, ENOMEM, "out of memory");
	return markdown;
}

static int text_write(const struct report *report, const char *markdown, struct reason *why)
{
	struct new_file file;
	char *path;
	int rc;

	if (asprintf(&path, "%s/report.md", report->directory) < 0)
		return fail(why, ENOMEM, "out of memory");
	rc = new_file_open(&file, path, why);
	if (!rc) {
		fputs(markdown, file.out);
		rc = new_file_put(&file, why);
	}
	free(path);
	return rc;
}

/* The page's style, which a folder of the user's own may have, too. The caller frees. NULL with *why. */
static char *style_read(const struct report *report, struct reason *why)
{
	char *style = NULL;

	for (size_t i = 0; report->plots[i] && !style; i++)
		style = file_read(report->plots[i], "page.css", why);
	return style;
}

static int page_write(
	const struct report *report, const struct report_request *request, const char *markdown, struct reason *why)
{
	char *title = NULL, *path = NULL, *style = style_read(report, why);
	int rc = style ? 0 : -ENOENT;

	if (!rc &&
		(asprintf(&title, "nestwalk: %s", report->subtitle) < 0 ||
			asprintf(&path, "%s/%s", report->directory, request->page ? request->page : "report.html") < 0))
		rc = fail(why, ENOMEM, "out of memory");
	if (!rc)
		rc = html_write(path,
			&(struct page){
				.frame = { .title = title, .style = style, .home = request->home },
				.markdown = markdown,
				.directory = report->directory,
				.figures = (const char *const *)report->pictures.name,
				.figure_count = report->pictures.count,
				.apart = request->page != NULL,
			},
			why);
	free(style);
	free(title);
	free(path);
	return rc;
}

static int document_write(struct report *report, const struct report_request *request, struct reason *why)
{
	char *markdown = document_make(report, request->more, why);
	int rc = markdown ? text_write(report, markdown, why) : -EIO;

	if (!rc)
		rc = page_write(report, request, markdown, why);
	free(markdown);
	return rc;
}

int report_write(sqlite3 *db, const struct report_request *request, struct reason *why)
{
	static const char *const usual_formats[] = { "svg", "png", NULL };
	struct report report = {
		.db = db,
		.directory = request->directory,
		.formats = request->formats ? request->formats : usual_formats,
		.processes = request->processes,
		.on_paper = request->on_paper,
		.refused = request->refused,
		.stop = request->stop,
		.ghz = NAN,
	};
	char *ours = plots_find(why);
	const char *plots[3] = { request->plots ? request->plots : ours, request->plots ? ours : NULL, NULL };
	int rc = ours ? directory_make(report.directory, why) : -ENOENT;

	report.plots = plots;
	if (!rc)
		rc = labels_table_make(db, why);
	for (size_t i = 0; i < 2 && plots[i] && !rc; i++)
		rc = shared_make(db, plots[i], why);
	if (!rc)
		rc = run_describe(&report, why);
	if (!rc && report.on_paper)
		rc = paper_write(&report, why);
	if (!rc)
		report.scratch = scratch_make(plots, why);
	if (!rc && !report.scratch)
		rc = -EIO;
	if (!rc)
		rc = document_write(&report, request, why);
	if (!rc && report.problems.count)
		rc = fail(why, report.no_gnuplot ? ENOENT : EIO, "%s%s", report.problems.name[0],
			report.problems.count > 1 ? " (and more: report.md names each)" : "");
	scratch_remove(report.scratch);
	names_free(&report.pictures);
	names_free(&report.problems);
	names_free(&report.included);
	free(report.subtitle);
	free(ours);
	return rc;
}
