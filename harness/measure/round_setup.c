#include "measure/round_setup.h"

#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory under test is at least this large, so that a small chase, too, uses other pages in every round: its window is
 * drawn from all of the memory. 64 MiB are 32 windows of a 2M page, and are touched in 50 ms.
 */
#define CONFIGURATION_BYTES_LEAST (64 * MIB)

/*
 * No more than this share of the time goes into touching memory in one round, all memory configurations together. Every
 * fourth round, beginning with the first, touches much memory. The rounds between touch little, so that small chases
 * get their samples where touching is slow (3 to 6 s a GiB were seen where a hypervisor had to find the memory first).
 */
#define TOUCH_SHARE_FAR 0.4
#define TOUCH_SHARE_NEAR 0.04
#define FAR_ROUNDS 4

uint64_t paired_points_bytes(const struct paired_points *pair)
{
	const struct chase *chase = &pair->chase;

	/* Pages far apart cannot share a memory slot: this process and the vCPU have a copy each. */
	if (chase->sparse)
		return chase->count * chase->page_bytes *
		       (uint64_t)__builtin_popcount(pair->settings & ~SETTING_BIT(SETTING_HOST_AGAIN));
	return chase->count * chase->distance_bytes;
}

/* The number of units that exist for both settings. */
static uint64_t sparse_units(const struct round_setup *setup)
{
	uint64_t units = setup->sparse.spec.units, pages = setup->memory.bytes / setup->configuration->like.page_bytes;

	return setup->memory.at && pages < units ? pages : units;
}

bool round_setup_has_room(const struct round_setup *setup, const struct paired_points *pair)
{
	if (pair->chase.sparse)
		return pair->chase.count <= sparse_units(setup);
	return paired_points_bytes(pair) <= setup->memory.bytes;
}

/* The larger of the guest's page and the page behind it: memory is made in multiples of it. */
static uint64_t configuration_page_bytes(const struct memory_configuration *configuration)
{
	uint64_t page_bytes = backing_page_bytes(configuration->like.backing);

	return page_bytes > configuration->like.page_bytes ? page_bytes : configuration->like.page_bytes;
}

uint64_t memory_configuration_bytes_most(
	const struct measurement *m, const struct memory_configuration *configuration, const char **limit)
{
	uint64_t page_bytes = backing_page_bytes(configuration->like.backing);
	uint64_t most = m->around->effort->memory_most_bytes, other;

	*limit = "the most that this effort uses: a higher --effort measures them";
	if (!backing_is_hugetlb(configuration->like.backing)) {
		other = m->around->memory_budget_bytes;
		if (other < most)
			*limit = "half of the available memory, and a run takes no more";
	} else if (!hugetlb_free(m->around->source, page_bytes, m->around->numa_node, &other, NULL)) {
		/* The hugetlb pool is set aside already, so that the memory that is left does not limit it. */
		other *= page_bytes;
		if (other < most)
			*limit = "all that the hugetlb pool of this page size has free";
	} else {
		other = 0;
	}
	if (other < most)
		most = other;
	return most / configuration_page_bytes(configuration) * configuration_page_bytes(configuration);
}

/* Whether this machine has the configuration's kind of pages. 0, or -ENOMEM with what to do about it. */
static int configuration_possible(
	const struct measurement *m, const struct memory_configuration *configuration, struct reason *why)
{
	uint64_t reserved;
	int error;

	if (!backing_is_hugetlb(configuration->like.backing))
		return 0;
	error = hugetlb_free(m->around->source, backing_page_bytes(configuration->like.backing), m->around->numa_node,
		&reserved, why);
	return error || !reserved ? -ENOMEM : 0;
}

/* How many memory configurations share a round's time: those whose kind of pages the machine has. At least one. */
static size_t configurations_possible(const struct measurement *m)
{
	size_t count = 0;

	for (size_t g = 0; g < m->plan->configurations; g++)
		count += !configuration_possible(m, &m->plan->configuration[g], NULL);
	return count ? count : 1;
}

/*
 * The points of a memory configuration that cannot be had, in some settings, end without a number; one point stands for
 * each curve. Points that were measured before keep their samples.
 */
static void configuration_fail(
	struct round_setup *setup, unsigned settings, enum point_status status, const struct reason *why)
{
	struct memory_configuration *configuration = setup->configuration;

