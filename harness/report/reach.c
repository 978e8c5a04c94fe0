/* Cost per access against the number of pages: gross, baseline and net, a figure a panel. */
#include "base/statistics.h"
#include "report/counters.h"
#include "report/figure.h"
#include "report/inferred.h"
#include "report/pairs.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where no step was found, this many pages surely fit: the smallest L1 dTLB of any x86-64 CPU had 32 entries. */
#define SURELY_FITS_PAGES 32

static const char *const metrics[] = { "gross_cycles", "baseline_cycles", "net_cycles", "gross_ns", "baseline_ns",
	"net_ns" };

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

static void write_point(FILE *table, const struct panel *panel, size_t index, const json_t *point)
{
	const struct panel_curve *curve = panel->curve[index];
	double pages = number_at(point, "params.pages");

	fprintf(table, "%zu\t", index + 1);
	table_text(table, curve->label);
	fputc('\t', table);
	table_text(table, string_at(point, "pass"));
	fputc('\t', table);
	table_number(table, pages);
	fputc('\t', table);
	table_number(table, pages * panel->page_bytes);
	for (size_t i = 0; i < METRICS; i++) {
		const json_t *metric = json_object_get(json_at(point, "metrics"), metrics[i]);

		fputc('\t', table);
		table_number(table, number_at(metric, "median"));
		fputc('\t', table);
		table_number(table, number_at(metric, "lo"));
		fputc('\t', table);
		table_number(table, number_at(metric, "hi"));
	}
	fprintf(table, "\t%zu\t", json_array_size(json_at(point, "samples.round")));
	table_number(table, number_at(point, "discarded"));
	fputc('\n', table);
}

static void write_pass(FILE *table, const struct panel *panel, size_t index, const char *pass)
{
	size_t i;
	json_t *point;

	json_array_foreach (panel->curve[index]->points, i, point) {
		const char *of = string_at(point, "pass");

		if (of && !strcmp(of, pass))
			write_point(table, panel, index, point);
	}
}

static int write_points(const struct report *report, const struct panel *panel, struct reason *why)
{
	FILE *table = table_open(report, panel->name, why);

	if (!table)
		return -EIO;
	fputs("# ", table);
	table_text(table, panel->bench);
	fprintf(table, ", %s: cost of one access against the number of pages touched. One row a point.\n",
		panel->label);
	fprintf(table,
		"# Cycles are core cycles; net = gross - baseline; _lo and _hi: the 95 %% interval of the median.\n"
		"# reach_bytes: pages times page size. pass: sweep, or refine (fresh placements, near the steps).\n");
	fprintf(table, "curve\tlabel\tpass\tpages\treach_bytes");
	for (size_t i = 0; i < METRICS; i++)
		fprintf(table, "\t%s\t%s_lo\t%s_hi", metrics[i], metrics[i], metrics[i]);
	fprintf(table, "\tsamples\tdiscarded\n");
	for (size_t i = 0; i < panel->count; i++) {
		if (!curve_drawable(panel->curve[i]))
			continue;
		/* A pass at a time, so that each is an unbroken line to gnuplot. */
		write_pass(table, panel, i, "sweep");
		write_pass(table, panel, i, "refine");
	}
	return table_close(report, panel->name, table, why);
}

/* Where in the strip above the curves a level stands. */
struct mark {
	unsigned row, level;
	size_t curve; /* from 1; 0: advertised */
	const char *label;
	bool confirmed;
	struct estimate pages; /* NaN: no level */
};

static void write_mark(FILE *table, const struct mark *mark)
{
	double pages = mark->pages.value;

	fprintf(table, "%u\t%zu\t%s", mark->row, mark->curve, mark->label);
	if (!isfinite(pages)) {
		fprintf(table, "\tnone\tNA\tNA\tNA\tNA\tNA\n");
		return;
	}
	fprintf(table, "\tlevel\t%u\t%s\t%.7g\t%.7g\t%.7g\n", mark->level, mark->confirmed ? "yes" : "no", pages,
		isfinite(mark->pages.lo) ? mark->pages.lo : pages, isfinite(mark->pages.hi) ? mark->pages.hi : pages);
}

static const struct estimate no_pages = { NAN, NAN, NAN };

static void mark_curve(FILE *table, const struct report *report, const struct panel_curve *curve, struct mark mark)
{
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, curve, level, LEVELS_MAX);

	mark.label = curve->label;
	for (size_t i = 0; i < count; i++) {
		mark.level = level[i].level;
		mark.pages = level[i].entries;
		mark.confirmed = !level[i].unconfirmed;
		write_mark(table, &mark);
	}
	mark.pages = no_pages;
	if (!count)
		write_mark(table, &mark);
}

