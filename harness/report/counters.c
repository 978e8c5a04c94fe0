#include "report/counters.h"

#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * Every access walks from this many times the last level's entries on: at 4 times, random replacement finds 2 % of the
 * pages again, LRU none. An advertised number counts entries, and one of AMD's may cover four neighbouring pages.
 */
#define BEYOND_FACTOR 4
#define COALESCED_MOST 4

static const char *const drawn[] = { "dtlb_load_misses_l1_per_access", "dtlb_load_walks_per_access",
	"dtlb_walk_cycles_per_access" };

#define DRAWN (sizeof(drawn) / sizeof(drawn[0]))

static const json_t *metric_of(const json_t *point, const char *name)
{
	return json_object_get(json_object_get(point, "hardware"), name);
}

struct estimate counted_at(const json_t *point, const char *name)
{
	const json_t *metric = metric_of(point, name);

	return (struct estimate){ number_at(metric, "median"), number_at(metric, "lo"), number_at(metric, "hi") };
}

struct estimate counted_cycles_per_walk(const json_t *point)
{
	struct estimate each = counted_at(point, "walk_cycles_per_walk");
	double walks = counted_at(point, "dtlb_load_walks_per_access").value;
	double cycles = counted_at(point, "dtlb_walk_cycles_per_access").value;

	if (isfinite(each.value))
		return each;
	return (struct estimate){ walks > 0 ? cycles / walks : NAN, NAN, NAN };
}

static bool has_mark(const json_t *point, const char *mark)
{
	const char *name;
	json_t *metric;

	json_object_foreach (json_object_get(point, "hardware"), name, metric) {
		if (json_is_true(json_object_get(metric, mark)))
			return true;
	}
	return false;
}

bool curve_counted(const struct panel_curve *curve)
{
	size_t i;
	json_t *point;

	if (!curve_drawable(curve))
		return false;
	json_array_foreach (curve->points, i, point) {
		for (size_t d = 0; d < DRAWN; d++)
			if (isfinite(counted_at(point, drawn[d]).value))
				return true;
	}
	return false;
}

bool panel_counted(const struct panel *panel)
{
	for (size_t i = 0; i < panel->count; i++) {
		if (curve_counted(panel->curve[i]))
			return true;
	}
	return false;
}

double pages_beyond(const struct report *report, const struct panel *panel, const struct panel_curve *curve)
{
	unsigned levels = advertised_levels(report->run->about, panel->page_bytes);
	double advertised = levels ? advertised_entries(report->run->about, levels, panel->page_bytes) : NAN;
	struct level level[LEVELS_MAX];
	size_t count = inferred_levels(report->inferred, curve, level, LEVELS_MAX);
	struct walk walk;
	double entries;

	if (!count || !inferred_walk(report->inferred, curve, &walk))
		return BEYOND_FACTOR * COALESCED_MOST * advertised;
	entries = isfinite(level[count - 1].entries.hi) ? level[count - 1].entries.hi : level[count - 1].entries.value;
	return BEYOND_FACTOR * fmax(entries, isfinite(advertised) ? advertised : 0);
}

void counted_check(const json_t *point, bool beyond, struct cross_check *out)
{
	cross_check(
		&(struct cross_check_input){
			.accesses = 1,
			.walks = counted_at(point, "dtlb_load_walks_per_access").value,
			.walk_cycles = counted_at(point, "dtlb_walk_cycles_per_access").value,
			.net_cycles = number_at(point, "metrics.net_cycles.median"),
			.beyond_last_level = beyond,
		},
		out);
}

static void write_point(FILE *table, const struct panel_curve *curve, size_t number, const json_t *point)
{
	fprintf(table, "%zu\t", number);
	table_text(table, curve->label);
	fputc('\t', table);
	table_text(table, string_at(point, "pass"));
	fputc('\t', table);
	table_number(table, number_at(point, "params.pages"));
	for (size_t d = 0; d < DRAWN; d++)
		table_estimate(table, counted_at(point, drawn[d]));
	fputs(has_mark(point, "scaled") ? "\tyes\n" : "\tno\n", table);
}

