/* Taking pages away that other CPUs may have in their TLBs: what the call costs, against pages and against those CPUs. */
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"
#include "report/unmeasured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "shootdowns"
#define CPUS "shootdown-cpus"
#define OPERATIONS_MAX 4 /* munmap, mprotect, dontneed, and room for one more */
#define OTHERS_MAX 32 /* lines of a picture: a bench has 0 and powers of two, the rest is room for --param */
#define PAGES_MAX 64 /* places on the axis: a bench has a dozen, the rest is room for --param */

/*
 * Of more pages than this the kernel flushes the whole TLB instead of page by page: tlb_single_page_flush_ceiling of
 * arch/x86/mm/tlb.c, by default. The scripts draw their line there, too.
 */
#define CEILING_PAGES 33

static const char *const axes[] = { "operation", "pages", "others", NULL };

static const char *const unknown[] = { "interrupts_per_operation", "victim_ns", NULL };

struct subject {
	const struct report *report;
	struct lanes lanes;
	const char *operation[OPERATIONS_MAX]; /* borrowed */
	double others[OTHERS_MAX], pages[PAGES_MAX];
	size_t operations, other_counts, page_counts;
};

/* Which point of a lane. */
struct place {
	const char *operation;
	double others, pages;
};

static bool belongs(const json_t *point)
{
	return string_at(point, "params.operation") && number_at(point, "params.pages") > 0 &&
	       number_at(point, "params.others") >= 0 && metric_at(point, "operation_ns").value > 0;
}

static const json_t *point_of(const struct lane *lane, const struct place *place)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (number_at(point, "params.pages") == place->pages &&
			number_at(point, "params.others") == place->others &&
			text_is(point, "params.operation", place->operation))
			return point;
	}
	return NULL;
}

static void add_operation(struct subject *subject, const json_t *point)
{
	const char *operation = string_at(point, "params.operation");

	for (size_t i = 0; i < subject->operations; i++) {
		if (!strcmp(subject->operation[i], operation))
			return;
	}
	if (subject->operations < OPERATIONS_MAX)
		subject->operation[subject->operations++] = operation;
}

static int gather(struct subject *subject)
{
	size_t k;
	json_t *point;
	int rc = lanes_gather(subject->report->run->points, belongs, axes, &subject->lanes);

	if (rc)
		return rc;
	lanes_drop_emulated(&subject->lanes);
	for (size_t i = 0; i < subject->lanes.count; i++) {
		json_array_foreach (subject->lanes.lane[i].points, k, point)
			add_operation(subject, point);
	}
	subject->other_counts = lanes_numbers(&subject->lanes, "params.others", subject->others, OTHERS_MAX);
	subject->page_counts = lanes_numbers(&subject->lanes, "params.pages", subject->pages, PAGES_MAX);
	return 0;
}

static struct text operation_text(const char *operation)
{
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.24s", operation);
	label_clean(out.text);
	return out;
}

/* What a row of a table is of: indices. */
struct row {
	size_t lane, operation, others, pages;
};

static const json_t *point_of_row(const struct subject *subject, const struct row *row)
{
	return point_of(
		&subject->lanes.lane[row->lane], &(struct place){ subject->operation[row->operation],
							 subject->others[row->others], subject->pages[row->pages] });
}

static void write_row(FILE *table, const struct subject *subject, const struct row *row)
{
	const struct lane *lane = &subject->lanes.lane[row->lane];
	const json_t *point = point_of_row(subject, row);

	if (!point)
		return;
	fprintf(table, "%zu\t%s\t", row->lane + 1, lane->label);
	table_text(table, lane->setting);
	fprintf(table, "\t%zu\t%s\t%zu\t%.7g\t%.7g", row->operation + 1,
		operation_text(subject->operation[row->operation]).text, row->others + 1, subject->others[row->others],
		subject->pages[row->pages]);
	table_estimate(table, metric_at(point, "operation_ns"));
	table_estimate(table, metric_at(point, "operation_cycles"));
	table_estimate(table, metric_at(point, "per_page_ns"));
	table_estimate(table, metric_at(point, "interrupts_per_operation"));
	table_estimate(table, metric_at(point, "victim_ns"));
	fputc('\n', table);
}

