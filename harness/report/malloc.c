/* What malloc() and free() cost against the size of blocks, and the page faults that come with them. */
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"
#include "report/unmeasured.h"
#include "system/malloc_storm.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "malloc-costs"
#define SIZES_MAX AXIS_VALUES_MAX

static const char *const axes[] = { "block_bytes", "pattern", "touch", NULL };
static const char *const touches[] = { "no", "yes" };

#define TOUCHES (sizeof(touches) / sizeof(touches[0]))
#define VARIANTS ((size_t)MALLOC_PATTERNS * TOUCHES)

static const struct {
	const char *metric, *heading;
} costs[] = {
	{ "malloc_ns", "malloc, ns" },
	{ "free_ns", "free, ns" },
	{ "touch_ns", "touching, ns" },
	{ "malloc_cycles", "malloc, core cycles" },
	{ "free_cycles", "free, core cycles" },
};

/* Null in some points, with a reason. */
static const char *const unknowable[] = { "touch_ns", "mapped_share", NULL };

#define COSTS (sizeof(costs) / sizeof(costs[0]))

struct subject {
	const struct report *report;
	struct lanes lanes;
	double size[SIZES_MAX];
	size_t sizes;
};

static bool belongs(const json_t *point)
{
	bool pattern = false;

	for (size_t i = 0; i < MALLOC_PATTERNS; i++)
		pattern = pattern || text_is(point, "params.pattern", malloc_pattern_names[i]);
	return pattern && number_at(point, "params.block_bytes") > 0 && string_at(point, "params.touch") &&
	       isfinite(metric_at(point, "malloc_ns").value);
}

/* Pair untouched, pair touched, batch untouched, batch touched. */
static const char *pattern_of(size_t variant)
{
	return malloc_pattern_names[variant / TOUCHES];
}

static const char *touch_of(size_t variant)
{
	return touches[variant % TOUCHES];
}

static const json_t *point_of(const struct lane *lane, size_t variant, double bytes)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (number_at(point, "params.block_bytes") == bytes &&
			text_is(point, "params.pattern", pattern_of(variant)) &&
			text_is(point, "params.touch", touch_of(variant)))
			return point;
	}
	return NULL;
}

/* Between which sizes malloc() turns to mmap(); NaN where it does not, or does not say. */
struct turn {
	double below, above;
};

static struct turn turn_of(const struct subject *subject, const struct lane *lane, size_t variant)
{
	struct turn turn = { NAN, NAN };

	for (size_t i = 0; i < subject->sizes; i++) {
		double share = metric_at(point_of(lane, variant, subject->size[i]), "mapped_share").value;

		if (share < 0.5)
			turn.below = subject->size[i];
		if (share >= 0.5 && isfinite(turn.below)) {
			turn.above = subject->size[i];
			return turn;
		}
	}
	return (struct turn){ NAN, NAN };
}

static void write_row(FILE *table, const struct subject *subject, size_t number, size_t variant, double bytes)
{
	const struct lane *lane = &subject->lanes.lane[number];
	const json_t *point = point_of(lane, variant, bytes);

	if (!point)
		return;
	fprintf(table, "%zu\t%s\t", number + 1, lane->label);
	table_text(table, lane->setting);
	fprintf(table, "\t%s\t%s\t%.12g", pattern_of(variant), touch_of(variant), bytes);
	for (size_t i = 0; i < COSTS; i++)
		table_estimate(table, metric_at(point, costs[i].metric));
	table_estimate(table, metric_at(point, "faults_per_call"));
	fputc('\t', table);
	table_number(table, metric_at(point, "mapped_share").value);
	fputc('\t', table);
	table_number(table, metric_at(point, "returned_bytes").value);
	fputc('\n', table);
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# malloc() and free() of one block, and touching each of its pages. pattern: each block is freed before the next (pair),\n# or many live at a time (batch). mapped_share: of blocks that the allocator got by a mmap() of their own.\n# _lo, _hi: 95 %% interval.\n"
		"lane\tlabel\tsetting\tpattern\ttouch\tblock_bytes");
	for (size_t i = 0; i < COSTS; i++)
		fprintf(table, "\t%s\t%s_lo\t%s_hi", costs[i].metric, costs[i].metric, costs[i].metric);
	fprintf(table, "\tfaults_per_call\tfaults_per_call_lo\tfaults_per_call_hi\tmapped_share\treturned_bytes\n");
	for (size_t i = 0; i < subject->lanes.count * VARIANTS; i++) {
		for (size_t size = 0; size < subject->sizes; size++)
			write_row(table, subject, i / VARIANTS, i % VARIANTS, subject->size[size]);
	}
	return table_close(subject->report, NAME, table, why);
}

