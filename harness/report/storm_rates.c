/* How many page faults a second all actors take together, against how many there are, by kind: does it scale? */
#include "report/pairs.h"
#include "report/storm_points.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "storm-rates"
#define METRIC "faults_per_s"

static const double thousand = 1000; /* rates are told in k and M */

static bool belongs(const json_t *point)
{
	return point_is_of_storm(point) && number_at(point, "params.actors") >= 1 && metric_at(point, METRIC).value > 0;
}

/* A line of a panel. */
struct line {
	const struct lane *lane;
	size_t panel, number; /* from 1; of the lane, from 1 */
	const char *kind, *frames, *as;
};

static struct storm_place place_on(const struct line *line, double actors)
{
	return (struct storm_place){ line->kind, line->frames, line->as, actors };
}

/* One actor alone is neither threads nor processes: it begins both lines. */
static const json_t *point_on(const struct line *line, double actors)
{
	const struct storm_place place = place_on(line, actors);

	return actors == 1 ? storm_alone(line->lane, &place) : storm_point(line->lane, &place);
}

/* The rate over that of one actor, over the number of actors: 1 is perfect. NaN where one alone was not measured. */
static int efficiency_at(const struct storms *storms, const struct line *line, double actors, struct estimate *out)
{
	const json_t *over = point_on(line, actors), *under = point_on(line, 1);
	struct point_ratio ratio;
	int rc;

	*out = (struct estimate){ NAN, NAN, NAN };
	if (!over || !under)
		return 0;
	rc = ratio_of_points(&(struct point_ratio_request){ over, under, METRIC, storms->seed }, &ratio);
	if (rc)
		return rc;
	*out = estimate_scaled((struct estimate){ ratio.ratio.median, ratio.ratio.lo, ratio.ratio.hi }, 1 / actors);
	return 0;
}

static bool has_many(const struct line *line, const double *actors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (actors[i] > 1 && point_on(line, actors[i]))
			return true;
	}
	return false;
}

static int write_line(FILE *table, const struct storms *storms, const struct line *line)
{
	double actors[STORM_ACTORS_MAX], ideal = metric_at(point_on(line, 1), METRIC).value;
	size_t count = storm_actors(storms, line->lane, line->kind, actors);
	int rc = 0;

	/* No line of processes where there was never more than one actor. */
	if (!has_many(line, actors, count) && strcmp(line->as, workers_names[WORKERS_THREADS]))
		return 0;
	for (size_t i = 0; i < count && !rc; i++) {
		const json_t *point = point_on(line, actors[i]);
		struct estimate efficiency;

		if (!point)
			continue;
		rc = efficiency_at(storms, line, actors[i], &efficiency);
		fprintf(table, "%zu\t%s\t%zu\t%s\t", line->panel, line->kind, line->number, line->lane->label);
		table_text(table, line->lane->setting);
		fprintf(table, "\t%s\t%s\t%.7g", line->as, line->frames, actors[i]);
		table_estimate(table, metric_at(point, METRIC));
		fputc('\t', table);
		table_number(table, ideal * actors[i]);
		table_estimate(table, efficiency);
		fputc('\t', table);
		table_number(table, metric_at(point, "system_share").value);
		fputc('\n', table);
	}
	return rc;
}

/* Threads on recycled frames, threads on fresh ones, processes ... */
static struct line line_of(const struct storms *storms, size_t lane, const char *kind, size_t number)
{
	return (struct line){
		.lane = &storms->lanes.lane[lane],
		.number = lane + 1,
		.kind = kind,
		.frames = storm_frames_names[number % STORM_FRAMES],
		.as = workers_names[number / STORM_FRAMES % WORKERS_KINDS],
	};
}

#define LINES ((size_t)STORM_FRAMES * WORKERS_KINDS)

/* The kinds that several actors were measured with have panels; where there are none of them, all have. */
static bool any_of_many(const struct storms *storms)
{
	for (size_t i = 0; i < storms->kinds; i++) {
		if (storm_most_actors(storms, NULL, storms->kind[i]) > 1)
			return true;
	}
	return false;
}

