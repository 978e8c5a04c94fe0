/* Page faults of a guest: exits and other counts of each, by kind and paging mode; times where they mean something. */
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "guest-faults"
#define TIMES NAME "-times"
#define VARIANTS_MAX 32 /* four kinds, three flushes, two orders are 24 */

static const char *const axes[] = { "kind", "flush", "order", NULL };

static const struct {
	const char *metric, *heading;
} counts[] = {
	{ "exits_per_fault", "VM exits" },
	{ "pf_taken_per_fault", "page faults taken by KVM" },
	{ "insn_emulation_per_fault", "instructions interpreted" },
	{ "host_faults_per_fault", "page faults of the host" },
};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* What makes a touch fault, what the guest's handler flushes, in what order pages are touched; NULL: not said. */
struct variant {
	const char *kind, *flush, *order;
	char label[64];
};

struct subject {
	const struct report *report;
	struct lanes lanes;
	struct variant variant[VARIANTS_MAX];
	size_t variants;
};

static bool belongs(const json_t *point)
{
	return string_at(point, "params.kind") && isfinite(metric_at(point, counts[0].metric).value);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool is_of(const json_t *point, const struct variant *variant)
{
	return same(string_at(point, "params.kind"), variant->kind) &&
	       same(string_at(point, "params.flush"), variant->flush) &&
	       same(string_at(point, "params.order"), variant->order);
}

static void add_variant(struct subject *subject, const json_t *point)
{
	struct variant found = { string_at(point, "params.kind"), string_at(point, "params.flush"),
		string_at(point, "params.order"), "" };

	for (size_t i = 0; i < subject->variants; i++) {
		if (is_of(point, &subject->variant[i]))
			return;
	}
	if (subject->variants == VARIANTS_MAX)
		return;
	text_append(found.label, sizeof(found.label), "%.24s", found.kind);
	if (found.order)
		text_append(found.label, sizeof(found.label), ", %.16s", found.order);
	if (found.flush && strcmp(found.flush, "none"))
		text_append(found.label, sizeof(found.label), ", %.16s", found.flush);
	label_clean(found.label);
	subject->variant[subject->variants++] = found;
}

static const json_t *point_of(const struct lane *lane, const struct variant *variant)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (is_of(point, variant))
			return point;
	}
	return NULL;
}

static int gather(struct subject *subject)
{
	size_t k;
	json_t *point;
	int rc = lanes_gather(subject->report->run->points, belongs, axes, &subject->lanes);

	for (size_t i = 0; i < subject->lanes.count && !rc; i++) {
		json_array_foreach (subject->lanes.lane[i].points, k, point)
			add_variant(subject, point);
	}
	return rc;
}

/* Whether the times of a lane are a processor's, running the guest's code itself. */
static bool has_times(const struct lane *lane)
{
	size_t i;
	json_t *point;

	if (lane->emulated || lane->interpreted)
		return false;
	json_array_foreach (lane->points, i, point) {
		if (isfinite(metric_at(point, "fault_ns").value))
			return true;
	}
	return false;
}

/* What a row of a table is of. */
struct row {
	const struct lane *lane;
	size_t number, variant; /* of the lane among those drawn, from 1; index */
};

static void write_head(FILE *table, const struct subject *subject, const struct row *row)
{
	fprintf(table, "%zu\t%s\t", row->number, row->lane->label);
	table_text(table, row->lane->paging);
	fprintf(table, "\t%s\t%zu\t%s", row->lane->emulated ? "yes" : "no", row->variant + 1,
		subject->variant[row->variant].label);
}

static int write_counts(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table, "# What one page fault of a guest takes, by KVM's own counts. One row a kind and paging mode.\n"
		       "# emulated: yes: counted on an emulated machine: KVM's counts are real there, times are not.\n"
		       "lane\tlabel\tpaging\temulated\trow\twhat");
	for (size_t i = 0; i < COUNTS; i++)
		fprintf(table, "\t%s\t%s_lo\t%s_hi", counts[i].metric, counts[i].metric, counts[i].metric);
	fputc('\n', table);
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		for (size_t v = 0; v < subject->variants; v++) {
			const json_t *point = point_of(&subject->lanes.lane[lane], &subject->variant[v]);

			if (!point)
				continue;
			write_head(table, subject, &(struct row){ &subject->lanes.lane[lane], lane + 1, v });
			for (size_t i = 0; i < COUNTS; i++)
				table_estimate(table, metric_at(point, counts[i].metric));
			fputc('\n', table);
		}
	}
	return table_close(subject->report, NAME, table, why);
}

