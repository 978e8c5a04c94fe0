/* Cost of a random access against the working set, by page size and backing, and what huge pages save. */
#include "report/huge.h"

#include "base/units.h"
#include "report/pairs.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "huge-pages"
#define METRIC "gross_cycles"

const char *const huge_axes[] = { "page_size_bytes", "backing", "working_set_bytes", NULL };

bool point_is_of_huge(const json_t *point)
{
	return number_at(point, "params.working_set_bytes") > 0 && number_at(point, "params.page_size_bytes") > 0 &&
	       string_at(point, "params.backing") && isfinite(metric_at(point, METRIC).value);
}

double huge_backing_bytes(const char *backing)
{
	char size[16];
	uint64_t bytes;

	snprintf(size, sizeof(size), "%.*s", (int)strcspn(backing, "-"), backing);
	return size_parse(size, &bytes) ? NAN : (double)bytes;
}

static bool comes_before(const struct combination *a, const struct combination *b)
{
	if (a->page_bytes != b->page_bytes)
		return a->page_bytes < b->page_bytes;
	if (a->backing_bytes != b->backing_bytes)
		return a->backing_bytes < b->backing_bytes;
	return strcmp(a->backing, b->backing) < 0;
}

static size_t keep_combination(struct combination *out, size_t count, const json_t *point)
{
	struct combination found = { .page_bytes = number_at(point, "params.page_size_bytes"),
		.backing = string_at(point, "params.backing") };
	struct size_text size;
	size_t at = count;

	found.backing_bytes = huge_backing_bytes(found.backing);
	for (size_t i = 0; i < count; i++) {
		if (out[i].page_bytes == found.page_bytes && !strcmp(out[i].backing, found.backing))
			return count;
	}
	if (count == COMBINATIONS_MAX || !(found.page_bytes < 0x1p62))
		return count;
	snprintf(found.label, sizeof(found.label), "%s pages on %.16s", size_format((uint64_t)found.page_bytes, &size),
		found.backing);
	label_clean(found.label);
	for (; at && comes_before(&found, &out[at - 1]); at--)
		out[at] = out[at - 1];
	out[at] = found;
	return count + 1;
}

size_t huge_combinations(const struct lanes *lanes, struct combination *out)
{
	size_t count = 0, k;
	json_t *point;

	for (size_t i = 0; i < lanes->count; i++) {
		json_array_foreach (lanes->lane[i].points, k, point)
			count = keep_combination(out, count, point);
	}
	return count;
}

const json_t *huge_point(const struct lane *lane, const struct combination *combination, double working_set_bytes)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (number_at(point, "params.working_set_bytes") == working_set_bytes &&
			number_at(point, "params.page_size_bytes") == combination->page_bytes &&
			text_is(point, "params.backing", combination->backing))
			return point;
	}
	return NULL;
}

const struct combination *huge_smallest(const struct combination *combination, size_t count)
{
	/* They ascend; a guest's small pages on large memory are no baseline. */
	return count && combination[0].page_bytes == combination[0].backing_bytes ? &combination[0] : NULL;
}

/* What a row of the table is of. */
struct row {
	const struct lane *lane;
	size_t number; /* of the lane, from 1 */
	size_t combination; /* index */
	double set;
};

struct subject {
	const struct report *report;
	const struct lanes *lanes;
	struct combination combination[COMBINATIONS_MAX];
	double set[SETS_MAX];
	size_t combinations, sets;
	uint64_t seed;
};

/* How many times faster than the smallest pages; NaN where either was not measured. */
static int speedup_at(const struct subject *subject, const struct row *row, struct point_ratio *out)
{
	const struct combination *smallest = huge_smallest(subject->combination, subject->combinations);
	const struct combination *combination = &subject->combination[row->combination];
	const json_t *over = smallest ? huge_point(row->lane, smallest, row->set) : NULL;
	const json_t *under = huge_point(row->lane, combination, row->set);

	*out = (struct point_ratio){ .ratio = { NAN, NAN, NAN } };
	if (!over || !under || smallest == combination)
		return 0;
	return ratio_of_points(&(struct point_ratio_request){ over, under, METRIC, subject->seed }, out);
}

static int write_point(FILE *table, const struct subject *subject, const struct row *row)
{
	const struct combination *combination = &subject->combination[row->combination];
	const json_t *point = huge_point(row->lane, combination, row->set);
	struct point_ratio speedup;
	struct size_text size;

	if (!point)
		return 0;
	if (speedup_at(subject, row, &speedup))
		return -ENOMEM;
	fprintf(table, "%zu\t%s\t", row->number, row->lane->label);
	table_text(table, row->lane->setting);
	fprintf(table, "\t%zu\t%s\t%s\t", row->combination + 1, combination->label,
		size_format((uint64_t)combination->page_bytes, &size));
	table_text(table, combination->backing);
	fprintf(table, "\t%.12g", row->set);
	table_estimate(table, metric_at(point, METRIC));
	table_estimate(table, metric_at(point, "gross_ns"));
	table_estimate(table, metric_at(point, "net_cycles"));
	table_estimate(table, (struct estimate){ speedup.ratio.median, speedup.ratio.lo, speedup.ratio.hi });
	fprintf(table, "\t%zu\n", speedup.pairs);
	return 0;
}

