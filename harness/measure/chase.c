#include "measure/chase.h"

#include "system/sibling_load.h"

#include <errno.h>
#include <gsl/gsl_rng.h>
#include <inttypes.h>
#include <stdlib.h>

/*
 * The points of a memory configuration that cannot be had, in some settings, end without a number; one point stands for
 * each curve. Points that were measured before keep their samples.
 */
static void configuration_fail(struct measurement *m, struct memory_configuration *configuration, unsigned settings,
	int error, const struct reason *why)
{
	enum point_status status = error == -EIO || error == -EINVAL ? POINT_ERROR : POINT_SKIPPED;

	for (size_t c = 0; c < configuration->pairs; c++) {
		struct paired_points *pair = configuration->pair[c];
		bool first = true;

		for (size_t other = 0; other < c && first; other++)
			first = !plan_same_curve(m->plan.bench, configuration->pair[other], pair);
		for (unsigned s = 0; s < SETTING_SPACES; s++) {
			struct point *point = &pair->point[s];

			if (!(pair->settings & settings & SETTING_BIT(s)) || point->samples)
				continue;
			point_fail(point, status, why);
			point->without_pages = true;
			/* Of each curve only the first point is written, as the others would say the same. */
			if (!first)
				pair->settings &= ~SETTING_BIT(s);
		}
	}
}

/* The settings of the unfinished points that fit in the memory; 0: there are none. */
static unsigned settings_wanted(
	const struct measurement *m, const struct memory_configuration *configuration, unsigned *all)
{
	uint64_t most = workspace_bytes_most(m->around->workspace, configuration);
	unsigned wanted = 0;

	*all = 0;
	for (size_t c = 0; c < configuration->pairs; c++) {
		const struct paired_points *pair = configuration->pair[c];

		*all |= pair->settings;
		if (!pair->finished && (!most || paired_points_bytes(pair) <= most))
			wanted |= pair->settings;
	}
	return wanted;
}

int chase_enter(struct measurement *m, struct memory_configuration *configuration, struct configured_spaces **spaces)
{
	struct reason why = { "" };
	unsigned all, wanted = settings_wanted(m, configuration, &all);
	int error;

	if (!wanted)
		return -ENODATA;
	error = workspace_enter(m->around->workspace, configuration, wanted, spaces, &why);
	if (error == -EINTR)
		return error;
	if (error) {
		configuration_fail(m, configuration, all, error, &why);
		return error;
	}
	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		const struct configured_space *of = &(*spaces)->of[s];

		if (!(wanted & SETTING_BIT(s)))
			continue;
		if (of->error)
			configuration_fail(m, configuration, SETTING_BIT(s), of->error, &of->why);
		else if (of->lap_overhead_tsc > m->cost->lap_overhead_tsc)
			m->cost->lap_overhead_tsc = of->lap_overhead_tsc;
	}
	return 0;
}

bool chase_has_room(const struct configured_spaces *spaces, const struct paired_points *pair)
{
	if (pair->chase.sparse)
		return pair->chase.count <= spaces->pages;
	return paired_points_bytes(pair) <= spaces->memory.bytes;
}