	for (size_t c = 0; c < configuration->pairs; c++) {
		struct paired_points *pair = configuration->pair[c];
		bool first = true;

		for (size_t other = 0; other < c && first; other++)
			first = !plan_same_curve(setup->m->plan->bench, configuration->pair[other], pair);
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

static enum point_status status_of(int error)
{
	return error == -EIO || error == -EINVAL ? POINT_ERROR : POINT_SKIPPED;
}

/* The packed baseline lies in the largest pages that the kernel gives. */
static int packed_make(struct round_setup *setup, uint64_t lines, struct reason *why)
{
	static const enum backing best[] = { BACKING_2M_THP, BACKING_2M_HUGETLB, BACKING_4K };
	uint64_t bytes = (lines * LINE_BYTES + PAGE_2M - 1) / PAGE_2M * PAGE_2M;
	int error = -ENOMEM;

	for (size_t i = 0; error && i < sizeof(best) / sizeof(best[0]); i++)
		error = backed_alloc(&setup->packed, best[i], bytes, NULL, why);
	return error;
}

/* The memory that the unfinished points of a memory configuration need, within the limits. */
struct wish {
	uint64_t bytes; /* 0: no point is left to measure */
	uint64_t count; /* the longest chain */
	unsigned settings;
};

static struct wish configuration_wish(const struct measurement *m, const struct memory_configuration *configuration)
{
	const char *limit;
	uint64_t most = memory_configuration_bytes_most(m, configuration, &limit);
	struct wish wish = { 0 };

	for (size_t c = 0; c < configuration->pairs; c++) {
		const struct paired_points *pair = configuration->pair[c];

		wish.settings |= pair->settings;
		if (pair->finished || paired_points_bytes(pair) > most)
			continue;
		if (paired_points_bytes(pair) > wish.bytes)
			wish.bytes = paired_points_bytes(pair);
		if (pair->chase.count > wish.count)
			wish.count = pair->chase.count;
	}
	if (wish.bytes && wish.bytes < CONFIGURATION_BYTES_LEAST && !configuration->like.sparse)
		wish.bytes = CONFIGURATION_BYTES_LEAST < most ? CONFIGURATION_BYTES_LEAST : most;
	wish.bytes = (wish.bytes + configuration_page_bytes(configuration) - 1) /
		     configuration_page_bytes(configuration) * configuration_page_bytes(configuration);
	return wish;
}

void round_setup_close(struct round_setup *setup)
{
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		space_close(setup->space[s]);
	backed_free(&setup->memory);
	sparse_free(&setup->sparse);
	backed_free(&setup->packed);
}

/* Pages far apart: their addresses, this process's memory there, and dense memory behind the vCPU's. */
static int sparse_make(
	struct round_setup *setup, const struct wish *wish, const struct backed_limits *limits, struct reason *why)
{
	const struct chase *like = &setup->configuration->like;
	uint64_t page_bytes = configuration_page_bytes(setup->configuration);
	struct sparse_spec spec = {
		.backing = like->backing,
		.page_bytes = like->page_bytes,
		.distance_bytes = like->distance_bytes,
		.units = (uint32_t)wish->count,
		.scattered = like->scattered,
		.mapped = wish->settings & (SETTING_BIT(SETTING_HOST) | SETTING_BIT(SETTING_HOST_AGAIN)),
		.seed = gsl_rng_get(setup->m->around->random),
	};
	int error = sparse_alloc(&setup->sparse, &spec, limits, why);

	if (!error && wish->settings & SETTING_BIT(SETTING_VCPU))
		error = backed_alloc(&setup->memory, like->backing,
			(wish->count * like->page_bytes + page_bytes - 1) / page_bytes * page_bytes, limits, why);
	return error;
}

static double touch_share(const struct measurement *m)
{
	return m->round % FAR_ROUNDS ? TOUCH_SHARE_NEAR : TOUCH_SHARE_FAR;
}

static int round_setup_memory(struct round_setup *setup, const struct wish *wish, struct reason *why)
{
	struct measurement *m = setup->m;
	const struct chase *like = &setup->configuration->like;
	struct backed_limits limits = { .stop = m->around->stop,
		.unit_bytes = configuration_page_bytes(setup->configuration) };
	uint64_t pages;
	int error = packed_make(setup, wish->count, why);

	if (!m->around->rounds)
		limits.deadline_ns = now_ns() + (uint64_t)(touch_share(m) / (double)configurations_possible(m) *
							   m->seconds * (double)NS_PER_S);
	if (error)
		return error;
	if (like->sparse)
		error = sparse_make(setup, wish, &limits, why);
	else
		error = backed_alloc(&setup->memory, like->backing, wish->bytes, &limits, why);
	pages = setup->memory.faults_expected + setup->sparse.faults_expected;
	setup->touch_ns_per_page =
		pages ? (double)(setup->memory.touch_ns + setup->sparse.touch_ns) / (double)pages : NAN;
	return error;
}

static int round_setup_space(struct round_setup *setup, unsigned setting, struct reason *why)
{
	struct space_spec spec = {
		.setting = (enum setting)setting,
		.page_bytes = setup->configuration->like.page_bytes,
		.frames = setup->configuration->like.frames,
		.levels = setup->configuration->like.levels,
		.seed = gsl_rng_get(setup->m->around->random),
		.memory = &setup->memory,
		.sparse = setup->configuration->like.sparse ? &setup->sparse : NULL,
		.packed = &setup->packed,
	};
	int error = space_open(&spec, &setup->space[setting], why);

	if (!error)
		error = sample_lap_overhead(setup->space[setting], &setup->lap_overhead_tsc[setting], why);
	if (!error && setup->lap_overhead_tsc[setting] > setup->m->cost->lap_overhead_tsc)
		setup->m->cost->lap_overhead_tsc = setup->lap_overhead_tsc[setting];
	return error;
}

static void round_setup_drop_space(struct round_setup *setup, unsigned setting)
{
	space_close(setup->space[setting]);
	setup->space[setting] = NULL;
}

int round_setup_open(struct round_setup *setup, struct measurement *m, struct memory_configuration *configuration)
{
	struct reason why = { "" };
	struct wish wish = configuration_wish(m, configuration);
	int error;

	*setup = (struct round_setup){ .m = m, .configuration = configuration };
	error = configuration_possible(m, configuration, &why);
	if (error) {
		configuration_fail(setup, wish.settings, POINT_SKIPPED, &why);
		return error;
	}
	if (!wish.bytes)
		return -ENODATA;
	error = round_setup_memory(setup, &wish, &why);
	if (error && error != -EINTR)
		configuration_fail(setup, wish.settings, status_of(error), &why);
	for (unsigned s = 0; s < SETTING_SPACES && !error; s++) {
		if (!(wish.settings & SETTING_BIT(s)))
			continue;
		error = round_setup_space(setup, s, &why);
		if (!error || error == -EINTR)
			continue;
		configuration_fail(setup, SETTING_BIT(s), status_of(error), &why);
		round_setup_drop_space(setup, s);
		error = 0;
	}
	if (error)
		round_setup_close(setup);
	return error;
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

	return apart < leaf ? chase->count * apart / leaf : chase->count;
}

/*
 * Read back what was mapped for a point. Under shadow paging KVM's leaf is the smaller of page and backing, under
 * nested paging it is the backing's.
 */
static int mapping_verify(
	struct round_setup *setup, const struct paired_points *pair, struct point *point, struct reason *why)
{
	struct kvm_stats *stats = space_vm_stats(setup->space[point->setting]);
	const char *paging = setup->m->around->context.paging[point->setting];
	uint64_t leaf = backing_page_bytes(pair->chase.backing);
	enum kvm_count of_leaf;

	if (!stats || kvm_stats_read(stats))
		return 0;
	for (unsigned i = KVM_COUNT_PAGES_4K; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = kvm_stats_count(stats, (enum kvm_count)i);
	if (!paging)
		return 0;
	if (paging_find(paging) == PAGING_SHADOW && pair->chase.page_bytes < leaf)
		leaf = pair->chase.page_bytes;
	of_leaf = leaf == PAGE_4K ? KVM_COUNT_PAGES_4K : leaf == PAGE_2M ? KVM_COUNT_PAGES_2M : KVM_COUNT_PAGES_1G;
	if (point->kvm_pages[of_leaf] != KVM_COUNT_UNKNOWN &&
		point->kvm_pages[of_leaf] < leaves_least(&pair->chase, leaf))
		return fail(why, EIO,
			"KVM holds %" PRIu64 " leaves of %" PRIu64 " KiB where at least %" PRIu64
			" were expected: the mapping is not of the size asked for",
			point->kvm_pages[of_leaf], leaf / KIB, leaves_least(&pair->chase, leaf));
	return 0;
}

/* Judge what hardware counted in the point's last sample, and keep it. */
static int hardware_counts_add(const struct round_setup *setup, const struct paired_points *pair, struct point *point,
	struct chase_sample *sample)
{
	const struct hardware_chase chase = {
		.accesses = sample->counted_accesses,
		.pages = pair->chase.distance_bytes < pair->chase.page_bytes
				 ? pair->chase.count * pair->chase.distance_bytes / pair->chase.page_bytes
				 : pair->chase.count,
		.page_bytes = pair->chase.page_bytes,
	};

	hardware_judge(setup->m->around->context.hardware, point->setting, &chase, &sample->counts);
	return point_counts_add(&point->counts, point->samples - 1, &sample->counts, sample->counted_accesses);
}

/* One sample of a point, repeated while it is disturbed. Errors of the point stay in the point. */
static int point_measure(
	struct round_setup *setup, struct paired_points *pair, unsigned setting, struct sample_plan *plan)
{
	struct measurement *m = setup->m;
	struct point *point = &pair->point[setting];
	struct space *space = setup->space[setting];
	struct reason why = { "" };
	double values[CHASE_METRICS];
	struct chase_sample sample;
	bool sparse;
	int error = 0;

	plan->counting = hardware_turn(m->around->context.hardware, point->setting, point->samples);
	for (unsigned take = 0; take <= RETAKES; take++) {
		error = sample_take(space, plan, &sample, &why);
		if (error)
			break;
		disturbance_add(&point->disturbance, &sample.disturbance);
		if (!sample.contaminated)
			break;
		point->discarded++;
	}
	if (!error)
		error = mapping_verify(setup, pair, point, &why);
	if (error == -EINTR)
		return error;
	if (error) {
		point_fail(point, POINT_ERROR, &why);
		/* A vCPU that stopped where it should not cannot go on. The next round gets a new one. */
		round_setup_drop_space(setup, setting);
		return 0;
	}
	if (sample.contaminated) {
		point->contaminated++;
		return 0;
	}
	point->page_bytes = pair->chase.page_bytes;
	point->baseline_page_bytes = backing_page_bytes(setup->packed.backing);
	sparse = pair->chase.sparse && setting_like(point->setting) == SETTING_HOST;
	point->faults_expected = sparse ? setup->sparse.faults_expected : setup->memory.faults_expected;
	point->faults_counted = sparse ? setup->sparse.faults_counted : setup->memory.faults_counted;
	chase_values(&sample, setup->touch_ns_per_page, &m->around->context, values);
	error = point_add(point, values, sample.cycles_per_tsc, m->round);
	if (!error && plan->counting)
		error = hardware_counts_add(setup, pair, point, &sample);
	return error ? error : cost_add(m->cost, &sample);
}

/* Place the chain of a sample: in a random window of the memory, or of the units. */
static struct chain chain_place(struct round_setup *setup, const struct paired_points *pair)
{
	const gsl_rng *random = setup->m->around->random;
	const struct chase *chase = &pair->chase;
	uint64_t first;

	cycle_draw(&setup->m->cycle, (uint32_t)chase->count, random);
	if (chase->sparse) {
		first = gsl_rng_uniform_int(random, sparse_units(setup) - chase->count + 1);
		return chain_over_units(chase, setup->sparse.base + first * chase->distance_bytes,
			setup->sparse.offset + first, &setup->m->cycle, random);
	}
	first = gsl_rng_uniform_int(random, (setup->memory.bytes - paired_points_bytes(pair)) / chase->page_bytes + 1);
	return chain_over_units(
		chase, (uintptr_t)setup->memory.at + first * chase->page_bytes, NULL, &setup->m->cycle, random);
}

int round_setup_measure(struct round_setup *setup, struct paired_points *pair, unsigned visit)
{
	/* In four visits, both orders of chain and baseline meet both orders of the settings. */
	struct sample_plan plan = { .chain_first = visit & 1 };
	unsigned turn = visit >> 1;
	int error = 0;

	plan.chain = chain_place(setup, pair);
	plan.packed = chain_packed(pair->chase.count, (uintptr_t)setup->packed.at, &setup->m->cycle);
	for (unsigned i = 0; !error && i < SETTING_SPACES; i++) {
		unsigned s = (i + turn) % SETTING_SPACES;

		if (!(pair->settings & SETTING_BIT(s)) || pair->point[s].status != POINT_OK || !setup->space[s])
			continue;
		plan.lap_overhead_tsc = setup->lap_overhead_tsc[s];
		error = point_measure(setup, pair, s, &plan);
	}
	return error;
}
