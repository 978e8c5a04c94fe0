/* Cycles of a walk by how many of its levels are a page's own, beside the references that theory gives. */
#include "base/units.h"
#include "report/depth.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "walk-levels"
#define SIZES_MAX 3 /* leaf sizes of x86-64 */

/*
 * Pages that meet in one TLB set walk although the TLB has room; the control is the same number of pages, just as far
 * apart, at random places. Where both cost the same, the TLB held either, and the cost is no walk's. Half as much again
 * is far outside the noise, and far below what any walk adds to a hit.
 */
#define WALKS_IF_TIMES 1.5

#define MEANT "aligned"
#define CONTROL "scattered"

/* One leaf size: as many pages as fit at each of the most distances. */
struct leaf {
	double page_bytes, pages;
	double distance[DISTANCES_MAX];
	size_t distances;
	const char *backing; /* borrowed */
};

/* Side by side there is nothing to scatter: one point stands for both placements. */
static const json_t *point_at(const struct lane *lane, const struct leaf *leaf, double distance, const char *placement)
{
	const struct depth_place place = { leaf->page_bytes, distance, leaf->pages,
		distance == leaf->page_bytes ? CONTROL : placement };

	return depth_point(lane, &place);
}

static bool walks(const struct lane *lane, const struct leaf *leaf, double distance)
{
	const json_t *meant = point_at(lane, leaf, distance, MEANT), *control = point_at(lane, leaf, distance, CONTROL);
	double cost = metric_at(meant, "net_cycles").value, held = metric_at(control, "net_cycles").value;

	return isfinite(cost) && (!isfinite(held) || cost > WALKS_IF_TIMES * fmax(held, 1));
}

static size_t distances_with(const struct lanes *lanes, const struct leaf *leaf, double *out)
{
	double all[DISTANCES_MAX];
	size_t count = lanes_numbers(lanes, "params.distance_bytes", all, DISTANCES_MAX), kept = 0;

	for (size_t i = 0; i < count; i++) {
		bool any = false;

		for (size_t lane = 0; lane < lanes->count; lane++)
			any = any || point_at(&lanes->lane[lane], leaf, all[i], MEANT);
		if (any)
			out[kept++] = all[i];
	}
	return kept;
}

/* The largest number of pages that was laid out at the most distances: few enough for the caches, most of all misses. */
static bool leaf_choose(const struct lanes *lanes, struct leaf *leaf)
{
	double counts[COUNTS_MAX], distance[DISTANCES_MAX];
	size_t count = lanes_numbers(lanes, "params.pages", counts, COUNTS_MAX), k;
	struct leaf tried = *leaf;
	bool any = false;
	json_t *point;

	for (size_t i = 0; i < count; i++) {
		size_t distances;

		tried.pages = counts[i];
		distances = distances_with(lanes, &tried, distance);
		if (distances && distances >= leaf->distances) {
			leaf->pages = counts[i];
			leaf->distances = distances;
			memcpy(leaf->distance, distance, sizeof(distance));
		}
	}
	for (size_t i = 0; i < lanes->count; i++) {
		for (size_t d = 0; d < leaf->distances; d++)
			any = any || walks(&lanes->lane[i], leaf, leaf->distance[d]);
		json_array_foreach (lanes->lane[i].points, k, point) {
			if (!leaf->backing && number_at(point, "params.page_size_bytes") == leaf->page_bytes)
				leaf->backing = string_at(point, "params.backing");
		}
	}
	return any;
}

struct subject {
	const struct report *report;
	const struct lanes *lanes;
	struct leaf leaf[SIZES_MAX], held[SIZES_MAX]; /* that walk; that the TLB held */
	size_t leaves, helds;
};

/* Which bar: indices of leaf size, lane and distance. */
struct bar {
	size_t leaf, lane, x;
};

static void write_bar(FILE *table, const struct subject *subject, const struct bar *bar)
{
	const struct leaf *leaf = &subject->leaf[bar->leaf];
	const struct lane *lane = &subject->lanes->lane[bar->lane];
	double distance = leaf->distance[bar->x];
	const json_t *point = point_at(lane, leaf, distance, MEANT);
	unsigned own = depth_own_levels(distance, leaf->page_bytes);
	struct size_text size;

	if (!point)
		return;
	fprintf(table, "%zu\t%zu\t%s\t", bar->leaf + 1, bar->lane + 1, lane->label);
	table_text(table, lane->setting);
	fprintf(table, "\t%s\t%.7g\t%zu\t%s\t%s\t%u\t%u\t%s", size_format((uint64_t)leaf->page_bytes, &size),
		leaf->pages, bar->x + 1, bytes_text(distance).text, depth_own_structure(distance, leaf->page_bytes),
		own, depth_levels(depth_machine_levels(subject->report), leaf->page_bytes),
		walks(lane, leaf, distance) ? "yes" : "no");
	table_estimate(table, metric_at(point, "net_cycles"));
	table_estimate(table, metric_at(point, "net_ns"));
	fputc('\n', table);
}

