/* TLB levels as inferred and as advertised, and what missing each costs: one figure, a row a curve. */
#include "report/figure.h"
#include "report/inferred.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "levels"

static void write_estimate(FILE *table, struct estimate estimate)
{
	fputc('\t', table);
	table_number(table, estimate.value);
	fputc('\t', table);
	table_number(table, isfinite(estimate.lo) ? estimate.lo : estimate.value);
	fputc('\t', table);
	table_number(table, isfinite(estimate.hi) ? estimate.hi : estimate.value);
}

/* What a row stands for, up to its numbers. */
struct row {
	unsigned number;
	const struct panel *panel;
	const struct panel_curve *curve;
};

static void write_head(FILE *table, const struct row *row, const char *kind, unsigned level)
{
	fprintf(table, "%u\t%s\t%s\t", row->number, row->panel->label, row->curve->label);
	table_text(table, row->curve->setting);
	fprintf(table, "\t%s\t%u", kind, level);
}

static void write_row(FILE *table, const struct report *report, const struct row *row)
{
	const struct estimate unknown = { NAN, NAN, NAN };
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, row->curve, level, LEVELS_MAX);
	unsigned advertised = advertised_levels(report->run->about, row->panel->page_bytes);
	struct walk walk;

	for (size_t i = 0; i < count; i++) {
		write_head(table, row, level[i].unconfirmed ? "unconfirmed" : "inferred", level[i].level);
		write_estimate(table, level[i].entries);
		write_estimate(table, level[i].added_cycles);
		write_estimate(table, level[i].added_ns);
		fputc('\n', table);
	}
	for (unsigned l = 1; l <= advertised; l++) {
		double entries = advertised_entries(report->run->about, l, row->panel->page_bytes);

		if (!isfinite(entries))
			continue;
		write_head(table, row, "advertised", l);
		write_estimate(table, (struct estimate){ entries, entries, entries });
		write_estimate(table, unknown);
		write_estimate(table, unknown);
		fputc('\n', table);
	}
	if (inferred_walk(report->inferred, row->curve, &walk)) {
		write_head(table, row, "walk", 0);
		write_estimate(table, unknown);
		write_estimate(table, walk.cycles);
		write_estimate(table, walk.ns);
		fputc('\n', table);
	}
	if (!count) {
		write_head(table, row, "unresolved", 0);
		for (int i = 0; i < 3; i++)
			write_estimate(table, unknown);
		fputc('\n', table);
	}
}

static int write_table(const struct report *report, struct reason *why)
{
	FILE *table = table_open(report, NAME, why);
	unsigned number = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# TLB levels: inferred from the curves, and advertised by CPUID. One row a level of a curve.\n"
		"# kind: inferred, unconfirmed (not seen again by the second pass), advertised,\n"
		"# walk (translation beyond the last level), unresolved (no level found).\n"
		"# added: what an access that misses the level costs more, in core cycles and ns. _lo, _hi: 95 %% interval.\n"
		"row\tpanel\tcurve\tsetting\tkind\tlevel\tentries\tentries_lo\tentries_hi\tadded_cycles\tadded_cycles_lo\tadded_cycles_hi\tadded_ns\tadded_ns_lo\tadded_ns_hi\n");
	for (size_t i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];

		for (size_t j = 0; j < panel->count; j++) {
			if (curve_drawable(panel->curve[j]))
				write_row(table, report, &(struct row){ ++number, panel, panel->curve[j] });
		}
	}
	return table_close(report, NAME, table, why);
}

static void entries_cell(FILE *text, struct estimate entries)
{
	fprintf(text, "%s%s", count_text(entries.value).text, count_interval_text(entries.lo, entries.hi).text);
}

/* A row of the Markdown table: a level of one curve. */
static void level_line(FILE *text, const struct report *report, const struct row *row, const struct level *level)
{
	double advertised = advertised_entries(report->run->about, level->level, row->panel->page_bytes);

	fputs("| ", text);
	markdown_text(text, row->panel->label);
	fputs(" | ", text);
	markdown_text(text, row->curve->label);
	fprintf(text, " | L%u | ", level->level);
	entries_cell(text, level->entries);
	if (level->unconfirmed)
		fputs(", not confirmed", text);
	fprintf(text, " | %s | %s | %s%s | %s |\n", bytes_text(level->entries.value * row->panel->page_bytes).text,
		isfinite(advertised) ? count_text(advertised).text : "no", number_text(level->added_cycles.value).text,
		interval_text(level->added_cycles.value, level->added_cycles.lo, level->added_cycles.hi).text,
		number_text(level->added_ns.value).text);
}

static void walk_line(FILE *text, const struct row *row, const struct walk *walk)
{
	fputs("| ", text);
	markdown_text(text, row->panel->label);
	fputs(" | ", text);
	markdown_text(text, row->curve->label);
	fprintf(text, " | walk | | | | %s%s | %s |\n", number_text(walk->cycles.value).text,
		interval_text(walk->cycles.value, walk->cycles.lo, walk->cycles.hi).text,
		number_text(walk->ns.value).text);
}

static void curve_lines(FILE *text, const struct report *report, const struct row *row)
{
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, row->curve, level, LEVELS_MAX);
	struct walk walk;

	for (size_t i = 0; i < count; i++)
		level_line(text, report, row, &level[i]);
	if (inferred_walk(report->inferred, row->curve, &walk))
		walk_line(text, row, &walk);
	if (count)
		return;
	fputs("| ", text);
	markdown_text(text, row->panel->label);
	fputs(" | ", text);
	markdown_text(text, row->curve->label);
	fputs(" | | not resolved | | | | |\n", text);
}

static char *explain(const struct report *report)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"Filled marks are where the curves step up, with 95 %% intervals; open diamonds are what CPUID advertises, which a hypervisor may have made up. The right half shows what an access that misses a level costs more than one that hits it, and what translation costs beyond the last level.\n\n");
	fprintf(text,
		"| pages | setting | level | entries inferred | reach | advertised | a miss adds, core cycles | ns |\n"
		"| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];

		for (size_t j = 0; j < panel->count; j++) {
			if (curve_drawable(panel->curve[j]))
				curve_lines(text, report, &(struct row){ 0, panel, panel->curve[j] });
		}
	}
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	bool any = false;
	int rc;

	for (size_t i = 0; i < report->curves.panels; i++)
		any = any || panel_drawable(&report->curves.panel[i]);
	if (!any)
		return 0;
	rc = write_table(report, why);
	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "TLB levels, inferred and advertised",
			.title = "TLB levels: inferred from the curves, and advertised by CPUID",
			.alt = "Entries of each TLB level, inferred and advertised, and the cost of missing it",
		},
		explain(report), why);
}

const struct figure_family levels_family = { .prepare = prepare };
