#include "report/document.h"

#include "report/inferred.h"
#include "report/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *about(const struct report *report, const char *path)
{
	return string_at(report->run->about, path);
}

static double about_number(const struct report *report, const char *path)
{
	return number_at(report->run->about, path);
}

static bool is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

static void write_opening(FILE *out, const struct report *report)
{
	const char *state = about(report, "state");
	char *where = report_where(report);

	fputs("# What address translation costs: ", out);
	markdown_text(out, report_cpu(report));
	fputs("\n\nMeasured by nestwalk ", out);
	markdown_text(out, about(report, "version"));
	fputs(" on ", out);
	markdown_text(out, about(report, "host"));
	fputs(", ", out);
	markdown_text(out, about(report, "started_utc"));
	fputs("; ", out);
	markdown_text(out, where);
	fputs(".\n\n", out);
	free(where);
	if (is(state, "running"))
		fputs("**This run has not finished, or was killed:** what follows rests on the points it had by then.\n\n",
			out);
	if (is(state, "interrupted")) {
		fputs("**This run was interrupted:** ", out);
		markdown_text(out, about(report, "reason"));
		fputs(". What follows rests on the points it had by then.\n\n", out);
	}
	if (report->run->truncated)
		fputs("The last line of its points was cut off and is left out.\n\n", out);
}

/* Whether a point has the counts of memory that was touched: others have figures of counts. */
static bool is_counted(const json_t *point)
{
	return is(string_at(point, "status"), "ok") && isfinite(number_at(point, "params.pages")) &&
	       isfinite(number_at(point, "memory.faults_counted"));
}

/* An emulator's times say nothing about a processor; its counts are KVM's own. */
static void write_emulated(FILE *out, const struct report *report)
{
	size_t emulated = 0, chases = 0, i;
	json_t *point;

	json_array_foreach (report->run->points, i, point) {
		emulated += point_is_emulated(point);
		chases += point_is_emulated(point) && is_counted(point);
	}
	if (!emulated)
		return;
	fprintf(out,
		"## An emulated machine\n\n"
		"%zu of %zu points were measured on an emulated machine. Their times are the emulator's and not a processor's: they are neither drawn nor compared with others. What counts is KVM's own.\n\n",
		emulated, json_array_size(report->run->points));
	if (!chases)
		return;
	fputs("| bench | setting | paging | pages | samples | faults expected | faults counted | KVM exits | guest faults to KVM |\n"
	      "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
		out);
	json_array_foreach (report->run->points, i, point) {
		if (!point_is_emulated(point) || !is_counted(point))
			continue;
		fputs("| ", out);
		markdown_text(out, string_at(point, "bench"));
		fputs(" | ", out);
		markdown_text(out, string_at(point, "setting"));
		fputs(" | ", out);
		markdown_text(out, string_at(point, "paging"));
		fprintf(out, " | %s | %zu | %s | %s | %s | %s |\n", count_text(number_at(point, "params.pages")).text,
			json_array_size(json_at(point, "samples.round")),
			count_text(number_at(point, "memory.faults_expected")).text,
			count_text(number_at(point, "memory.faults_counted")).text,
			count_text(number_at(point, "kvm.exits")).text,
			count_text(number_at(point, "kvm.pf_taken")).text);
	}
	fputc('\n', out);
}

static void write_figures(FILE *out, const struct report *report)
{
	if (!report->figures)
		fputs("No figure: the run has no measured times to draw.\n\n", out);
	for (size_t i = 0; i < report->figures; i++) {
		const struct figure *figure = &report->figure[i];

		fputs("## ", out);
		markdown_text(out, figure->heading);
		fputs("\n\n", out);
		if (figure->missing) {
			fputs("*Figure not drawn: ", out);
			markdown_text(out, figure->missing);
			fputs("*\n\n", out);
		} else {
			fputs("![", out);
			markdown_text(out, figure->alt);
			fprintf(out, "](%s.svg)\n\n", figure->name);
		}
		fprintf(out, "%s\n", figure->text);
	}
}

