#include "measure/sample.h"

#include "base/statistics.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

/* One look at everything that may disturb a timed region. */
struct observation {
	struct rusage usage;
	uint64_t wall_ns, cpu_ns;
	uint64_t kvm[KVM_COUNTS_OF_VCPU];
};

static void observation_take(const struct space *space, struct observation *observation)
{
	struct kvm_stats *stats = space_vcpu_stats(space);
	bool fresh = stats && !kvm_stats_read(stats);
	struct timespec wall, cpu;

	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		observation->kvm[i] = fresh ? kvm_stats_count(stats, (enum kvm_count)i) : KVM_COUNT_UNKNOWN;
	getrusage(RUSAGE_THREAD, &observation->usage);
	clock_gettime(CLOCK_MONOTONIC, &wall);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	observation->wall_ns = timespec_ns(wall);
	observation->cpu_ns = timespec_ns(cpu);
}

void disturbance_add(struct disturbance *sum, const struct disturbance *other)
{
	sum->involuntary_switches += other->involuntary_switches;
	sum->page_faults += other->page_faults;
	sum->elapsed_ns += other->elapsed_ns;
	sum->away_ns += other->away_ns;
	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++) {
		if (sum->kvm[i] == KVM_COUNT_UNKNOWN || other->kvm[i] == KVM_COUNT_UNKNOWN)
			sum->kvm[i] = KVM_COUNT_UNKNOWN;
		else
			sum->kvm[i] += other->kvm[i];
	}
}

static struct disturbance disturbance_between(const struct observation *from, const struct observation *to)
{
	uint64_t wall_ns = to->wall_ns - from->wall_ns, cpu_ns = to->cpu_ns - from->cpu_ns;
	struct disturbance seen = {
		.involuntary_switches = (uint64_t)(to->usage.ru_nivcsw - from->usage.ru_nivcsw),
		.page_faults = (uint64_t)(to->usage.ru_minflt - from->usage.ru_minflt) +
			       (uint64_t)(to->usage.ru_majflt - from->usage.ru_majflt),
		.elapsed_ns = wall_ns,
		/* The two clocks are read one after the other: a few ns of difference either way. */
		.away_ns = wall_ns > cpu_ns ? wall_ns - cpu_ns : 0,
	};

	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		seen.kvm[i] = from->kvm[i] == KVM_COUNT_UNKNOWN || to->kvm[i] == KVM_COUNT_UNKNOWN
				      ? KVM_COUNT_UNKNOWN
				      : to->kvm[i] - from->kvm[i];
	return seen;
}

/* AWAY_SHARE of LAPS laps is less than half a lap. What spoils so little does not change the median of the laps. */
static bool is_contaminated(const struct disturbance *seen)
{
	uint64_t fixed = seen->kvm[KVM_COUNT_PF_FIXED];

	return seen->involuntary_switches > SWITCHES_BORNE || seen->page_faults ||
	       (fixed && fixed != KVM_COUNT_UNKNOWN) || (double)seen->away_ns > AWAY_SHARE * (double)seen->elapsed_ns;
}

static double median_lap(const struct kernel_call *call)
{
	double laps[KERNEL_LAPS_MAX];

	for (uint64_t i = 0; i < call->laps; i++)
		laps[i] = (double)call->lap_tsc[i];
	return statistics_median(laps, call->laps);
}

static uint64_t lap_accesses(uint32_t lines)
{
	uint64_t share = lines / LAP_SHARE_OF_CHAIN / KERNEL_UNROLL * KERNEL_UNROLL;

	if (lines < LONG_CHAIN_LINES)
		return LAP_ACCESSES;
	return share > LAP_ACCESSES_LONG ? share : LAP_ACCESSES_LONG;
}

/*
 * Prepare the laps of a chase: the kernel to run. A lap takes as many steps of each chain, however many there are: it is
 * then never shorter than a lap of one chain.
 */
static enum kernel laps_prepare(struct space *space, const struct chain *chain, unsigned chains, uint64_t *accesses)
{
	uint64_t steps = lap_accesses(chain->count);

	if (chains <= 1) {
		*accesses = steps;
		*space->call = (struct kernel_call){
			.start = chain_address(chain, 0), .count = steps / KERNEL_UNROLL, .laps = LAPS
		};
		return KERNEL_CHASE;
	}
	*space->call = (struct kernel_call){ .count = steps * chains / KERNEL_CHAINS_UNROLL, .laps = LAPS };
	*accesses = space->call->count * KERNEL_CHAINS_UNROLL;
	for (unsigned c = 0; c < chains; c++)
		space->call->chain[c] = chain_after(chain, chain_start(chain, c, chains));
	return kernel_of_chains(chains);
}

/* Whether all of the chains stand where they must after `accesses` steps of them all. */
static bool laps_end(const struct space *space, const struct chain *chain, unsigned chains, uint64_t accesses)
{
	bool right = true;

	if (chains <= 1)
		return space->call->end == chain_after(chain, accesses);
	for (unsigned c = 0; c < chains; c++)
		right = right &&
			space->call->chain[c] == chain_after(chain, chain_start(chain, c, chains) + accesses / chains);
	return right;
}

