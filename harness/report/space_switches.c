/* Switches between two threads and between two processes: the handoff itself, and what is paid for it afterwards. */
#include "base/statistics.h"
#include "base/units.h"
#include "report/figure.h"
#include "report/lanes.h"
#include "report/pairs.h"
#include "report/text.h"
#include "report/unmeasured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "space-switches"
#define VARIANTS_MAX 8 /* threads and processes, futex and pipe are 4 */
#define SIZES_MAX 3 /* 4K, 2M, 1G */
#define TOUCHED_MAX 64 /* places on the axis: a bench has half a dozen, the rest is room for --param */
#define SAMPLES_MAX 4096 /* of one point; more is no run of ours */

static const char *const axes[] = { "between", "via", "page_size_bytes", "pages_touched", NULL };

struct variant {
	const char *between, *via; /* borrowed */
	char label[48];
};

struct subject {
	const struct report *report;
	struct lanes lanes;
	struct variant variant[VARIANTS_MAX];
	double page_bytes[SIZES_MAX], touched[TOUCHED_MAX];
	size_t variants, sizes, touched_counts;
	uint64_t seed;
};

static bool belongs(const json_t *point)
{
	return string_at(point, "params.between") && string_at(point, "params.via") &&
	       number_at(point, "params.pages_touched") >= 0 &&
	       number_at(point, "params.page_size_bytes") >= (double)PAGE_4K &&
	       number_at(point, "params.page_size_bytes") <= (double)PAGE_1G && metric_at(point, "switch_ns").value > 0;
}

static bool is_of(const json_t *point, const struct variant *variant)
{
	return text_is(point, "params.between", variant->between) && text_is(point, "params.via", variant->via);
}

static void add_variant(struct subject *subject, const json_t *point)
{
	struct variant found = { string_at(point, "params.between"), string_at(point, "params.via"), "" };

	for (size_t i = 0; i < subject->variants; i++) {
		if (is_of(point, &subject->variant[i]))
			return;
	}
	if (subject->variants == VARIANTS_MAX)
		return;
	snprintf(found.label, sizeof(found.label), "%.20s, %.20s", found.between, found.via);
	label_clean(found.label);
	subject->variant[subject->variants++] = found;
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
			add_variant(subject, point);
	}
	subject->sizes = lanes_numbers(&subject->lanes, "params.page_size_bytes", subject->page_bytes, SIZES_MAX);
	subject->touched_counts = lanes_numbers(&subject->lanes, "params.pages_touched", subject->touched, TOUCHED_MAX);
	return 0;
}

/* What a row of the table is of: indices. */
struct row {
	size_t lane, size, variant, touched;
};

static const json_t *point_of(const struct subject *subject, const struct row *row)
{
	size_t i;
	json_t *point;

	json_array_foreach (subject->lanes.lane[row->lane].points, i, point) {
		if (is_of(point, &subject->variant[row->variant]) &&
			number_at(point, "params.page_size_bytes") == subject->page_bytes[row->size] &&
			number_at(point, "params.pages_touched") == subject->touched[row->touched])
			return point;
	}
	return NULL;
}

static double sample_at(const json_t *samples, size_t i)
{
	const json_t *sample = json_array_get(samples, i);

	return json_is_number(sample) ? json_number_value(sample) : NAN;
}

/* The switch and what it costs afterwards, together. */
struct sum {
	const char *now, *later; /* metrics */
};

static const struct sum in_ns = { "switch_ns", "refill_ns" }, in_cycles = { "switch_cycles", "refill_cycles" };

/*
 * Added sample by sample, as both parts of a sample are of one round: the interval is that of the sum. Nothing is to be
 * paid later where nothing is touched. Where only medians are known, their sum has no interval.
 */
static struct estimate total_at(const struct subject *subject, const json_t *point, const struct sum *sum)
{
	const json_t *now = json_object_get(json_object_get(point, "samples"), sum->now);
	const json_t *later = json_object_get(json_object_get(point, "samples"), sum->later);
	struct estimate alone = metric_at(point, sum->now);
	double *samples;
	size_t count = json_array_size(now);
	struct interval total;