/* A curve that an element of levels_json_infer()'s lists is about, in words; as told there where it is none of ours. */
static void write_subject(FILE *out, const struct report *report, const json_t *element)
{
	for (size_t i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];

		for (size_t j = 0; j < panel->count; j++) {
			if (!inferred_is_about(element, panel->curve[j]))
				continue;
			markdown_text(out, panel->label);
			fputs(" | ", out);
			markdown_text(out, panel->curve[j]->label);
			return;
		}
	}
	fputs(bytes_text(number_at(element, "page_size_bytes")).text, out);
	fputs(" | ", out);
	markdown_text(out, string_at(element, "setting"));
}

static void write_list(FILE *out, const struct report *report, const char *list, const char *what)
{
	size_t i;
	json_t *element;

	json_array_foreach (json_object_get(report->inferred, list), i, element) {
		double from = number_at(element, "pages_from"), to = number_at(element, "pages_to");

		fputs("| ", out);
		write_subject(out, report, element);
		fprintf(out, " | %s | ", what);
		if (isfinite(from))
			fputs(count_text(from).text, out);
		if (isfinite(from) && isfinite(to) && to != from)
			fprintf(out, " to %s", count_text(to).text);
		fputs(" | ", out);
		markdown_text(out, string_at(element, "reason"));
		fputs(" |\n", out);
	}
}

static void write_unresolved(FILE *out, const struct report *report)
{
	size_t count = json_array_size(json_object_get(report->inferred, "unresolved")) +
		       json_array_size(json_object_get(report->inferred, "rejected"));

	if (!count)
		return;
	fputs("## What was not resolved\n\nA step counts only if it is larger than the noise, persists, and is seen again in a second pass with fresh placements. These did not:\n\n"
	      "| pages | setting | what | at pages | why |\n| --- | --- | --- | ---: | --- |\n",
		out);
	write_list(out, report, "unresolved", "not resolved");
	write_list(out, report, "rejected", "rejected step");
	fputc('\n', out);
}

/* Points that failed for the same reason are one row: a missing pool skips many. */
static void write_skipped(FILE *out, const struct report *report)
{
	json_t *groups = json_object();
	const char *key;
	json_t *group, *point, *row;
	size_t i;

	json_array_foreach (report->run->points, i, point) {
		const char *status = string_at(point, "status"), *why = string_at(point, "reason");
		const char *setting = string_at(point, "setting");
		const char *backing = string_at(point, "params.backing");
		char *name;

		if (!status || is(status, "ok") ||
			asprintf(&name, "%s\n%s\n%s\n%s", status, setting ? setting : "", backing ? backing : "",
				why ? why : "") < 0)
			continue;
		row = json_pack("{s:s, s:s, s:s, s:s, s:I}", "status", status, "setting", setting ? setting : "?",
			"backing", backing ? backing : "", "why", why ? why : "no reason given", "n",
			json_integer_value(json_object_get(json_object_get(groups, name), "n")) + 1);
		if (row)
			json_object_set_new(groups, name, row);
		free(name);
	}
	if (json_object_size(groups)) {
		fputs("## What was not measured, and why\n\n| points | setting | memory | status | why |\n"
		      "| ---: | --- | --- | --- | --- |\n",
			out);
		json_object_foreach (groups, key, group) {
			fprintf(out, "| %s | ", count_text(number_at(group, "n")).text);
			markdown_text(out, string_at(group, "setting"));
			fputs(" | ", out);
			markdown_text(out, string_at(group, "backing"));
			fputs(" | ", out);
			markdown_text(out, string_at(group, "status"));
			fputs(" | ", out);
			markdown_text(out, string_at(group, "why"));
			fputs(" |\n", out);
		}
		fputc('\n', out);
	}
	json_decref(groups);
}

