/* How long single page faults take: all percentiles, by kind, one actor alone and as many as there were. */
#include "report/storm_points.h"
#include "report/text.h"
#include "report/unmeasured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "storm-latencies"
#define CURVES NAME ".curves"
/* Rows of a line to a "nine", which is some 40 px wide in the picture. */
#define ROWS_PER_NINE 12
#define ROUNDING 0.01 /* of a count of faults: 0.9 * 1000 may be a little more than 900 */

static const struct {
	const char *metric, *heading;
} percentiles[] = {
	{ "latency_p50_ns", "50 %" },
	{ "latency_p90_ns", "90 %" },
	{ "latency_p99_ns", "99 %" },
	{ "latency_p999_ns", "99.9 %" },
	{ "latency_most_ns", "the longest" },
};

#define COUNT (sizeof(percentiles) / sizeof(percentiles[0]))

/* Faults of a bucket; 0 for what is none. */
static double bucket_count(const json_t *bucket)
{
	double from = json_number_value(json_array_get(bucket, 0)), to = json_number_value(json_array_get(bucket, 1));
	double count = json_number_value(json_array_get(bucket, 2));

	return from >= 0 && to > from && count > 0 ? count : 0;
}

static double faults_of(const json_t *point)
{
	double total = 0;
	size_t i;
	json_t *bucket;

	json_array_foreach (json_at(point, "latencies.buckets"), i, bucket)
		total += bucket_count(bucket);
	return total;
}

static bool belongs(const json_t *point)
{
	return point_is_of_storm(point) && number_at(point, "params.actors") >= 1 &&
	       text_is(point, "latencies.unit", "ns") && faults_of(point) > 0;
}

/* One actor alone, then the most threads, then the most processes: each on recycled frames and on fresh ones. */
struct line {
	const struct lane *lane;
	size_t number; /* of the lane, from 1 */
	size_t kind, series, frames;
	struct text what; /* "one actor alone", "2 threads" */
	const json_t *point; /* NULL: not measured */
};

#define LINES ((size_t)(1 + WORKERS_KINDS) * STORM_FRAMES)

/* "2 threads"; "most threads" where lanes, or kinds, have different numbers of them. */
static struct text series_text(const struct storms *storms, const char *as, double most)
{
	struct text out;
	bool alike = true;

	for (size_t i = 0; i < storms->lanes.count; i++) {
		for (size_t k = 0; k < storms->kinds; k++) {
			double other = storm_most_actors(storms, &storms->lanes.lane[i], storms->kind[k]);

			/* What was measured alone only has no line of many. */
			alike = alike && (other <= 1 || other == most);
		}
	}
	snprintf(out.text, sizeof(out.text), "%.20s %s", alike ? count_text(most).text : "most", as);
	return out;
}

static struct line line_of(const struct storms *storms, size_t lane, size_t kind, size_t number)
{
	struct line line = { .lane = &storms->lanes.lane[lane],
		.number = lane + 1,
		.kind = kind,
		.series = number / STORM_FRAMES % (1 + WORKERS_KINDS),
		.frames = number % STORM_FRAMES,
		.what = { "one actor alone" } };
	double most = storm_most_actors(storms, line.lane, storms->kind[kind]);
	struct storm_place place = {
		.kind = storms->kind[kind], .frames = storm_frames_names[line.frames], .actors = 1
	};

	if (line.series) {
		place.as = workers_names[line.series - 1];
		place.actors = most;
	}
	if (!line.series || most > 1)
		line.point = storm_point(line.lane, &place);
	if (line.point && line.series)
		line.what = series_text(storms, place.as, most);
	return line;
}

/*
 * The values that shares of all faults are not above, at evenly spaced "nines" (-log10 of the share above: 1 is 90 %, 2 is
 * 99 %). The last row is the longest fault, where a single one of them is above nothing.
 */
static void write_curve(FILE *table, size_t number, const json_t *point)
{
	double total = faults_of(point), most = number_at(point, "latencies.most"), seen = 0;
	double last = log10(total);
	size_t row = 0, i;
	json_t *bucket;

	json_array_foreach (json_at(point, "latencies.buckets"), i, bucket) {
		/* The middle of a bucket of whole ns, [from, to). */
		double middle = (json_number_value(json_array_get(bucket, 0)) +
					json_number_value(json_array_get(bucket, 1)) - 1) /
				2;

		seen += bucket_count(bucket);
		if (most > 0 && middle > most)
			middle = most;
		for (; row < last * ROWS_PER_NINE; row++) {
			double nines = (double)row / ROWS_PER_NINE;

			if (!bucket_count(bucket) || (1 - pow(10, -nines)) * total > seen + ROUNDING)
				break;
			fprintf(table, "%zu\t%.7g\t%.4g\t%.7g\n", number, 100 * (1 - pow(10, -nines)), nines, middle);
		}
	}
	fprintf(table, "%zu\t100\t%.4g\t", number, last);
	table_number(table, most > 0 ? most : NAN);
	/* An empty line ends a line in the picture, too. */
	fputs("\n\n", table);
}

