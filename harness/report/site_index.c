#include "report/site_index.h"

#include "base/member.h"
#include "base/new_file.h"
#include "base/text.h"
#include "base/version.h"
#include "report/html.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the index shows of a text. */
#define CELL_CHARACTERS_MOST 100

/* --- pages --- */

static int page_open(const char *directory, const char *name, struct new_file *page, struct reason *why)
{
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return fail(why, ENOMEM, "out of memory");
	rc = new_file_open(page, path, why);
	free(path);
	return rc;
}

/* --- cells --- */

/* The end of a tag, and the text in it. What is shortened can be read as a whole where one points at it. */
static void short_text_write(const char *text, FILE *out)
{
	char *copy = strdup(text);

	if (copy && strcmp(text_shorten(text_clean(copy), CELL_CHARACTERS_MOST), text)) {
		fputs(" title=\"", out);
		html_write_text(text, out);
		fputc('"', out);
	}
	fputc('>', out);
	html_write_text(copy ? copy : text, out);
	free(copy);
}

static void cell_write(const json_t *cell, FILE *out)
{
	if (json_is_string(cell)) {
		fputs("<td", out);
		short_text_write(json_string_value(cell), out);
	} else if (json_is_number(cell)) {
		fprintf(out, "<td align=\"right\">%.7g", json_number_value(cell));
	} else {
		fputs("<td>–", out);
	}
	fputs("</td>", out);
}

/* --- sorting --- */

/* Numbers before texts, and what is not known last. Digits in texts count as numbers. */
static int cells_compare(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		double left = json_number_value(a), right = json_number_value(b);

		return left < right ? -1 : left > right;
	}
	if (json_is_string(a) && json_is_string(b))
		return strverscmp(json_string_value(a), json_string_value(b));
	return (json_is_number(b)	   ? 2
		       : json_is_string(b) ? 1
					   : 0) -
	       (json_is_number(a)	   ? 2
		       : json_is_string(a) ? 1
					   : 0);
}

/* How a page of the index is sorted. */
struct order {
	const char *column; /* "run": by the label; NULL: the newest first */
	const char *page;
	bool alone; /* there is nothing to sort, and no other page */
};

#define RUN_COLUMN "run"

static int entries_compare(const void *a, const void *b, void *context)
{
	const struct site_entry *left = *(const struct site_entry *const *)a;
	const struct site_entry *right = *(const struct site_entry *const *)b;
	const struct order *order = context;
	int sign = 0;

	if (!order->column)
		sign = strcmp(right->started, left->started);
	else if (strcmp(order->column, RUN_COLUMN))
		sign = cells_compare(json_object_get(json_object_get(left->row, "cells"), order->column),
			json_object_get(json_object_get(right->row, "cells"), order->column));
	return sign ? sign : strverscmp(left->label, right->label);
}

/* "L2 TLB, entries" is index-by-l2-tlb-entries.html. The caller frees. NULL where memory is short. */
static char *order_page(const char *column)
{
	char *page, *end;

	if (asprintf(&page, "index-by-%s.html", column) < 0)
		return NULL;
	end = page + strlen("index-by-");
	for (const char *c = column; *c; c++) {
		if (isalnum((unsigned char)*c))
			*end++ = (char)tolower((unsigned char)*c);
		else if (end[-1] != '-')
			*end++ = '-';
	}
	strcpy(end, ".html");
	return page;
}

/* --- the index --- */

/* The columns are those of any run that was drawn, as all were by one program. */
static const json_t *columns_of(const struct site *site)
{
	for (size_t i = 0; i < site->entries; i++) {
		const json_t *cells = json_object_get(site->entry[i].row, "cells");

		if (json_is_object(cells) && site->entry[i].runs.count == 1)
			return cells;
	}
	return NULL;
}

static void column_head_write(const char *column, const struct order *order, FILE *out)
{
	char *page = order->alone ? NULL : order_page(column);

	fputs("<th scope=\"col\"", out);
	if (order->column && !strcmp(order->column, column))
		fputs(" aria-sort=\"ascending\"", out);
	fputc('>', out);
	if (page)
		fprintf(out, "<a href=\"%s\">", page);
	html_write_text(column, out);
	fputs(page ? "</a></th>" : "</th>", out);
	free(page);
}

static void entry_link_write(const struct site_entry *entry, FILE *out)
{
	if (entry->row)
		fprintf(out, "<a href=\"%s/%s/" SITE_PAGE "\"", entry->kind, entry->name);
	else
		fputs("<span", out);
	short_text_write(entry->label, out);
	fputs(entry->row ? "</a>" : "</span>", out);
}

static void problem_write(const char *problem, FILE *out)
{
	fputs("<span class=\"bad\"", out);
	short_text_write(problem, out);
	fputs("</span>", out);
}

/* Of a run that could not be read the reason takes the place of all cells. */
static void row_write(const struct site_entry *entry, const json_t *columns, FILE *out)
{
	const json_t *cells = json_object_get(entry->row, "cells");
	const char *problem = site_entry_problem(entry), *column;
	json_t *ignored;

	fputs("<tr><th scope=\"row\">", out);
	entry_link_write(entry, out);
	if (problem && json_is_object(cells)) {
		fputs("<br>", out);
		problem_write(problem, out);
	}
	fputs("</th>", out);
	if (problem && !json_is_object(cells) && columns) {
		fprintf(out, "<td colspan=\"%zu\">", json_object_size(columns));
		problem_write(problem, out);
		fputs("</td>", out);
	} else {
		json_object_foreach ((json_t *)columns, column, ignored)
			cell_write(json_object_get(cells, column), out);
	}
	fputs("</tr>\n", out);
}

