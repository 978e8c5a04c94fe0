/* Cycles of one page walk by hardware's own count: native, nested and shadow paging side by side. */
#include "report/counters.h"
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of pages: as many as page sizes and what may be behind them. */
#define ROWS_MAX 16

/* A row: the curves of a panel at one number of pages. */
struct row {
	const struct panel *panel;
	double pages;
};

struct bars {
	struct row row[ROWS_MAX];
	size_t rows;
};

static const json_t *point_at(const struct panel_curve *curve, double pages)
{
	const json_t *point = curve_drawable(curve) ? curve_point(curve, pages) : NULL;

	return point && isfinite(counted_cycles_per_walk(point).value) ? point : NULL;
}

/*
 * The most pages at which as many curves as can be know the cycles of a walk: walks get dearer with distance, so only
 * equal numbers of pages compare. NaN: none does.
 */
static double common_pages(const struct panel *panel)
{
	double best = NAN;
	size_t curves_best = 0, k;
	json_t *point;

	for (size_t i = 0; i < panel->count; i++) {
		json_array_foreach (panel->curve[i]->points, k, point) {
			double pages = number_at(point, "params.pages");
			size_t curves = 0;

			for (size_t j = 0; j < panel->count; j++)
				curves += point_at(panel->curve[j], pages) != NULL;
			if (!curves || curves < curves_best || (curves == curves_best && !(pages > best)))
				continue;
			best = pages;
			curves_best = curves;
		}
	}
	return best;
}

/* Every page and nothing left out: with a stride the same cycles are another question. */
static void gather(const struct report *report, struct bars *bars)
{
	for (size_t i = 0; i < report->curves.panels && bars->rows < ROWS_MAX; i++) {
		const struct panel *panel = &report->curves.panel[i];
		double pages = panel->stride_pages == 1 ? common_pages(panel) : NAN;

		if (isfinite(pages))
			bars->row[bars->rows++] = (struct row){ panel, pages };
	}
}

/* Bars of one label have one colour and one place in each row. */
static size_t lane_number(char label[ROWS_MAX][96], const char *wanted)
{
	size_t i = 0;

	while (i < ROWS_MAX && label[i][0] && strcmp(label[i], wanted))
		i++;
	if (i < ROWS_MAX)
		snprintf(label[i], sizeof(label[i]), "%s", wanted);
	return i;
}

static int write_table(const struct report *report, const char *name, const struct bars *bars, struct reason *why)
{
	FILE *table = table_open(report, name, why);
	char label[ROWS_MAX][96] = { "" };

	if (!table)
		return -EIO;
	fputs("# Core cycles of one page walk: counted by hardware, and what translation adds to an access by time.\n"
	      "row\twhat\tpages\tlane\tlabel\tsetting\tpaging\twalk_cycles\twalk_cycles_lo\twalk_cycles_hi\tnet_cycles\tnet_cycles_lo\tnet_cycles_hi\n",
		table);
	for (size_t r = 0; r < bars->rows; r++) {
		const struct row *row = &bars->row[r];

		for (size_t i = 0; i < row->panel->count; i++) {
			const struct panel_curve *curve = row->panel->curve[i];
			const json_t *point = point_at(curve, row->pages);
			size_t lane = point ? lane_number(label, curve->label) : ROWS_MAX;

			if (lane == ROWS_MAX)
				continue;
			fprintf(table, "%zu\t", r + 1);
			table_text(table, row->panel->label);
			fprintf(table, "\t%.7g\t%zu\t%s\t", row->pages, lane + 1, curve->label);
			table_text(table, curve->setting);
			fputc('\t', table);
			table_text(table, curve->paging);
			table_estimate(table, counted_cycles_per_walk(point));
			table_estimate(table, metric_at(point, "net_cycles"));
			fputc('\n', table);
		}
	}
	return table_close(report, name, table, why);
}

static const char *verdict_text(enum cross_check_verdict verdict)
{
	return verdict == CROSS_AGREES ? "yes" : verdict == CROSS_DIFFERS ? "**no**" : "not checked";
}

static void explain_row(FILE *text, const struct report *report, const struct row *row)
{
	for (size_t i = 0; i < row->panel->count; i++) {
		const struct panel_curve *curve = row->panel->curve[i];
		const json_t *point = point_at(curve, row->pages);
		struct estimate walks;
		struct cross_check check;

		if (!point)
			continue;
		walks = counted_at(point, "dtlb_load_walks_per_access");
		counted_check(point, row->pages >= pages_beyond(report, row->panel, curve), &check);
		fprintf(text, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", row->panel->label,
			count_text(row->pages).text, curve->label, curve->paging ? curve->paging : "unknown",
			estimate_text(counted_cycles_per_walk(point)).text, estimate_text(walks).text,
			estimate_text(metric_at(point, "net_cycles")).text, verdict_text(check.time.verdict));
	}
}

static char *explain(const struct report *report, const struct bars *bars)
{
	const char *outer = string_at(report->run->about, "machine.outer.name");
	const struct panel_curve *counted[64];
	size_t count = 0, size;
	char *markdown = NULL;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fputs("How long one page walk takes, by the CPU's own count of cycles in which a walk for a load is under way, over the walks it counted. Native and shadow paging walk one table, nested paging walks two. Each row has the same number of pages in every setting, the most that all have. The circle is what translation adds to an access by time; where every access walks, the two agree within 25 % or 12 cycles, or something overlaps or is left out.\n\n"
	      "| pages of | pages | setting | paging | cycles per walk | walks per access | net cycles per access, by time | agree |\n| --- | ---: | --- | --- | ---: | ---: | ---: | --- |\n",
		text);
	for (size_t r = 0; r < bars->rows; r++) {
		explain_row(text, report, &bars->row[r]);
		for (size_t i = 0; i < bars->row[r].panel->count && count < sizeof(counted) / sizeof(counted[0]); i++)
			if (point_at(bars->row[r].panel->curve[i], bars->row[r].pages))
				counted[count++] = bars->row[r].panel->curve[i];
	}
	fputc('\n', text);
	if (outer && strcmp(outer, "bare-metal"))
		fputs("This host is itself a guest, or may be one: its hypervisor's tables are walked in every setting, too. ",
			text);
	counters_explain_source(text, counted, count);
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	static const struct figure_words words = {
		.name = "walk-cycles",
		.heading = "Cycles per walk: native, nested, shadow",
		.title = "Cycles of one page walk, counted by hardware",
		.alt = "Core cycles of one page walk by setting and paging mode, beside the net cost by time",
	};
	struct bars bars = { .rows = 0 };
	int rc;

	gather(report, &bars);
	if (!bars.rows)
		return 0;
	rc = write_table(report, words.name, &bars, why);
	return rc ? rc : figure_add_words(report, &words, explain(report, &bars), why);
}

const struct figure_family walk_cycles_family = { .prepare = prepare };
