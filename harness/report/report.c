#include "report/report.h"

#include "base/units.h"
#include "infer/levels_json.h"
#include "report/document.h"
#include "report/figure.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* In the order in which a reader meets them. */
static const struct figure_family *const families[] = {
	&overview_family,
	&comparison_family,
	&crossover_family,
	&levels_family,
	&reach_family,
	&depth_family,
	&walks_family,
	&walk_cycles_family,
	&huge_family,
	&huge_map_family,
	&touch_family,
	&faults_family,
	&switches_family,
	&tables_family,
	&storm_costs_family,
	&storm_rates_family,
	&storm_latencies_family,
	&malloc_family,
	&shootdowns_family,
	&space_switches_family,
	&table_costs_family,
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static int make_directory(const char *path, struct reason *why)
{
	struct stat status;

	if (!mkdir(path, 0777))
		return 0;
	if (errno == EEXIST && !stat(path, &status) && S_ISDIR(status.st_mode))
		return 0;
	return fail(why, errno, "cannot make the directory %s: %s", path, strerror(errno));
}

/* Steps are inferred from a processor's times only, and from sweeps that are made for it. */
static json_t *infer(const struct report *report)
{
	json_t *points = json_array(), *inferred;
	size_t i;
	json_t *point;

	json_array_foreach (report->run->points, i, point) {
		if (!point_is_emulated(point) && point_is_of_reach(point))
			json_array_append(points, point);
	}
	inferred = levels_json_infer(points, (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")));
	json_decref(points);
	return inferred;
}

static char *subtitle(const struct report *report)
{
	const char *started = string_at(report->run->about, "started_utc");
	char *where = report_where(report);
	char *text;

	if (!where || asprintf(&text, "%s · %s · %.10s", report_cpu(report), where, started ? started : "") < 0)
		text = NULL;
	free(where);
	return text;
}

/* Both pictures of one figure. Its tables and texts are there already, and stay whatever happens here. */
static int draw(struct report *report, struct figure *figure, struct drawing *drawing, struct reason *why)
{
	static const char *const formats[] = { "svg", "png" };
	int rc = 0;

	drawing->script = figure->script;
	drawing->name = figure->name;
	drawing->title = figure->title;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && !rc; i++) {
		drawing->format = formats[i];
		rc = gnuplot_draw(drawing, why);
	}
	if (rc)
		figure->missing = strdup(why->text);
	(void)report;
	return rc;
}

/* The first failure is the one to tell: without gnuplot each figure fails in the same way. */
static int draw_all(struct report *report, const char *asked, struct reason *why)
{
	struct drawing drawing = { .directory = report->directory, .ghz = report->ghz };
	struct reason later;
	char *below = subtitle(report);
	char *plots = NULL;
	int rc = 0;

	if (!below)
		return fail(why, ENOMEM, "out of memory");
	drawing.subtitle = below;
	plots = report->figures ? plots_find(asked, why) : NULL;
	drawing.plots = plots;
	for (size_t i = 0; i < report->figures; i++) {
		struct figure *figure = &report->figure[i];

		if (!plots || rc == -ENOENT) {
			figure->missing = strdup(why->text);
			rc = -ENOENT;
		} else if (rc) {
			draw(report, figure, &drawing, &later);
		} else {
			rc = draw(report, figure, &drawing, why);
		}
	}
	free(plots);
	free(below);
	return rc;
}

static int write_text(const struct report *report, const char *markdown, struct reason *why)
{
	char *path;
	FILE *out;
	int rc = 0;

	if (asprintf(&path, "%s/report.md", report->directory) < 0)
		return fail(why, ENOMEM, "out of memory");
	out = fopen(path, "we");
	if (!out) {
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
		goto out;
	}
	if (fputs(markdown, out) < 0)
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	if (fclose(out) && !rc)
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
out:
	free(path);
	return rc;
}

static int write_page(const struct report *report, const char *markdown, struct reason *why)
{
	char **names = calloc(report->figures + 1, sizeof(*names));
	struct page page = { .markdown = markdown, .directory = report->directory };
	char *title = NULL, *path = NULL;
	int rc = -ENOMEM;

	if (!names || asprintf(&title, "nestwalk: %s", report_cpu(report)) < 0 ||
		asprintf(&path, "%s/report.html", report->directory) < 0)
		goto out;
	for (size_t i = 0; i < report->figures; i++) {
		if (!report->figure[i].missing && asprintf(&names[page.images++], "%s.svg", report->figure[i].name) < 0)
			goto out;
	}
	page.title = title;
	page.embedded = (const char *const *)names;
	rc = html_write(path, &page, why);
out:
	if (rc == -ENOMEM)
		fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; names && i < report->figures; i++)
		free(names[i]);
	free(names);
	free(title);
	free(path);
	return rc;
}

static int write_document(const struct report *report, struct reason *why)
{
	char *markdown = document_make(report);
	int rc;

	if (!markdown)
		return fail(why, ENOMEM, "out of memory");
	rc = write_text(report, markdown, why);
	if (!rc)
		rc = write_page(report, markdown, why);
	free(markdown);
	return rc;
}

static void release(struct report *report)
{
	for (size_t i = 0; i < report->figures; i++) {
		struct figure *figure = &report->figure[i];

		free(figure->name);
		free(figure->heading);
		free(figure->title);
		free(figure->alt);
		free(figure->text);
		free(figure->missing);
	}
	free(report->figure);
	json_decref(report->inferred);
	panels_free(&report->curves);
}

int report_write(const struct loaded_run *run, const struct report_request *request, struct reason *why)
{
	struct report report = { .run = run };
	char *own = run_file(run->path, "report");
	struct reason undrawn;
	int rc, drawn;

	report.directory = request->directory ? request->directory : own;
	report.ghz = number_at(run->about, "clock.tsc_hz") / (double)NS_PER_S *
		     number_at(run->about, "clock.cycles_per_tsc.median");
	if (!own)
		return fail(why, ENOMEM, "out of memory");
	rc = make_directory(report.directory, why);
	if (rc)
		goto out;
	report.inferred = infer(&report);
	if (!report.inferred || panels_gather(run->points, &report.curves)) {
		rc = fail(why, ENOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < FAMILIES && !rc; i++)
		rc = families[i]->prepare(&report, why);
	if (rc)
		goto out;
	drawn = draw_all(&report, request->plots, &undrawn);
	rc = write_document(&report, why);
	if (!rc && drawn) {
		*why = undrawn;
		rc = drawn;
	}
out:
	release(&report);
	free(own);
	return rc;
}