static void write_quality(FILE *out, const struct report *report)
{
	double samples = 0, discarded = 0, contaminated = 0, ok = 0;
	double overhead = about_number(report, "clock.overhead_fraction");
	size_t i;
	json_t *point;

	json_array_foreach (report->run->points, i, point) {
		if (!is(string_at(point, "status"), "ok"))
			continue;
		ok++;
		samples += (double)json_array_size(json_at(point, "samples.round"));
		discarded += fmax(0, number_at(point, "discarded"));
		contaminated += fmax(0, number_at(point, "contaminated"));
	}
	fputs("## How far to trust it\n\n", out);
	fprintf(out,
		"- %s points with %s samples, each of a fresh placement. %s samples were taken again because something disturbed them (a context switch, a page fault, stolen time); %s stayed disturbed and are left out of the medians.\n",
		count_text(ok).text, count_text(samples).text, count_text(discarded).text,
		count_text(contaminated).text);
	for (i = 0; i < report->curves.panels; i++) {
		const struct panel *panel = &report->curves.panel[i];

		for (size_t j = 0; j < panel->count; j++) {
			double noise = inferred_noise(report->inferred, panel->curve[j]);

			if (!isfinite(noise))
				continue;
			fputs("- Noise, ", out);
			markdown_text(out, panel->label);
			fputs(", ", out);
			markdown_text(out, panel->curve[j]->label);
			fprintf(out, ": 95 %% of its comparisons with itself differ by less than %s core cycles.\n",
				number_text(noise).text);
		}
	}
	if (isfinite(report->ghz))
		fprintf(out,
			"- The core ran at %s GHz: %s core cycles per TSC cycle, by dependent additions beside each sample.\n",
			number_text(report->ghz).text,
			ratio_text(about_number(report, "clock.cycles_per_tsc.median"),
				about_number(report, "clock.cycles_per_tsc.lo"),
				about_number(report, "clock.cycles_per_tsc.hi"))
				.text);
	if (isfinite(overhead))
		fprintf(out, "- Reading the clock takes %s %% of the shortest lap that was timed.\n",
			number_text(100 * overhead).text);
	fputc('\n', out);
}

static void machine_row(FILE *out, const char *what, const char *value)
{
	if (!value)
		return;
	fprintf(out, "| %s | ", what);
	markdown_text(out, value);
	fputs(" |\n", out);
}

static void machine_number(FILE *out, const char *what, double number)
{
	if (isfinite(number))
		fprintf(out, "| %s | %.0f |\n", what, number);
}

/* A run joined of others may have several modes of one setting. */
static void write_paging(FILE *out, const struct report *report)
{
	json_t *seen = json_object();
	const char *key;
	json_t *point, *modes;
	size_t i;

	json_array_foreach (report->run->points, i, point) {
		const char *setting = string_at(point, "setting"), *paging = string_at(point, "paging");

		if (setting && paging && !json_object_get(seen, setting))
			json_object_set_new(seen, setting, json_object());
		if (setting && paging)
			json_object_set_new(json_object_get(seen, setting), paging, json_true());
	}
	json_object_foreach (seen, key, modes) {
		const char *paging, *before = " | ";

		fputs("| paging, ", out);
		markdown_text(out, key);
		json_object_foreach (modes, paging, point) {
			fputs(before, out);
			markdown_text(out, paging);
			before = ", ";
		}
		fputs(" |\n", out);
	}
	json_decref(seen);
}

