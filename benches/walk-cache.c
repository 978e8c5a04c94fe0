/*
 * walk-cache: how many entries of upper page-table levels does the CPU keep, so that a walk need not fetch them?
 *
 * What is measured: the latency of one dependent load over so many 4K pages that no TLB holds them: each access walks, and
 * fetches a PTE. The pages are always as many, and so are the cache lines of their PTEs, which stay in the L2 cache. What
 * grows is the number of upper entries that all these walks need: PDEs (the pages lie in 16 to 2048 page tables, 2M apart),
 * or, with 1024 page tables all along, PDPTEs (the tables lie in 2 to 1024 units of 1G). While the paging-structure caches
 * hold them all, a walk costs the same; from there on, walks also fetch that entry.
 *
 * What could confound it: TLB entries that cover several pages, so that pages in a table are every second one; the data and
 * table lines, which are therefore spread evenly over cache sets; a PDE cache that is larger than the page tables are many:
 * PDPTEs are then never asked for, and there is no step.
 *
 * What would falsify it: a cost that falls with the number of entries; a step at the same number of entries where there are
 * fewer pages than a TLB holds.
 */
#include "bench.h"

/*
 * As many as the largest TLB of today has entries (Zen 5: 4096). Every second page uses every second of its sets, so that none
 * finds a page again. With more pages their data, PTEs and what a hypervisor beneath has for them leave the L2 cache, and
 * where frames lie makes more difference than how many entries there are.
 */
#define PAGES_BEYOND_TLBS 4096
/* PDEs of the sweep of PDPTEs, far more than a PDE cache is known to hold (64). 4 pages for each of them: a line of PTEs. */
#define TABLES 1024
/* Every second page of a table at the most. */
#define TABLE_PAGES_MOST 256

static const char *const entry_names[] = { "PDE", "PDPTE" };
enum { ENTRY_PDE, ENTRY_PDPTE };

enum { ENTRY, BACKING, FRAMES, LEVELS, PAGES, ENTRIES, AXES };

static const struct axis axes[AXES] = {
	[ENTRY] = { .name = "entry",
		.key = "entry",
		.kind = AXIS_CHOICE,
		.choices = entry_names,
		VALUES(ENTRY_PDE, ENTRY_PDPTE),
		BRIEF(ENTRY_PDE),
		.most = ENTRY_PDPTE,
		.settings = EVERYWHERE,
		.help = "which entries grow in number: PDE (one for 2M of addresses), PDPTE (one for 1G)" },
	[BACKING] = BACKING_AXIS(BACKING_4K),
	[FRAMES] = FRAMES_AXIS,
	[LEVELS] = LEVELS_AXIS,
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		VALUES(PAGES_BEYOND_TLBS),
		.least = TABLES,
		.most = 1 << 17,
		.settings = EVERYWHERE,
		.help = "4K pages that the chase visits, more than any TLB holds" },
	[ENTRIES] = { .name = "entries",
		.key = "entries",
		.kind = AXIS_COUNT,
		VALUES(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
		BRIEF(32, 64, 128, 256, 512, 1024),
		.least = 2,
		.most = 4096,
		.settings = EVERYWHERE,
		.help = "entries of that kind that the walks need" },
};

static enum fit chase(const uint64_t *value, enum setting setting, struct chase *out)
{
	uint64_t units = value[ENTRIES], tables = value[ENTRY] == ENTRY_PDE ? units : TABLES;

	/* A remainder of pages or of tables is left out, so that all tables and units are alike. */
	*out = (struct chase){
		.page_bytes = PAGE_4K,
		.backing = (enum backing)value[BACKING],
		.frames = (enum frames)value[FRAMES],
		.levels = (unsigned)value[LEVELS],
		.distance_bytes = value[ENTRY] == ENTRY_PDE ? PAGE_2M : PAGE_1G,
		.sparse = true,
		.scattered = true,
		.unit_tables = (unsigned)(tables / units),
		.table_pages = (unsigned)(value[PAGES] / tables),
	};
	out->count = units * out->unit_tables * out->table_pages;
	if (!out->unit_tables || !out->table_pages || out->table_pages > TABLE_PAGES_MOST)
		return FIT_NEVER;
	if (backing_page_bytes(out->backing) == out->page_bytes)
		return FIT_ALWAYS;
	return setting == SETTING_HOST ? FIT_NEVER : FIT_IF_ASKED;
}

static const struct bench walk_cache = {
	.name = "walk-cache",
	.question = "how many entries of upper page-table levels does the CPU keep?",
	.settings = EVERYWHERE,
	.axes = axes,
	.axis_count = AXES,
	.chase = chase,
	.sweep_axis = ENTRIES,
	.seconds = 6,
};

NESTWALK_BENCH(walk_cache);
