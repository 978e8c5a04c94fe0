#include "report/picture.h"

#include "report/files.h"
#include "report/gnuplot.h"
#include "report/paper.h"
#include "report/rows.h"
#include "report/svg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More at a time than this would only take memory: queries do not make tables as fast. */
#define PROCESSES_MOST 8

/*
 * Pictures that one gnuplot draws. It takes 12 ms to start and some 10 ms to draw one of them as SVG. With more of them, less
 * would be drawn while queries make the next tables. Where there is no other CPU for it, that is no loss.
 */
#define BATCH 8
#define BATCH_ALONE 32
/* On paper each picture takes a process more for each width and format. */
#define BATCH_ON_PAPER 1

/* A picture to be drawn; all owned. */
struct picture {
	char *figure, *title, *scratch, *line;
	struct gnuplot_drawing *paper[GNUPLOT_PICTURES]; /* NULL: not for paper, or not asked for */
};

struct batch {
	struct picture picture[BATCH_ALONE];
	size_t count;
	struct gnuplot_drawing *drawing;
	struct batch *next; /* begun after this one */
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
	scratch_remove(picture->scratch);
	free(picture->figure);
	free(picture->title);
	free(picture->line);
}

static bool is_for_screen(const struct gnuplot_picture *kind)
{
	return !strcmp(kind->mm, "0");
}

static bool is_asked_for(const struct report *report, const struct gnuplot_picture *kind)
{
	if (!is_for_screen(kind))
		return report->on_paper;
	for (const char *const *format = report->formats; *format; format++)
		if (!strcmp(*format, kind->format))
			return true;
	return false;
}

/* What is drawn of a picture for screens. */
static struct drawing drawing_of(const struct report *report, const struct picture *picture)
{
	struct drawing drawing = {
		.directory = picture->scratch,
		.title = picture->title,
		.subtitle = report->subtitle,
		.ghz = report->ghz,
	};

	for (size_t i = 0; i < GNUPLOT_PICTURES; i++)
		if (is_for_screen(&gnuplot_pictures[i]) && is_asked_for(report, &gnuplot_pictures[i]))
			drawing.pictures |= 1U << i;
	return drawing;
}

/* Start to draw what is for paper. 0, or a negative errno with *why. */
static int paper_start(const struct report *report, struct picture *picture, struct reason *why)
{
	struct drawing drawing = drawing_of(report, picture);
	int rc = 0;

	for (size_t i = 0; i < GNUPLOT_PICTURES && !rc; i++) {
		if (is_for_screen(&gnuplot_pictures[i]) || !is_asked_for(report, &gnuplot_pictures[i]))
			continue;
		drawing.pictures = 1U << i;
		rc = gnuplot_start(&drawing, 1, &picture->paper[i], why);
	}
	return rc;
}

/* Say why a picture for paper is not there. */
static void refusal_tell(const struct report *report, const struct gnuplot_picture *kind, const char *figure,
	const struct reason *refusal)
{
	char *line;

	/* A PDF and an SVG of one width are refused for the same reason. */
	if (!report->refused || strcmp(kind->format, "pdf"))
		return;
	if (asprintf(&line, "%s is not drawn %s mm wide: %s", figure, kind->mm, refusal->text) < 0)
		return;
	report->refused(line);
	free(line);
}

/* Publish one picture that was drawn; of one that was refused, remove that of an earlier report. */
static int kind_publish(const struct report *report, const struct picture *picture, const struct gnuplot_picture *kind,
	bool is_refused, struct reason *why)
{
	char *name = NULL, *path = NULL;
	int rc = 0;

	if ((is_for_screen(kind) ? asprintf(&name, "%s.%s", picture->figure, kind->format)
				 : asprintf(&name, PAPER "/%s-%smm.%s", picture->figure, kind->mm, kind->format)) < 0 ||
		asprintf(&path, "%s/%s", report->directory, name) < 0)
		rc = fail(why, ENOMEM, "out of memory");
	else if (is_refused)
		unlink(path);
	else if (!strcmp(kind->format, "svg"))
		rc = svg_publish(picture->scratch, kind, path, why);
	else
		rc = file_copy(picture->scratch, kind->file, report->directory, name, why);
	free(name);
	free(path);
	/* -ENOENT would say that gnuplot is not there. */
	return rc ? -EIO : 0;
}

/* Wait for what is for paper, and publish it, unless there was an error `rc` before. 0, or a negative errno with *why. */
static int paper_finish(const struct report *report, struct picture *picture, int rc, struct reason *why)
{
	for (size_t i = 0; i < GNUPLOT_PICTURES; i++) {
		struct reason own;
		int error;

		if (!picture->paper[i])
			continue;
		error = gnuplot_finish(picture->paper[i], &own);
		picture->paper[i] = NULL;
		if (rc)
			continue;
		if (error == -ENOTSUP)
			refusal_tell(report, &gnuplot_pictures[i], picture->figure, &own);
		if (!error || error == -ENOTSUP)
			error = kind_publish(report, picture, &gnuplot_pictures[i], error, &own);
		if (error)
			*why = own;
		rc = error;
	}
	return rc;
}