static int write_turns(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME ".turns", why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# Sizes between which malloc() turns to mmap(): less than half of the blocks below, half or more above.\nlane\tpattern\ttouch\tbelow_bytes\tabove_bytes\twhat\n");
	for (size_t i = 0; i < subject->lanes.count * VARIANTS; i++) {
		struct turn turn = turn_of(subject, &subject->lanes.lane[i / VARIANTS], i % VARIANTS);

		if (isfinite(turn.above))
			fprintf(table, "%zu\t%s\t%s\t%.12g\t%.12g\tmmap from %s\n", i / VARIANTS + 1,
				pattern_of(i % VARIANTS), touch_of(i % VARIANTS), turn.below, turn.above,
				bytes_text(turn.above).text);
	}
	return table_close(subject->report, NAME ".turns", table, why);
}

/* Counts and shares differ so little from sample to sample that their interval is mostly the number twice more. */
static struct text count_cell(struct estimate count)
{
	if (!strcmp(number_text(count.lo).text, number_text(count.hi).text))
		count.lo = count.hi = NAN;
	return isfinite(count.value) && isnan(count.lo) ? number_text(count.value) : cell_text(count);
}

static void explain_point(FILE *text, const struct lane *lane, size_t variant, const json_t *point)
{
	fprintf(text, "| %s | %s, %s | %s |", lane->label, pattern_of(variant),
		variant % TOUCHES ? "touched" : "untouched", bytes_text(number_at(point, "params.block_bytes")).text);
	for (size_t i = 0; i < COSTS; i++) {
		fprintf(text, " %s |", cell_text(metric_at(point, costs[i].metric)).text);
	}
	fprintf(text, " %s | %s |\n", count_cell(metric_at(point, "faults_per_call")).text,
		count_cell(metric_at(point, "mapped_share")).text);
}

/* The smallest block, those on either side of the turn to mmap(), and the largest. */
static void explain_variant(FILE *text, const struct subject *subject, const struct lane *lane, size_t variant)
{
	const struct turn turn = turn_of(subject, lane, variant);
	double first = NAN, last = NAN;

	for (size_t i = 0; i < subject->sizes; i++) {
		if (!point_of(lane, variant, subject->size[i]))
			continue;
		if (isnan(first))
			first = subject->size[i];
		last = subject->size[i];
	}
	for (size_t i = 0; i < subject->sizes; i++) {
		double size = subject->size[i];
		const json_t *point = point_of(lane, variant, size);

		if (point && (size == first || size == last || size == turn.below || size == turn.above))
			explain_point(text, lane, variant, point);
	}
}

/* Whose malloc() it was, as run.json's machine tells. */
static void explain_allocator(FILE *text, const struct report *report)
{
	const char *name = string_at(report->run->about, "machine.allocator.name");
	const char *version = string_at(report->run->about, "machine.allocator.version");

	if (!name)
		return;
	fputs(" The allocator here is ", text);
	markdown_text(text, name);
	if (version) {
		fputs(" (glibc ", text);
		markdown_text(text, version);
		fputc(')', text);
	}
	fputc('.', text);
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"A program asks its allocator, not the kernel, for memory, and small blocks come from what the allocator has already. Large ones come by a `mmap()` of their own and go back by `munmap()`: from there on malloc and free are system calls, and every page faults anew (below: faults for one malloc, touch and free; the thin line is one for each page of the block). A *pair* is the steady state: each block is freed before the next is asked for; a *batch* is the beginning of a program: many blocks are asked for, then all are freed. glibc maps blocks from 128 KiB on at first, and learns: freeing one that was mapped raises that limit to its size, up to 32 MiB, so that the steady state turns later. *Touched* blocks have a byte of each page stored to: that is where the faults are paid.");
	explain_allocator(text, subject->report);
	fprintf(text, " The smallest block, the largest, and those next to the turn to `mmap()`:\n\n"
		      "| setting | pattern | block |");
	for (size_t i = 0; i < COSTS; i++)
		fprintf(text, " %s |", costs[i].heading);
	fprintf(text, " faults | share by mmap |\n| --- | --- | ---: |");
	for (size_t i = 0; i < COSTS + 2; i++)
		fprintf(text, " ---: |");
	fputc('\n', text);
	for (size_t i = 0; i < subject->lanes.count * VARIANTS; i++)
		explain_variant(text, subject, &subject->lanes.lane[i / VARIANTS], i % VARIANTS);
	unknown_explain(text, &subject->lanes, unknowable);
	unmeasured_explain(text, subject->report->run->points, &subject->lanes);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_table(subject, why);

	if (!rc)
		rc = write_turns(subject, why);
	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "What malloc and free cost",
			.title = "What malloc and free cost, and the page faults in them, by the size of the block",
			.alt = "Time of malloc, of free and of touching a block, and page faults, against its size",
		},
		explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	int rc = lanes_gather(report->run->points, belongs, axes, &subject.lanes);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&subject.lanes);
	subject.sizes = lanes_numbers(&subject.lanes, "params.block_bytes", subject.size, SIZES_MAX);
	if (subject.sizes)
		rc = add_figure(report, &subject, why);
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family malloc_family = { .prepare = prepare };