static int write_times(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, TIMES, why);
	size_t number = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# How long one page fault of a guest takes, touch, fault, handler and return. _lo, _hi: 95 %% interval.\n"
		"lane\tlabel\tpaging\temulated\trow\twhat\tfault_ns\tfault_ns_lo\tfault_ns_hi\tfault_cycles\tfault_cycles_lo\tfault_cycles_hi\n");
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		const struct lane *of = &subject->lanes.lane[lane];

		if (!has_times(of))
			continue;
		number++;
		for (size_t v = 0; v < subject->variants; v++) {
			const json_t *point = point_of(of, &subject->variant[v]);

			if (!point)
				continue;
			write_head(table, subject, &(struct row){ of, number, v });
			table_estimate(table, metric_at(point, "fault_ns"));
			table_estimate(table, metric_at(point, "fault_cycles"));
			fputc('\n', table);
		}
	}
	return table_close(subject->report, TIMES, table, why);
}

static void explain_point(FILE *text, const struct lane *lane, const struct variant *variant, const json_t *point)
{
	fprintf(text, "| %s | %s |", lane->label, variant->label);
	for (size_t i = 0; i < COUNTS; i++)
		fprintf(text, " %s |", number_text(metric_at(point, counts[i].metric).value).text);
	if (has_times(lane))
		fprintf(text, " %s | %s |\n", estimate_text(metric_at(point, "fault_ns")).text,
			estimate_text(metric_at(point, "fault_cycles")).text);
	else
		fprintf(text, " | |\n");
}

static void explain_table(FILE *text, const struct subject *subject)
{
	fprintf(text, "| setting | fault |");
	for (size_t i = 0; i < COUNTS; i++)
		fprintf(text, " %s |", counts[i].heading);
	fprintf(text, " ns | core cycles |\n| --- | --- |");
	for (size_t i = 0; i < COUNTS + 2; i++)
		fprintf(text, " ---: |");
	fputc('\n', text);
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		for (size_t v = 0; v < subject->variants; v++) {
			const json_t *point = point_of(&subject->lanes.lane[lane], &subject->variant[v]);

			if (point)
				explain_point(text, &subject->lanes.lane[lane], &subject->variant[v], point);
		}
	}
	fputc('\n', text);
}

static void explain_marks(FILE *text, const struct subject *subject)
{
	bool interpreted = false, emulated = false;

	for (size_t i = 0; i < subject->lanes.count; i++) {
		interpreted = interpreted || subject->lanes.lane[i].interpreted;
		emulated = emulated || subject->lanes.lane[i].emulated;
	}
	if (interpreted)
		fprintf(text,
			"*Interpreted*: this KVM runs the guest's kernel code (CPL 0) instruction by instruction in software. Its counts stand; its times are an interpreter's and are not told here.\n\n");
	if (emulated)
		fprintf(text,
			"*Emulated machine* (hatched): KVM counts there as it does elsewhere; times are an emulator's, and are not told.\n\n");
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"A guest takes page faults of its own, and its handler maps the page. Under nested paging that is the guest's business: on *warm* memory, which the hypervisor has mapped already, it takes no exit. Under shadow paging each such fault takes at least one, because the table in force is the hypervisor's. *Cold* memory, and *backing-only* (the guest has the page mapped, the host has not), need the hypervisor either way; an *upgrade* is a write to a page mapped read-only. Per fault:\n\n");
	explain_table(text, subject);
	explain_marks(text, subject);
	return text_finish(text, &markdown);
}

static int add_counts(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_counts(subject, why);

	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "What a guest's page fault takes",
			.title = "What one page fault of a guest takes, by kind and paging mode",
			.alt = "Exits, faults and interpreted instructions per page fault of a guest",
		},
		explain(subject), why);
}

static int add_times(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_times(subject, why);

	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = TIMES,
			.heading = "How long a guest's page fault takes",
			.title = "How long one page fault of a guest takes, by kind and paging mode",
			.alt = "Time of a page fault of a guest, by kind and paging mode",
		},
		strdup("Touch, fault, handler and return, with its 95 % interval; the numbers are in the table above. Two paging modes can be compared where both are drawn.\n"),
		why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	bool times = false;
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	if (subject.variants)
		rc = add_counts(report, &subject, why);
	for (size_t i = 0; i < subject.lanes.count; i++)
		times = times || has_times(&subject.lanes.lane[i]);
	if (times && !rc)
		rc = add_times(report, &subject, why);
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family faults_family = { .prepare = prepare };
