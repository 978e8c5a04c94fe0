/*
 * page-table-cost: what do page tables cost to build and to tear down, in time and in memory?
 *
 * What is measured: pages at a given distance are loaded from for the first time, in a span of addresses that has no
 * tables yet. Nothing was stored to these pages, so that the kernel maps a page of zeros that it has (4K, 2M): no frame
 * is allocated or zeroed, and the fault and the tables remain. Pages of 1G come from the hugetlb pool, and their build
 * time is that of zeroing them. Then one munmap() takes all away. table_bytes is the growth of the kernel's count of
 * this process's tables, and must be what the formula says.
 *
 * What the numbers mean: side by side, a table of 4 KiB serves 512 pages. At 2M apart each page needs a table of its
 * own, at 1G apart two. flat_table_bytes is what one table without levels would take for the same span. The difference
 * is what the hierarchy saves; it saves nothing for pages side by side.
 *
 * What could confound it: Linux keeps a page table in reserve for each 2M page, so that 2M pages take more memory than
 * hardware asks for. Tables from the kernel's pools are zeroed within the fault. Without THP or its huge zero page,
 * points of 2M are skipped.
 *
 * What would falsify it: table bytes that differ from the formula by more than one table a level, or more or less than
 * a fault for each page. Either makes the point an error, without a number.
 */
#include "bench.h"
#include "machine/memory.h"
#include "system/mapping.h"

#include <errno.h>
#include <inttypes.h>

enum { PAGE_SIZE, DISTANCE, PAGES, AXES };

/* Pages of 1G, which few have in the pool; too few for a mean over tables of 4K and 2M pages. */
#define FEW_PAGES 4

static const struct axis axes[AXES] = {
	[PAGE_SIZE] = PAGE_SIZE_AXIS(PAGE_4K, PAGE_2M, PAGE_1G),
	[DISTANCE] = { .name = "distance",
		.key = "distance_bytes",
		.kind = AXIS_BYTES,
		VALUES(PAGE_4K, PAGE_2M, PAGE_1G),
		BRIEF(PAGE_4K),
		.least = PAGE_4K,
		.most = 512 * GIB,
		.settings = HOSTS,
		.help = "from page to page; the page size itself is dense" },
	[PAGES] = { .name = "pages",
		.key = "pages",
		.kind = AXIS_COUNT,
		VALUES(FEW_PAGES, 512, 4096, 32768),
		BRIEF(4096),
		.least = 1,
		.most = 1048576,
		.settings = HOSTS,
		.unusual = true,
		.help = "that are mapped" },
};

enum {
	BUILD_NS,
	BUILD_CYCLES,
	TEARDOWN_NS,
	TEARDOWN_CYCLES,
	TABLE_BYTES,
	EXPECTED_TABLE_BYTES,
	TABLE_BYTES_PER_PAGE,
	FLAT_TABLE_BYTES,
	FAULTS_PER_PAGE,
	METRICS,
};

static const struct metric metrics[METRICS + 1] = {
	[BUILD_NS] = { "build_ns", UNIT_NS, "page", LESS },
	[BUILD_CYCLES] = { "build_cycles", UNIT_CYCLES, "page", LESS },
	[TEARDOWN_NS] = { "teardown_ns", UNIT_NS, "page", LESS },
	[TEARDOWN_CYCLES] = { "teardown_cycles", UNIT_CYCLES, "page", LESS },
	[TABLE_BYTES] = { "table_bytes", UNIT_BYTES, NULL, LESS },
	[EXPECTED_TABLE_BYTES] = { "expected_table_bytes", UNIT_BYTES, NULL, NEITHER },
	[TABLE_BYTES_PER_PAGE] = { "table_bytes_per_page", UNIT_BYTES, "page", LESS },
	[FLAT_TABLE_BYTES] = { "flat_table_bytes", UNIT_BYTES, NULL, NEITHER },
	[FAULTS_PER_PAGE] = { "faults_per_page", UNIT_COUNT, "page", LESS },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	bool few = value[PAGES] <= FEW_PAGES;

	(void)setting;
	if (value[DISTANCE] % value[PAGE_SIZE] || value[DISTANCE] > MAPPING_BYTES_MOST / value[PAGES])
		return FIT_NEVER;
	return few == (value[PAGE_SIZE] == PAGE_1G) ? FIT_ALWAYS : FIT_IF_ASKED;
}

