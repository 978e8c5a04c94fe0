/*
 * fault-storm: how many page faults a second does the system sustain, and what does one cost?
 *
 * What is measured: workers (axis actors), each bound to a CPU of its own, go round and round. A worker brings its
 * region into the state that faults, touches each page, and gives the region back. fault_ns is the touching alone, per
 * fault. faults_per_s is what all workers get done over whole rounds, mapping and unmapping included. In a second,
 * shorter window each touch is timed alone: latencies and their histogram, less what timing costs. Kinds that take no
 * fault (free-write, upgrade on newer kernels) are given per page touched, and their faults_per_page is 0. One fault of
 * file-read or of a large page brings in 16 or 512 pages of 4K.
 *
 * What could confound it: recycled frames are warm in caches, and a hypervisor has memory behind them already.
 * frames=fresh never uses a frame twice, and gives fewer samples. Workers beyond the number of cores share cores. Other
 * work on the machine takes free pages and CPU time; time stolen, or waited for a CPU, spoils a sample. Threads also
 * wait for the lock of their address space, which processes do not: that is part of the question. The preparation of
 * zero-write and fork-copy is in faults_per_s and not in fault_ns.
 *
 * What would falsify it: a kernel's count of faults that is not the number of touches (such a sample is an error);
 * anon-write slower by more than 2 % than the plain loop of mmap, touch, munmap; latencies whose mean is far from
 * fault_ns; a fresh_share far below 1.
 */
#include "bench.h"
#include "system/storm.h"

#include <errno.h>
#include <math.h>

enum { KIND, FRAMES, AS, ACTORS, REGION, AXES };

static const struct axis axes[AXES] = {
	[KIND] = { .name = "kind",
		.key = "kind",
		.kind = AXIS_CHOICE,
		.choices = storm_kind_names,
		VALUES(STORM_ANON_WRITE, STORM_ANON_READ, STORM_ZERO_WRITE, STORM_THP_WRITE, STORM_HUGETLB_WRITE,
			STORM_SHARED_WRITE, STORM_FILE_READ, STORM_FILE_COPY, STORM_FORK_COPY, STORM_DONTNEED_WRITE,
			STORM_FREE_WRITE, STORM_UPGRADE, STORM_POPULATE, STORM_USERFAULT_MISSING,
			STORM_USERFAULT_MINOR),
		BRIEF(STORM_ANON_WRITE, STORM_THP_WRITE),
		.most = STORM_KINDS - 1,
		.settings = HOSTS,
		.unusual = true,
		.help = "what makes each touch fault" },
	[FRAMES] = { .name = "frames",
		.key = "frames",
		.kind = AXIS_CHOICE,
		.choices = storm_frames_names,
		VALUES(STORM_RECYCLED, STORM_FRESH),
		.most = STORM_FRAMES - 1,
		.settings = HOSTS,
		.unusual = true,
		.help = "memory that comes back, or memory not used before in this run" },
	[AS] = { .name = "as",
		.key = "as",
		.kind = AXIS_CHOICE,
		.choices = workers_names,
		VALUES(WORKERS_THREADS, WORKERS_PROCESSES),
		BRIEF(WORKERS_THREADS),
		.most = WORKERS_KINDS - 1,
		.settings = HOSTS,
		.unusual = true,
		.help = "whether actors share an address space" },
	[ACTORS] = { .name = "actors",
		.key = "actors",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
		BRIEF(1),
		.least = 1,
		.most = 4096,
		.limit = LIMIT_CPUS,
		.settings = HOSTS,
		.unusual = true,
		.help = "how many take faults at the same time, each on a CPU of its own" },
	/*
	 * 16 MiB: 4096 pages, more than a TLB holds, and what 128 workers take fits most machines that have the CPUs.
	 */
	[REGION] = { .name = "region",
		.key = "region_bytes",
		.kind = AXIS_BYTES,
		VALUES(16 * MIB),
		.least = PAGE_2M,
		.most = 64 * GIB,
		.settings = HOSTS,
		.help = "memory of each actor in a round, a multiple of 2M" },
};

/* The kinds that several workers measure unless more is asked for: one for each lock that they may meet at. */
static bool is_main(enum storm_kind kind)
{
	return kind == STORM_ANON_WRITE || kind == STORM_THP_WRITE || kind == STORM_SHARED_WRITE ||
	       kind == STORM_FILE_COPY || kind == STORM_DONTNEED_WRITE || kind == STORM_POPULATE;
}

