/* One picture for a newcomer: what translation adds to an access, against the memory touched, page sizes together. */
#include "report/figure.h"
#include "report/inferred.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "overview"
#define SIZES_MAX 8 /* x86-64 has three page sizes */

/* Of each page size the panel that says most: every page touched, most points. Returns how many. */
static size_t choose(const struct report *report, const struct panel **chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];
		size_t at = 0;

		if (!panel_drawable(panel) || !isfinite(panel->page_bytes))
			continue;
		while (at < count && chosen[at]->page_bytes != panel->page_bytes)
			at++;
		if (at == SIZES_MAX)
			continue;
		if (at == count)
			chosen[count++] = panel;
		else if (panel->stride_pages < chosen[at]->stride_pages ||
			 (panel->stride_pages == chosen[at]->stride_pages && panel->points > chosen[at]->points))
			chosen[at] = panel;
	}
	return count;
}

static const struct panel_curve *first_drawable(const struct panel *panel)
{
	for (size_t i = 0; i < panel->count; i++) {
		if (curve_drawable(panel->curve[i]))
			return panel->curve[i];
	}
	return NULL;
}

static void write_curve(
	FILE *table, const struct panel *panel, const struct panel_curve *curve, size_t number, size_t size)
{
	struct text pages = bytes_text(panel->page_bytes);
	size_t i;
	json_t *point;

	json_array_foreach (curve->points, i, point) {
		double count = number_at(point, "params.pages");
		const char *pass = string_at(point, "pass");

		if (!pass || strcmp(pass, "sweep"))
			continue;
		fprintf(table, "%zu\t%s pages, %s\t", number, pages.text, curve->label);
		table_text(table, curve->setting);
		fprintf(table, "\t%zu\t%.7g\t%.12g\t", size, count, count * panel->page_bytes);
		table_number(table, number_at(point, "metrics.net_cycles.median"));
		fputc('\t', table);
		table_number(table, number_at(point, "metrics.net_cycles.lo"));
		fputc('\t', table);
		table_number(table, number_at(point, "metrics.net_cycles.hi"));
		fputc('\t', table);
		table_number(table, number_at(point, "metrics.net_ns.median"));
		fputc('\n', table);
	}
}

static int write_curves(
	const struct report *report, const struct panel *const *chosen, size_t sizes, struct reason *why)
{
	FILE *table = table_open(report, NAME, why);
	size_t number = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# What translation adds to one access, against the memory touched (one line in each page).\n"
		"# net: the access less one to as many lines packed into huge pages. size: 1 the smallest pages.\n"
		"curve\tlabel\tsetting\tsize\tpages\treach_bytes\tnet_cycles\tnet_cycles_lo\tnet_cycles_hi\tnet_ns\n");
	for (size_t i = 0; i < sizes; i++) {
		for (size_t j = 0; j < chosen[i]->count; j++) {
			if (curve_drawable(chosen[i]->curve[j]))
				write_curve(table, chosen[i], chosen[i]->curve[j], ++number, i + 1);
		}
	}
	return table_close(report, NAME, table, why);
}

/* Where the smallest pages are translated, and for how much: the regions of the picture. */
static int write_zones(const struct report *report, const struct panel *panel, struct reason *why)
{
	const struct panel_curve *curve = first_drawable(panel);
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, curve, level, LEVELS_MAX);
	size_t last = json_array_size(curve->points) - 1;
	double from = number_at(json_array_get(curve->points, 0), "params.pages");
	double end = number_at(json_array_get(curve->points, last), "params.pages"), added = 0;
	FILE *table = table_open(report, NAME ".zones", why);

	if (!table)
		return -EIO;
	fprintf(table, "# Regions of the first curve of the smallest pages, by the TLB level that translates there.\n"
		       "zone\tfrom_bytes\tto_bytes\twhat\tcost\n");
	for (size_t i = 0; i <= count; i++) {
		double to = i < count ? level[i].entries.value : end;

		fprintf(table, "%zu\t%.12g\t%.12g\t", i + 1, from * panel->page_bytes, to * panel->page_bytes);
		if (i < count)
			fprintf(table, "%s pages: L%u TLB\t", bytes_text(panel->page_bytes).text, level[i].level);
		else
			fprintf(table, "%s pages: %s\t", bytes_text(panel->page_bytes).text,
				count ? "page walks" : "no level resolved");
		if (!i)
			fprintf(table, count ? "nothing added\n" : " \n");
		else
			fprintf(table, "+%s cycles%s\n", number_text(added).text, i < count ? "" : " and more");
		if (i < count && isfinite(level[i].added_cycles.value))
			added += level[i].added_cycles.value;
		from = to;
	}
	return table_close(report, NAME ".zones", table, why);
}

static char *explain(const struct panel *const *chosen, size_t sizes)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"Every access needs its address translated. While the translations fit a TLB that costs little; beyond it the processor walks the page table. The picture shows what that adds to one access when so much memory is in use, one cache line in each page:\n\n");
	for (size_t i = 0; i < sizes; i++) {
		const struct panel_curve *curve = first_drawable(chosen[i]);
		const json_t *last = json_array_get(curve->points, json_array_size(curve->points) - 1);

		fprintf(text, "- with pages of %s, %s of them (%s) cost %s core cycles (%s ns) an access on the %s;\n",
			bytes_text(chosen[i]->page_bytes).text, count_text(number_at(last, "params.pages")).text,
			bytes_text(number_at(last, "params.pages") * chosen[i]->page_bytes).text,
			number_text(number_at(last, "metrics.net_cycles.median")).text,
			number_text(number_at(last, "metrics.net_ns.median")).text, curve->label);
	}
	fprintf(text,
		"- the bands are 95 %% intervals; the vertical axis is linear near zero and logarithmic above, so that both the first step and the last can be seen.\n");
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	const struct panel *chosen[SIZES_MAX];
	size_t sizes = choose(report, chosen);
	int rc;

	if (!sizes)
		return 0;
	rc = write_curves(report, chosen, sizes, why);
	if (!rc)
		rc = write_zones(report, chosen[0], why);
	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "What translation adds to an access",
			.title = "What address translation adds to one memory access",
			.alt = "Cycles that translation adds to an access against the memory touched, by page size",
		},
		explain(chosen, sizes), why);
}

const struct figure_family overview_family = { .prepare = prepare };