static int screen_publish(const struct report *report, const struct picture *picture, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < GNUPLOT_PICTURES && !rc; i++)
		if (is_for_screen(&gnuplot_pictures[i]) && is_asked_for(report, &gnuplot_pictures[i]))
			rc = kind_publish(report, picture, &gnuplot_pictures[i], false, why);
	return rc;
}

static bool is_stopped(const struct report *report)
{
	return report->stop && report->stop();
}

/* One script that fails ends gnuplot, and the pictures after it are not drawn: those are drawn alone. */
static int picture_redraw(struct report *report, const struct picture *picture, int rc, struct reason *why)
{
	const struct drawing drawing = drawing_of(report, picture);
	struct gnuplot_drawing *process;

	if (gnuplot_has_drawn(&drawing))
		return 0;
	if (is_stopped(report))
		return rc;
	rc = gnuplot_start(&drawing, 1, &process, why);
	return rc ? rc : gnuplot_finish(process, why);
}

/* Publish a picture that was drawn, unless `rc`. What its line in the text has to become is noted where it failed. */
static void picture_finish(struct report *report, struct picture *picture, int rc, struct reason *why)
{
	if (!rc)
		rc = screen_publish(report, picture, why);
	rc = paper_finish(report, picture, rc, why);
	if (!rc)
		return;
	undrawn_note(report, picture->figure, rc, why);
	if (!names_add(&report->undrawn, picture->line) && names_add(&report->undrawn, why->text))
		free(report->undrawn.name[--report->undrawn.count]);
}

static void batch_finish(struct report *report, struct batch *batch, int rc, const struct reason *why)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct picture *picture = &batch->picture[i];
		struct reason own = *why;
		bool again = rc && rc != -ENOENT && batch->count > 1;

		picture_finish(report, picture, again ? picture_redraw(report, picture, rc, &own) : rc, &own);
		picture_free(picture);
	}
	free(batch);
}

/* Wait for the batch that was begun first. */
static void first_finish(struct report *report)
{
	struct batch *batch = report->drawing;
	struct reason why = { 0 };
	int rc = gnuplot_finish(batch->drawing, &why);

	report->drawing = batch->next;
	report->being_drawn--;
	batch_finish(report, batch, rc, &why);
}

static size_t processes_most(const struct report *report)
{
	long cpus = report->processes ? (long)report->processes : sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 1 ? 1 : cpus > PROCESSES_MOST ? PROCESSES_MOST : (size_t)cpus;
}

static size_t batch_most(const struct report *report)
{
	if (report->on_paper)
		return BATCH_ON_PAPER;
	return processes_most(report) > 1 ? BATCH : BATCH_ALONE;
}

/* Begin to draw the pictures that wait for it. */
static void waiting_start(struct report *report)
{
	struct batch *batch = report->waiting, **last = &report->drawing;
	struct drawing drawings[BATCH_ALONE];
	struct reason why = { 0 };
	int rc = 0;

	report->waiting = NULL;
	if (!batch)
		return;
	while (report->being_drawn >= processes_most(report))
		first_finish(report);
	if (is_stopped(report))
		rc = fail(&why, EINTR, "interrupted");
	for (size_t i = 0; i < batch->count && !rc; i++) {
		drawings[i] = drawing_of(report, &batch->picture[i]);
		rc = paper_start(report, &batch->picture[i], &why);
	}
	if (!rc)
		rc = gnuplot_start(drawings, batch->count, &batch->drawing, &why);
	if (rc) {
		batch_finish(report, batch, rc, &why);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = batch;
	report->being_drawn++;
}

int picture_start(struct report *report, const struct picture_request *request, struct reason *why)
{
	struct picture picture = { .scratch = report->scratch };
	int rc;

	if (report->no_gnuplot)
		return fail(why, ENOENT, "gnuplot is not there");
	rc = file_copy(report->folder, "figure.gp", report->scratch, "figure.gp", why) ? -EIO : 0;
	if (!report->waiting && !rc)
		report->waiting = calloc(1, sizeof(*report->waiting));
	if (!rc) {
		report->scratch = NULL;
		picture.figure = strdup(request->figure);
		picture.title = strdup(request->title);
		picture.line = strdup(request->line);
		if (!report->waiting || !picture.figure || !picture.title || !picture.line ||
			names_add(&report->pictures, request->figure)) {
			picture_free(&picture);
			rc = fail(why, ENOMEM, "out of memory");
		}
	}
	if (rc) {
		undrawn_note(report, request->figure, rc, why);
		return rc;
	}
	report->waiting->picture[report->waiting->count++] = picture;
	if (report->waiting->count == batch_most(report))
		waiting_start(report);
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
	waiting_start(report);
	while (report->drawing)
		first_finish(report);
	for (size_t i = 0; i + 1 < report->undrawn.count; i += 2)
		markdown = line_replace(markdown, report->undrawn.name[i], report->undrawn.name[i + 1]);
	names_free(&report->undrawn);
	return markdown;
}