static bool is_of_pass(const json_t *point, const char *pass)
{
	return text_is(point, "pass", pass) && number_at(point, "params.pages") > 0;
}

int counters_write(const struct report *report, const struct panel *panel, struct reason *why)
{
	static const char *const passes[] = { "sweep", "refine" };
	struct text stem;
	FILE *table;
	size_t k;
	json_t *point;

	snprintf(stem.text, sizeof(stem.text), "%.80s.counters", panel->name);
	table = table_open(report, stem.text, why);
	if (!table)
		return -EIO;
	fprintf(table, "# What hardware counted, per access, with the 95 %% interval of the median. NA: not counted.\n"
		       "# scaled: some of it was counted for a part of the time, and scaled up.\n"
		       "curve\tlabel\tpass\tpages");
	for (size_t d = 0; d < DRAWN; d++)
		fprintf(table, "\t%s\t%s_lo\t%s_hi", drawn[d], drawn[d], drawn[d]);
	fputs("\tscaled\n", table);
	for (size_t i = 0; i < panel->count; i++) {
		if (!curve_counted(panel->curve[i]))
			continue;
		for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++) {
			json_array_foreach (panel->curve[i]->points, k, point) {
				if (is_of_pass(point, passes[p]))
					write_point(table, panel->curve[i], i + 1, point);
			}
		}
	}
	return table_close(report, stem.text, table, why);
}

/* The last point of a curve of which anything was counted; NULL: none. */
static const json_t *last_counted(const struct panel_curve *curve)
{
	const json_t *last = NULL;
	size_t i;
	json_t *point;

	json_array_foreach (curve->points, i, point) {
		if (json_object_size(json_object_get(point, "hardware")))
			last = point;
	}
	return last;
}

/* "1.003 [0.998, 1.007]", scaled, generic; or a dash. */
static void write_cell(FILE *text, const json_t *metric)
{
	struct estimate value = { number_at(metric, "median"), number_at(metric, "lo"), number_at(metric, "hi") };

	if (!isfinite(value.value)) {
		fputs(" – |", text);
		return;
	}
	fprintf(text, " %s%s%s |", estimate_text(value).text,
		json_is_true(json_object_get(metric, "scaled")) ? " *scaled*" : "",
		json_is_true(json_object_get(metric, "generic")) ? " *generic*" : "");
}

/* All that was counted, a column a curve, where the curve ends. */
static void explain_table(FILE *text, const struct panel *panel)
{
	json_t *names = json_object(), *metric;
	const char *name;

	fputs("\n| counted, per access |", text);
	for (size_t i = 0; i < panel->count; i++) {
		if (!curve_counted(panel->curve[i]))
			continue;
		fprintf(text, " %s, %s pages |", panel->curve[i]->label,
			count_text(number_at(last_counted(panel->curve[i]), "params.pages")).text);
		json_object_update(names, json_object_get(last_counted(panel->curve[i]), "hardware"));
	}
	fputs("\n| --- |", text);
	for (size_t i = 0; i < panel->count; i++)
		if (curve_counted(panel->curve[i]))
			fputs(" ---: |", text);
	fputc('\n', text);
	json_object_foreach (names, name, metric) {
		const char *end = strstr(name, "_per_access");
		struct text shown;

		snprintf(shown.text, sizeof(shown.text), "%.*s", end ? (int)(end - name) : 80, name);
		fputs("| ", text);
		markdown_text(text, shown.text);
		fputs(" |", text);
		for (size_t i = 0; i < panel->count; i++)
			if (curve_counted(panel->curve[i]))
				write_cell(text, metric_of(last_counted(panel->curve[i]), name));
		fputc('\n', text);
	}
	json_decref(names);
	fputc('\n', text);
}

struct verdicts {
	size_t walks_agree, walks_differ, time_agree, time_differ;
	struct reason walks, time; /* of the last point, or of the last that differs */
};

static void add_verdict(
	enum cross_check_verdict verdict, const struct reason *why, size_t *agree, size_t *differ, struct reason *told)
{
	if (verdict == CROSS_DIFFERS || (verdict == CROSS_AGREES && !*differ))
		*told = *why;
	*agree += verdict == CROSS_AGREES;
	*differ += verdict == CROSS_DIFFERS;
}

