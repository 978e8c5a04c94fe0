/* What one page fault of this Linux costs one actor alone, by kind, on recycled and on fresh frames. */
#include "report/storm_points.h"
#include "report/text.h"
#include "report/unmeasured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "storm-costs"

static bool belongs(const json_t *point)
{
	return point_is_of_storm(point) && number_at(point, "params.actors") == 1 &&
	       isfinite(metric_at(point, "fault_ns").value);
}

static const json_t *point_of(const struct storms *storms, size_t lane, size_t kind, size_t frames)
{
	return storm_point(&storms->lanes.lane[lane],
		&(struct storm_place){ .kind = storms->kind[kind], .frames = storm_frames_names[frames], .actors = 1 });
}

/* Where bars stand in the picture: those of a kind close together, with room for its name, and a gap to the next. */
#define LEAST_ROOM 2.4
#define GAP 0.8

static size_t bars_of(const struct storms *storms, size_t kind)
{
	size_t bars = 0;

	for (size_t i = 0; i < storms->lanes.count * STORM_FRAMES; i++)
		bars += point_of(storms, i / STORM_FRAMES, kind, i % STORM_FRAMES) != NULL;
	return bars;
}

static void write_kind(FILE *table, const struct storms *storms, size_t kind, double middle)
{
	double place = middle - ((double)bars_of(storms, kind) - 1) / 2;

	for (size_t i = 0; i < storms->lanes.count * STORM_FRAMES; i++) {
		const struct lane *lane = &storms->lanes.lane[i / STORM_FRAMES];
		const json_t *point = point_of(storms, i / STORM_FRAMES, kind, i % STORM_FRAMES);

		if (!point)
			continue;
		fprintf(table, "%zu\t%s\t%s\t%.7g\t%.7g\t%zu\t%s\t", kind + 1, storms->kind[kind],
			storm_meaning(storms->kind[kind]), middle, place++, i / STORM_FRAMES + 1, lane->label);
		table_text(table, lane->setting);
		fprintf(table, "\t%s", storm_frames_names[i % STORM_FRAMES]);
		table_estimate(table, metric_at(point, "fault_ns"));
		table_estimate(table, metric_at(point, "fault_cycles"));
		fputc('\t', table);
		table_number(table, metric_at(point, "faults_per_page").value);
		fputc('\t', table);
		table_number(table, metric_at(point, "fresh_share").value);
		fputc('\n', table);
	}
}

static int write_table(const struct storms *storms, struct reason *why)
{
	FILE *table = table_open(storms->report, NAME, why);
	double from = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# What one page fault costs one actor alone, by kind. Where a page takes no fault: per page touched.\n"
		"# recycled frames return again and again; no storm of the run had the fresh ones before. _lo, _hi: 95 %% interval.\n# middle, place: where the kind and its bar stand in the picture, in bars.\n"
		"row\tkind\tmeaning\tmiddle\tplace\tlane\tlabel\tsetting\tframes\tfault_ns\tfault_ns_lo\tfault_ns_hi\tfault_cycles\tfault_cycles_lo\tfault_cycles_hi\tfaults_per_page\tfresh_share\n");
	for (size_t kind = 0; kind < storms->kinds; kind++) {
		double room = fmax((double)bars_of(storms, kind), LEAST_ROOM) + GAP;

		write_kind(table, storms, kind, from + room / 2);
		from += room;
	}
	return table_close(storms->report, NAME, table, why);
}

