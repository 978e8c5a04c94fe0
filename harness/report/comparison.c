/* What every bench takes in each setting and paging mode, as a multiple of what it takes on the host. */
#include "report/comparison.h"

#include "report/lanes.h"
#include "report/pairs.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "comparison"
#define ROWS_MAX 64 /* comparison_rows.c has half as many */

struct row {
	const struct quantity *quantity;
	struct chosen chosen;
	struct point_ratio ratio[PLACES_MAX]; /* to the base; NaN for the base and where there is no point */
	char label[96];
};

struct subject {
	const struct report *report;
	struct places places;
	struct row row[ROWS_MAX];
	size_t rows;
	bool compared[PLACES_MAX]; /* has a ratio in some row */
};

static bool is_compared(const struct row *row, size_t place)
{
	return isfinite(row->ratio[place].ratio.median);
}

static bool has_interval(const struct interval *ratio)
{
	return isfinite(ratio->lo) && isfinite(ratio->hi);
}

/* Nobody can tell it from 1. */
static bool is_alike(const struct interval *ratio)
{
	return has_interval(ratio) && ratio->lo <= 1 && ratio->hi >= 1;
}

static int add_row(struct subject *subject, const struct quantity *quantity)
{
	struct row *row = &subject->row[subject->rows];
	bool any = false;

	if (subject->rows == ROWS_MAX || !quantity_choose(subject->report, &subject->places, quantity, &row->chosen))
		return 0;
	row->quantity = quantity;
	quantity_label(quantity, &row->chosen, row->label, sizeof(row->label));
	for (size_t p = 0; p < PLACES_MAX; p++) {
		struct point_ratio_request request = { .over = row->chosen.point[p],
			.under = row->chosen.point[row->chosen.base],
			.metric = quantity->metric,
			.seed = (uint64_t)json_integer_value(json_object_get(subject->report->run->about, "seed")) };

		row->ratio[p] = (struct point_ratio){ .ratio = { NAN, NAN, NAN } };
		if (!request.over || p == row->chosen.base)
			continue;
		if (ratio_of_points(&request, &row->ratio[p]))
			return -ENOMEM;
		/* A logarithmic axis has no place for others. */
		if (!(row->ratio[p].ratio.median > 0))
			row->ratio[p].ratio.median = NAN;
		any = any || is_compared(row, p);
		subject->compared[p] = subject->compared[p] || is_compared(row, p);
	}
	subject->rows += any;
	return 0;
}

static int gather(struct subject *subject)
{
	int rc = 0;

	places_find(subject->report, &subject->places);
	for (size_t i = 0; i < comparison_quantity_count && !rc; i++)
		rc = add_row(subject, &comparison_quantities[i]);
	return rc;
}

static const struct place *base_of(const struct subject *subject, const struct row *row)
{
	return &subject->places.place[row->chosen.base];
}

static struct estimate time_of(const struct row *row, size_t place)
{
	return metric_at(row->chosen.point[place], row->quantity->metric);
}

static struct estimate ratio_of(const struct row *row, size_t place)
{
	const struct interval *ratio = &row->ratio[place].ratio;

	return (struct estimate){ ratio->median, ratio->lo, ratio->hi };
}

/* What a line of the table is of: row and lane from 1, and the place that the lane is. */
struct cell {
	size_t row, group, lane, place;
};

