#include "system/storm.h"

#include "base/units.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What a process takes besides: its stack, its tables, the kernel's data about it. Some 300 KiB were seen. */
#define WORKER_BYTES MIB
/* A page table maps this much. Upper levels add little. */
#define TABLE_SPAN_BYTES PAGE_2M

uint64_t storm_bytes(const struct storm_experiment *experiment)
{
	const struct storm_row *row = &storm_rows[experiment->kind];
	uint64_t notes = experiment->region_bytes / row->step_bytes * sizeof(uint64_t);
	uint64_t tables = experiment->region_bytes / TABLE_SPAN_BYTES * PAGE_4K;
	uint64_t pass = row->regions * experiment->region_bytes + (row->regions + 1) * tables;

	return experiment->workers *
	       (storm_passes(experiment) * pass + notes + WORKER_BYTES + sizeof(struct storm_share));
}

uint64_t storm_pool_bytes(const struct storm_experiment *experiment)
{
	return experiment->kind == STORM_HUGETLB_WRITE ? experiment->workers * experiment->region_bytes : 0;
}

/* The kernel's count may be off by a NUMA hint or a page taken back meanwhile; a wrong size by 16 or 512 times. */
#define FAULTS_TOLERANCE_PER_MILLE 1

static bool close_to(uint64_t counted, uint64_t expected, uint64_t slack)
{
	return counted <= expected + slack && counted + slack >= expected;
}

int storm_judge(const struct storm_faults *faults, uint64_t *expected, struct reason *why)
{
	enum storm_expect expect = storm_rows[faults->kind].expect;
	uint64_t slack = STORM_OWN_FAULTS * faults->workers + faults->touches * FAULTS_TOLERANCE_PER_MILLE / 1000;
	bool none = expect == EXPECT_NONE || (expect == EXPECT_ONE_OR_NONE && close_to(faults->counted, 0, slack));

	*expected = none ? 0 : faults->touches;
	/* Some kernels do not count faults of hugetlb pages. smaps has shown that the pages are large. */
	if (faults->kind == STORM_HUGETLB_WRITE && !faults->counted)
		return 0;
	if (close_to(faults->counted, *expected, slack))
		return 0;
	return fail(why, EIO,
		"touching %" PRIu64 " times (%s) took %" PRIu64 " faults by the kernel's count, where %" PRIu64
		" were expected",
		faults->touches, storm_kind_names[faults->kind], faults->counted, *expected);
}

static uint64_t difference_or_zero(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/*
 * The time in which a worker did not run: it was preempted, or a hypervisor stole the CPU. Threads of one address space
 * also sleep on its lock, which belongs to the measured time. For threads only the time counts in which they waited for
 * a CPU, where the kernel tells it.
 */
static uint64_t share_away_ns(const struct storm_experiment *experiment, const struct storm_share *share)
{
	uint64_t away = difference_or_zero(share->usage.elapsed_ns, share->usage.cpu_ns);

	if (experiment->as == WORKERS_THREADS && experiment->workers > 1 && share->delay_ns < away)
		return share->delay_ns;
	return away;
}

static void share_add(struct storm_result *result, const struct storm_spec *spec, const struct storm_share *share)
{
	const struct storm_row *row = &storm_rows[spec->experiment.kind];

	result->touches += share->touches;
	result->touch_tsc += share->touch_tsc;
	result->touches_per_s +=
		(double)share->touches * (double)NS_PER_S / ((double)share->loop_tsc * spec->ns_per_tsc);
	result->elapsed_ns += share->usage.elapsed_ns;
	result->user_ns += share->usage.user_ns;
	result->system_ns += share->usage.system_ns;
	result->involuntary_switches += share->usage.involuntary_switches;
	result->away_ns += share_away_ns(&spec->experiment, share);
	result->faults_counted += share->faults;
	result->pages += share->verified_touches * (row->step_bytes / row->page_bytes);
	result->timing_overhead_ns += share->overhead_tsc * spec->ns_per_tsc / spec->experiment.workers;
	result->frames.got += share->frames.got;
	result->frames.fresh += share->frames.fresh;
	histogram_merge(&result->latencies, &share->latencies);
}

static int shares_sum(const struct worker_group *group, const struct storm_spec *spec, struct storm_result *result,
	struct reason *why)
{
	struct storm_faults faults = { .kind = spec->experiment.kind, .workers = spec->experiment.workers };

	memset(result, 0, sizeof(*result));
	for (unsigned i = 0; i < spec->experiment.workers; i++) {
		const struct storm_share *share = worker_group_result(group, i);

		share_add(result, spec, share);
		faults.touches += share->verified_touches;
	}
	faults.counted = result->faults_counted;
	result->counted = result->faults_counted || spec->experiment.kind != STORM_HUGETLB_WRITE;
	return storm_judge(&faults, &result->faults_expected, why);
}

int storm_run(const struct storm_spec *spec, struct storm_result *result, struct worker_group *kept, struct reason *why)
{
	struct worker_group_spec worker_group_spec = {
		.as = spec->experiment.as,
		.workers = spec->experiment.workers,
		.cpus = spec->cpus,
		.work = storm_work,
		.experiment = spec,
		.result_bytes = sizeof(struct storm_share),
		.keep = kept != NULL,
		.stop = spec->stop,
	};
	struct worker_group group;
	int error;

	if (!spec->experiment.region_bytes || spec->experiment.region_bytes % PAGE_2M)
		return fail(why, ERANGE, "a region of %" PRIu64 " bytes is no multiple of 2M",
			spec->experiment.region_bytes);
	error = worker_group_run(&worker_group_spec, &group, why);
	if (error)
		return error;
	error = shares_sum(&group, spec, result, why);
	if (error || !kept)
		worker_group_dismiss(&group);
	else
		*kept = group;
	return error;
}
