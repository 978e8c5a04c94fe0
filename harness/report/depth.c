/* Cost per access against the distance of the pages: a figure a leaf size, a panel a placement and setting. */
#include "report/depth.h"

#include "base/units.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWN_COUNTS_MAX 7 /* as many shapes can be told apart */
#define COSTS_NOTHING_CYCLES 1. /* a quarter of the fastest load of any x86-64 CPU: what noise makes of zero */
#define ENTRIES_A_LINE 8 /* 64 bytes of 8-byte entries */
#define ENTRIES_A_TABLE 512

const char *const depth_axes[] = { "page_size_bytes", "backing", "distance_bytes", "placement", "pages", NULL };

static const char *const placements[] = { "scattered", "aligned" };

#define PLACEMENTS (sizeof(placements) / sizeof(placements[0]))

bool point_is_of_depth(const json_t *point)
{
	return number_at(point, "params.distance_bytes") > 0 && number_at(point, "params.page_size_bytes") > 0 &&
	       number_at(point, "params.pages") > 0 && string_at(point, "params.placement") &&
	       isfinite(metric_at(point, "net_cycles").value);
}

unsigned depth_own_levels(double distance_bytes, double page_bytes)
{
	unsigned levels = 0;

	/* What an entry of each level covers, from a PTE's 4K to a PML5 entry's 256T. */
	for (double covers = PAGE_4K; covers <= (double)PAGE_1G * ENTRIES_A_TABLE * ENTRIES_A_TABLE;
		covers *= ENTRIES_A_TABLE)
		levels += covers >= page_bytes && covers <= distance_bytes;
	return levels;
}

const char *depth_own_structure(double distance_bytes, double page_bytes)
{
	static const struct {
		const char *entry, *table; /* the table that such entries point to */
	} levels[] = { { "PTE", "" }, { "PDE", "page table" }, { "PDPTE", "page directory" }, { "PML4E", "PDPT" },
		{ "PML5E", "PML4" } };
	double covers = PAGE_4K;
	size_t level = 0;

	while (level + 1 < sizeof(levels) / sizeof(levels[0]) && covers * ENTRIES_A_TABLE <= distance_bytes) {
		covers *= ENTRIES_A_TABLE;
		level++;
	}
	if (distance_bytes >= covers * ENTRIES_A_LINE) {
		static const char *const lines[] = { "PTE line", "PDE line", "PDPTE line", "PML4E line", "PML5E line" };

		return lines[level];
	}
	return page_bytes < covers ? levels[level].table : levels[level].entry;
}

unsigned depth_levels(unsigned root, double page_bytes)
{
	unsigned saved = page_bytes >= PAGE_1G ? 2 : page_bytes >= PAGE_2M ? 1 : 0;

	return root > saved ? root - saved : 0;
}

unsigned depth_nested_references(unsigned guest, unsigned host)
{
	return (guest + 1) * (host + 1) - 1;
}

unsigned depth_machine_levels(const struct report *report)
{
	double levels = number_at(report->run->about, "machine.paging.levels_used");

	return levels == 5 ? 5 : 4;
}

const json_t *depth_point(const struct lane *lane, const struct depth_place *place)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (number_at(point, "params.page_size_bytes") == place->page_bytes &&
			number_at(point, "params.distance_bytes") == place->distance_bytes &&
			number_at(point, "params.pages") == place->pages &&
			text_is(point, "params.placement", place->placement))
			return point;
	}
	return NULL;
}

/* One leaf size: what its figure is made of. */
struct leaf {
	const struct lanes *lanes;
	double page_bytes;
	double distance[DISTANCES_MAX], pages[COUNTS_MAX];
	size_t distances, counts;
	const char *backing; /* of its first point; borrowed */
	char name[64];
};

static bool measured(const struct leaf *leaf, const char *placement, double distance, double pages)
{
	for (size_t i = 0; i < leaf->lanes->count; i++) {
		const struct depth_place place = { leaf->page_bytes, distance, pages, placement };

		if (depth_point(&leaf->lanes->lane[i], &place))
			return true;
	}
	return false;
}

static size_t keep_if(double *number, size_t count, bool (*keep)(const struct leaf *, double), const struct leaf *leaf)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (keep(leaf, number[i]))
			number[kept++] = number[i];
	}
	return kept;
}

static bool has_distance(const struct leaf *leaf, double distance)
{
	for (size_t p = 0; p < PLACEMENTS; p++) {
		for (size_t i = 0; i < leaf->counts; i++) {
			if (measured(leaf, placements[p], distance, leaf->pages[i]))
				return true;
		}
	}
	return false;
}

static bool has_count(const struct leaf *leaf, double pages)
{
	for (size_t p = 0; p < PLACEMENTS; p++) {
		for (size_t i = 0; i < leaf->distances; i++) {
			if (measured(leaf, placements[p], leaf->distance[i], pages))
				return true;
		}
	}
	return false;
}