static void write_line(FILE *table, const struct storms *storms, size_t number, const struct line *line)
{
	fprintf(table, "%zu\t%zu\t%s\t%zu\t%s\t%zu\t%s\t%s\t%.7g\t%.12g", number, line->kind + 1,
		storms->kind[line->kind], line->number, line->lane->label, line->series + 1, line->what.text,
		storm_frames_names[line->frames], number_at(line->point, "params.actors"), faults_of(line->point));
	for (size_t k = 0; k < COUNT; k++)
		table_estimate(table, metric_at(line->point, percentiles[k].metric));
	fputc('\t', table);
	table_number(table, metric_at(line->point, "timing_overhead_ns").value);
	fputc('\n', table);
}

static int write_tables(const struct storms *storms, struct reason *why)
{
	FILE *lines = table_open(storms->report, NAME, why), *curves = NULL;
	size_t number = 0;
	int rc;

	if (lines)
		curves = table_open(storms->report, CURVES, why);
	if (!curves) {
		if (lines)
			fclose(lines);
		return -EIO;
	}
	fprintf(lines,
		"# Percentiles of single page faults: medians over samples. _lo, _hi: 95 %% interval. line: of the other table.\nline\tpanel\tkind\tlane\tlabel\tseries\twhat\tframes\tactors\tfaults");
	for (size_t i = 0; i < COUNT; i++)
		fprintf(lines, "\t%s\t%s_lo\t%s_hi", percentiles[i].metric, percentiles[i].metric,
			percentiles[i].metric);
	fprintf(lines, "\ttiming_overhead_ns\n");
	fprintf(curves,
		"# How long single page faults take, all samples of a point together: percent of them take no longer than ns.\n# nines: -log10(1 - percent / 100). The last row of a line is the longest of its faults.\n"
		"line\tpercent\tnines\tns\n");
	for (size_t i = 0; i < storms->kinds * storms->lanes.count * LINES; i++) {
		struct line line =
			line_of(storms, i / LINES % storms->lanes.count, i / LINES / storms->lanes.count, i % LINES);

		if (!line.point)
			continue;
		write_line(lines, storms, ++number, &line);
		write_curve(curves, number, line.point);
	}
	rc = table_close(storms->report, NAME, lines, why);
	if (rc) {
		fclose(curves);
		return rc;
	}
	return table_close(storms->report, CURVES, curves, why);
}

static void explain_line(FILE *text, const struct storms *storms, const struct line *line)
{
	fprintf(text, "| %s | %s | %s | %s |", line->lane->label, storms->kind[line->kind],
		storm_frames_names[line->frames], line->what.text);
	for (size_t k = 0; k < COUNT; k++) {
		fprintf(text, " %s |", cell_text(metric_at(line->point, percentiles[k].metric)).text);
	}
	fputc('\n', text);
}

static char *explain(const struct storms *storms)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"A mean hides what a waiting thread sees. Each fault was timed by itself, and what the timing costs is taken off. To the right each mark is ten times rarer: at 99.9 %% one fault in a thousand takes longer than the line says, and each line ends with the longest of all. Steps upward are events that some faults meet: the allocator refilling its lists, an interrupt, a hypervisor that has to find memory, another actor that holds a lock. Faults that come many in one call have no latencies of their own. In ns, medians of the samples' percentiles:\n\n"
		"| setting | fault | frames | actors |");
	for (size_t k = 0; k < COUNT; k++)
		fprintf(text, " %s |", percentiles[k].heading);
	fprintf(text, "\n| --- | --- | --- | --- |");
	for (size_t k = 0; k < COUNT; k++)
		fprintf(text, " ---: |");
	fputc('\n', text);
	for (size_t i = 0; i < storms->lanes.count * storms->kinds * LINES; i++) {
		struct line line = line_of(storms, i / LINES / storms->kinds, i / LINES % storms->kinds, i % LINES);

		if (line.point)
			explain_line(text, storms, &line);
	}
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	struct storms storms;
	int rc = storms_gather(report, belongs, &storms, why);

	if (rc)
		return rc;
	if (storms.kinds)
		rc = write_tables(&storms, why);
	if (storms.kinds && !rc)
		rc = figure_add_words(report,
			&(struct figure_words){
				.name = NAME,
				.heading = "How long single page faults take",
				.title = "How long single page faults take: percentiles, by kind",
				.alt = "Percentiles of the time of single page faults, a panel a kind, both axes logarithmic",
			},
			explain(&storms), why);
	storms_free(&storms);
	return rc;
}

const struct figure_family storm_latencies_family = { .prepare = prepare };