static enum fit fit_fresh(enum storm_kind kind, bool alone)
{
	switch (kind) {
	case STORM_ANON_WRITE:
	case STORM_THP_WRITE:
	case STORM_FILE_COPY:
	case STORM_POPULATE:
		return alone ? FIT_ALWAYS : FIT_IF_ASKED;
	case STORM_ZERO_WRITE:
	case STORM_FORK_COPY:
	case STORM_USERFAULT_MISSING:
		return FIT_IF_ASKED;
	default:
		/* No frame is got by the fault, or (dontneed-write) the one that was given back right before. */
		return FIT_NEVER;
	}
}

enum {
	FAULT_NS,
	FAULT_CYCLES,
	FAULTS_PER_S,
	SYSTEM_SHARE,
	USER_SHARE,
	LATENCY_P50,
	LATENCY_P90,
	LATENCY_P99,
	LATENCY_P999,
	LATENCY_MOST,
	TIMING_OVERHEAD,
	COUNTED_PER_EXPECTED,
	FAULTS_PER_PAGE,
	FRESH_SHARE,
	METRICS,
};

static const struct metric metrics[METRICS + 1] = {
	[FAULT_NS] = { "fault_ns", UNIT_NS, "fault", LESS },
	[FAULT_CYCLES] = { "fault_cycles", UNIT_CYCLES, "fault", LESS },
	[FAULTS_PER_S] = { "faults_per_s", UNIT_PER_S, NULL, MORE },
	[SYSTEM_SHARE] = { "system_share", UNIT_SHARE, NULL, NEITHER },
	[USER_SHARE] = { "user_share", UNIT_SHARE, NULL, NEITHER },
	[LATENCY_P50] = { "latency_p50_ns", UNIT_NS, "fault", LESS },
	[LATENCY_P90] = { "latency_p90_ns", UNIT_NS, "fault", LESS },
	[LATENCY_P99] = { "latency_p99_ns", UNIT_NS, "fault", LESS },
	[LATENCY_P999] = { "latency_p999_ns", UNIT_NS, "fault", LESS },
	[LATENCY_MOST] = { "latency_most_ns", UNIT_NS, "fault", LESS },
	[TIMING_OVERHEAD] = { "timing_overhead_ns", UNIT_NS, "fault", NEITHER },
	[COUNTED_PER_EXPECTED] = { "counted_per_expected", UNIT_RATIO, NULL, NEITHER },
	[FAULTS_PER_PAGE] = { "faults_per_page", UNIT_COUNT, "page", NEITHER },
	[FRESH_SHARE] = { "fresh_share", UNIT_SHARE, NULL, MORE },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	enum storm_kind kind = (enum storm_kind)value[KIND];
	bool alone = value[ACTORS] == 1, processes = value[AS] == WORKERS_PROCESSES;

	(void)setting;
	if (alone && processes)
		return FIT_NEVER; /* the same as one thread */
	/* A fork makes the pages of all threads shared: one's preparation would be in the others' faults. */
	if (!alone && !processes && kind == STORM_FORK_COPY)
		return FIT_NEVER;
	if (value[FRAMES] == STORM_FRESH)
		return fit_fresh(kind, alone);
	return alone || is_main(kind) ? FIT_ALWAYS : FIT_IF_ASKED;
}

/*
 * At 2 us a fault, which is slow, 20 ms are three rounds over 16 MiB, and sixteen where a fault takes 0.3 us. The
 * shorter window is for quantiles: it has a round at least, so 4096 faults a sample, and a per mille of a point's are
 * dozens.
 */
#define WINDOW_NS (20 * NS_PER_MS)
#define TIMED_WINDOW_NS (8 * NS_PER_MS)

/* Most kernels split CPU time by timer ticks, of 1 to 10 ms: the split of less than a window says nothing. */
#define SPLIT_LEAST_NS WINDOW_NS

static void unknown_tell(struct sample *sample, unsigned metric, const char *why)
{
	fail(&sample->unknown_of[metric], ENODATA, "%s", why);
}

static void latencies_tell(const struct storm_result *result, struct sample *sample)
{
	static const struct {
		unsigned metric;
		double share;
	} quantiles[] = { { LATENCY_P50, 0.5 }, { LATENCY_P90, 0.9 }, { LATENCY_P99, 0.99 }, { LATENCY_P999, 0.999 } };

	if (!result->latencies.total) {
		for (unsigned metric = LATENCY_P50; metric <= TIMING_OVERHEAD; metric++)
			unknown_tell(sample, metric, "all pages come in one call: no single one can be timed");
		return;
	}
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		double value = histogram_quantile(&result->latencies, quantiles[i].share);
		/* Of fewer faults than that, the quantile is the longest of them. */
		bool resolved = (double)result->latencies.total * (1 - quantiles[i].share) >= 1;

		/* Less than 1 ns is not a time of 0. */
		sample->value[quantiles[i].metric] = value < 1 || !resolved ? NAN : value;
		unknown_tell(sample, quantiles[i].metric,
			resolved ? "a store that takes no fault may be shorter than timing it is"
				 : "a sample has too few faults: none is expected to take longer");
	}
	sample->value[LATENCY_MOST] = (double)result->latencies.most;
	sample->value[TIMING_OVERHEAD] = result->timing_overhead_ns;
	histogram_merge(sample->latencies, &result->latencies);
}