/* Which metrics some setting counted, or why none did. Runs of before they were counted say no more than env does. */
static void write_counters(FILE *out, const struct report *report)
{
	const json_t *counters = json_at(report->run->about, "counters");
	const char *why = about(report, "machine.counters.available_reason"), *setting;
	json_t *of, *names = json_object(), *name, *nothing;
	const char *key, *before = "";
	size_t i;

	json_object_foreach ((json_t *)counters, setting, of) {
		json_array_foreach (json_object_get(of, "available"), i, name) {
			if (json_string_value(name))
				json_object_set_new(names, json_string_value(name), json_true());
		}
		if (string_at(of, "reason"))
			why = string_at(of, "reason");
	}
	if (json_object_size(names) || why)
		fputs("| hardware counters | ", out);
	json_object_foreach (names, key, nothing) {
		fputs(before, out);
		markdown_text(out, key);
		before = ", ";
	}
	if (!json_object_size(names) && why) {
		fputs("Nothing was counted by hardware: ", out);
		markdown_text(out, why);
		fputs(".", out);
	}
	if (json_object_size(names) || why)
		fputs(" |\n", out);
	json_decref(names);
}

static void write_machine(FILE *out, const struct report *report)
{
	char *where = report_where(report);

	fputs("## The machine and the run\n\n| | |\n| --- | --- |\n", out);
	machine_row(out, "CPU", report_cpu(report));
	if (isfinite(about_number(report, "machine.cpu.family")))
		fprintf(out, "| family, model, stepping | %.0f, %.0f, %.0f |\n",
			about_number(report, "machine.cpu.family"), about_number(report, "machine.cpu.model"),
			about_number(report, "machine.cpu.stepping"));
	machine_row(out, "microcode", about(report, "machine.cpu.microcode"));
	machine_row(out, "where", where);
	write_paging(out, report);
	machine_row(out, "kernel", about(report, "machine.kernel.release"));
	machine_row(out, "KVM module", about(report, "machine.kvm.module"));
	write_counters(out, report);
	machine_number(out, "logical CPU measured on", about_number(report, "cpu"));
	machine_number(out, "NUMA node", about_number(report, "numa_node"));
	machine_row(out, "effort", about(report, "effort"));
	machine_number(out, "seed", about_number(report, "seed"));
	if (isfinite(about_number(report, "duration_s")))
		fprintf(out, "| took | %s s |\n", number_text(about_number(report, "duration_s")).text);
	machine_row(out, "state", about(report, "state"));
	fputc('\n', out);
	free(where);
}

static void write_closing(FILE *out, const struct report *report)
{
	const json_t *words = json_at(report->run->about, "command_line");

	fputs("## How to read the figures\n\n"
	      "- **gross** is the time of one access: a chain of dependent loads over one cache line in each page, in random order. **baseline** (thin, dashed) is the same chain over the same number of lines packed into huge pages: caches without translation. **net** is the difference, sample by sample: what translation adds.\n",
		out);
	if (report->curves.panels)
		fputs("- Where levels are marked: lines are the sweep, bands its 95 % intervals; open circles are the second pass, with fresh placements, near each step. The strip on top shows where a level ends: inferred from each curve with its interval, and dotted what CPUID advertises. A question mark: the second pass did not confirm the level.\n",
			out);
	fputs("- Cycles are core cycles. Numbers in brackets are 95 % intervals of the median; of fewer than six samples, their range.\n\n## How to do it again\n\n    ",
		out);
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		if (i)
			fputc(' ', out);
		for (; word && *word; word++)
			fputc((unsigned char)*word < ' ' ? ' ' : *word, out);
	}
	fprintf(out,
		"\n\nwith `--seed %.0f` added, the same placements are tried in the same order. `nestwalk report RUN` makes this page again from the run directory; the numbers behind each figure are in the `.tsv` files beside it.\n",
		about_number(report, "seed"));
}

char *document_make(const struct report *report)
{
	char *markdown = NULL;
	size_t size;
	FILE *out = open_memstream(&markdown, &size);

	if (!out)
		return NULL;
	write_opening(out, report);
	write_emulated(out, report);
	write_figures(out, report);
	write_unresolved(out, report);
	write_skipped(out, report);
	write_quality(out, report);
	write_machine(out, report);
	write_closing(out, report);
	if (fclose(out)) {
		free(markdown);
		return NULL;
	}
	return markdown;
}
