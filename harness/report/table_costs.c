/* Building page tables and tearing them down: time per page, and bytes per page beside those of a flat table. */
#include "base/units.h"
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"
#include "report/unmeasured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "table-costs"
#define LAYOUTS_MAX 16 /* three page sizes by three distances are six that make sense; the rest is room for --param */
#define PAGES_MAX 16
#define FARTHEST 0x1p57 /* what five levels reach; more is no distance */

static const char *const axes[] = { "page_size_bytes", "distance_bytes", "pages", NULL };

static const char *const unknown[] = { "build_ns", "teardown_ns", "table_bytes", "faults_per_page", NULL };

/* Pages of one size, so far apart. */
struct layout {
	double page_bytes, distance_bytes;
	char label[64];
};

struct subject {
	const struct report *report;
	struct lanes lanes;
	struct layout layout[LAYOUTS_MAX];
	double pages[PAGES_MAX];
	size_t layouts, page_counts;
};

static bool belongs(const json_t *point)
{
	double page = number_at(point, "params.page_size_bytes"), distance = number_at(point, "params.distance_bytes");

	return page >= (double)PAGE_4K && page <= (double)PAGE_1G && distance >= page && distance <= FARTHEST &&
	       number_at(point, "params.pages") > 0 && metric_at(point, "build_ns").value > 0;
}

static bool is_of(const json_t *point, const struct layout *layout)
{
	return number_at(point, "params.page_size_bytes") == layout->page_bytes &&
	       number_at(point, "params.distance_bytes") == layout->distance_bytes;
}

static bool comes_before(const struct layout *a, const struct layout *b)
{
	return a->page_bytes != b->page_bytes ? a->page_bytes < b->page_bytes : a->distance_bytes < b->distance_bytes;
}

static void add_layout(struct subject *subject, const json_t *point)
{
	struct layout found = { .page_bytes = number_at(point, "params.page_size_bytes"),
		.distance_bytes = number_at(point, "params.distance_bytes") };
	struct size_text page, distance;
	size_t at = subject->layouts;

	for (size_t i = 0; i < subject->layouts; i++) {
		if (is_of(point, &subject->layout[i]))
			return;
	}
	if (subject->layouts == LAYOUTS_MAX)
		return;
	size_format((uint64_t)found.page_bytes, &page);
	if (found.distance_bytes == found.page_bytes)
		snprintf(found.label, sizeof(found.label), "%s, side by side", page.text);
	else
		snprintf(found.label, sizeof(found.label), "%s, one in each %s", page.text,
			size_format((uint64_t)found.distance_bytes, &distance));
	for (; at && comes_before(&found, &subject->layout[at - 1]); at--)
		subject->layout[at] = subject->layout[at - 1];
	subject->layout[at] = found;
	subject->layouts++;
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
			add_layout(subject, point);
	}
	subject->page_counts = lanes_numbers(&subject->lanes, "params.pages", subject->pages, PAGES_MAX);
	return 0;
}

/* What a row of the table is of: indices. */
struct row {
	size_t lane, layout, pages;
};

static const json_t *point_of(const struct subject *subject, const struct row *row)
{
	size_t i;
	json_t *point;

	json_array_foreach (subject->lanes.lane[row->lane].points, i, point) {
		if (is_of(point, &subject->layout[row->layout]) &&
			number_at(point, "params.pages") == subject->pages[row->pages])
			return point;
	}
	return NULL;
}

/* Whether a lane measured no more pages of a layout. */
static bool is_most(const struct subject *subject, struct row row)
{
	for (row.pages++; row.pages < subject->page_counts; row.pages++) {
		if (point_of(subject, &row))
			return false;
	}
	return true;
}

/* Bytes that are told of all pages of a point together, per page. */
static struct estimate per_page(const json_t *point, const char *metric)
{
	return estimate_scaled(metric_at(point, metric), 1 / number_at(point, "params.pages"));
}