static void explain_verdict(FILE *text, const char *what, size_t agree, size_t differ, const struct reason *told)
{
	if (!agree && !differ)
		return;
	if (differ)
		fprintf(text, " **%s disagree** at %zu of %zu points: %s.", what, differ, agree + differ, told->text);
	else
		fprintf(text, " %s agree at all %zu points: %s.", what, agree, told->text);
}

/* Counters of one curve against each other and the clock, at all points beyond the last level. */
static void explain_check(
	FILE *text, const struct report *report, const struct panel *panel, const struct panel_curve *curve)
{
	double beyond = pages_beyond(report, panel, curve);
	struct verdicts seen = { 0 };
	size_t i;
	json_t *point;

	json_array_foreach (curve->points, i, point) {
		struct cross_check check;

		counted_check(point, number_at(point, "params.pages") >= beyond, &check);
		add_verdict(check.walks.verdict, &check.walks.why, &seen.walks_agree, &seen.walks_differ, &seen.walks);
		add_verdict(check.time.verdict, &check.time.why, &seen.time_agree, &seen.time_differ, &seen.time);
	}
	fprintf(text, "- **%s**, counters:", curve->label);
	if (!isfinite(beyond))
		fputs(" not checked, as it is not known where the last TLB level ends.", text);
	else if (!seen.walks_agree && !seen.walks_differ && !seen.time_agree && !seen.time_differ)
		fprintf(text, " not checked, as no counted point has %s pages and more, which no TLB level holds.",
			count_text(ceil(beyond)).text);
	explain_verdict(text, "Walks and accesses", seen.walks_agree, seen.walks_differ, &seen.walks);
	explain_verdict(text, "Cycles of walks and net cycles", seen.time_agree, seen.time_differ, &seen.time);
	if (seen.time_differ)
		fputs(" Either walks overlap with something, or the event leaves something out: the second dimension of nested paging, for one.",
			text);
	fputc('\n', text);
}

/* Whose events they are. */
static const char *source_of(const char *setting)
{
	if (!strcmp(setting, "vcpu"))
		return "of the vCPU from outside: what its thread does while it is in the guest";
	if (!strcmp(setting, "guest"))
		return "inside the guest, by the virtual PMU that its hypervisor gives it";
	return "of the measuring thread, by the Linux it runs on";
}

void counters_explain_source(FILE *text, const struct panel_curve *const *curve, size_t count)
{
	bool scaled = false, generic = false;
	size_t k;
	json_t *point;

	fputs("Counted: user code of the chase only", text);
	for (size_t i = 0; i < count; i++) {
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first = first && strcmp(curve[j]->setting, curve[i]->setting);
		if (first)
			fprintf(text, "; *%s*: %s", curve[i]->setting, source_of(curve[i]->setting));
		json_array_foreach (curve[i]->points, k, point) {
			scaled = scaled || has_mark(point, "scaled");
			generic = generic || has_mark(point, "generic");
		}
	}
	fputs(". Which event that is on this CPU: `counters` in run.json.", text);
	if (scaled)
		fputs(" *Scaled*: counted for a part of the time and scaled up, an estimate.", text);
	if (generic)
		fputs(" *Generic*: by an event that the kernel chooses; what it counts differs between CPUs.", text);
	fputc('\n', text);
}

void counters_explain(FILE *text, const struct report *report, const struct panel *panel)
{
	const struct panel_curve *counted[64];
	size_t count = 0;

	for (size_t i = 0; i < panel->count && count < sizeof(counted) / sizeof(counted[0]); i++) {
		if (!curve_counted(panel->curve[i]))
			continue;
		explain_check(text, report, panel, panel->curve[i]);
		counted[count++] = panel->curve[i];
	}
	fputs("\nThe lower panels are what hardware counted, per access: misses of the first TLB level that hit the next (dashed), page walks, and the cycles in which a walk was under way. ",
		text);
	counters_explain_source(text, counted, count);
	explain_table(text, panel);
}