static void runs_table_write(
	struct site_entry *const *run, size_t runs, const json_t *columns, const struct order *order, FILE *out)
{
	const char *column;
	json_t *ignored;

	fputs("<div class=\"wide index\" role=\"region\" tabindex=\"0\" aria-label=\"Runs\">\n<table>\n<thead><tr>",
		out);
	column_head_write(RUN_COLUMN, order, out);
	json_object_foreach ((json_t *)columns, column, ignored)
		column_head_write(column, order, out);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < runs; i++)
		row_write(run[i], columns, out);
	fputs("</tbody>\n</table>\n</div>\n", out);
}

static void comparisons_write(const struct site *site, FILE *out)
{
	const char *before = "<h2>Comparisons</h2>\n<ul>\n", *after = "";

	for (size_t i = 0; i < site->entries; i++) {
		const struct site_entry *entry = &site->entry[i];
		const char *problem = site_entry_problem(entry);

		if (entry->runs.count < 2)
			continue;
		fprintf(out, "%s<li>", before);
		entry_link_write(entry, out);
		if (problem) {
			fputs(": <span class=\"bad\">", out);
			html_write_text(problem, out);
			fputs("</span>", out);
		}
		fputs("</li>\n", out);
		before = "";
		after = "</ul>\n";
	}
	fputs(after, out);
}

/* What is above the table: how many runs there are, and how they are sorted. */
static void opening_write(const struct site *site, size_t runs, size_t bad, const struct order *order, FILE *out)
{
	fputs("<h1>", out);
	html_write_text(site->title, out);
	fprintf(out, "</h1>\n<p>%zu %s", runs, runs == 1 ? "run" : "runs");
	if (bad)
		fprintf(out, " (<span class=\"bad\">of %zu not everything could be drawn</span>)", bad);
	if (order->alone) {
		fputs(".", out);
	} else if (!order->column) {
		fputs(", the newest first. The head of a column sorts by it.", out);
	} else {
		fputs(", sorted by ", out);
		html_write_text(order->column, out);
		fputs(" (or <a href=\"index.html\">the newest first</a>).", out);
	}
	fputs(" – is what a run does not tell; its page says why.</p>\n", out);
}

static int order_write(const struct site *site, const json_t *columns, const struct order *order, struct reason *why)
{
	struct site_entry **run = calloc(site->entries + 1, sizeof(*run));
	const struct html_frame frame = { .title = site->title, .style = site->style };
	struct new_file page;
	size_t runs = 0, bad = 0;
	int rc = run ? page_open(site->directory, order->page, &page, why) : fail(why, ENOMEM, "out of memory");

	for (size_t i = 0; i < site->entries && !rc; i++)
		if (site->entry[i].runs.count == 1) {
			run[runs++] = &site->entry[i];
			bad += site_entry_problem(&site->entry[i]) != NULL;
		}
	if (!rc) {
		qsort_r(run, runs, sizeof(*run), entries_compare, (void *)order);
		html_frame_begin(&frame, page.out);
		opening_write(site, runs, bad, order, page.out);
		runs_table_write(run, runs, columns, order, page.out);
		comparisons_write(site, page.out);
		fputs("<footer><p>Made by nestwalk " NESTWALK_VERSION
		      ". Under each figure are its address, its files, its tables and its queries. What has no PNG and PDF gets them by <code>nestwalk site --formats svg,png,pdf</code>.</p></footer>\n",
			page.out);
		html_frame_end(page.out);
		rc = new_file_put(&page, why);
	}
	free(run);
	return rc;
}

/* Pages that are sorted by columns which are no more. */
static void older_remove(const char *directory, const struct names *pages)
{
	char *pattern;
	glob_t found;

	if (asprintf(&pattern, "%s/index-by-*.html", directory) < 0)
		return;
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (!names_has(pages, strrchr(found.gl_pathv[i], '/') + 1))
				unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	free(pattern);
}

int site_index_write(const struct site *site, struct reason *why)
{
	const json_t *columns = columns_of(site);
	struct names pages = { 0 };
	const char *column = RUN_COLUMN;
	void *at = columns ? json_object_iter((json_t *)columns) : NULL;
	size_t runs = 0;
	int rc = 0;

	for (size_t i = 0; i < site->entries; i++)
		runs += site->entry[i].runs.count == 1;
	while (!rc && column && runs > 1) {
		char *page = order_page(column);

		rc = page && !names_add(&pages, page) ? 0 : fail(why, ENOMEM, "out of memory");
		if (!rc)
			rc = order_write(site, columns, &(struct order){ .column = column, .page = page }, why);
		free(page);
		column = at ? json_object_iter_key(at) : NULL;
		at = at ? json_object_iter_next((json_t *)columns, at) : NULL;
	}
	/* Last, as it links to the others. */
	if (!rc)
		rc = order_write(site, columns, &(struct order){ .page = SITE_PAGE, .alone = !pages.count }, why);
	if (!rc)
		older_remove(site->directory, &pages);
	names_free(&pages);
	return rc;
}

int site_problem_page_write(const struct site *site, const struct site_entry *entry, const char *directory,
	const char *problem, struct reason *why)
{
	const struct html_frame frame = { .title = entry->label, .style = site->style, .home = SITE_HOME };
	struct new_file page;
	int rc = page_open(directory, SITE_PAGE, &page, why);

	if (rc)
		return rc;
	html_frame_begin(&frame, page.out);
	fputs("<h1>", page.out);
	html_write_text(entry->label, page.out);
	fputs("</h1>\n<p class=\"bad\">There is no report: ", page.out);
	html_write_text(problem, page.out);
	fputs("</p>\n", page.out);
	html_frame_end(page.out);
	return new_file_put(&page, why);
}