/* The most that so many pages cost at any distance, in any setting. */
static double greatest_cost(const struct leaf *leaf, double pages)
{
	double most = 0;
	size_t k;
	json_t *point;

	for (size_t i = 0; i < leaf->lanes->count; i++) {
		json_array_foreach (leaf->lanes->lane[i].points, k, point) {
			if (number_at(point, "params.pages") == pages &&
				number_at(point, "params.page_size_bytes") == leaf->page_bytes)
				most = fmax(most, metric_at(point, "net_cycles").value);
		}
	}
	return most;
}

/* Of the counts that cost nothing the largest stands for all; of the others at most as many as there are shapes. */
static void thin_counts(struct leaf *leaf)
{
	size_t free_counts = 0, step, kept = 0;

	while (free_counts < leaf->counts && greatest_cost(leaf, leaf->pages[free_counts]) < COSTS_NOTHING_CYCLES)
		free_counts++;
	if (free_counts > 1) {
		memmove(leaf->pages, leaf->pages + free_counts - 1, (leaf->counts - free_counts + 1) * sizeof(double));
		leaf->counts -= free_counts - 1;
	}
	step = (leaf->counts + DRAWN_COUNTS_MAX - 1) / DRAWN_COUNTS_MAX;
	for (size_t i = 0; i < leaf->counts; i++) {
		if ((leaf->counts - 1 - i) % step == 0)
			leaf->pages[kept++] = leaf->pages[i];
	}
	leaf->counts = kept;
}

static void leaf_choose(struct leaf *leaf)
{
	struct size_text size;
	size_t i = 0, k;
	json_t *point;

	leaf->distances = lanes_numbers(leaf->lanes, "params.distance_bytes", leaf->distance, DISTANCES_MAX);
	leaf->counts = lanes_numbers(leaf->lanes, "params.pages", leaf->pages, COUNTS_MAX);
	leaf->distances = keep_if(leaf->distance, leaf->distances, has_distance, leaf);
	leaf->counts = keep_if(leaf->pages, leaf->counts, has_count, leaf);
	thin_counts(leaf);
	for (; i < leaf->lanes->count && !leaf->backing; i++) {
		json_array_foreach (leaf->lanes->lane[i].points, k, point) {
			if (!leaf->backing && number_at(point, "params.page_size_bytes") == leaf->page_bytes)
				leaf->backing = string_at(point, "params.backing");
		}
	}
	snprintf(leaf->name, sizeof(leaf->name), "walk-depth-%s", size_format((uint64_t)leaf->page_bytes, &size));
}

struct line {
	const struct lane *lane;
	size_t number; /* of the lane among those that have points */
	size_t count; /* rank in leaf->pages */
	const char *placement;
};

/* Returns how many points the line has. */
static size_t write_line(FILE *table, const struct leaf *leaf, const struct line *line)
{
	size_t points = 0;

	for (size_t i = 0; i < leaf->distances; i++) {
		const struct depth_place place = { leaf->page_bytes, leaf->distance[i], leaf->pages[line->count],
			line->placement };
		const json_t *point = depth_point(line->lane, &place);

		if (!point)
			continue;
		points++;
		fprintf(table, "%zu\t%s\t", line->number, line->lane->label);
		table_text(table, line->lane->setting);
		fprintf(table, "\t%s\t%zu\t%.7g\t%zu\t%.12g", place.placement, line->count + 1, place.pages, i + 1,
			place.distance_bytes);
		table_estimate(table, metric_at(point, "net_cycles"));
		table_estimate(table, metric_at(point, "net_ns"));
		table_estimate(table, metric_at(point, "gross_cycles"));
		fputc('\n', table);
	}
	return points;
}

static int write_points(const struct report *report, const struct leaf *leaf, struct reason *why)
{
	FILE *table = table_open(report, leaf->name, why);
	size_t number = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# What translation adds to one access to pages that lie a distance apart. One row a point.\n"
		"# lane, count, x: setting, number of pages, distance, by their rank. _lo, _hi: 95 %% interval.\n"
		"lane\tlabel\tsetting\tplacement\tcount\tpages\tx\tdistance_bytes\tnet_cycles\tnet_cycles_lo\tnet_cycles_hi\tnet_ns\tnet_ns_lo\tnet_ns_hi\tgross_cycles\tgross_cycles_lo\tgross_cycles_hi\n");
	for (size_t lane = 0; lane < leaf->lanes->count; lane++) {
		size_t points = 0;

		for (size_t i = 0; i < PLACEMENTS * leaf->counts; i++)
			points += write_line(table, leaf,
				&(struct line){ .lane = &leaf->lanes->lane[lane],
					.number = number + 1,
					.count = i % leaf->counts,
					.placement = placements[i / leaf->counts] });
		number += points > 0;
	}
	return table_close(report, leaf->name, table, why);
}

