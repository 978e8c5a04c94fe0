#include "report/picture.h"

#include "report/files.h"
#include "report/gnuplot.h"
#include "report/paper.h"
#include "report/rows.h"
#include "report/svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More at a time than this would only take memory: queries do not make tables as fast. */
#define AT_A_TIME_MOST 8

/* A picture that is being drawn; all owned. */
struct picture {
	char *figure, *scratch, *line;
	struct gnuplot_drawing *drawing;
	struct picture *next; /* begun after this one */
};

void picture_write_undrawn(const struct reason *why, FILE *out)
{
	fputs("*Figure not drawn: ", out);
	rows_write_markdown(why->text, out);
	fputs("*\n", out);
}

void picture_problem_add(struct report *report, const char *name, const struct reason *why)
{
	char *text;

	if (asprintf(&text, "%s: %s", name, why->text) < 0)
		return;
	names_add(&report->problems, text);
	free(text);
}

/* Without gnuplot each figure fails in the same way, which is said once. */
static void undrawn_note(struct report *report, const char *figure, int error, const struct reason *why)
{
	if (!report->no_gnuplot)
		picture_problem_add(report, error == -ENOENT ? "figures" : figure, why);
	report->no_gnuplot = report->no_gnuplot || error == -ENOENT;
}

static void picture_free(struct picture *picture)
{
	if (!picture)
		return;
	scratch_remove(picture->scratch);
	free(picture->figure);
	free(picture->line);
	free(picture);
}

/* Say why a picture for paper is not there, and remove one of an earlier report. */
static void picture_refuse(const struct report *report, const struct gnuplot_picture *kind, const char *figure,
	const char *path, const struct reason *refusal)
{
	char *line;

	unlink(path);
	/* A PDF and an SVG of one width are refused for the same reason. */
	if (!report->refused || strcmp(kind->format, "pdf"))
		return;
	if (asprintf(&line, "%s is not drawn %s mm wide: %s", figure, kind->mm, refusal->text) < 0)
		return;
	report->refused(line);
	free(line);
}

static int picture_publish(struct report *report, const struct picture *picture,
	const struct gnuplot_refusals *refusals, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < GNUPLOT_PICTURES && !rc; i++) {
		const struct gnuplot_picture *kind = &gnuplot_pictures[i];
		bool for_screen = !strcmp(kind->mm, "0"), is_svg = !strcmp(kind->format, "svg");
		char *name = NULL, *path = NULL;

		if (!for_screen && !report->on_paper)
			continue;
		if ((for_screen ? asprintf(&name, "%s.%s", picture->figure, kind->format)
				: asprintf(&name, PAPER "/%s-%smm.%s", picture->figure, kind->mm, kind->format)) < 0 ||
			asprintf(&path, "%s/%s", report->directory, name) < 0)
			rc = fail(why, ENOMEM, "out of memory");
		else if (refusals->of[i].text[0])
			picture_refuse(report, kind, picture->figure, path, &refusals->of[i]);
		else if (is_svg)
			rc = svg_publish(picture->scratch, kind, path, why);
		else
			rc = file_copy(picture->scratch, kind->file, report->directory, name, why);
		if (!rc && for_screen && is_svg && names_add(&report->pictures, name))
			rc = fail(why, ENOMEM, "out of memory");
		free(name);
		free(path);
	}
	/* -ENOENT would say that gnuplot is not there. */
	return rc ? -EIO : 0;
}

/* Wait for the picture that was begun first. 0, or a negative errno with *why. It stays for the caller to free. */
static int first_finish(struct report *report, struct picture **first, struct reason *why)
{
	struct picture *picture = report->drawing;
	struct gnuplot_refusals refusals;
	int rc = gnuplot_finish(picture->drawing, &refusals, why);

	if (!rc)
		rc = picture_publish(report, picture, &refusals, why);
	if (rc)
		undrawn_note(report, picture->figure, rc, why);
	report->drawing = picture->next;
	report->being_drawn--;
	*first = picture;
	return rc;
}

/* Wait for a picture; what its line in the text has to become is noted where it failed. */
static void first_finish_noted(struct report *report)
{
	struct picture *picture;
	struct reason why;

	if (first_finish(report, &picture, &why) && !names_add(&report->undrawn, picture->line) &&
		names_add(&report->undrawn, why.text))
		free(report->undrawn.name[--report->undrawn.count]);
	picture_free(picture);
}

static struct picture *picture_new(struct report *report, const struct picture_request *request)
{
	struct picture *picture = calloc(1, sizeof(*picture));

	if (!picture)
		return NULL;
	*picture = (struct picture){
		.figure = strdup(request->figure),
		.line = strdup(request->line),
		.scratch = report->scratch,
	};
	report->scratch = NULL;
	if (picture->figure && picture->line)
		return picture;
	picture_free(picture);
	return NULL;
}

int picture_start(struct report *report, const struct picture_request *request, struct reason *why)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), most = cpus < 1 ? 1 : cpus > AT_A_TIME_MOST ? AT_A_TIME_MOST : cpus;
	struct drawing drawing = {
		.title = request->title,
		.subtitle = report->subtitle,
		.ghz = report->ghz,
		.on_paper = report->on_paper,
	};
	struct picture *picture, **last = &report->drawing;
	int rc;

	if (report->no_gnuplot)
		return fail(why, ENOENT, "gnuplot is not there");
	while (report->being_drawn >= (size_t)most)
		first_finish_noted(report);
	rc = file_copy(report->folder, "figure.gp", report->scratch, "figure.gp", why) ? -EIO : 0;
	picture = rc ? NULL : picture_new(report, request);
	if (!rc && !picture)
		rc = fail(why, ENOMEM, "out of memory");
	if (!rc) {
		drawing.directory = picture->scratch;
		rc = gnuplot_start(&drawing, &picture->drawing, why);
	}
	if (rc) {
		undrawn_note(report, request->figure, rc, why);
		picture_free(picture);
		return rc;
	}
	while (*last)
		last = &(*last)->next;
	*last = picture;
	report->being_drawn++;
	return 0;
}

/* The text with `line` replaced by what says that there is no picture. The text that is given is freed. */
static char *line_replace(char *text, const char *line, const char *reason)
{
	const char *at = text ? strstr(text, line) : NULL;
	struct reason why;
	char *replaced = NULL;
	size_t size;
	FILE *out;

	if (!at)
		return text;
	out = open_memstream(&replaced, &size);
	if (out) {
		snprintf(why.text, sizeof(why.text), "%s", reason);
		fwrite(text, 1, (size_t)(at - text), out);
		picture_write_undrawn(&why, out);
		fputs(at + strlen(line), out);
		if (fclose(out)) {
			free(replaced);
			replaced = NULL;
		}
	}
	free(text);
	return replaced;
}

char *picture_finish_all(struct report *report, char *markdown)
{
	while (report->drawing)
		first_finish_noted(report);
	for (size_t i = 0; i + 1 < report->undrawn.count; i += 2)
		markdown = line_replace(markdown, report->undrawn.name[i], report->undrawn.name[i + 1]);
	names_free(&report->undrawn);
	return markdown;
}