static void write_cell(FILE *table, const struct subject *subject, const struct cell *cell)
{
	const struct row *row = &subject->row[cell->row - 1];
	const struct place *place = &subject->places.place[cell->place];

	fprintf(table, "%zu\t%zu\t%s\t%s\t%s\t%zu\t%s\t", cell->row, cell->group, row->quantity->group, row->label,
		base_of(subject, row)->label, cell->lane, place->label);
	table_text(table, place->setting);
	fputc('\t', table);
	table_text(table, place->paging);
	table_estimate(table, time_of(row, row->chosen.base));
	table_estimate(table, time_of(row, cell->place));
	table_estimate(table, ratio_of(row, cell->place));
	fprintf(table, "\t%zu\t%s\n", row->ratio[cell->place].pairs,
		is_alike(&row->ratio[cell->place].ratio)       ? "yes"
		: has_interval(&row->ratio[cell->place].ratio) ? "no"
							       : "unknown");
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	struct cell cell = { .group = 0 };

	if (!table)
		return -EIO;
	fprintf(table,
		"# What something takes in a setting and paging mode, as a multiple of what it takes in another (base).\n"
		"# _lo, _hi: 95 %% interval. pairs: samples of one round; 0: two runs, and the ratio of their medians.\n"
		"# alike: the interval holds 1; unknown: there is none.\n"
		"row\tgroup\tgroup_label\twhat\tbase\tlane\tlabel\tsetting\tpaging\tbase_ns\tbase_ns_lo\tbase_ns_hi\tns\tns_lo\tns_hi\tratio\tratio_lo\tratio_hi\tpairs\talike\n");
	for (cell.row = 1; cell.row <= subject->rows; cell.row++) {
		const struct row *row = &subject->row[cell.row - 1];

		cell.group += cell.row == 1 || row->quantity->group != row[-1].quantity->group;
		cell.lane = 0;
		for (cell.place = 0; cell.place < subject->places.count; cell.place++) {
			cell.lane += subject->compared[cell.place];
			if (is_compared(row, cell.place))
				write_cell(table, subject, &cell);
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* "52.1", "33 170 812". */
static struct text ns_text(double ns)
{
	return ns < 1000 ? number_text(ns) : count_text(ns);
}

/* Near 1 three digits would hide what matters. */
static struct text times_text(const struct row *row, size_t place)
{
	struct estimate ratio = ratio_of(row, place);

	return ratio.value < 2 ? ratio_text(ratio.value, ratio.lo, ratio.hi) : estimate_text(ratio);
}

static void explain_cell(FILE *text, const struct row *row, size_t place)
{
	if (is_compared(row, place))
		fprintf(text, " %s: %s%s |", ns_text(time_of(row, place).value).text,
			is_alike(&row->ratio[place].ratio) ? "~ " : "", times_text(row, place).text);
	else
		fputs(" |", text);
}

/* All rows that are compared with one place, as a table of its own. */
static void explain_base(FILE *text, const struct subject *subject, size_t base)
{
	const char *group = NULL;
	bool shown[PLACES_MAX] = { false }, any = false;

	for (size_t r = 0; r < subject->rows; r++) {
		for (size_t p = 0; p < PLACES_MAX && subject->row[r].chosen.base == base; p++) {
			shown[p] = shown[p] || is_compared(&subject->row[r], p);
			any = any || shown[p];
		}
	}
	if (!any)
		return;
	fprintf(text, "| | %s, ns |", subject->places.place[base].label);
	for (size_t p = 0; p < PLACES_MAX; p++) {
		if (shown[p])
			fprintf(text, " %s, ns: ratio |", subject->places.place[p].label);
	}
	fputs("\n| --- | ---: |", text);
	for (size_t p = 0; p < PLACES_MAX; p++)
		fputs(shown[p] ? " ---: |" : "", text);
	fputc('\n', text);
	for (size_t r = 0; r < subject->rows; r++) {
		const struct row *row = &subject->row[r];

		if (row->chosen.base != base)
			continue;
		fputs("| ", text);
		if (row->quantity->group != group)
			fprintf(text, "**%s**: ", row->quantity->group);
		group = row->quantity->group;
		fprintf(text, "%s | %s |", row->label, ns_text(time_of(row, base).value).text);
		for (size_t p = 0; p < PLACES_MAX; p++) {
			if (shown[p])
				explain_cell(text, row, p);
		}
		fputc('\n', text);
	}
	fputc('\n', text);
}

/* How a place does, of all that it was compared in with one base. */
struct tally {
	size_t alike, more, less, unknown;
	const struct row *worst;
};

static struct tally tally_of(const struct subject *subject, size_t place, size_t base)
{
	struct tally tally = { .worst = NULL };

	for (size_t r = 0; r < subject->rows; r++) {
		const struct row *row = &subject->row[r];
		const struct interval *ratio = &row->ratio[place].ratio;

		if (row->chosen.base != base || !is_compared(row, place))
			continue;
		if (is_alike(ratio))
			tally.alike++;
		else if (!has_interval(ratio))
			tally.unknown++;
		else if (ratio->median > 1)
			tally.more++;
		else
			tally.less++;
		if (ratio->lo > 1 && (!tally.worst || ratio->median > tally.worst->ratio[place].ratio.median))
			tally.worst = row;
	}
	return tally;
}

static void explain_tally(FILE *text, const struct subject *subject, size_t place, size_t base)
{
	struct tally tally = tally_of(subject, place, base);
	size_t all = tally.alike + tally.more + tally.less + tally.unknown;

	if (!all)
		return;
	fprintf(text,
		"- **%s** against %s, of %zu row%s: %zu cannot be told apart (`~`), %zu took longer, %zu less long",
		subject->places.place[place].label, subject->places.place[base].label, all, all == 1 ? "" : "s",
		tally.alike, tally.more, tally.less);
	if (tally.unknown)
		fprintf(text, ", %zu have too few samples to tell", tally.unknown);
	if (tally.worst)
		fprintf(text, ". Most was added to *%s: %s*: it took %s times as long", tally.worst->quantity->group,
			tally.worst->label, number_text(tally.worst->ratio[place].ratio.median).text);
	fputs(".\n", text);
}

static void explain_pairs(FILE *text, const struct subject *subject)
{
	size_t paired = 0, apart = 0;

	for (size_t r = 0; r < subject->rows; r++) {
		for (size_t p = 0; p < PLACES_MAX; p++) {
			paired += is_compared(&subject->row[r], p) && subject->row[r].ratio[p].pairs;
			apart += is_compared(&subject->row[r], p) && !subject->row[r].ratio[p].pairs;
		}
	}
	fputs("\nA ratio is ", text);
	if (paired)
		fputs("the median over pairs of samples that were taken in one round of one run", text);
	if (paired && apart)
		fputs("; between runs it is ", text);
	if (apart)
		fputs("that of two medians, as the samples are of different runs, with the bootstrap interval of both",
			text);
	fputs(". Each row was measured in the same way in all columns: same sizes, same counts. Where a level of the TLB is named, the number of pages is well within it, or well beyond it, in each of them.\n\n",
		text);
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fputs("One row for each thing that was measured on both sides. Right of 1 it takes longer than on the host; dots are ratios of times, bars their 95 % intervals. `~`: the interval holds 1; `?`: too few samples for one.\n\n",
		text);
	for (size_t base = 0; base < PLACES_MAX; base++) {
		for (size_t p = 0; p < PLACES_MAX; p++)
			explain_tally(text, subject, p, base);
	}
	explain_pairs(text, subject);
	for (size_t base = 0; base < PLACES_MAX; base++)
		explain_base(text, subject, base);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	struct figure_words words = {
		.name = NAME,
		.heading = "Settings compared",
		.title = "How many times as long things take as on the host",
		.alt = "Ratios of times to the host's, a row for each thing measured, a dot for each setting",
	};
	int rc = write_table(subject, why);

	/* The host's rows come first, where there are any. */
	if (subject->row[0].quantity->base_setting)
		words.title = "How many times as long things take as under nested paging";
	return rc ? rc : figure_add_words(report, &words, explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject *subject = calloc(1, sizeof(*subject)); /* some 70 KiB */
	int rc = subject ? 0 : -ENOMEM;

	if (subject) {
		subject->report = report;
		rc = gather(subject);
	}
	if (rc)
		fail(why, ENOMEM, "out of memory");
	else if (subject->rows)
		rc = add_figure(report, subject, why);
	free(subject);
	return rc;
}

const struct figure_family comparison_family = { .prepare = prepare };
