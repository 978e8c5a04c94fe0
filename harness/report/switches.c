/* Loads of CR3 in a guest: exits of each, and what the first touches after it cost. */
#include "report/figure.h"
#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "cr3-loads"
#define VARIANTS_MAX 8 /* same or other, with and without PCID */

static const char *const axes[] = { "change", "pcid", "pages_touched", "pages", NULL };

struct variant {
	const char *change; /* borrowed */
	const json_t *pcid; /* "on", "off", 1, 0 */
	char label[48];
};

struct subject {
	const struct report *report;
	struct lanes lanes;
	struct variant variant[VARIANTS_MAX];
	size_t variants;
};

static double pages_of(const json_t *point)
{
	double pages = number_at(point, "params.pages_touched");

	return isfinite(pages) ? pages : number_at(point, "params.pages");
}

static bool belongs(const json_t *point)
{
	return string_at(point, "params.change") && pages_of(point) > 0 &&
	       (isfinite(metric_at(point, "first_touch_cycles").value) ||
		       isfinite(metric_at(point, "exits_per_load").value));
}

static bool is_of(const json_t *point, const struct variant *variant)
{
	const json_t *pcid = json_at(point, "params.pcid");

	return text_is(point, "params.change", variant->change) &&
	       (pcid == variant->pcid || json_equal(pcid, variant->pcid));
}

static void add_variant(struct subject *subject, const json_t *point)
{
	struct variant found = { string_at(point, "params.change"), json_at(point, "params.pcid"), "" };
	bool pcid =
		json_is_true(found.pcid) || json_integer_value(found.pcid) == 1 || text_is(point, "params.pcid", "on");

	for (size_t i = 0; i < subject->variants; i++) {
		if (is_of(point, &subject->variant[i]))
			return;
	}
	if (subject->variants == VARIANTS_MAX)
		return;
	snprintf(found.label, sizeof(found.label), "%.16s root, %s PCID", found.change, pcid ? "with" : "without");
	label_clean(found.label);
	subject->variant[subject->variants++] = found;
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

static bool has_touches(const struct lane *lane)
{
	size_t i;
	json_t *point;

	if (lane->emulated)
		return false;
	json_array_foreach (lane->points, i, point) {
		if (isfinite(metric_at(point, "first_touch_cycles").value))
			return true;
	}
	return false;
}

/* What a row of the table is of. */
struct row {
	const struct lane *lane;
	size_t number, variant; /* of the lane among those drawn, from 1; index */
	const json_t *point;
};

static void write_row(FILE *table, const struct subject *subject, const struct row *row)
{
	fprintf(table, "%zu\t%s\t", row->number, row->lane->label);
	table_text(table, row->lane->setting);
	fprintf(table, "\t%zu\t%s\t%.7g", row->variant + 1, subject->variant[row->variant].label, pages_of(row->point));
	table_estimate(table, metric_at(row->point, "first_touch_cycles"));
	table_estimate(table, metric_at(row->point, "warm_touch_cycles"));
	table_estimate(table, metric_at(row->point, "exits_per_load"));
	fputc('\n', table);
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);
	size_t number = 0, k;
	json_t *point;

	if (!table)
		return -EIO;
	fprintf(table,
		"# Touches of pages after a load of CR3, and once more without one, per page. _lo, _hi: 95 %% interval.\n"
		"lane\tlabel\tsetting\tvariant\twhat\tpages\tfirst_cycles\tfirst_cycles_lo\tfirst_cycles_hi\twarm_cycles\twarm_cycles_lo\twarm_cycles_hi\texits_per_load\texits_per_load_lo\texits_per_load_hi\n");
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		if (!has_touches(&subject->lanes.lane[lane]))
			continue;
		number++;
		for (size_t v = 0; v < subject->variants; v++) {
			json_array_foreach (subject->lanes.lane[lane].points, k, point) {
				if (is_of(point, &subject->variant[v]))
					write_row(table, subject,
						&(struct row){ &subject->lanes.lane[lane], number, v, point });
			}
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* One line a variant: exits and time of the load, and the touches at the fewest and most pages. */
static void explain_variant(FILE *text, const struct lane *lane, const struct variant *variant)
{
	const json_t *few = NULL, *many = NULL;
	bool times = !lane->emulated && !lane->interpreted;
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (!is_of(point, variant))
			continue;
		if (!few || pages_of(point) < pages_of(few))
			few = point;
		if (!many || pages_of(point) > pages_of(many))
			many = point;
	}
	if (!few)
		return;
	fprintf(text, "| %s | %s | %s | %s |", lane->label, variant->label,
		number_text(metric_at(few, "exits_per_load").value).text,
		times ? estimate_text(metric_at(few, "load_cycles")).text : "");
	for (int end = 0; end < 2; end++) {
		const json_t *at = end ? many : few;

		if (lane->emulated)
			fprintf(text, " |");
		else
			fprintf(text, " %s / %s (%s pages) |",
				number_text(metric_at(at, "first_touch_cycles").value).text,
				number_text(metric_at(at, "warm_touch_cycles").value).text,
				count_text(pages_of(at)).text);
	}
	fputc('\n', text);
}

static char *explain(const struct subject *subject)
{
	bool interpreted = false;
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"A guest that changes from one process to another loads CR3. Without PCID that empties the TLB, so that the first touch of each page afterwards walks; the same touches once more (dashed) show what they cost anyway. Under nested paging a guest loads CR3 by itself; under shadow paging the hypervisor has to change to another shadow table.\n\n"
		"| setting | load | exits of a load | core cycles of a load | first / warm touch, cycles, few pages | many pages |\n| --- | --- | ---: | ---: | ---: | ---: |\n");
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		interpreted = interpreted || subject->lanes.lane[lane].interpreted;
		for (size_t v = 0; v < subject->variants; v++)
			explain_variant(text, &subject->lanes.lane[lane], &subject->variant[v]);
	}
	if (interpreted)
		fprintf(text,
			"\n*Interpreted*: this KVM runs the guest's load of CR3 in software. How long that takes is an interpreter's time and not told; nor does a count of exits say whether a load leaves the guest. Touches are the guest's own, at CPL 3, and stand, but follow on the interpreter's trail through the caches.\n");
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_table(subject, why);

	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "What loading CR3 costs a guest",
			.title = "What touching memory costs a guest after loading CR3",
			.alt = "Cycles of first and warm touches after a load of CR3, against the pages touched",
		},
		explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	bool any = false;
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < subject.lanes.count; i++)
		any = any || has_touches(&subject.lanes.lane[i]);
	if (any)
		rc = add_figure(report, &subject, why);
	lanes_free(&subject.lanes);
	return rc;
}

const struct figure_family switches_family = { .prepare = prepare };