/*
 * Without the huge zero page each load of a 2M page is given 2M of memory of its own: for 32768 pages, 64 GiB. So it
 * must be known before.
 */
static int huge_zero_check(const struct machine_source *source, struct reason *why)
{
	static const char file[] = "/sys/kernel/mm/transparent_hugepage/use_zero_page";
	enum thp_mode mode = thp_mode(source, why);
	uint64_t allowed;

	if (mode != THP_ALWAYS && mode != THP_MADVISE)
		return -ENOTSUP;
	if (source_read_u64(source, &allowed, why, "%s", file))
		return -ENOTSUP;
	return allowed ? 0 : fail(why, ENOTSUP, "the huge zero page is off: write 1 to %s", file);
}

static int pool_check(const struct machine_source *source, uint32_t wanted, struct reason *why)
{
	uint64_t pages;
	int error = hugetlb_free(source, PAGE_1G, -1, &pages, why);

	if (error)
		return -ENOTSUP;
	if (!pages)
		return -ENOMEM;
	return pages >= wanted ? 0
			       : fail(why, ENOMEM, "%" PRIu64 " huge pages of 1G are free in the pool, not %" PRIu32,
					 pages, wanted);
}

/* Whether it can be tried without taking more than this run may. */
static int room_check(
	const struct experiment_request *request, const struct mapping_experiment *experiment, struct reason *why)
{
	uint64_t bytes = mapping_table_bytes(experiment, true), budget = request->memory_budget_bytes;

	if (bytes > budget)
		return fail(why, ENOMEM,
			"%" PRIu64 " MiB of tables are more than the %" PRIu64 " MiB of memory that this run may use",
			bytes / MIB, budget / MIB);
	if (experiment->page_bytes == PAGE_2M)
		return huge_zero_check(request->source, why);
	return experiment->page_bytes == PAGE_1G ? pool_check(request->source, experiment->pages, why) : 0;
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const struct mapping_experiment experiment = {
		.page_bytes = request->value[PAGE_SIZE],
		.distance_bytes = request->value[DISTANCE],
		.pages = (uint32_t)request->value[PAGES],
	};
	const struct mapping_spec spec = { .experiment = &experiment, .cpu = request->cpus[0], .stop = request->stop };
	struct mapping_result result;
	int error = room_check(request, &experiment, why);

	if (!error)
		error = mapping_take(&spec, &result, why);
	if (error)
		return error;
	sample->value[BUILD_NS] = result.build_tsc * request->ns_per_tsc;
	sample->value[BUILD_CYCLES] = result.build_tsc * request->cycles_per_tsc;
	sample->value[TEARDOWN_NS] = result.teardown_tsc * request->ns_per_tsc;
	sample->value[TEARDOWN_CYCLES] = result.teardown_tsc * request->cycles_per_tsc;
	sample->value[TABLE_BYTES] = (double)result.table_bytes;
	sample->value[EXPECTED_TABLE_BYTES] = (double)result.expected_table_bytes;
	sample->value[TABLE_BYTES_PER_PAGE] = (double)result.table_bytes / experiment.pages;
	sample->value[FLAT_TABLE_BYTES] = (double)mapping_flat_bytes(&experiment);
	sample->value[FAULTS_PER_PAGE] = result.faults_per_page;
	/* The median of two repetitions is their mean. */
	sample->away_most = result.repetitions > 2 ? AWAY_SHARE_OF_MEDIANS : AWAY_SHARE;
	worker_usage_note(&result.usage, sample);
	return 0;
}

static const struct bench page_table_cost = {
	.name = "page-table-cost",
	.question = "what do page tables cost to build and tear down, in time and in memory?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = PAGES,
	.seconds = 10,
};

NESTWALK_BENCH(page_table_cost);
