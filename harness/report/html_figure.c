#include "report/html_figure.h"

#include "base/plain_file.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a longer table the page shows so many rows, says how many there are, and links to all of them. */
#define ROWS_MOST 200

/* A cell shows no more of a text; the file has it whole. */
#define CELL_CHARACTERS_MOST 100

/* --- files --- */

/* What follows the figure's name in the name of a file that belongs to it, "NAME.tsv" or "tsv"; NULL: of another one. */
static const char *rest_of(const struct html_figure *figure, const char *file)
{
	size_t length = strlen(figure->name);

	return strncmp(file, figure->name, length) || file[length] != '.' ? NULL : file + length + 1;
}

static bool has_suffix(const char *name, const char *suffix)
{
	const char *dot = strrchr(name, '.');

	return !strcmp(dot ? dot + 1 : name, suffix);
}

static void link_write(const char *file, const char *says, FILE *out)
{
	fputs(" <a href=\"", out);
	html_write_text(file, out);
	fputs("\" aria-label=\"", out);
	html_write_text(file, out);
	fputs("\">", out);
	html_write_text(says, out);
	fputs("</a>", out);
}

/* Links to all files, those of one kind together. The first of a kind has its name, others that of their table. */
static void links_write(const struct html_figure *figure, FILE *out)
{
	static const char *const kinds[][2] = { { "svg", "SVG" }, { "png", "PNG" }, { "pdf", "PDF" }, { "tsv", "TSV" },
		{ "sql", "SQL" } };

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (size_t i = 0; i < figure->files->count; i++) {
			const char *rest = rest_of(figure, figure->files->name[i]);

			if (rest && has_suffix(rest, kinds[kind][0]))
				link_write(figure->files->name[i], strcmp(rest, kinds[kind][0]) ? rest : kinds[kind][1],
					out);
		}
}

/* --- tables --- */

static void cells_write(char *line, const char *open, const char *close, FILE *out)
{
	char *cell;

	line[strcspn(line, "\r\n")] = '\0';
	fputs("<tr>", out);
	while ((cell = strsep(&line, "\t"))) {
		fputs(open, out);
		html_write_text(strcmp(cell, "NA") ? text_shorten(cell, CELL_CHARACTERS_MOST) : "–", out);
		fputs(close, out);
	}
	fputs("</tr>\n", out);
}

/* The table's head: lines of comment, then the names of its columns, in *line. */
static void table_head_write(FILE *in, char **line, size_t *room, FILE *out)
{
	ssize_t got;

	fputs("<p class=\"faint\">", out);
	while ((got = getline(line, room, in)) > 0 && **line == '#')
		html_write_text(*line + 1, out);
	fputs("</p>\n", out);
	if (got <= 0 && *line)
		**line = '\0';
}

static void table_rows_write(FILE *in, const char *file, char **line, size_t *room, FILE *out)
{
	size_t rows = 0;

	fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
	html_write_text(file, out);
	fputs("\">\n<table>\n<thead>", out);
	cells_write(*line ? *line : (char[]){ "" }, "<th scope=\"col\">", "</th>", out);
	fputs("</thead>\n<tbody>\n", out);
	while (getline(line, room, in) > 0)
		if (++rows <= ROWS_MOST)
			cells_write(*line, "<td>", "</td>", out);
	fputs("</tbody>\n</table>\n</div>\n", out);
	if (rows > ROWS_MOST) {
		fprintf(out, "<p>The first %d of %zu rows; all are in", ROWS_MOST, rows);
		link_write(file, file, out);
		fputs(".</p>\n", out);
	}
}

static int table_write(const struct html_figure *figure, const char *file, FILE *out, struct reason *why)
{
	FILE *in = plain_file_open(figure->page->directory, file, PLAIN_FILE_POINTS_MOST, why);
	char *line = NULL;
	size_t room = 0;

	if (in) {
		fputs("<details>\n<summary>Table ", out);
		html_write_text(file, out);
		fputs("</summary>\n", out);
		table_head_write(in, &line, &room, out);
		table_rows_write(in, file, &line, &room, out);
		fputs("</details>\n", out);
		fclose(in);
	}
	free(line);
	return in ? 0 : -EIO;
}

