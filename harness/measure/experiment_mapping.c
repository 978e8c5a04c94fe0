/* Experiments of building and tearing down page tables. */
#include "machine/memory.h"
#include "measure/experiment_kinds.h"
#include "system/mapping.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

enum mapping_metric {
	MAPPING_BUILD_NS,
	MAPPING_BUILD_CYCLES,
	MAPPING_TEARDOWN_NS,
	MAPPING_TEARDOWN_CYCLES,
	MAPPING_TABLE,
	MAPPING_EXPECTED_TABLE,
	MAPPING_TABLE_PER_PAGE,
	MAPPING_FLAT_TABLE,
	MAPPING_FAULTS,
	MAPPING_METRICS,
};

const struct metric mapping_metrics[MAPPING_METRICS + 1] = {
	[MAPPING_BUILD_NS] = { "build_ns", "ns" },
	[MAPPING_BUILD_CYCLES] = { "build_cycles", "cycles" },
	[MAPPING_TEARDOWN_NS] = { "teardown_ns", "ns" },
	[MAPPING_TEARDOWN_CYCLES] = { "teardown_cycles", "cycles" },
	[MAPPING_TABLE] = { "table_bytes", "bytes" },
	[MAPPING_EXPECTED_TABLE] = { "expected_table_bytes", "bytes" },
	[MAPPING_TABLE_PER_PAGE] = { "table_bytes_per_page", "bytes" },
	[MAPPING_FLAT_TABLE] = { "flat_table_bytes", "bytes" },
	[MAPPING_FAULTS] = { "faults_per_page", "count" },
	[MAPPING_METRICS] = { NULL },
};

static_assert(MAPPING_METRICS <= METRICS_MAX, "bench.h");

/*
 * Without the huge zero page each load of a 2M page would be given 2M of memory of its own: for 32768 pages, 64 GiB. So
 * it must be known before.
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

static int pool_check(const struct measurement *m, const struct mapping_experiment *experiment, struct reason *why)
{
	uint64_t pages;
	int error = hugetlb_free(m->around->source, experiment->page_bytes, -1, &pages, why);

	if (error)
		return -ENOTSUP;
	if (!pages)
		return -ENOMEM;
	return pages >= experiment->pages
		       ? 0
		       : fail(why, ENOMEM, "%" PRIu64 " huge pages of 1G are free in the pool, not %" PRIu32, pages,
				 experiment->pages);
}

/* Whether it can be tried without taking more than this run may. */
static int room_check(const struct measurement *m, const struct mapping_experiment *experiment, struct reason *why)
{
	uint64_t bytes = mapping_table_bytes(experiment, true), budget = m->around->memory_budget_bytes;

	if (bytes > budget)
		return fail(why, ENOMEM,
			"%" PRIu64 " MiB of tables are more than the %" PRIu64 " MiB of memory that this run may use",
			bytes / MIB, budget / MIB);
	if (experiment->page_bytes == PAGE_2M)
		return huge_zero_check(m->around->source, why);
	return experiment->page_bytes == PAGE_1G ? pool_check(m, experiment, why) : 0;
}

int experiment_take_mapping(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	const struct mapping_experiment *mapping = &experiment->mapping;
	struct mapping_spec spec = { .experiment = mapping, .cpu = m->around->cpus[0], .stop = m->around->stop };
	struct mapping_result result;
	int error = room_check(m, mapping, why);

	if (!error)
		error = mapping_take(&spec, &result, why);
	if (error)
		return error;
	outcome->value[MAPPING_BUILD_NS] = result.build_tsc * outcome->ns_per_tsc;
	outcome->value[MAPPING_BUILD_CYCLES] = result.build_tsc * outcome->cycles_per_tsc;
	outcome->value[MAPPING_TEARDOWN_NS] = result.teardown_tsc * outcome->ns_per_tsc;
	outcome->value[MAPPING_TEARDOWN_CYCLES] = result.teardown_tsc * outcome->cycles_per_tsc;
	outcome->value[MAPPING_TABLE] = (double)result.table_bytes;
	outcome->value[MAPPING_EXPECTED_TABLE] = (double)result.expected_table_bytes;
	outcome->value[MAPPING_TABLE_PER_PAGE] = (double)result.table_bytes / mapping->pages;
	outcome->value[MAPPING_FLAT_TABLE] = (double)mapping_flat_bytes(mapping);
	outcome->value[MAPPING_FAULTS] = result.faults_per_page;
	/* Of two repetitions the median is their mean. */
	outcome->away_most = result.repetitions > 2 ? AWAY_SHARE_OF_MEDIANS : AWAY_SHARE;
	outcome->disturbance = (struct disturbance){
		.involuntary_switches = result.usage.involuntary_switches,
		.page_faults = result.usage.minor_faults,
		.elapsed_ns = result.usage.elapsed_ns,
		.away_ns = result.usage.elapsed_ns > result.usage.cpu_ns ? result.usage.elapsed_ns - result.usage.cpu_ns
									 : 0,
	};
	return 0;
}