	if (number_at(point, "params.pages_touched") == 0)
		return alone;
	samples = count && count <= SAMPLES_MAX && count == json_array_size(later) ? malloc(count * sizeof(*samples))
										   : NULL;
	if (!samples)
		return (struct estimate){ alone.value + metric_at(point, sum->later).value, NAN, NAN };
	for (size_t i = 0; i < count; i++)
		samples[i] = sample_at(now, i) + sample_at(later, i);
	total = statistics_median_interval(samples, count, subject->seed);
	free(samples);
	return (struct estimate){ total.median, total.lo, total.hi };
}

static struct text size_name(double bytes)
{
	struct size_text size;
	struct text out;

	snprintf(out.text, sizeof(out.text), "%s", size_format((uint64_t)bytes, &size));
	return out;
}

static void write_row(FILE *table, const struct subject *subject, const struct row *row)
{
	const struct lane *lane = &subject->lanes.lane[row->lane];
	const struct variant *variant = &subject->variant[row->variant];
	const json_t *point = point_of(subject, row);

	if (!point)
		return;
	fprintf(table, "%zu\t%s\t", row->lane + 1, lane->label);
	table_text(table, lane->setting);
	fprintf(table, "\t%zu\t%s\t%zu\t%s\t", row->size + 1, size_name(subject->page_bytes[row->size]).text,
		row->variant + 1, variant->label);
	table_text(table, variant->between);
	fputc('\t', table);
	table_text(table, variant->via);
	fprintf(table, "\t%.7g", subject->touched[row->touched]);
	table_estimate(table, total_at(subject, point, &in_ns));
	table_estimate(table, total_at(subject, point, &in_cycles));
	table_estimate(table, metric_at(point, "switch_ns"));
	table_estimate(table, metric_at(point, "switch_cycles"));
	table_estimate(table, metric_at(point, "refill_ns"));
	table_estimate(table, metric_at(point, "touch_ns"));
	table_estimate(table, metric_at(point, "warm_ns"));
	fputc('\n', table);
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	struct row row;

	if (!table)
		return -EIO;
	fprintf(table,
		"# Switches on one CPU. switch: the handoff itself; refill: what the pages touched after it cost more\n"
		"# than the same touches once more; total: both. touch, warm: per page. _lo, _hi: 95 %% interval.\n"
		"lane\tlabel\tsetting\tsize\tpage_size\tvariant\twhat\tbetween\tvia\tpages\ttotal_ns\ttotal_ns_lo\ttotal_ns_hi\ttotal_cycles\ttotal_cycles_lo\ttotal_cycles_hi\tswitch_ns\tswitch_ns_lo\tswitch_ns_hi\tswitch_cycles\tswitch_cycles_lo\tswitch_cycles_hi\trefill_ns\trefill_ns_lo\trefill_ns_hi\ttouch_ns\ttouch_ns_lo\ttouch_ns_hi\twarm_ns\twarm_ns_lo\twarm_ns_hi\n");
	/* Pages innermost: a line of the picture is an unbroken run of rows. */
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.size = 0; row.size < subject->sizes; row.size++) {
			for (row.variant = 0; row.variant < subject->variants; row.variant++) {
				for (row.touched = 0; row.touched < subject->touched_counts; row.touched++)
					write_row(table, subject, &row);
			}
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* The same switch between threads. */
static const json_t *of_threads(const struct subject *subject, struct row row)
{
	const struct variant *own = &subject->variant[row.variant];

	for (row.variant = 0; row.variant < subject->variants; row.variant++) {
		const struct variant *variant = &subject->variant[row.variant];

		if (!strcmp(variant->between, "threads") && strcmp(own->between, "threads") &&
			!strcmp(variant->via, own->via))
			return point_of(subject, &row);
	}
	return NULL;
}

/* "1.24 [1.21, 1.28]" times as long as between threads; nothing where there is nothing to compare with. */
static int explain_ratio(FILE *text, const struct subject *subject, const struct row *row)
{
	struct point_ratio_request request = { .over = point_of(subject, row),
		.under = of_threads(subject, *row),
		.metric = in_ns.now,
		.seed = subject->seed };
	struct point_ratio found;

	if (!request.over || !request.under) {
		fprintf(text, " |");
		return 0;
	}
	if (ratio_of_points(&request, &found))
		return -ENOMEM;
	if (isfinite(found.ratio.median))
		fprintf(text, " %s%s",
			estimate_text((struct estimate){ found.ratio.median, found.ratio.lo, found.ratio.hi }).text,
			found.ratio.lo <= 1 && found.ratio.hi >= 1 ? " ~" : "");
	fprintf(text, " |");
	return 0;
}

/* One line a variant and page size: the switch with fewest pages touched, and with most. */
static int explain_line(FILE *text, const struct subject *subject, struct row row)
{
	struct row few = row;
	const json_t *first = NULL, *last = NULL;
	int rc;

	for (row.touched = 0; row.touched < subject->touched_counts; row.touched++) {
		const json_t *point = point_of(subject, &row);

		if (point && !first) {
			first = point;
			few = row;
		}
		last = point ? point : last;
	}
	if (!first)
		return 0;
	fprintf(text, "| %s | %s | %s | %s | %s |", subject->lanes.lane[row.lane].label,
		subject->variant[row.variant].label, size_name(subject->page_bytes[row.size]).text,
		cell_text(metric_at(first, "switch_ns")).text, cell_text(metric_at(first, "switch_cycles")).text);
	rc = explain_ratio(text, subject, &few);
	fprintf(text, " %s | %s / %s | %s | %s | %s |\n", count_text(number_at(last, "params.pages_touched")).text,
		cell_text((struct estimate){ metric_at(last, "touch_ns").value, NAN, NAN }).text,
		cell_text((struct estimate){ metric_at(last, "warm_ns").value, NAN, NAN }).text,
		cell_text(metric_at(last, "refill_ns")).text, cell_text(total_at(subject, last, &in_ns)).text,
		cell_text(total_at(subject, last, &in_cycles)).text);
	return rc;
}

/* The kernel uses PCIDs wherever it finds them, unless its command line forbids. */
static void explain_pcid(FILE *text, const struct report *report)
{
	const json_t *pcid = json_at(report->run->about, "machine.cpu.pcid");
	const json_t *words = json_at(report->run->about, "machine.kernel.command_line");
	bool forbidden = false;
	size_t i;
	json_t *word;

	json_array_foreach (words, i, word)
		forbidden = forbidden || (json_is_string(word) && !strcmp(json_string_value(word), "nopcid"));
	if (json_is_true(pcid) && !forbidden)
		fprintf(text,
			"**PCID is on** here: spaces keep their TLB entries apart, and a switch need not empty the TLB.");
	else if (json_is_true(pcid) || json_is_false(pcid))
		fprintf(text, "**PCID is off** here (%s): each switch to another process empties the TLB.",
			forbidden ? "nopcid on the kernel's command line" : "this CPU does not offer it");
	else
		fprintf(text, "**Whether PCID is on is unknown** here: with it, a switch need not empty the TLB.");
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	struct row row = { 0 };
	int rc = 0;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"Two threads, or two processes, take turns on one CPU, and each touches the same pages after its turn has begun. Between threads the address space stays; between processes CR3 is loaded, and what the next one finds in the TLB may be gone. The time is that of the switch itself and of the *refill*: what the touches after it cost more than the same touches once more. At 0 nothing is touched, and the switch stands alone. ");
	explain_pcid(text, subject->report);
	fprintf(text,
		"\n\n| setting | between, via | pages of | the switch alone, ns | core cycles | times threads' | pages touched | first / warm touch, ns | refill, ns | in all, ns | core cycles |\n"
		"| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (row.lane = 0; row.lane < subject->lanes.count; row.lane++) {
		for (row.size = 0; row.size < subject->sizes; row.size++) {
			for (row.variant = 0; row.variant < subject->variants && !rc; row.variant++)
				rc = explain_line(text, subject, row);
		}
	}
	fprintf(text,
		"\n`~`: the interval reaches over 1, so that no difference was shown. A refill below 0 is noise: the touches right after the switch were not dearer.\n");
	unmeasured_explain(text, subject->report->run->points, &subject->lanes);
	if (fclose(text) || rc) {
		free(markdown);
		return NULL;
	}
	return markdown;
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	static const struct figure_words words = {
		.name = NAME,
		.heading = "What switching to another process costs",
		.title = "What a switch costs at once and afterwards, by pages touched",
		.alt = "Time of a switch between threads and between processes against the pages touched after it",
	};
	int rc = write_table(subject, why);

	return rc ? rc : figure_add_words(report, &words, explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report,
		.seed = (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")) };
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	if (subject.variants && subject.sizes && subject.touched_counts)
		rc = add_figure(report, &subject, why);
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family space_switches_family = { .prepare = prepare };
