/* The cost of a random access by page size and backing, as a map: a panel a setting. */
#include "base/units.h"
#include "report/huge.h"
#include "report/pairs.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "huge-pages-map"
#define METRIC "gross_cycles"
#define SIZES 3

static const double sizes[SIZES] = { PAGE_4K, PAGE_2M, PAGE_1G };
static const char *const size_names[SIZES] = { "4K", "2M", "1G" };

struct map {
	const struct report *report;
	const struct lanes *lanes;
	struct combination combination[COMBINATIONS_MAX];
	size_t combinations;
	double set; /* the working set of every cell; NaN: none is common */
	uint64_t seed;
};

/* One of the nine cells of a lane. */
struct cell {
	const struct lane *lane;
	size_t page, backing; /* into sizes[] */
};

static const json_t *cell_point(const struct map *map, const struct cell *cell, double set)
{
	for (size_t i = 0; i < map->combinations; i++) {
		const struct combination *combination = &map->combination[i];
		const json_t *point = NULL;

		if (combination->page_bytes == sizes[cell->page] && combination->backing_bytes == sizes[cell->backing])
			point = huge_point(cell->lane, combination, set);
		if (point)
			return point;
	}
	return NULL;
}

static bool is_common(const struct map *map, double set, const double *all, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < map->lanes->count * SIZES * SIZES; i++) {
		const struct cell cell = { &map->lanes->lane[i / SIZES / SIZES], i / SIZES % SIZES, i % SIZES };
		bool measured = false;

		for (size_t k = 0; k < count && !measured; k++)
			measured = cell_point(map, &cell, all[k]);
		if (measured && !cell_point(map, &cell, set))
			return false;
		any = any || measured;
	}
	return any;
}

static double largest_common(const struct map *map)
{
	double all[SETS_MAX];
	size_t count = lanes_numbers(map->lanes, "params.working_set_bytes", all, SETS_MAX);

	for (size_t i = count; i-- > 0;) {
		if (is_common(map, all[i], all, count))
			return all[i];
	}
	return NAN;
}

/* Why there is no point: what a point of that setting, page size and backing says that was not measured. */
static const char *cell_reason(const struct map *map, const struct cell *cell)
{
	const char *reason = NULL;
	size_t i;
	json_t *point;

	if (cell->lane->paging && !strcmp(cell->lane->paging, "native") && cell->page != cell->backing)
		return "without a second table a page is its own backing";
	json_array_foreach (map->report->run->points, i, point) {
		const char *backing = string_at(point, "params.backing");

		if (text_is(point, "status", "ok") || !text_is(point, "bench", cell->lane->bench) ||
			!text_is(point, "setting", cell->lane->setting) || !backing ||
			huge_backing_bytes(backing) != sizes[cell->backing] ||
			number_at(point, "params.page_size_bytes") != sizes[cell->page])
			continue;
		/* A line without a working set stands for all of them, and says more. */
		if (!reason || !isfinite(number_at(point, "params.working_set_bytes")))
			reason = string_at(point, "reason");
	}
	return reason ? reason : "not part of this run";
}

static int speedup_of(const struct map *map, const struct cell *cell, const json_t *point, struct point_ratio *out)
{
	const struct cell first = { cell->lane, 0, 0 };
	const json_t *smallest = cell_point(map, &first, map->set);

	*out = (struct point_ratio){ .ratio = { NAN, NAN, NAN } };
	if (!smallest || !point || smallest == point)
		return 0;
	return ratio_of_points(&(struct point_ratio_request){ smallest, point, METRIC, map->seed }, out);
}

static int write_cell(FILE *table, const struct map *map, size_t lane, const struct cell *cell)
{
	const json_t *point = cell_point(map, cell, map->set);
	bool meaningless =
		!point && cell->lane->paging && !strcmp(cell->lane->paging, "native") && cell->page != cell->backing;
	struct point_ratio speedup;

	if (speedup_of(map, cell, point, &speedup))
		return -ENOMEM;
	fprintf(table, "%zu\t%s\t", lane + 1, cell->lane->label);
	table_text(table, cell->lane->setting);
	fprintf(table, "\t%zu\t%zu\t%s\t%s\t%s", cell->page + 1, cell->backing + 1, size_names[cell->page],
		size_names[cell->backing],
		point	      ? "measured"
		: meaningless ? "none"
			      : "missing");
	table_estimate(table, metric_at(point, METRIC));
	table_estimate(table, metric_at(point, "gross_ns"));
	table_estimate(table, (struct estimate){ speedup.ratio.median, speedup.ratio.lo, speedup.ratio.hi });
	fputc('\n', table);
	return 0;
}