static int query_write(const struct html_figure *figure, const char *file, FILE *out, struct reason *why)
{
	char *sql = file_read(figure->page->directory, file, why);

	if (!sql)
		return -EIO;
	fputs("<details>\n<summary>Query ", out);
	html_write_text(file, out);
	fputs("</summary>\n<pre tabindex=\"0\">", out);
	html_write_text(sql, out);
	fputs("</pre>\n</details>\n", out);
	free(sql);
	return 0;
}

/* --- the picture --- */

static void base64_write(const unsigned char *bytes, size_t length, FILE *out)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		unsigned group = (unsigned)bytes[i] << 16;

		if (i + 1 < length)
			group |= (unsigned)bytes[i + 1] << 8;
		if (i + 2 < length)
			group |= bytes[i + 2];
		fputc(digit[group >> 18], out);
		fputc(digit[group >> 12 & 63], out);
		fputc(i + 1 < length ? digit[group >> 6 & 63] : '=', out);
		fputc(i + 2 < length ? digit[group & 63] : '=', out);
	}
}

/* Its size, which gnuplot writes as that of the view, keeps the page from jumping while pictures load. */
static void size_write(const char *svg, FILE *out)
{
	const char *view = strstr(svg, "viewBox=\"0 0 ");
	unsigned width, height;

	if (view && sscanf(view, "viewBox=\"0 0 %u %u\"", &width, &height) == 2)
		fprintf(out, " width=\"%u\" height=\"%u\"", width, height);
}

static int picture_write(const struct html_figure *figure, FILE *out, struct reason *why)
{
	char *file, *svg;

	if (asprintf(&file, "%s.svg", figure->name) < 0)
		return fail(why, ENOMEM, "out of memory");
	svg = file_read(figure->page->directory, file, why);
	if (svg) {
		fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Figure ", out);
		html_write_text(figure->name, out);
		fputs("\"><img src=\"", out);
		if (figure->page->apart) {
			html_write_text(file, out);
		} else {
			fputs("data:image/svg+xml;base64,", out);
			base64_write((const unsigned char *)svg, strlen(svg), out);
		}
		fputs("\" alt=\"", out);
		html_write_text(figure->alt, out);
		fputc('"', out);
		size_write(svg, out);
		fputs("></div>\n", out);
	}
	free(svg);
	free(file);
	return svg ? 0 : -EIO;
}

static int figure_parts_write(const struct html_figure *figure, FILE *out, struct reason *why)
{
	int rc = figure->drawn ? picture_write(figure, out, why) : 0;

	fprintf(out, "<figcaption><a href=\"#%s\" aria-label=\"Link to the figure %s\">#%s</a> <span class=\"files\">",
		figure->name, figure->name, figure->name);
	links_write(figure, out);
	fputs("</span>", out);
	if (!figure->drawn) {
		fputs("<br>", out);
		html_write_text(figure->alt, out);
	}
	fputs("</figcaption>\n", out);
	for (size_t i = 0; i < figure->files->count && !rc; i++) {
		const char *rest = rest_of(figure, figure->files->name[i]);

		if (rest && has_suffix(rest, "tsv"))
			rc = table_write(figure, figure->files->name[i], out, why);
	}
	for (size_t i = 0; i < figure->files->count && !rc; i++) {
		const char *rest = rest_of(figure, figure->files->name[i]);

		if (rest && has_suffix(rest, "sql"))
			rc = query_write(figure, figure->files->name[i], out, why);
	}
	return rc;
}

char *html_figure_make(const struct html_figure *figure, struct reason *why)
{
	char *html = NULL;
	size_t size;
	FILE *out = open_memstream(&html, &size);
	int rc = out ? 0 : fail(why, ENOMEM, "out of memory");

	if (out) {
		fprintf(out, "<figure id=\"%s\">\n", figure->name);
		rc = figure_parts_write(figure, out, why);
		fputs("</figure>\n", out);
		if (fclose(out) && !rc)
			rc = fail(why, ENOMEM, "out of memory");
	}
	if (!rc)
		return html;
	free(html);
	return NULL;
}