static int write_bars(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# What a walk costs, by how far apart the pages lie. own: levels whose entry is no other page's, of levels.\n# walks: no: the TLB held these pages, and the cost is not a walk's. _lo, _hi: 95 %% interval.\n"
		"leaf\tlane\tlabel\tsetting\tpage_size\tpages\tx\tdistance\tneeds\town\tlevels\twalks\tnet_cycles\tnet_cycles_lo\tnet_cycles_hi\tnet_ns\tnet_ns_lo\tnet_ns_hi\n");
	for (size_t l = 0; l < subject->leaves; l++) {
		for (size_t lane = 0; lane < subject->lanes->count; lane++) {
			for (size_t x = 0; x < subject->leaf[l].distances; x++)
				write_bar(table, subject, &(struct bar){ l, lane, x });
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* Whether some lane was measured under that paging. */
static bool at_hand(const struct lanes *lanes, const char *paging)
{
	for (size_t i = 0; i < lanes->count; i++) {
		if (lanes->lane[i].paging && !strcmp(lanes->lane[i].paging, paging))
			return true;
	}
	return false;
}

static int write_theory(const struct subject *subject, struct reason *why)
{
	static const struct {
		double page_bytes, backing_bytes;
		const char *what;
	} nested[] = { { PAGE_4K, PAGE_4K, "4K on 4K" }, { PAGE_4K, PAGE_2M, "4K on 2M" },
		{ PAGE_2M, PAGE_2M, "2M on 2M" }, { PAGE_1G, PAGE_1G, "1G on 1G" } };
	static const double sizes[] = { PAGE_4K, PAGE_2M, PAGE_1G };
	static const char *const names[] = { "4K", "2M", "1G" };
	unsigned root = depth_machine_levels(subject->report);
	FILE *table = table_open(subject->report, NAME ".theory", why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# Memory references of one walk of which nothing is cached: native and shadow g, nested (g+1)(h+1)-1,\n# for g levels of the guest's table and h of the host's. measured: that paging is in this run.\npaging\tpages\treferences\tmeasured\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		fprintf(table, "native or shadow\t%s\t%u\t%s\n", names[i], depth_levels(root, sizes[i]),
			at_hand(subject->lanes, "native") || at_hand(subject->lanes, "shadow") ? "yes" : "no");
	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++)
		fprintf(table, "nested\t%s\t%u\t%s\n", nested[i].what,
			depth_nested_references(
				depth_levels(root, nested[i].page_bytes), depth_levels(root, nested[i].backing_bytes)),
			at_hand(subject->lanes, "nested") ? "yes" : "no");
	return table_close(subject->report, NAME ".theory", table, why);
}

static void table_row(FILE *text, const struct subject *subject, const struct leaf *leaf, size_t x)
{
	double distance = leaf->distance[x];
	unsigned own = depth_own_levels(distance, leaf->page_bytes);
	unsigned root = depth_machine_levels(subject->report);

	fprintf(text, "| %s | %s | %u of %u | %u | %u |", bytes_text(distance).text,
		depth_own_structure(distance, leaf->page_bytes), own, depth_levels(root, leaf->page_bytes), own,
		depth_nested_references(own, depth_levels(root, leaf->page_bytes)));
	for (size_t lane = 0; lane < subject->lanes->count; lane++) {
		const json_t *point = point_at(&subject->lanes->lane[lane], leaf, distance, MEANT);

		if (!point)
			fprintf(text, " |");
		else
			fprintf(text, " %s (%s ns)%s |", estimate_text(metric_at(point, "net_cycles")).text,
				number_text(metric_at(point, "net_ns").value).text,
				walks(&subject->lanes->lane[lane], leaf, distance) ? "" : ", no walk");
	}
	fputc('\n', text);
}

/* The evidence that these are walks: the control, at the largest distance that walks. */
static void explain_control(FILE *text, const struct subject *subject, const struct leaf *leaf)
{
	const struct lane *lane = &subject->lanes->lane[0];

	for (size_t x = leaf->distances; x-- > 0;) {
		const json_t *control = point_at(lane, leaf, leaf->distance[x], CONTROL);

		if (!control || !walks(lane, leaf, leaf->distance[x]))
			continue;
		fprintf(text,
			" That they are walks shows the control: on the %s the same %s pages, %s apart but at random places, cost %s cycles.",
			lane->label, count_text(leaf->pages).text, bytes_text(leaf->distance[x]).text,
			estimate_text(metric_at(control, "net_cycles")).text);
		return;
	}
}

static void explain_leaf(FILE *text, const struct subject *subject, const struct leaf *leaf)
{
	struct size_text size;

	fprintf(text,
		"%s %s pages, each at the start of its unit, meet in one set of the TLB, so that an access finds no translation and walks; they are few enough for data and tables to stay in the caches.",
		count_text(leaf->pages).text, size_format((uint64_t)leaf->page_bytes, &size));
	explain_control(text, subject, leaf);
	fprintf(text,
		"\n\n| pages lie apart | each walk has its own | own entries | references for these | if nested |");
	for (size_t lane = 0; lane < subject->lanes->count; lane++)
		fprintf(text, " %s, cycles |", subject->lanes->lane[lane].label);
	fprintf(text, "\n| --- | --- | --- | ---: | ---: |");
	for (size_t lane = 0; lane < subject->lanes->count; lane++)
		fprintf(text, " ---: |");
	fputc('\n', text);
	for (size_t x = 0; x < leaf->distances; x++)
		table_row(text, subject, leaf, x);
	fputc('\n', text);
}

static void explain_limits(FILE *text, const struct subject *subject)
{
	const char *outer = string_at(subject->report->run->about, "machine.outer.name");

	for (size_t i = 0; i < subject->helds; i++) {
		struct size_text size;

		fprintf(text,
			"Of %s leaves nothing is drawn: up to %s pages, aligned or not, cost the same, so that the TLB held them, and none of it is a walk's.\n\n",
			size_format((uint64_t)subject->held[i].page_bytes, &size),
			count_text(subject->held[i].pages).text);
	}
	fprintf(text,
		"What is claimed: with so many entries of its own, a walk takes that many cycles more than a hit in the first TLB level; the difference of two rows is the cost of having to fetch a further level. What is not: that the processor made as many references as theory gives. Those are the worst case, with nothing cached; its paging-structure caches hold entries of the upper levels and spare some of the fetches, no counter says how many here, and entries at the same place of many tables meet in one set of the L1 cache, which is in the number too.");
	if (outer && strcmp(outer, "bare-metal"))
		fprintf(text,
			" This host is itself a guest: if the hypervisor beneath uses nested paging, each reference of a walk here takes a walk there, also those of the rows that say native.");
	fputc('\n', text);
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"What one page walk costs, by how many levels of the page table have an entry that no other page's walk uses: such an entry has to be fetched for each access, the others are there already. To the right, how many memory references a walk takes in theory if nothing of it is cached: as many as the table has levels natively and with shadow paging, (g+1)(h+1)−1 with nested paging, for g levels in the guest and h beneath.\n\n");
	for (size_t i = 0; i < subject->leaves; i++)
		explain_leaf(text, subject, &subject->leaf[i]);
	explain_limits(text, subject);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_bars(subject, why);

	if (!rc)
		rc = write_theory(subject, why);
	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "Cost of a page walk by the levels it fetches",
			.title = "What a page walk costs, by the levels it fetches, and what theory counts",
			.alt = "Cycles of a page walk by the number of its own entries, beside references in theory",
		},
		explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	double sizes[SIZES_MAX];
	struct lanes lanes;
	struct subject subject = { .report = report, .lanes = &lanes };
	size_t count;
	int rc = lanes_gather(report->run->points, point_is_of_depth, depth_axes, &lanes);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&lanes);
	count = lanes_numbers(&lanes, "params.page_size_bytes", sizes, SIZES_MAX);
	for (size_t i = 0; i < count; i++) {
		struct leaf leaf = { .page_bytes = sizes[i] };

		if (leaf_choose(&lanes, &leaf))
			subject.leaf[subject.leaves++] = leaf;
		else if (leaf.distances)
			subject.held[subject.helds++] = leaf;
	}
	if (subject.leaves)
		rc = add_figure(report, &subject, why);
	lanes_free(&lanes);
	return rc;
}

const struct figure_family walks_family = { .prepare = prepare };