#define COLUMNS \
	"lane\tlabel\tsetting\trow\toperation\tline\tothers\tpages\toperation_ns\toperation_ns_lo\toperation_ns_hi\t" \
	"operation_cycles\toperation_cycles_lo\toperation_cycles_hi\tper_page_ns\tper_page_ns_lo\tper_page_ns_hi\t" \
	"interrupts\tinterrupts_lo\tinterrupts_hi\tvictim_ns\tvictim_ns_lo\tvictim_ns_hi\n"

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	struct row row;

	if (!table)
		return -EIO;
	fprintf(table,
		"# One call that takes pages away, by how many, and by the other CPUs that have them in their TLBs.\n# _lo, _hi: 95 %% interval of the median. line: rank of others.\n" COLUMNS);
	/* Pages innermost: a line of the picture is an unbroken run of rows. */
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.operation = 0; row.operation < subject->operations; row.operation++) {
			for (row.others = 0; row.others < subject->other_counts; row.others++) {
				for (row.pages = 0; row.pages < subject->page_counts; row.pages++)
					write_row(table, subject, &row);
			}
		}
	}
	return table_close(subject->report, NAME, table, why);
}

static int write_cpus(const struct subject *subject, struct reason *why)
{
	size_t ends = subject->page_counts > 1 ? 2 : 1;
	FILE *table = table_open(subject->report, CPUS, why);
	struct row row;

	if (!table)
		return -EIO;
	fprintf(table,
		"# The same calls with fewest and with most pages, against the number of other CPUs. interrupts: TLB\n"
		"# shootdowns of /proc/interrupts per call, over all CPUs. _lo, _hi: 95 %% interval of the median.\n"
		"# line: rank of others.\n" COLUMNS);
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.operation = 0; row.operation < subject->operations; row.operation++) {
			for (size_t end = 0; end < ends; end++) {
				row.pages = end ? subject->page_counts - 1 : 0;
				for (row.others = 0; row.others < subject->other_counts; row.others++)
					write_row(table, subject, &row);
			}
		}
	}
	return table_close(subject->report, CPUS, table, why);
}

/* Fewest and most pages, and the last that are flushed page by page beside the first that are not; returns how many. */
static size_t told_pages(const struct subject *subject, size_t *out)
{
	size_t last = subject->page_counts - 1, count = 0, beyond = 0;

	while (beyond < last && subject->pages[beyond] <= CEILING_PAGES)
		beyond++;
	out[count++] = 0;
	if (beyond > 1)
		out[count++] = beyond - 1;
	if (beyond && beyond < last)
		out[count++] = beyond;
	if (last)
		out[count++] = last;
	return count;
}

/* The point of a line with fewest pages, or with most; NULL: it has none. */
static const json_t *end_of_line(const struct subject *subject, struct row row, bool most)
{
	const json_t *found = NULL;

	for (row.pages = 0; row.pages < subject->page_counts && (most || !found); row.pages++) {
		const json_t *point = point_of_row(subject, &row);

		found = point ? point : found;
	}
	return found;
}

/* A line has its own ends, with their pages where those are not the column's. */
static void explain_line(FILE *text, const struct subject *subject, struct row row, const size_t *told, size_t count)
{
	const json_t *first = end_of_line(subject, row, false), *last = end_of_line(subject, row, true);

	if (!first)
		return;
	fprintf(text, "| %s | %s | %s |", subject->lanes.lane[row.lane].label,
		operation_text(subject->operation[row.operation]).text, count_text(subject->others[row.others]).text);
	for (size_t i = 0; i < count; i++) {
		const json_t *point = i == 0 ? first : last;

		row.pages = told[i];
		if (i > 0 && i + 1 < count)
			point = point_of_row(subject, &row);
		fprintf(text, " %s", cell_text(metric_at(point, "operation_ns")).text);
		if (point && number_at(point, "params.pages") != subject->pages[told[i]])
			fprintf(text, " (of %s)", count_text(number_at(point, "params.pages")).text);
		fprintf(text, " |");
	}
	fprintf(text, " %s | %s |\n", cell_text(metric_at(last, "operation_cycles")).text,
		cell_text(metric_at(last, "per_page_ns")).text);
}