static void faults_tell(const struct storm_result *result, struct sample *sample)
{
	static const char uncounted[] = "this kernel does not count faults of hugetlb pages";

	unknown_tell(sample, FAULTS_PER_PAGE, uncounted);
	unknown_tell(sample, COUNTED_PER_EXPECTED,
		result->counted ? "no fault is expected, so that there is no ratio to it" : uncounted);
	if (result->counted)
		sample->value[FAULTS_PER_PAGE] = (double)result->faults_counted / (double)result->pages;
	if (result->counted && result->faults_expected)
		sample->value[COUNTED_PER_EXPECTED] = (double)result->faults_counted / (double)result->faults_expected;
}

static void frames_tell(const struct storm_result *result, const char *unseen, struct sample *sample)
{
	unknown_tell(sample, FRESH_SHARE, unseen);
	if (result->frames.got)
		sample->value[FRESH_SHARE] = (double)result->frames.fresh / (double)result->frames.got;
}

static void times_tell(
	const struct experiment_request *request, const struct storm_result *result, struct sample *sample)
{
	static const char unsplit[] = "too short for the kernel to tell its own time from the program's";
	double per_touch = (double)result->touch_tsc / (double)result->touches;

	sample->value[FAULT_NS] = per_touch * request->ns_per_tsc;
	sample->value[FAULT_CYCLES] = per_touch * request->cycles_per_tsc;
	sample->value[FAULTS_PER_S] = result->touches_per_s;
	unknown_tell(sample, SYSTEM_SHARE, unsplit);
	unknown_tell(sample, USER_SHARE, unsplit);
	if (result->elapsed_ns >= SPLIT_LEAST_NS && result->user_ns + result->system_ns) {
		sample->value[SYSTEM_SHARE] = (double)result->system_ns / (double)result->elapsed_ns;
		sample->value[USER_SHARE] = (double)result->user_ns / (double)result->elapsed_ns;
	}
	/* Rates and means are of all that happened. */
	sample->away_most = AWAY_SHARE;
	sample->elapsed_ns = result->elapsed_ns;
	sample->away_ns = result->away_ns;
	sample->involuntary_switches = result->involuntary_switches;
	if (result->faults_counted > result->faults_expected)
		sample->page_faults = result->faults_counted - result->faults_expected;
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	static struct storm_result result; /* too large for the stack */
	struct frame_pool *pool = request->state;
	const struct storm_machine machine = {
		.source = request->source,
		.budget_bytes = request->memory_budget_bytes,
		.effort_bytes = request->memory_effort_bytes,
		.cpu_count = request->cpu_count,
		.pool = pool,
	};
	const struct storm_spec spec = {
		.experiment = {
			.kind = (enum storm_kind)request->value[KIND],
			.frames = (enum storm_frames)request->value[FRAMES],
			.as = (enum workers_as)request->value[AS],
			.workers = (unsigned)request->value[ACTORS],
			.region_bytes = request->value[REGION],
		},
		.cpus = request->cpus,
		.ns_per_tsc = request->ns_per_tsc,
		.window_ns = WINDOW_NS,
		.timed_window_ns = TIMED_WINDOW_NS,
		.frames = &pool->map,
		.stop = request->stop,
	};
	int error = storm_take(&spec, &machine, &result, why);

	if (error)
		return error;
	times_tell(request, &result, sample);
	latencies_tell(&result, sample);
	faults_tell(&result, sample);
	if (spec.experiment.frames == STORM_FRESH)
		frames_tell(&result, pool->unseen.text, sample);
	else
		unknown_tell(sample, FRESH_SHARE, "recycled frames are not looked for among those used before");
	return 0;
}

static void end(void *state)
{
	frame_pool_close(state);
}

static const struct bench fault_storm = {
	.name = "fault-storm",
	.question = "how many page faults a second does the system sustain, and what does one cost?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure, .state_bytes = sizeof(struct frame_pool), .end = end },
	.sweep_axis = ACTORS,
	.seconds = 32,
};

NESTWALK_BENCH(fault_storm);