/*
 * Counters are on around the kernel only: laying, proving and walking the chain, and reading the clocks, are outside.
 */
static int run_counted(struct space *space, enum kernel kernel, struct counting *counting, struct count_sample *counts,
	struct reason *why)
{
	int error;

	counting_begin(counting);
	error = space_run(space, kernel, why);
	counting_end(counting, counts);
	return error;
}

/* The median lap of the chain or the baseline, TSC cycles per access, without the clock's own cost. */
static int time_chain(struct space *space, const struct sample_plan *plan, const struct chain *chain,
	struct chase_sample *sample, double *access_tsc, struct reason *why)
{
	uint64_t accesses;
	enum kernel kernel;
	double lap_tsc;
	struct observation before, after;
	struct disturbance seen;
	int error;

	error = chain_walk(chain, space, why);
	if (error)
		return error;
	kernel = laps_prepare(space, chain, plan->chains, &accesses);
	observation_take(space, &before);
	if (chain == &plan->chain)
		error = run_counted(space, kernel, plan->counting, &sample->counts, why);
	else
		error = space_run(space, kernel, why);
	observation_take(space, &after);
	if (error)
		return error;
	if (chain == &plan->chain) {
		sample->counted = plan->counting != NULL;
		sample->counted_accesses = (double)(LAPS * accesses);
	}
	seen = disturbance_between(&before, &after);
	sample->contaminated = sample->contaminated || is_contaminated(&seen);
	disturbance_add(&sample->disturbance, &seen);
	if (!laps_end(space, chain, plan->chains, LAPS * accesses))
		return fail(why, EIO, "a chase over %" PRIu32 " lines did not end where it must", chain->count);
	lap_tsc = median_lap(space->call);
	if (!sample->shortest_lap_tsc || lap_tsc < sample->shortest_lap_tsc)
		sample->shortest_lap_tsc = lap_tsc;
	*access_tsc = (lap_tsc - plan->lap_overhead_tsc) / (double)accesses;
	return 0;
}

static int clock_calibrate(struct space *space, double overhead_tsc, double *cycles_per_tsc, struct reason *why)
{
	int error;

	*space->call = (struct kernel_call){ .count = ADDS_PER_LAP / KERNEL_UNROLL, .laps = ADDS_LAPS };
	error = space_run(space, KERNEL_ADDS, why);
	if (error)
		return error;
	if (space->call->end != (uint64_t)ADDS_PER_LAP * ADDS_LAPS)
		return fail(why, EIO, "%d adds came to %" PRIu64, ADDS_PER_LAP * ADDS_LAPS, space->call->end);
	*cycles_per_tsc = ADDS_PER_LAP / (median_lap(space->call) - overhead_tsc);
	return 0;
}

void sample_lay(struct space *space, const struct sample_plan *plan)
{
	chain_lay(&plan->chain, space);
	chain_lay(&plan->packed, space);
}

int sample_take(struct space *space, const struct sample_plan *plan, struct chase_sample *sample, struct reason *why)
{
	const struct chain *first = plan->chain_first ? &plan->chain : &plan->packed;
	const struct chain *second = plan->chain_first ? &plan->packed : &plan->chain;
	double *first_tsc = plan->chain_first ? &sample->gross_tsc : &sample->baseline_tsc;
	double *second_tsc = plan->chain_first ? &sample->baseline_tsc : &sample->gross_tsc;
	int error;

	*sample = (struct chase_sample){ 0 };
	/* Both chains follow one cycle. */
	error = chain_prove(&plan->chain, why);
	if (!error)
		error = time_chain(space, plan, first, sample, first_tsc, why);
	if (!error)
		error = clock_calibrate(space, plan->lap_overhead_tsc, &sample->cycles_per_tsc, why);
	if (!error)
		error = time_chain(space, plan, second, sample, second_tsc, why);
	return error;
}

int sample_lap_overhead(struct space *space, double *tsc_cycles, struct reason *why)
{
	double least = 0;

	/* Several calls are made, so that one that was preempted does not decide. */
	for (unsigned call = 0; call < 3; call++) {
		double tsc;
		int error;

		*space->call = (struct kernel_call){ .laps = KERNEL_LAPS_MAX };
		error = space_run(space, KERNEL_EMPTY, why);
		if (error)
			return error;
		tsc = kernel_least_lap_tsc(space->call);
		if (!least || tsc < least)
			least = tsc;
	}
	*tsc_cycles = least;
	return 0;
}

double clock_ratio(void)
{
	struct kernel_call call = { .count = ADDS_PER_LAP / KERNEL_UNROLL, .laps = ADDS_LAPS };
	struct kernel_call empty = { .laps = KERNEL_LAPS_MAX };

	kernel_entry(KERNEL_EMPTY)(&empty);
	kernel_entry(KERNEL_ADDS)(&call);
	return ADDS_PER_LAP / (median_lap(&call) - median_lap(&empty));
}