static void explain_table(FILE *text, const struct subject *subject)
{
	size_t told[4], count = told_pages(subject, told);
	struct row row = { 0 };

	fprintf(text, "| setting | call | other CPUs |");
	for (size_t i = 0; i < count; i++)
		fprintf(text, " %s page%s, ns |", count_text(subject->pages[told[i]]).text,
			subject->pages[told[i]] == 1 ? "" : "s");
	fprintf(text, " the same, core cycles | for each page, ns |\n| --- | --- | ---: |");
	for (size_t i = 0; i < count + 2; i++)
		fprintf(text, " ---: |");
	fputc('\n', text);
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.operation = 0; row.operation < subject->operations; row.operation++) {
			for (row.others = 0; row.others < subject->other_counts; row.others++)
				explain_line(text, subject, row, told, count);
		}
	}
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"A page that is unmapped (*munmap*), made read-only (*mprotect*) or given back (*dontneed*) may still be in a TLB. The kernel flushes the caller's own, and interrupts each other CPU that runs a thread of the process and waits until all of them have flushed theirs: a TLB shootdown. Up to %d pages it flushes page by page; of more it flushes the whole TLB, which is cheap at once and paid for later, when all the other pages are walked for again. The time is that of the whole call with its changes of the page tables; the line without other CPUs has no shootdown in it, and the distance of another line from it is what the shootdown costs.\n\n",
		CEILING_PAGES);
	explain_table(text, subject);
	if (subject->others[subject->other_counts - 1] == 0)
		fprintf(text,
			"\nNo other CPU took part, so that nobody was interrupted: these are the costs without shootdowns.\n");
	unmeasured_explain(text, subject->report->run->points, &subject->lanes);
	return text_finish(text, &markdown);
}

static void explain_cpus_point(FILE *text, const struct subject *subject, const struct row *row)
{
	const json_t *point = point_of_row(subject, row);

	if (point)
		fprintf(text, "| %s | %s | %s | %s | %s | %s | %s |\n", subject->lanes.lane[row->lane].label,
			operation_text(subject->operation[row->operation]).text,
			count_text(subject->pages[row->pages]).text, count_text(subject->others[row->others]).text,
			cell_text(metric_at(point, "operation_ns")).text,
			cell_text(metric_at(point, "interrupts_per_operation")).text,
			cell_text(metric_at(point, "victim_ns")).text);
}

static char *explain_cpus(const struct subject *subject)
{
	size_t ends = subject->page_counts > 1 ? 2 : 1;
	char *markdown = NULL;
	size_t size;
	struct row row;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"The same calls against the number of other CPUs that have the pages in their TLBs. Interrupts are the kernel's own count of TLB shootdowns over all CPUs, for one call. With as many of them as other CPUs, each CPU is interrupted once, however many pages there are; without any, the kernel needed none (it may know that a CPU will flush anyway, ask the hypervisor, or have the caller's CPU invalidate in all others). What an interrupted CPU loses is told beside them.\n\n"
		"| setting | call | pages | other CPUs | a call, ns | interrupts a call | another CPU loses, ns |\n"
		"| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.operation = 0; row.operation < subject->operations; row.operation++) {
			for (size_t end = 0; end < ends; end++) {
				row.pages = end ? subject->page_counts - 1 : 0;
				for (row.others = 0; row.others < subject->other_counts; row.others++)
					explain_cpus_point(text, subject, &row);
			}
		}
	}
	unknown_explain(text, &subject->lanes, unknown);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	static const struct figure_words words = {
		.name = NAME,
		.heading = "What taking pages away costs",
		.title = "What one call that takes pages away costs, by pages and other CPUs",
		.alt = "Time of munmap, mprotect and madvise against the pages they take away, by other CPUs",
	};
	int rc = write_table(subject, why);

	return rc ? rc : figure_add_words(report, &words, explain(subject), why);
}

static int add_cpus(struct report *report, const struct subject *subject, struct reason *why)
{
	static const struct figure_words words = {
		.name = CPUS,
		.heading = "What other CPUs add to it",
		.title = "What one call that takes pages away costs and interrupts, by other CPUs",
		.alt = "Time and interrupts of a call that takes pages away against the number of other CPUs",
	};
	int rc = write_cpus(subject, why);

	return rc ? rc : figure_add_words(report, &words, explain_cpus(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	if (subject.operations && subject.page_counts && subject.other_counts) {
		rc = add_figure(report, &subject, why);
		/* Against one number of CPUs there is nothing to draw. */
		if (!rc && subject.other_counts > 1)
			rc = add_cpus(report, &subject, why);
	}
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family shootdowns_family = { .prepare = prepare };