static void mark_advertised(FILE *table, const struct report *report, const struct panel *panel, struct mark mark)
{
	unsigned levels = advertised_levels(report->run->about, panel->page_bytes);

	mark.label = "advertised";
	mark.confirmed = true;
	mark.pages = no_pages;
	for (mark.level = 1; mark.level <= levels; mark.level++) {
		mark.pages.value = advertised_entries(report->run->about, mark.level, panel->page_bytes);
		if (isfinite(mark.pages.value))
			write_mark(table, &mark);
	}
	if (!levels)
		write_mark(table, &mark);
}

/* A curve's levels make a row each, the advertised ones the last. */
static int write_marks(const struct report *report, const struct panel *panel, struct reason *why)
{
	struct text stem;
	unsigned row = 0;
	FILE *table;

	snprintf(stem.text, sizeof(stem.text), "%.80s.marks", panel->name);
	table = table_open(report, stem.text, why);
	if (!table)
		return -EIO;
	fprintf(table,
		"# TLB levels, inferred from each curve (with 95 %% interval) and advertised by CPUID (curve 0).\n"
		"# kind: level, or none: nothing was resolved, or nothing is advertised.\n"
		"# confirmed: seen again by a second pass with fresh placements.\n"
		"row\tcurve\tlabel\tkind\tlevel\tconfirmed\tpages\tpages_lo\tpages_hi\n");
	for (size_t i = 0; i < panel->count; i++) {
		if (curve_drawable(panel->curve[i]))
			mark_curve(table, report, panel->curve[i], (struct mark){ .row = ++row, .curve = i + 1 });
	}
	mark_advertised(table, report, panel, (struct mark){ .row = row + 1 });
	return table_close(report, stem.text, table, why);
}

static void explain_cost(FILE *text, struct estimate cycles, struct estimate ns)
{
	fprintf(text, "%s core cycles%s", number_text(cycles.value).text,
		interval_text(cycles.value, cycles.lo, cycles.hi).text);
	if (isfinite(ns.value))
		fprintf(text, " (%s ns)", number_text(ns.value).text);
}

static void explain_walk(FILE *text, const struct walk *walk)
{
	fprintf(text, "Beyond the last level the page table is walked: that adds ");
	explain_cost(text, walk->cycles, walk->ns);
	fprintf(text, " to an access");
	if (isfinite(walk->pages_from) && isfinite(walk->pages_to))
		fprintf(text, " between %s and %s pages", count_text(walk->pages_from).text,
			count_text(walk->pages_to).text);
	fprintf(text, walk->grows ? ", and more the further the page table lies from the core. " : ". ");
}

static void explain_curve(
	FILE *text, const struct report *report, const struct panel *panel, const struct panel_curve *curve)
{
	const json_t *first = json_array_get(curve->points, 0);
	const json_t *last = json_array_get(curve->points, json_array_size(curve->points) - 1);
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, curve, level, LEVELS_MAX);
	struct walk walk;

	fprintf(text, "- **%s**: at %s pages an access takes %s core cycles (%s ns). ", curve->label,
		count_text(number_at(first, "params.pages")).text,
		number_text(number_at(first, "metrics.gross_cycles.median")).text,
		number_text(number_at(first, "metrics.gross_ns.median")).text);
	for (size_t i = 0; i < count; i++) {
		fprintf(text, "Level %u holds %s pages%s", level[i].level, count_text(level[i].entries.value).text,
			count_interval_text(level[i].entries.lo, level[i].entries.hi).text);
		if (panel->stride_pages == 1)
			fprintf(text, " = %s", bytes_text(level[i].entries.value * panel->page_bytes).text);
		if (level[i].unconfirmed)
			fprintf(text, " (not confirmed by a second pass)");
		fprintf(text, "; an access that misses it%s costs ",
			i + 1 < count ? " and hits the next" : " and goes further");
		explain_cost(text, level[i].added_cycles, level[i].added_ns);
		fprintf(text, " more. ");
		if (level[i].note) {
			fprintf(text, "(Level %u: ", level[i].level);
			markdown_text(text, level[i].note);
			fprintf(text, ".) ");
		}
	}
	if (!count)
		fprintf(text, "No TLB level was resolved. ");
	if (inferred_walk(report->inferred, curve, &walk))
		explain_walk(text, &walk);
	fprintf(text, "At %s pages (%s) an access takes %s core cycles (%s ns), %s of them (%s ns) for translation.\n",
		count_text(number_at(last, "params.pages")).text,
		bytes_text(number_at(last, "params.pages") * panel->page_bytes).text,
		number_text(number_at(last, "metrics.gross_cycles.median")).text,
		number_text(number_at(last, "metrics.gross_ns.median")).text,
		number_text(number_at(last, "metrics.net_cycles.median")).text,
		number_text(number_at(last, "metrics.net_ns.median")).text);
}