static int write_points(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	int rc = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# One random access over a working set, by page size and by the memory behind it. One row a point.\n"
		"# speedup: cost with the smallest pages over cost with these; pairs: samples of one round, 0: ratio of medians.\n"
		"lane\tlabel\tsetting\tcombination\twhat\tpage_size\tbacking\tworking_set_bytes\tgross_cycles\tgross_cycles_lo\tgross_cycles_hi\tgross_ns\tgross_ns_lo\tgross_ns_hi\tnet_cycles\tnet_cycles_lo\tnet_cycles_hi\tspeedup\tspeedup_lo\tspeedup_hi\tpairs\n");
	for (size_t lane = 0; lane < subject->lanes->count; lane++) {
		for (size_t c = 0; c < subject->combinations; c++) {
			for (size_t i = 0; i < subject->sets && !rc; i++)
				rc = write_point(table, subject,
					&(struct row){ &subject->lanes->lane[lane], lane + 1, c, subject->set[i] });
		}
	}
	if (rc) {
		fclose(table);
		return fail(why, ENOMEM, "out of memory");
	}
	return table_close(subject->report, NAME, table, why);
}

/* Where a combination was measured at its largest working set. */
static const json_t *last_point(const struct subject *subject, const struct lane *lane, size_t combination)
{
	for (size_t i = subject->sets; i-- > 0;) {
		const json_t *point = huge_point(lane, &subject->combination[combination], subject->set[i]);

		if (point)
			return point;
	}
	return NULL;
}

static int explain_lane(FILE *text, const struct subject *subject, const struct lane *lane)
{
	for (size_t c = 0; c < subject->combinations; c++) {
		const json_t *last = last_point(subject, lane, c);
		const struct row row = { lane, 0, c, number_at(last, "params.working_set_bytes") };
		struct point_ratio speedup;

		if (!last)
			continue;
		if (speedup_at(subject, &row, &speedup))
			return -ENOMEM;
		fprintf(text, "| %s | %s | %s | %s | %s |", lane->label, subject->combination[c].label,
			bytes_text(row.set).text, estimate_text(metric_at(last, METRIC)).text,
			estimate_text(metric_at(last, "gross_ns")).text);
		if (!isfinite(speedup.ratio.median))
			fprintf(text, " |\n");
		else
			fprintf(text, " %s%s |\n",
				ratio_text(speedup.ratio.median, speedup.ratio.lo, speedup.ratio.hi).text,
				isfinite(speedup.ratio.lo) && speedup.ratio.lo <= 1 && speedup.ratio.hi >= 1 ? " ~"
													     : "");
	}
	return 0;
}

static bool one_sample_only(const struct subject *subject)
{
	size_t k;
	json_t *point;

	for (size_t i = 0; i < subject->lanes->count; i++) {
		json_array_foreach (subject->lanes->lane[i].points, k, point) {
			if (json_array_size(json_at(point, "samples." METRIC)) == 1)
				return true;
		}
	}
	return false;
}

static char *explain(const struct subject *subject)
{
	const struct combination *smallest = huge_smallest(subject->combination, subject->combinations);
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);
	int rc = 0;

	if (!text)
		return NULL;
	fprintf(text,
		"One access at random places of a working set, with the data's own cache misses in it: what a program would see. Colour is the size of the pages, the dash what the host has behind them.");
	if (smallest)
		fprintf(text, " Below, how many times faster than with %s; in the grey half it is slower.",
			smallest->label);
	fprintf(text, " At the largest working set that each was measured with:\n\n"
		      "| setting | pages | working set | an access, core cycles | ns | times as fast |\n"
		      "| --- | --- | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < subject->lanes->count && !rc; i++)
		rc = explain_lane(text, subject, &subject->lanes->lane[i]);
	fprintf(text, "\n`~`: the interval reaches over 1, so that no difference was shown.%s\n",
		one_sample_only(subject)
			? " Numbers without an interval rest on one sample: another run may differ by more than the curves do from each other; a higher `--effort` takes more."
			: "");
	if (fclose(text) || rc) {
		free(markdown);
		return NULL;
	}
	return markdown;
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_points(subject, why);

	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "What huge pages save",
			.title = "What huge pages save: one random access, by page size and the memory behind it",
			.alt = "Cycles of a random access against the working set, by page size and backing",
		},
		explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct lanes lanes;
	struct subject subject = { .report = report,
		.lanes = &lanes,
		.seed = (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")) };
	int rc = lanes_gather(report->run->points, point_is_of_huge, huge_axes, &lanes);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&lanes);
	subject.combinations = huge_combinations(&lanes, subject.combination);
	subject.sets = lanes_numbers(&lanes, "params.working_set_bytes", subject.set, SETS_MAX);
	if (subject.combinations && subject.sets)
		rc = add_figure(report, &subject, why);
	lanes_free(&lanes);
	return rc;
}

const struct figure_family huge_family = { .prepare = prepare };
