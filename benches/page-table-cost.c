/*
 * page-table-cost: what do page tables cost to build and to tear down, in time and in memory?
 *
 * What is measured: pages at a given distance are loaded from for the first time, in a span of addresses that has no
 * tables yet. Nothing was stored to them, so that no frame is allocated or zeroed: the kernel maps a page of zeros that
 * it has (4K, 2M), and what remains is the fault and the tables. 1G pages come from the hugetlb pool and are zeroed:
 * their build time is that. Then one munmap() takes all away. table_bytes is what the kernel's count of this process's
 * tables grew by, and must be what the formula says.
 *
 * What the numbers mean: dense, a table of 4 KiB serves 512 pages; 2M apart each page needs a table of its own, 1G
 * apart two. flat_table_bytes is what one table without levels would take for the same span: that is what the hierarchy
 * saves, and for dense pages it saves nothing.
 *
 * What could confound it: Linux keeps a page table in reserve for each 2M page, so that those are dearer in memory than
 * hardware asks for. Tables from the kernel's pools are zeroed in the fault. THP or its huge zero page may be off: then
 * 2M is skipped.
 *
 * What would falsify it: table bytes beside the formula by more than one table a level, or more or less than a fault
 * for each page: either makes an error, and no number.
 */
#include "bench.h"

enum { PAGE_SIZE, DISTANCE, PAGES, AXES };

/* Pages of 1G, which few have in the pool; too few for a mean over tables of 4K and 2M pages. */
#define FEW_PAGES 4
/* Addresses of a span: system/mapping.h. */
#define SPAN_BYTES_MOST (UINT64_C(1) << 46)

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M, PAGE_1G),
	[DISTANCE] = { .name = "distance",
		.key = "distance_bytes",
		.kind = AXIS_BYTES,
		VALUES(PAGE_4K, PAGE_2M, PAGE_1G),
		.least = PAGE_4K,
		.most = 512 * GIB,
		.settings = HOSTS,
		.help = "from page to page; the page size itself is dense" },
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		VALUES(FEW_PAGES, 512, 4096, 32768),
		.least = 1,
		.most = 1048576,
		.settings = HOSTS,
		.unusual = true,
		.help = "that are mapped" },
};

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	bool few = value[PAGES] <= FEW_PAGES;

	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_MAPPING,
		.mapping = {
			.page_bytes = value[PAGE_SIZE],
			.distance_bytes = value[DISTANCE],
			.pages = (uint32_t)value[PAGES],
		},
	};
	if (value[DISTANCE] % value[PAGE_SIZE] || value[DISTANCE] > SPAN_BYTES_MOST / value[PAGES])
		return FIT_NEVER;
	return few == (value[PAGE_SIZE] == PAGE_1G) ? FIT_ALWAYS : FIT_IF_ASKED;
}

static const struct bench page_table_cost = {
	.name = "page-table-cost",
	.question = "what do page tables cost to build and tear down, in time and in memory?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = mapping_metrics,
	.experiment = experiment,
	.sweep_axis = PAGES,
	.seconds = 25,
};

NESTWALK_BENCH(page_table_cost);