/* Below the first step nothing misses: whatever differs there is not translation. */
static double fits_pages(const struct report *report, const struct panel *panel)
{
	double most = INFINITY;

	for (size_t i = 0; i < panel->count; i++) {
		struct level level[LEVELS_MAX];

		if (inferred_levels(report->inferred, panel->curve[i], level, LEVELS_MAX))
			most = fmin(most, isfinite(level[0].entries.lo) ? level[0].entries.lo : level[0].entries.value);
	}
	return isfinite(most) ? floor(0.9 * most) : SURELY_FITS_PAGES;
}

static const struct panel_curve *host_of(const struct panel *panel)
{
	for (size_t i = 0; i < panel->count; i++) {
		if (!strcmp(panel->curve[i]->setting, "host") && curve_drawable(panel->curve[i]))
			return panel->curve[i];
	}
	return NULL;
}

/* The pages at which both curves were swept, most of all. */
static double last_common(const struct panel_curve *a, const struct panel_curve *b)
{
	size_t i;
	json_t *point;
	double pages = NAN;

	json_array_foreach (a->points, i, point) {
		double here = number_at(point, "params.pages");

		if (curve_point(b, here))
			pages = here;
	}
	return pages;
}

static int explain_ratio(
	FILE *text, const struct report *report, const struct panel *panel, const struct panel_curve *curve)
{
	const struct panel_curve *host = host_of(panel);
	struct ratio_request request = {
		.over = curve,
		.under = host,
		.metric = "gross_cycles",
		.pages_least = 1,
		.pages_most = fits_pages(report, panel),
		.seed = (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")),
	};
	struct interval below, beyond;
	size_t pairs, pairs_beyond;

	if (!host || host == curve)
		return 0;
	if (ratio_of_pairs(&request, &below, &pairs))
		return -ENOMEM;
	request.pages_least = request.pages_most = last_common(host, curve);
	if (ratio_of_pairs(&request, &beyond, &pairs_beyond))
		return -ENOMEM;
	if (!isfinite(below.median))
		return 0;
	fprintf(text, "- **%s / host**: %s below the first step (up to %.0f pages, ", curve->label,
		ratio_text(below.median, below.lo, below.hi).text, fits_pages(report, panel));
	if (pairs)
		fprintf(text, "%zu pairs of samples", pairs);
	else
		fprintf(text, "medians of different runs");
	fprintf(text, "), where nothing misses and both should cost the same");
	if (isfinite(beyond.median))
		fprintf(text, "; %s at %s pages", ratio_text(beyond.median, beyond.lo, beyond.hi).text,
			count_text(request.pages_most).text);
	fprintf(text, ".\n");
	return 0;
}

static char *explain(const struct report *report, const struct panel *panel)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);
	int rc = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < panel->count; i++) {
		if (curve_drawable(panel->curve[i]))
			explain_curve(text, report, panel, panel->curve[i]);
	}
	for (size_t i = 0; i < panel->count && !rc; i++) {
		if (curve_drawable(panel->curve[i]))
			rc = explain_ratio(text, report, panel, panel->curve[i]);
	}
	if (panel->stride_pages > 1)
		fprintf(text,
			"\nOnly every %.0f%s page is touched, so the pages span %.0f times the memory that is in them. Fewer pages held than with every page touched means entries that cover several pages, or sets that go unused.\n",
			panel->stride_pages, ordinal_suffix((unsigned long)panel->stride_pages), panel->stride_pages);
	if (panel_counted(panel))
		counters_explain(text, report, panel);
	if (fclose(text) || rc) {
		free(markdown);
		return NULL;
	}
	return markdown;
}

static char *format(const char *pattern, const char *word) __attribute__((format_arg(1)));

static char *format(const char *pattern, const char *word)
{
	char *text;

	return asprintf(&text, pattern, word) < 0 ? NULL : text;
}

static int prepare(struct report *report, struct reason *why)
{
	for (size_t i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];
		struct figure figure = { .script = "reach" };
		int rc;

		if (!panel_drawable(panel))
			continue;
		rc = write_points(report, panel, why);
		if (!rc)
			rc = write_marks(report, panel, why);
		if (!rc && panel_counted(panel)) {
			figure.script = "reach-counted";
			rc = counters_write(report, panel, why);
		}
		if (rc)
			return rc;
		figure.name = strdup(panel->name);
		figure.heading = format("Cost per access: %s", panel->label);
		figure.title = format("Cost of one access against pages touched: %s", panel->label);
		figure.alt = format("Latency of an access against the number of pages touched, %s", panel->label);
		figure.text = explain(report, panel);
		rc = figure_add(report, &figure, why);
		if (rc)
			return rc;
	}
	return 0;
}

const struct figure_family reach_family = { .prepare = prepare };
