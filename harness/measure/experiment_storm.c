/* Experiments that are storms of page faults. */
#include "machine/memory.h"
#include "measure/experiment_kinds.h"
#include "system/storm.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum storm_metric {
	STORM_NS,
	STORM_CYCLES,
	STORM_PER_S,
	STORM_SYSTEM,
	STORM_USER,
	STORM_P50,
	STORM_P90,
	STORM_P99,
	STORM_P999,
	STORM_MOST,
	STORM_OVERHEAD,
	STORM_COUNTED,
	STORM_PER_PAGE,
	STORM_FRESH_SHARE,
	STORM_METRICS,
};

const struct metric storm_metrics[STORM_METRICS + 1] = {
	[STORM_NS] = { "fault_ns", "ns" },
	[STORM_CYCLES] = { "fault_cycles", "cycles" },
	[STORM_PER_S] = { "faults_per_s", "1/s" },
	[STORM_SYSTEM] = { "system_share", "share" },
	[STORM_USER] = { "user_share", "share" },
	[STORM_P50] = { "latency_p50_ns", "ns" },
	[STORM_P90] = { "latency_p90_ns", "ns" },
	[STORM_P99] = { "latency_p99_ns", "ns" },
	[STORM_P999] = { "latency_p999_ns", "ns" },
	[STORM_MOST] = { "latency_most_ns", "ns" },
	[STORM_OVERHEAD] = { "timing_overhead_ns", "ns" },
	[STORM_COUNTED] = { "counted_per_expected", "ratio" },
	[STORM_PER_PAGE] = { "faults_per_page", "count" },
	[STORM_FRESH_SHARE] = { "fresh_share", "share" },
	[STORM_METRICS] = { NULL },
};

static_assert(STORM_METRICS <= METRICS_MAX, "bench.h");

/*
 * At 2 us a fault, which is slow, 20 ms are three rounds over 16 MiB, and sixteen where it is 0.3 us. The shorter one
 * is for quantiles: a round at least, so 4096 faults a sample, and a per mille of a point's are dozens.
 */
#define WINDOW_NS (20 * NS_PER_MS)
#define TIMED_WINDOW_NS (8 * NS_PER_MS)

/*
 * Fresh frames are out of use until the measurement is over: that shall leave other storms half of the run's budget. An
 * effort's own limit is on what is under test at a time, which these are not.
 */
#define FRESH_PART 2

/* Memory that a storm may take in this run; what is held already has its part of the budget. */
static uint64_t room_bytes(const struct measurement *m)
{
	uint64_t budget = m->around->memory_budget_bytes, effort = m->around->effort->memory_most_bytes;
	uint64_t left = budget > m->pool->held_bytes ? budget - m->pool->held_bytes : 0;

	return left < effort ? left : effort;
}

static int pool_judge(const struct measurement *m, const struct storm_experiment *storm, struct reason *why)
{
	uint64_t needed = storm_pool_bytes(storm) / PAGE_2M, free = 0;
	struct reason hint = { "" };
	int error = needed ? hugetlb_free(m->around->source, PAGE_2M, -1, &free, &hint) : 0;

	if (error)
		return fail(why, -error, "%s", hint.text);
	if (needed <= free)
		return 0;
	return fail(why, ENOMEM,
		"a storm of %u needs %" PRIu64 " pages of the 2M hugetlb pool, and %" PRIu64
		" are free: --reserve-huge 2M:%" PRIu64,
		storm->workers, needed, free, needed);
}

/* Whether this machine has what the storm needs, before anything is made. */
static int storm_possible(const struct measurement *m, const struct storm_experiment *storm, struct reason *why)
{
	uint64_t needed = storm_bytes(storm), room = room_bytes(m);
	struct reason hint = { "" };

	if (needed > room)
		return fail(why, ENOMEM,
			"a region of %" PRIu64 " MiB for each of %u workers takes %" PRIu64
			" MiB in all, and a storm may take %" PRIu64
			" MiB here (half of the available memory less what fresh frames hold, or the effort's limit): a smaller --param region",
			storm->region_bytes / MIB, storm->workers, needed / MIB, room / MIB);
	if (storm->kind == STORM_THP_WRITE) {
		enum thp_mode mode = thp_mode(m->around->source, &hint);

		if (mode != THP_ALWAYS && mode != THP_MADVISE)
			return fail(why, ENOTSUP, "%s", hint.text);
	}
	return pool_judge(m, storm, why);
}

static void unknown_tell(struct outcome *outcome, enum storm_metric metric, const char *why)
{
	fail(&outcome->unknown_of[metric], ENODATA, "%s", why);
}

static void latencies_tell(struct outcome *outcome, const struct storm_result *result)
{
	static const struct {
		enum storm_metric metric;
		double share;
	} quantiles[] = { { STORM_P50, 0.5 }, { STORM_P90, 0.9 }, { STORM_P99, 0.99 }, { STORM_P999, 0.999 } };

	if (!result->latencies.total) {
		for (unsigned metric = STORM_P50; metric <= STORM_OVERHEAD; metric++)
			unknown_tell(outcome, metric, "all pages come in one call: no single one can be timed");
		return;
	}
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		double value = histogram_quantile(&result->latencies, quantiles[i].share);

		/* That is not a time of 0. */
		outcome->value[quantiles[i].metric] = value < 1 ? NAN : value;
		unknown_tell(
			outcome, quantiles[i].metric, "a store that takes no fault may be shorter than timing it is");
	}
	outcome->value[STORM_MOST] = (double)result->latencies.most;
	outcome->value[STORM_OVERHEAD] = result->timing_overhead_ns;
	histogram_merge(outcome->histogram, &result->latencies);
}