static int cost_add(struct clock_cost *cost, const struct chase_sample *sample)
{
	if (!cost->shortest_lap_tsc || sample->shortest_lap_tsc < cost->shortest_lap_tsc)
		cost->shortest_lap_tsc = sample->shortest_lap_tsc;
	if (cost->calibrations == cost->room) {
		size_t room = cost->room ? 2 * cost->room : 1024;
		double *grown = realloc(cost->cycles_per_tsc, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		cost->cycles_per_tsc = grown;
		cost->room = room;
	}
	cost->cycles_per_tsc[cost->calibrations++] = sample->cycles_per_tsc;
	return 0;
}

/* The fewest leaves of a size that can cover the pages that a chase visits. */
static uint64_t leaves_least(const struct chase *chase, uint64_t leaf)
{
	uint64_t apart = chase->sparse ? chase->page_bytes : chase->distance_bytes;

	/* A hypervisor's tables for nested paging have each frame once. */
	if (chase->shared_frames)
		return sparse_frames(true, chase->count) * chase->page_bytes / leaf;

	return apart < leaf ? (chase->count - chase->fillers) * apart / leaf : chase->count;
}

/*
 * Read back what was mapped for a point. Under shadow paging KVM's leaf is the smaller of page and backing, under
 * nested paging it is the backing's.
 */
static int mapping_verify(const struct measurement *m, struct space *space, const struct chase *chase,
	struct point *point, struct reason *why)
{
	struct kvm_stats *stats = space_vm_stats(space);
	const char *paging = m->around->context.paging[point->setting];
	uint64_t leaf = backing_page_bytes(chase->backing);
	enum kvm_count of_leaf;

	if (!stats || kvm_stats_read(stats))
		return 0;
	for (unsigned i = KVM_COUNT_PAGES_4K; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = kvm_stats_count(stats, (enum kvm_count)i);
	if (!paging)
		return 0;
	if (paging_find(paging) == PAGING_SHADOW && chase->page_bytes < leaf)
		leaf = chase->page_bytes;
	if (page_is_mthp(leaf)) /* KVM maps it by leaves of the CPU */
		leaf = PAGE_4K;
	of_leaf = leaf == PAGE_4K ? KVM_COUNT_PAGES_4K : leaf == PAGE_2M ? KVM_COUNT_PAGES_2M : KVM_COUNT_PAGES_1G;
	if (point->kvm_pages[of_leaf] != KVM_COUNT_UNKNOWN && point->kvm_pages[of_leaf] < leaves_least(chase, leaf))
		return fail(why, EIO,
			"KVM holds %" PRIu64 " leaves of %" PRIu64 " KiB where at least %" PRIu64
			" were expected: the mapping is not of the size asked for",
			point->kvm_pages[of_leaf], leaf / KIB, leaves_least(chase, leaf));
	return 0;
}

/* Judge what hardware counted in the point's last sample, and keep it. */
static int hardware_counts_add(
	const struct measurement *m, const struct chase *chase, struct point *point, struct chase_sample *sample)
{
	const struct hardware_chase counted = {
		.accesses = sample->counted_accesses,
		.pages = chase->distance_bytes < chase->page_bytes
				 ? chase->count * chase->distance_bytes / chase->page_bytes
				 : chase->count,
		.page_bytes = chase->page_bytes,
	};

	hardware_judge(m->around->context.hardware, point->setting, &counted, &sample->counts);
	return point_counts_add(&point->counts, point->samples - 1, &sample->counts, sample->counted_accesses);
}

/* What was read back of the memory under test. */
static void memory_note(const struct measurement *m, const struct configured_spaces *spaces, const struct chase *chase,
	struct point *point)
{
	const struct arenas *arenas = &m->around->workspace->arenas;
	const struct sparse *sparse = &spaces->sparse;
	bool own = chase->sparse && setting_like(point->setting) == SETTING_HOST && !sparse->spec.lender;

	point->page_bytes = chase->page_bytes;
	point->baseline_page_bytes = backing_page_bytes(arenas->packed.backing);
	point->baseline_bytes = chase->count * LINE_BYTES;
	point->faults_expected = own ? sparse->faults_expected : arenas->of[chase->backing].memory.faults_expected;
	point->faults_counted = own ? sparse->faults_counted : arenas->of[chase->backing].memory.faults_counted;
}

static int point_keep(struct measurement *m, const struct configured_spaces *spaces, struct paired_points *pair,
	struct point *point, struct chase_sample *sample, struct weather_reading weather)
{
	double values[CHASE_METRICS];
	int error;

	memory_note(m, spaces, &pair->chase, point);
	chase_values(sample, &m->around->context, values);
	error = point_add(point, values,
		&(struct sample_facts){ .cycles_per_tsc = sample->cycles_per_tsc,
			.round = m->round,
			.at_s = measurement_at_s(m),
			.weather = weather });
	if (!error && sample->counted)
		error = hardware_counts_add(m, &pair->chase, point, sample);
	if (!error)
		error = cost_add(m->cost, sample);
	return error ? error : measurement_sampled(m, point);
}

/* One sample of a point, repeated while it is disturbed. Errors of the point stay in the point. */
static int point_measure(struct measurement *m, struct configured_spaces *spaces, struct paired_points *pair,
	enum setting setting, struct sample_plan *plan)
{
	struct point *point = &pair->point[setting];
	struct space *space = spaces->of[setting].space;
	/* Where this process makes the weather itself, there is nothing to wait for, and nothing to be told. */
	struct weather *sky = pair->chase.sibling == SIBLING_BUSY ? NULL : m->around->weather;
	struct reason why = { "" };
	struct weather_reading weather = { 0 };
	struct chase_sample sample;
	int error = 0;

	plan->counting = hardware_turn(m->around->context.hardware, setting, point->samples);
	plan->lap_overhead_tsc = spaces->of[setting].lap_overhead_tsc;
	for (unsigned take = 0; take <= RETAKES; take++) {
		weather = weather_wait(sky, &m->patience_ns, m->around->stop);
		error = sample_take(space, plan, &sample, &why);
		weather = weather_after(sky, weather);
		if (error)
			break;
		disturbance_add(&point->disturbance, &sample.disturbance);
		m->timed_ns += sample.disturbance.elapsed_ns;
		if (!sample.contaminated)
			break;
		point->discarded++;
	}
	if (!error)
		error = mapping_verify(m, space, &pair->chase, point, &why);
	if (error == -EINTR)
		return error;
	if (error) {
		point_fail(point, POINT_ERROR, &why);
		/* A vCPU that stopped where it should not cannot go on. The next round gets a new one. */
		workspace_drop(spaces, setting);
		return 0;
	}
	if (sample.contaminated) {
		point->contaminated++;
		return 0;
	}
	return point_keep(m, spaces, pair, point, &sample, weather);
}

/* Place the chain of an arranged chase in a part of the memory: from a random multiple of its stride on. */
static struct chain chain_arrange(struct measurement *m, const struct chase *chase, uint64_t at, uint64_t bytes)
{
	const gsl_rng *random = m->around->random;
	uint64_t distance = chase->distance_bytes, first = bytes_round_up(at, distance), span;

	m->placement = chain_placement(chase);
	span = placement_span_pages(&m->placement) * chase->page_bytes;
	first += gsl_rng_uniform_int(random, (at + bytes - first - span) / distance + 1) * distance;
	return chain_over_placement(&m->placement, chase, first, &m->cycle, random);
}

/*
 * Place the chain of a sample: in a random window of the memory, or of the pages far apart. What a walk costs depends on the
 * frames: all of an arena's have their turn, as a part of it would be the luck of the run.
 */
static struct chain chain_place(
	struct measurement *m, const struct configured_spaces *spaces, const struct paired_points *pair)
{
	const gsl_rng *random = m->around->random;
	const struct chase *chase = &pair->chase;
	uint64_t bytes = paired_points_bytes(pair), room = spaces->memory.bytes, first;

	cycle_draw(&m->cycle, (uint32_t)chase->count, random);
	if (chase->sparse) {
		first = gsl_rng_uniform_int(random, spaces->pages - chase->count + 1);
		return chain_over_units(chase, spaces->sparse.base, spaces->sparse.offset + first, &m->cycle, random);
	}
	if (chase->arranged)
		return chain_arrange(m, chase, (uintptr_t)spaces->memory.at, room);
	first = gsl_rng_uniform_int(random, (room - bytes) / chase->page_bytes + 1);
	return chain_over_units(
		chase, (uintptr_t)spaces->memory.at + first * chase->page_bytes, NULL, &m->cycle, random);
}

/* The control takes part in every second round: half of the samples tell as well how much equals differ. */
static bool is_due(const struct measurement *m, const struct configured_spaces *spaces,
	const struct paired_points *pair, enum setting setting)
{
	if (setting == SETTING_HOST_AGAIN && m->round % 2)
		return false;
	return (pair->settings & SETTING_BIT(setting)) && point_is_due(&pair->point[setting], m->round) &&
	       spaces->of[setting].space;
}

/* Make the sibling busy where the pair wants that. False where it cannot be: the pair's points then say why. */
static bool sibling_set(struct measurement *m, struct paired_points *pair)
{
	struct reason why = m->around->no_sibling;
	bool busy = pair->chase.sibling == SIBLING_BUSY;
	int error = 0;

	if (busy && !m->sibling)
		error = m->around->sibling_cpu < 0 ? -ENODEV
						   : sibling_load_start(&m->sibling, m->around->sibling_cpu, &why);
	for (unsigned s = 0; error && s < SETTING_SPACES; s++)
		if ((pair->settings & SETTING_BIT(s)) && pair->point[s].status == POINT_OK)
			point_fail(&pair->point[s], POINT_SKIPPED, &why);
	if (!error && busy)
		sibling_load_set(m->sibling, true);
	return !error;
}

int chase_measure(struct measurement *m, struct configured_spaces *spaces, struct paired_points *pair, unsigned visit)
{
	/* As visits go on, both orders of chain and baseline meet all orders of the settings. */
	struct sample_plan plan = { .chain_first = visit & 1, .chains = pair->chase.chains };
	unsigned turn = visit >> 1;
	const struct space *laid = NULL;
	int error = 0;

	if (!sibling_set(m, pair))
		return 0;
	plan.chain = chain_place(m, spaces, pair);
	plan.packed = chain_packed(pair->chase.count, (uintptr_t)m->around->workspace->arenas.packed.at, &m->cycle);
	for (unsigned i = 0; !error && i < SETTING_SPACES; i++) {
		enum setting setting = (enum setting)((i + turn) % SETTING_SPACES);
		struct space *space = spaces->of[setting].space;

		if (!is_due(m, spaces, pair, setting))
			continue;
		/*
		 * Spaces that have the same memory at the same addresses share what was laid out. But another space's
		 * entries may keep ways of the sets that an arranged chase asks for: laying brings in this process's.
		 */
		if (pair->chase.arranged || !laid || !space->in_place || !laid->in_place)
			sample_lay(space, &plan);
		laid = space;
		error = point_measure(m, spaces, pair, setting, &plan);
	}
	/* Points of other benches may come next. */
	if (m->sibling)
		sibling_load_set(m->sibling, false);
	return error;
}