static void write_row(FILE *table, const struct subject *subject, const struct row *row)
{
	const struct lane *lane = &subject->lanes.lane[row->lane];
	const struct layout *layout = &subject->layout[row->layout];
	const json_t *point = point_of(subject, row);
	struct size_text size;

	if (!point)
		return;
	fprintf(table, "%zu\t%s\t", row->lane + 1, lane->label);
	table_text(table, lane->setting);
	fputc('\t', table);
	table_text(table, lane->paging);
	fprintf(table, "\t%zu\t%s\t%s\t%.12g\t%.7g\t%s", row->layout + 1, layout->label,
		size_format((uint64_t)layout->page_bytes, &size), layout->distance_bytes, subject->pages[row->pages],
		is_most(subject, *row) ? "yes" : "no");
	table_estimate(table, metric_at(point, "build_ns"));
	table_estimate(table, metric_at(point, "build_cycles"));
	table_estimate(table, metric_at(point, "teardown_ns"));
	table_estimate(table, metric_at(point, "teardown_cycles"));
	table_estimate(table, metric_at(point, "table_bytes_per_page"));
	fputc('\t', table);
	table_number(table, per_page(point, "expected_table_bytes").value);
	fputc('\t', table);
	table_number(table, per_page(point, "flat_table_bytes").value);
	fputc('\t', table);
	table_number(table, metric_at(point, "faults_per_page").value);
	fputc('\n', table);
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	struct row row;

	if (!table)
		return -EIO;
	fprintf(table,
		"# Page tables of a process, by the size of its pages and how far apart they are; all numbers per page.\n"
		"# most: yes: of the most pages that this lane has of this layout. flat: a table of 8 bytes for each 4K\n"
		"# of the span, without levels. _lo, _hi: 95 %% interval of the median.\n"
		"lane\tlabel\tsetting\tpaging\trow\twhat\tpage_size\tdistance_bytes\tpages\tmost\tbuild_ns\tbuild_ns_lo\tbuild_ns_hi\tbuild_cycles\tbuild_cycles_lo\tbuild_cycles_hi\tteardown_ns\tteardown_ns_lo\tteardown_ns_hi\tteardown_cycles\tteardown_cycles_lo\tteardown_cycles_hi\ttable_bytes\ttable_bytes_lo\ttable_bytes_hi\texpected_bytes\tflat_bytes\tfaults\n");
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.layout = 0; row.layout < subject->layouts; row.layout++) {
			for (row.pages = 0; row.pages < subject->page_counts; row.pages++)
				write_row(table, subject, &row);
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* Bytes per page: a fraction of one is a number like any other. */
static struct text size_cell(double bytes)
{
	return isfinite(bytes) ? bytes_text(bytes) : (struct text){ "–" };
}

static void explain_point(FILE *text, const struct subject *subject, const struct row *row)
{
	const json_t *point = point_of(subject, row);

	if (!point)
		return;
	fprintf(text, "| %s | %s | %s | %s | %s | %s | %s | %s |", subject->lanes.lane[row->lane].label,
		subject->layout[row->layout].label, count_text(subject->pages[row->pages]).text,
		cell_text(metric_at(point, "build_ns")).text, cell_text(metric_at(point, "build_cycles")).text,
		cell_text(metric_at(point, "teardown_ns")).text, cell_text(metric_at(point, "teardown_cycles")).text,
		cell_text(metric_at(point, "faults_per_page")).text);
	fprintf(text, " %s | %s |\n", size_cell(metric_at(point, "table_bytes_per_page").value).text,
		size_cell(per_page(point, "flat_table_bytes").value).text);
}

/* How far the farthest point lies from the formula. */
static void explain_fit(FILE *text, const struct subject *subject)
{
	double worst = 0;
	size_t points = 0, k;
	json_t *point;

	for (size_t i = 0; i < subject->lanes.count; i++) {
		json_array_foreach (subject->lanes.lane[i].points, k, point) {
			double off =
				metric_at(point, "table_bytes").value / metric_at(point, "expected_table_bytes").value -
				1;

			if (!isfinite(off))
				continue;
			points++;
			if (fabs(off) > fabs(worst))
				worst = off;
		}
	}
	if (!points)
		return;
	fprintf(text,
		"\nThe kernel's count of table bytes was held against the formula (one table of 4 KiB for each 512 entries in use, level by level) in %s points",
		count_text((double)points).text);
	if (fabs(worst) < 1e-4)
		fprintf(text, ", and all of them meet it.\n");
	else
		fprintf(text, "; the farthest is %s %% %s it.\n", number_text(100 * fabs(worst)).text,
			worst < 0 ? "below" : "above");
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	struct row row;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"Page tables are built by page faults, a page at a time, and torn down by munmap. Small pages are read only, so that no memory is zeroed for them; a page of 1G is, and its time to build is mostly that. Pages side by side share their tables. Those one in each 2M need a table of their own, those one in each 1G one a level more, and that is what they cost more. A *flat* table would be one array with 8 bytes for each 4K of the addresses spanned: a little smaller than a tree where 4K pages fill the span, and larger where they do not. For each 2M page Linux keeps a table in reserve, which is in the bytes. All numbers are for one page; numbers in the figure are those of most pages:\n\n"
		"| setting | pages | how many | build, ns | core cycles | tear down, ns | core cycles | faults | bytes of tables | of a flat table |\n"
		"| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.layout = 0; row.layout < subject->layouts; row.layout++) {
			for (row.pages = 0; row.pages < subject->page_counts; row.pages++)
				explain_point(text, subject, &row);
		}
	}
	unknown_explain(text, &subject->lanes, unknown);
	explain_fit(text, subject);
	unmeasured_explain(text, subject->report->run->points, &subject->lanes);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	static const struct figure_words words = {
		.name = NAME,
		.heading = "What building page tables costs",
		.title = "What page tables cost: building, tearing down, and their size, for one page",
		.alt = "Time to build and tear down page tables and their bytes, per page, by page size and distance",
	};
	int rc = write_table(subject, why);

	return rc ? rc : figure_add_words(report, &words, explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	if (subject.layouts && subject.page_counts)
		rc = add_figure(report, &subject, why);
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family table_costs_family = { .prepare = prepare };