static void faults_tell(struct outcome *outcome, const struct storm_result *result)
{
	if (!result->counted) {
		unknown_tell(outcome, STORM_PER_PAGE, "this kernel does not count faults of hugetlb pages");
		unknown_tell(outcome, STORM_COUNTED, "this kernel does not count faults of hugetlb pages");
		return;
	}
	outcome->value[STORM_PER_PAGE] = (double)result->faults_counted / (double)result->pages;
	if (result->faults_expected)
		outcome->value[STORM_COUNTED] = (double)result->faults_counted / (double)result->faults_expected;
	else
		unknown_tell(outcome, STORM_COUNTED, "no fault is expected, so that there is no ratio to it");
}

static void frames_tell(struct outcome *outcome, const struct storm_result *result, enum storm_frames frames,
	const struct frame_pool *pool)
{
	if (frames == STORM_RECYCLED)
		unknown_tell(outcome, STORM_FRESH_SHARE, "recycled frames are not looked for among those used before");
	else if (result->frames.got)
		outcome->value[STORM_FRESH_SHARE] = (double)result->frames.fresh / (double)result->frames.got;
	else
		unknown_tell(outcome, STORM_FRESH_SHARE, pool->unseen.text);
}

/* Most kernels split CPU time by timer ticks, of 1 to 10 ms: over less than a window it says nothing. */
#define SPLIT_LEAST_NS WINDOW_NS

static void outcome_fill(struct outcome *outcome, const struct storm_result *result)
{
	double per_touch = (double)result->touch_tsc / (double)result->touches;

	outcome->value[STORM_NS] = per_touch * outcome->ns_per_tsc;
	outcome->value[STORM_CYCLES] = per_touch * outcome->cycles_per_tsc;
	outcome->value[STORM_PER_S] = result->touches_per_s;
	if (result->elapsed_ns >= SPLIT_LEAST_NS && result->user_ns + result->system_ns) {
		outcome->value[STORM_SYSTEM] = (double)result->system_ns / (double)result->elapsed_ns;
		outcome->value[STORM_USER] = (double)result->user_ns / (double)result->elapsed_ns;
	} else {
		unknown_tell(outcome, STORM_SYSTEM, "too short for the kernel to tell its own time from the program's");
		unknown_tell(outcome, STORM_USER, "too short for the kernel to tell its own time from the program's");
	}
	/* Rates and means are of all that happened, so little may be else. */
	outcome->away_most = AWAY_SHARE;
	outcome->disturbance.elapsed_ns = result->elapsed_ns;
	outcome->disturbance.away_ns = result->away_ns;
	outcome->disturbance.involuntary_switches = result->involuntary_switches;
	/* The faults meant are no disturbance; those beyond them are. */
	if (result->faults_counted > result->faults_expected)
		outcome->disturbance.page_faults = result->faults_counted - result->faults_expected;
}

/*
 * A storm that got used frames holds them, which is what makes the next one get others: so it is taken again a few
 * times, where that can be seen.
 */
#define FRESH_TRIES 3
#define FRESH_ENOUGH 0.95

static int fresh_run(
	const struct measurement *m, const struct storm_spec *spec, struct storm_result *result, struct reason *why)
{
	struct frame_pool_request request = {
		.bytes = storm_bytes(&spec->experiment),
		.most_bytes = m->around->memory_budget_bytes / FRESH_PART,
		.cpus = m->around->cpus,
		.cpu_count = m->around->cpu_count,
	};

	for (unsigned tries = 1;; tries++) {
		struct worker_group group;
		int error = frame_pool_drain(m->pool, &request, why);

		if (!error)
			error = storm_run(spec, result, &group, why);
		if (!error)
			error = frame_pool_keep(m->pool, &group, request.bytes, why);
		if (error || tries == FRESH_TRIES ||
			(double)result->frames.fresh >= FRESH_ENOUGH * (double)result->frames.got)
			return error;
	}
}

int experiment_take_storm(
	const struct measurement *m, const struct experiment *experiment, struct outcome *outcome, struct reason *why)
{
	struct storm_spec spec = {
		.experiment = experiment->storm,
		.cpus = m->around->cpus,
		.ns_per_tsc = outcome->ns_per_tsc,
		.window_ns = WINDOW_NS,
		.timed_window_ns = TIMED_WINDOW_NS,
		.frames = &m->pool->map,
		.stop = m->around->stop,
	};
	static struct storm_result result;
	int error = storm_possible(m, &experiment->storm, why);

	if (error)
		return error;
	frame_pool_open(m->pool);
	if (experiment->storm.frames == STORM_FRESH) {
		error = fresh_run(m, &spec, &result, why);
	} else {
		frame_pool_note_use(m->pool, storm_bytes(&experiment->storm));
		error = storm_run(&spec, &result, NULL, why);
	}
	if (error)
		return error;
	outcome_fill(outcome, &result);
	latencies_tell(outcome, &result);
	faults_tell(outcome, &result);
	frames_tell(outcome, &result, experiment->storm.frames, m->pool);
	return 0;
}