static int write_cells(const struct map *map, struct reason *why)
{
	FILE *table = table_open(map->report, NAME, why);
	int rc = 0;

	if (!table)
		return -EIO;
	fprintf(table,
		"# One random access over %.0f bytes, by page size (row) and the size of what is behind (column).\n"
		"# state: measured, missing (not measured here: why is in report.md), none (means nothing there).\n"
		"# speedup: cost of 4K on 4K over that of the cell.\n"
		"lane\tlabel\tsetting\trow\tcolumn\tpage_size\tbacking\tstate\tgross_cycles\tgross_cycles_lo\tgross_cycles_hi\tgross_ns\tgross_ns_lo\tgross_ns_hi\tspeedup\tspeedup_lo\tspeedup_hi\n",
		map->set);
	for (size_t i = 0; i < map->lanes->count * SIZES * SIZES && !rc; i++) {
		size_t lane = i / SIZES / SIZES;
		const struct cell cell = { &map->lanes->lane[lane], i / SIZES % SIZES, i % SIZES };

		rc = write_cell(table, map, lane, &cell);
	}
	if (rc) {
		fclose(table);
		return fail(why, ENOMEM, "out of memory");
	}
	return table_close(map->report, NAME, table, why);
}

static void explain_missing(FILE *text, const struct map *map)
{
	bool any = false;

	for (size_t i = 0; i < map->lanes->count * SIZES * SIZES; i++) {
		const struct cell cell = { &map->lanes->lane[i / SIZES / SIZES], i / SIZES % SIZES, i % SIZES };

		if (cell_point(map, &cell, map->set))
			continue;
		/* A host's off-diagonal cells need no line each. */
		if (cell.lane->paging && !strcmp(cell.lane->paging, "native") && cell.page != cell.backing)
			continue;
		if (!any)
			fprintf(text, "\nHatched cells were not measured:\n\n");
		any = true;
		fprintf(text, "- %s, %s pages on %s: ", cell.lane->label, size_names[cell.page],
			size_names[cell.backing]);
		markdown_text(text, cell_reason(map, &cell));
		fputs(";\n", text);
	}
}

static char *explain(const struct map *map)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"The same at one working set, the largest that all of them were measured with: %s. Rows are the pages of the address space under test, columns the host pages behind them; the darker, the dearer. In a guest a translation is held in the TLB in the smaller of the two sizes, so that huge pages pay only where both sides have them: compare the corners. On a host a page is its own backing, so it has the diagonal only.\n",
		bytes_text(map->set).text);
	explain_missing(text, map);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct map *map, struct reason *why)
{
	struct figure figure = { .script = NAME };
	int rc = write_cells(map, why);

	if (rc)
		return rc;
	figure.name = strdup(NAME);
	figure.heading = strdup("Page size and what is behind it");
	if (asprintf(&figure.title, "One random access over %s, by page size and backing", bytes_text(map->set).text) <
		0)
		figure.title = NULL;
	figure.alt = strdup("Cycles of a random access as a map of page size and backing, a panel a setting");
	figure.text = explain(map);
	return figure_add(report, &figure, why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct lanes lanes;
	struct map map = { .report = report,
		.lanes = &lanes,
		.seed = (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")) };
	int rc = lanes_gather(report->run->points, point_is_of_huge, huge_axes, &lanes);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	lanes_drop_emulated(&lanes);
	map.combinations = huge_combinations(&lanes, map.combination);
	map.set = largest_common(&map);
	if (isfinite(map.set))
		rc = add_figure(report, &map, why);
	lanes_free(&lanes);
	return rc;
}

const struct figure_family huge_map_family = { .prepare = prepare };