static void explain_costs(FILE *text, const struct storms *storms)
{
	fprintf(text, "| setting | fault | frames | ns | core cycles | faults a page | frames new to the run |\n"
		      "| --- | --- | --- | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < storms->lanes.count * storms->kinds * STORM_FRAMES; i++) {
		size_t lane = i / STORM_FRAMES / storms->kinds, kind = i / STORM_FRAMES % storms->kinds;
		const json_t *point = point_of(storms, lane, kind, i % STORM_FRAMES);
		double fresh;

		if (!point)
			continue;
		fresh = metric_at(point, "fresh_share").value;
		fprintf(text, "| %s | %s | %s | %s | %s | %s | %s%s |\n", storms->lanes.lane[lane].label,
			storms->kind[kind], storm_frames_names[i % STORM_FRAMES],
			cell_text(metric_at(point, "fault_ns")).text, cell_text(metric_at(point, "fault_cycles")).text,
			cell_text(metric_at(point, "faults_per_page")).text,
			isfinite(fresh) ? number_text(100 * fresh).text : "", isfinite(fresh) ? " %" : "");
	}
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool is_missing(const json_t *point)
{
	return point_is_of_storm(point) && string_at(point, "status") && !text_is(point, "status", "ok") &&
	       !point_is_emulated(point);
}

/* Whether two points were not measured in the same place for the same reason. */
static bool is_alike(const json_t *a, const json_t *b)
{
	return same(string_at(a, "setting"), string_at(b, "setting")) &&
	       same(string_at(a, "paging"), string_at(b, "paging")) &&
	       same(string_at(a, "reason"), string_at(b, "reason"));
}

/* "anon-write (recycled, fresh), fork-copy (recycled)": of all points like this one. */
static void explain_kinds(FILE *text, const json_t *points, const json_t *like)
{
	bool seen[STORM_KINDS][STORM_FRAMES] = { { false } };
	const char *before = "";
	size_t k;
	json_t *point;

	json_array_foreach (points, k, point) {
		for (size_t i = 0; i < (size_t)STORM_KINDS * STORM_FRAMES && is_missing(point); i++) {
			if (is_alike(point, like) &&
				text_is(point, "params.kind", storm_kind_names[i / STORM_FRAMES]) &&
				text_is(point, "params.frames", storm_frames_names[i % STORM_FRAMES]))
				seen[i / STORM_FRAMES][i % STORM_FRAMES] = true;
		}
	}
	for (size_t kind = 0; kind < STORM_KINDS; kind++) {
		const bool *frames = seen[kind];

		if (!frames[STORM_RECYCLED] && !frames[STORM_FRESH])
			continue;
		fprintf(text, "%s%s (%s%s%s)", before, storm_kind_names[kind],
			frames[STORM_RECYCLED] ? storm_frames_names[STORM_RECYCLED] : "",
			frames[STORM_RECYCLED] && frames[STORM_FRESH] ? ", " : "",
			frames[STORM_FRESH] ? storm_frames_names[STORM_FRESH] : "");
		before = ", ";
	}
}

/* Whether an earlier point of the run is like this one. */
static bool told_before(const json_t *points, size_t number)
{
	const json_t *point = json_array_get(points, number);

	for (size_t i = 0; i < number; i++) {
		if (is_missing(json_array_get(points, i)) && is_alike(json_array_get(points, i), point))
			return true;
	}
	return false;
}

static void explain_missing(FILE *text, const json_t *points)
{
	bool any = false;
	size_t i;
	json_t *point;

	json_array_foreach (points, i, point) {
		char place[96] = "";

		if (!is_missing(point) || told_before(points, i))
			continue;
		if (!any)
			fprintf(text, "\nNot measured:\n\n| setting | faults | why |\n| --- | --- | --- |\n");
		any = true;
		place_label(string_at(point, "setting"), string_at(point, "paging"), place, sizeof(place));
		label_clean(place);
		fprintf(text, "| %s | ", place);
		explain_kinds(text, points, point);
		fputs(" | ", text);
		markdown_text(text, string_at(point, "reason"));
		fputs(" |\n", text);
	}
}

static char *explain(const struct storms *storms)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"One actor alone maps memory, touches each page of it once and gives it back; what the touches cost is shown, fault, kernel and return, by the kind of fault. *Recycled* frames are a small set that the kernel gives out again and again; *fresh* ones were not used by this run before. On bare metal the two differ by what is in the caches. In a guest the hypervisor has memory behind recycled frames already, and may have to find it for fresh ones: that difference is its part. A fault on a huge page zeroes 512 times as much as one on a small page. Where the kernel takes no fault at all the cost is that of touching a page.\n\n");
	explain_costs(text, storms);
	explain_missing(text, storms->report->run->points);
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	struct storms storms;
	int rc = storms_gather(report, belongs, &storms, why);

	if (rc)
		return rc;
	if (storms.kinds)
		rc = write_table(&storms, why);
	if (storms.kinds && !rc)
		rc = figure_add_words(report,
			&(struct figure_words){
				.name = NAME,
				.heading = "What a page fault costs",
				.title =
					"What one page fault costs, by its kind and the frame it gets: one actor alone",
				.alt = "Time of one page fault by kind, on recycled and on fresh frames",
			},
			explain(&storms), why);
	storms_free(&storms);
	return rc;
}

const struct figure_family storm_costs_family = { .prepare = prepare };