static int write_ticks(const struct report *report, const struct leaf *leaf, struct reason *why)
{
	char name[80];
	FILE *table;

	snprintf(name, sizeof(name), "%s.ticks", leaf->name);
	table = table_open(report, name, why);
	if (!table)
		return -EIO;
	fprintf(table, "# What of the page table a walk needs for itself from a distance on.\nx\tdistance\tneeds\n");
	for (size_t i = 0; i < leaf->distances; i++)
		fprintf(table, "%zu\t%s\t%s\n", i + 1, bytes_text(leaf->distance[i]).text,
			depth_own_structure(leaf->distance[i], leaf->page_bytes));
	return table_close(report, name, table, why);
}

/* The first and last point along the distances of so many pages in one lane and placement; false: there are not two. */
static bool line_ends(
	const struct leaf *leaf, const struct lane *lane, const char *placement, double pages, const json_t *ends[2])
{
	ends[0] = ends[1] = NULL;
	for (size_t i = 0; i < leaf->distances; i++) {
		const struct depth_place place = { leaf->page_bytes, leaf->distance[i], pages, placement };
		const json_t *point = depth_point(lane, &place);

		if (point && !ends[0])
			ends[0] = point;
		ends[1] = point ? point : ends[1];
	}
	return ends[0] && ends[0] != ends[1];
}

/* "51.2 cycles at 4 KiB, 298 at 1 GiB": of the most pages that make a line in one lane and placement. */
static void explain_line(FILE *text, const struct leaf *leaf, const struct lane *lane, const char *placement)
{
	const json_t *ends[2];
	size_t count = leaf->counts;

	while (count && !line_ends(leaf, lane, placement, leaf->pages[count - 1], ends))
		count--;
	if (!count)
		return;
	fprintf(text, "- **%s**, %s pages, %s: %s core cycles (%s ns) at %s, %s (%s ns) at %s;\n", lane->label,
		count_text(leaf->pages[count - 1]).text, placement,
		estimate_text(metric_at(ends[0], "net_cycles")).text,
		number_text(metric_at(ends[0], "net_ns").value).text,
		bytes_text(number_at(ends[0], "params.distance_bytes")).text,
		estimate_text(metric_at(ends[1], "net_cycles")).text,
		number_text(metric_at(ends[1], "net_ns").value).text,
		bytes_text(number_at(ends[1], "params.distance_bytes")).text);
}

static char *explain(const struct leaf *leaf)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"While a TLB holds the translations of all pages, it does not matter how far apart they lie. Once there are more, each access walks, and the cost grows with the distance, because less of a walk is shared with those of other pages: below each distance stands what a walk needs for itself from there on. *Scattered* pages lie at a random place of each unit; *aligned* ones at its start, where their page numbers agree in the low bits, so that they meet in one set of a TLB that is indexed by those. What translation adds to one access:\n\n");
	for (size_t i = 0; i < leaf->lanes->count; i++) {
		for (size_t p = 0; p < PLACEMENTS; p++)
			explain_line(text, leaf, &leaf->lanes->lane[i], placements[p]);
	}
	if (leaf->counts && greatest_cost(leaf, leaf->pages[0]) < COSTS_NOTHING_CYCLES)
		fprintf(text,
			"- up to %s pages cost less than one cycle at any distance and placement: the first TLB level holds them, and a translation that is held costs the same however far away its page lies.\n",
			count_text(leaf->pages[0]).text);
	fprintf(text,
		"\nA count that is missing at large distances needs more address space or memory than there is.\n");
	return text_finish(text, &markdown);
}

static char *format(const char *pattern, const char *word) __attribute__((format_arg(1)));

static char *format(const char *pattern, const char *word)
{
	char *text;

	return asprintf(&text, pattern, word) < 0 ? NULL : text;
}

static int add_leaf(struct report *report, const struct lanes *lanes, double page_bytes, struct reason *why)
{
	struct leaf leaf = { .lanes = lanes, .page_bytes = page_bytes };
	struct figure figure = { .script = "depth" };
	const char *size;
	int rc;

	leaf_choose(&leaf);
	/* A line needs two points. */
	if (leaf.distances < 2 || !leaf.counts)
		return 0;
	rc = write_points(report, &leaf, why);
	if (!rc)
		rc = write_ticks(report, &leaf, why);
	if (rc)
		return rc;
	size = leaf.name + strlen("walk-depth-");
	figure.name = strdup(leaf.name);
	figure.heading = format("Cost of translation by distance: %s pages", size);
	figure.title = format("What translation adds to an access, by how far apart the pages lie: %s pages", size);
	figure.alt = format("Cycles that translation adds to an access against the distance of %s pages", size);
	figure.text = explain(&leaf);
	return figure_add(report, &figure, why);
}

static int prepare(struct report *report, struct reason *why)
{
	double page_bytes[DISTANCES_MAX];
	struct lanes lanes;
	size_t sizes;
	int rc = lanes_gather(report->run->points, point_is_of_depth, depth_axes, &lanes);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&lanes);
	sizes = lanes_numbers(&lanes, "params.page_size_bytes", page_bytes, DISTANCES_MAX);
	for (size_t i = 0; i < sizes && !rc; i++)
		rc = add_leaf(report, &lanes, page_bytes[i], why);
	lanes_free(&lanes);
	return rc;
}

const struct figure_family depth_family = { .prepare = prepare };
