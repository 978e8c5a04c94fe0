#include "report/figure.h"

#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

FILE *table_open(const struct report *report, const char *name, struct reason *why)
{
	char *path;
	FILE *table;

	if (asprintf(&path, "%s/%s.tsv", report->directory, name) < 0) {
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	table = fopen(path, "we");
	if (!table)
		fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	free(path);
	return table;
}

int table_close(const struct report *report, const char *name, FILE *table, struct reason *why)
{
	/* A full disk may show up only when the buffer is flushed. */
	bool lost = ferror(table);
	int error = 0;

	if (fclose(table) && !error)
		error = errno;
	if (lost || error)
		return fail(why, error ? error : EIO, "cannot write %s/%s.tsv: %s", report->directory, name,
			strerror(error ? error : EIO));
	return 0;
}

int figure_add(struct report *report, const struct figure *figure, struct reason *why)
{
	struct figure *grown = reallocarray(report->figure, report->figures + 1, sizeof(*grown));

	if (grown && figure->name && figure->heading && figure->title && figure->alt && figure->text) {
		report->figure = grown;
		grown[report->figures++] = *figure;
		return 0;
	}
	if (grown)
		report->figure = grown;
	free(figure->name);
	free(figure->heading);
	free(figure->title);
	free(figure->alt);
	free(figure->text);
	return fail(why, ENOMEM, "out of memory");
}

int figure_add_words(struct report *report, const struct figure_words *words, char *text, struct reason *why)
{
	const struct figure figure = {
		.script = words->name,
		.name = strdup(words->name),
		.heading = strdup(words->heading),
		.title = strdup(words->title),
		.alt = strdup(words->alt),
		.text = text,
	};

	return figure_add(report, &figure, why);
}

const json_t *curve_point(const struct panel_curve *curve, double pages)
{
	size_t i;
	json_t *point;

	json_array_foreach (curve->points, i, point) {
		if (number_at(point, "params.pages") == pages)
			return point;
	}
	return NULL;
}

const char *report_cpu(const struct report *report)
{
	static const char *const paths[] = { "machine.cpu.name", "machine.cpu.model_name", "machine.cpu.brand" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *name = string_at(report->run->about, paths[i]);

		if (name)
			return name;
	}
	return "unknown CPU";
}

char *report_where(const struct report *report)
{
	const char *outer = string_at(report->run->about, "machine.outer.name");
	char *text;
	int length;

	if (!outer)
		outer = string_at(json_array_get(report->run->points, 0), "outer");
	if (!outer || !strcmp(outer, "unknown"))
		length = asprintf(&text, "unknown whether this host is itself a guest");
	else if (!strcmp(outer, "bare-metal"))
		length = asprintf(&text, "host on bare metal");
	else
		length = asprintf(&text, "this host is itself a %s guest", outer);
	return length < 0 ? NULL : text;
}

bool curve_drawable(const struct panel_curve *curve)
{
	size_t i;
	json_t *point;

	if (curve->emulated)
		return false;
	json_array_foreach (curve->points, i, point) {
		if (isfinite(number_at(point, "metrics.net_cycles.median")) &&
			isfinite(number_at(point, "metrics.gross_cycles.median")))
			return true;
	}
	return false;
}

bool panel_drawable(const struct panel *panel)
{
	for (size_t i = 0; i < panel->count; i++) {
		if (curve_drawable(panel->curve[i]))
			return true;
	}
	return false;
}
