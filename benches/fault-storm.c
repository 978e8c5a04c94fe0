/*
 * fault-storm: how many page faults a second does the system sustain, and what does one cost?
 *
 * What is measured: workers, each bound to a CPU of its own, go round and round over a region: they bring it into the
 * state that faults, touch each page, and give it back. fault_ns is the touching alone, per fault; faults_per_s is what
 * all workers get done over whole rounds, mapping and unmapping included. In a second, shorter window each touch is
 * timed alone: latencies and their histogram, without what timing costs. Kinds that take no fault (free-write, upgrade
 * on newer kernels) are given per page touched, and faults_per_page says 0. file-read and large pages: per fault, which
 * brings in 16 or 512 pages of 4K.
 *
 * What could confound it: frames that come back (recycled) are warm in caches, and a hypervisor has something behind
 * them already: frames=fresh never uses one twice, and takes less memory for fewer samples. Workers beyond the number
 * of cores share them. Other work on the machine takes free pages and CPU time: time stolen or waited for a CPU spoils
 * a sample. As threads, workers also wait for the lock of their address space, as processes they do not: that is the
 * question, no disturbance. zero-write, fork-copy: the preparation is in faults_per_s, not in fault_ns.
 *
 * What would falsify it: a kernel's count of faults that is not the number of touches (such a sample is an error);
 * anon-write slower by more than 2 % than the plain loop of mmap, touch, munmap; latencies whose mean is far from
 * fault_ns; a fresh_share far below 1.
 */
#include "bench.h"

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
		.most = WORKERS_KINDS - 1,
		.settings = HOSTS,
		.unusual = true,
		.help = "whether actors share an address space" },
	[ACTORS] = { .name = "actors",
		.key = "actors",
		.kind = AXIS_COUNT,
		VALUES(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
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

/* Several workers, unless asked for more: a kind for each lock that they may meet at. */
static bool is_main(enum storm_kind kind)
{
	return kind == STORM_ANON_WRITE || kind == STORM_THP_WRITE || kind == STORM_SHARED_WRITE ||
	       kind == STORM_FILE_COPY || kind == STORM_DONTNEED_WRITE || kind == STORM_POPULATE;
}

static enum fit fit_fresh(const struct storm_experiment *storm)
{
	switch (storm->kind) {
	case STORM_ANON_WRITE:
	case STORM_THP_WRITE:
	case STORM_FILE_COPY:
	case STORM_POPULATE:
		return storm->workers == 1 ? FIT_ALWAYS : FIT_IF_ASKED;
	case STORM_ZERO_WRITE:
	case STORM_FORK_COPY:
	case STORM_USERFAULT_MISSING:
		return FIT_IF_ASKED;
	default:
		/* No frame is got by the fault, or (dontneed-write) the one that was given back right before. */
		return FIT_NEVER;
	}
}

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	const struct storm_experiment *storm = &out->storm;

	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_STORM,
		.storm = {
			.kind = (enum storm_kind)value[KIND],
			.frames = (enum storm_frames)value[FRAMES],
			.as = (enum workers_as)value[AS],
			.workers = (unsigned)value[ACTORS],
			.region_bytes = value[REGION],
		},
	};
	if (storm->workers == 1 && storm->as == WORKERS_PROCESSES)
		return FIT_NEVER; /* the same as one thread */
	/* A fork makes the pages of all threads shared: one's preparation would be in the others' faults. */
	if (storm->workers > 1 && storm->as == WORKERS_THREADS && storm->kind == STORM_FORK_COPY)
		return FIT_NEVER;
	if (storm->frames == STORM_FRESH)
		return fit_fresh(storm);
	return storm->workers == 1 || is_main(storm->kind) ? FIT_ALWAYS : FIT_IF_ASKED;
}

static const struct bench fault_storm = {
	.name = "fault-storm",
	.question = "how many page faults a second does the system sustain, and what does one cost?",
	.settings = HOSTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = storm_metrics,
	.experiment = experiment,
	.sweep_axis = ACTORS,
	.seconds = 70,
};

NESTWALK_BENCH(fault_storm);