static int write_table(const struct storms *storms, struct reason *why)
{
	bool many = any_of_many(storms);
	size_t panel = 0;
	FILE *table = table_open(storms->report, NAME, why);
	int rc = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# Page faults a second of all actors together, mapping and unmapping included. One actor alone begins both lines.\n"
		"# ideal: so many times one actor alone. efficiency: the rate over that. _lo, _hi: 95 %% interval.\n"
		"panel\tkind\tlane\tlabel\tsetting\tas\tframes\tactors\tfaults_per_s\tfaults_per_s_lo\tfaults_per_s_hi\tideal_per_s\tefficiency\tefficiency_lo\tefficiency_hi\tsystem_share\n");
	for (size_t kind = 0; kind < storms->kinds && !rc; kind++) {
		if (many && storm_most_actors(storms, NULL, storms->kind[kind]) <= 1)
			continue;
		panel++;
		for (size_t i = 0; i < storms->lanes.count * LINES && !rc; i++) {
			struct line line = line_of(storms, i / LINES, storms->kind[kind], i % LINES);

			line.panel = panel;
			rc = write_line(table, storms, &line);
		}
	}
	if (rc) {
		fclose(table);
		return fail(why, ENOMEM, "out of memory");
	}
	return table_close(storms->report, NAME, table, why);
}

/* "432 k [430, 435]". */
static struct text rate_text(struct estimate rate)
{
	double unit = rate.value >= thousand * thousand ? thousand * thousand : rate.value >= thousand ? thousand : 1;
	const char *name = unit > thousand ? " M" : unit > 1 ? " k" : "";
	const struct estimate scaled = estimate_scaled(rate, 1 / unit);
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.30s%s%.50s", number_text(scaled.value).text, name,
		interval_text(scaled.value, scaled.lo, scaled.hi).text);
	return out;
}

static int explain_point(FILE *text, const struct storms *storms, const struct line *line, double actors)
{
	const json_t *point = point_on(line, actors);
	double kernel = metric_at(point, "system_share").value;
	struct estimate efficiency;
	int rc = efficiency_at(storms, line, actors, &efficiency);

	if (rc || !point)
		return rc;
	fprintf(text, "| %s | %s | %s | %s %s | %s |", line->lane->label, line->kind, line->frames,
		count_text(actors).text, actors > 1 ? line->as : "alone", rate_text(metric_at(point, METRIC)).text);
	if (actors > 1 && isfinite(efficiency.value))
		fprintf(text, " %s |", ratio_text(efficiency.value, efficiency.lo, efficiency.hi).text);
	else
		fprintf(text, " |");
	if (isfinite(kernel))
		fprintf(text, " %s %% |\n", number_text(100 * kernel).text);
	else
		fprintf(text, " |\n");
	return 0;
}

/* One alone, and the most that there were. */
static int explain_rates(FILE *text, const struct storms *storms)
{
	int rc = 0;

	fprintf(text, "| setting | fault | frames | actors | faults/s | efficiency | of the time in the kernel |\n"
		      "| --- | --- | --- | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < storms->lanes.count * storms->kinds * STORM_FRAMES && !rc; i++) {
		size_t lane = i / STORM_FRAMES / storms->kinds;
		const char *kind = storms->kind[i / STORM_FRAMES % storms->kinds];
		double most = storm_most_actors(storms, &storms->lanes.lane[lane], kind);
		struct line line = line_of(storms, lane, kind, i % STORM_FRAMES);

		rc = explain_point(text, storms, &line, 1);
		for (size_t as = 0; as < WORKERS_KINDS && most > 1 && !rc; as++) {
			line = line_of(storms, lane, kind, as * STORM_FRAMES + i % STORM_FRAMES);
			rc = explain_point(text, storms, &line, most);
		}
	}
	return rc;
}

static char *explain(const struct storms *storms)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);
	int rc;

	if (!text)
		return NULL;
	fprintf(text,
		"The same storms, but how many faults a second all actors take together, each on a CPU of its own, with mapping and unmapping in it. *Threads* share one address space: its locks, its page tables, and the interrupts that keep its TLBs alike. *Processes* share only the kernel and its stock of frames. The thin grey line is one actor alone times their number; *efficiency* is what is got of that. CPUs that are two threads of one core share it, so that even work without any lock falls short there.%s\n\n",
		any_of_many(storms) ? "" : " Here one actor alone was measured, which says nothing of scaling.");
	rc = explain_rates(text, storms);
	if (fclose(text) || rc) {
		free(markdown);
		return NULL;
	}
	return markdown;
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
				.heading = "How page faults scale",
				.title = "Page faults a second of all actors together, by kind",
				.alt = "Page faults a second against the number of threads and processes, a panel a kind",
			},
			explain(&storms), why);
	storms_free(&storms);
	return rc;
}

const struct figure_family storm_rates_family = { .prepare = prepare };
