#include "measure/scene.h"

#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory under test is at least this, so that a small chase, too, lies on other pages in every round: the window it
 * uses is drawn from all of it. 64 MiB are 32 windows of a 2M page, and touched in 50 ms.
 */
#define GROUND_BYTES_LEAST (64 * MIB)

/*
 * No more than this share of the time goes into touching memory in one round, all grounds together. Every fourth round,
 * the first among them, reaches far; those between stay with what is touched quickly, so that small chases get their
 * samples where memory is dear (a hypervisor beneath that has to find it first: seen, 3 to 6 s a GiB).
 */
#define TOUCH_SHARE_FAR 0.4
#define TOUCH_SHARE_NEAR 0.04
#define FAR_ROUNDS 4

uint64_t cell_bytes(const struct cell *cell)
{
	const struct chase *chase = &cell->chase;

	/* A copy for this process and one for the vCPU: far apart, the two cannot share a memory slot. */
	if (chase->sparse)
		return chase->count * chase->page_bytes * (uint64_t)__builtin_popcount(cell->settings);
	return chase->count * chase->distance_bytes;
}

/* Units that exist for both settings. */
static uint64_t sparse_units(const struct scene *scene)
{
	uint64_t units = scene->sparse.spec.units, pages = scene->memory.bytes / scene->ground->like.page_bytes;

	return scene->memory.at && pages < units ? pages : units;
}

bool scene_has_room(const struct scene *scene, const struct cell *cell)
{
	if (cell->chase.sparse)
		return cell->chase.count <= sparse_units(scene);
	return cell_bytes(cell) <= scene->memory.bytes;
}

/* Whole pages of the guest, whole pages behind it. */
static uint64_t ground_page_bytes(const struct ground *ground)
{
	uint64_t page_bytes = backing_page_bytes(ground->like.backing);

	return page_bytes > ground->like.page_bytes ? page_bytes : ground->like.page_bytes;
}

uint64_t ground_bytes_most(const struct measurement *m, const struct ground *ground, const char **limit)
{
	uint64_t page_bytes = backing_page_bytes(ground->like.backing);
	uint64_t most = m->around->effort->memory_most_bytes, other;

	*limit = "the most that this effort uses: a higher --effort measures them";
	if (!backing_is_hugetlb(ground->like.backing)) {
		other = m->around->memory_budget_bytes;
		if (other < most)
			*limit = "half of the available memory, and a run takes no more";
	} else if (!hugetlb_free(m->around->source, page_bytes, m->around->numa_node, &other, NULL)) {
		/* The pool is set aside already: what is left of the other memory is no limit to it. */
		other *= page_bytes;
		if (other < most)
			*limit = "all that the hugetlb pool of this page size has free";
	} else {
		other = 0;
	}
	if (other < most)
		most = other;
	return most / ground_page_bytes(ground) * ground_page_bytes(ground);
}

/* Whether the ground's kind of pages can be had at all. 0, or -ENOMEM with what to do. */
static int ground_possible(const struct measurement *m, const struct ground *ground, struct reason *why)
{
	uint64_t reserved;
	int error;

	if (!backing_is_hugetlb(ground->like.backing))
		return 0;
	error = hugetlb_free(
		m->around->source, backing_page_bytes(ground->like.backing), m->around->numa_node, &reserved, why);
	return error || !reserved ? -ENOMEM : 0;
}

/* Grounds that share a round's time: those whose kind of pages there is. At least one. */
static size_t grounds_possible(const struct measurement *m)
{
	size_t count = 0;

	for (size_t g = 0; g < m->plan->grounds; g++)
		count += !ground_possible(m, &m->plan->ground[g], NULL);
	return count ? count : 1;
}

/*
 * The points of a ground that cannot be had, in some settings, end without a number; one point stands for each curve.
 * Points that were measured before keep what they have.
 */
static void ground_fail(struct scene *scene, unsigned settings, enum point_status status, const struct reason *why)
{
	struct ground *ground = scene->ground;

	for (size_t c = 0; c < ground->cells; c++) {
		struct cell *cell = ground->cell[c];
		bool first = true;

		for (size_t other = 0; other < c && first; other++)
			first = !plan_same_curve(scene->m->plan->bench, ground->cell[other], cell);
		for (unsigned s = 0; s < SETTING_SPACES; s++) {
			struct point *point = &cell->point[s];

			if (!(cell->settings & settings & SETTING_BIT(s)) || point->samples)
				continue;
			point_fail(point, status, why);
			point->without_pages = true;
			/* Only the first of a curve is written: the others would say the same. */
			if (!first)
				cell->settings &= ~SETTING_BIT(s);
		}
	}
}

static enum point_status status_of(int error)
{
	return error == -EIO || error == -EINVAL ? POINT_ERROR : POINT_SKIPPED;
}

/* The packed baseline lies in the largest pages that are there. */
static int packed_make(struct scene *scene, uint64_t lines, struct reason *why)
{
	static const enum backing best[] = { BACKING_2M_THP, BACKING_2M_HUGETLB, BACKING_4K };
	uint64_t bytes = (lines * LINE_BYTES + PAGE_2M - 1) / PAGE_2M * PAGE_2M;
	int error = -ENOMEM;

	for (size_t i = 0; error && i < sizeof(best) / sizeof(best[0]); i++)
		error = backed_alloc(&scene->packed, best[i], bytes, NULL, why);
	return error;
}

/* What the unfinished cells of a ground want, within what is allowed. */
struct wish {
	uint64_t bytes; /* 0: nothing is left to do */
	uint64_t count; /* the longest chain */
	unsigned settings;
};

static struct wish ground_wish(const struct measurement *m, const struct ground *ground)
{
	const char *limit;
	uint64_t most = ground_bytes_most(m, ground, &limit);
	struct wish wish = { 0 };

	for (size_t c = 0; c < ground->cells; c++) {
		const struct cell *cell = ground->cell[c];

		wish.settings |= cell->settings;
		if (cell->finished || cell_bytes(cell) > most)
			continue;
		if (cell_bytes(cell) > wish.bytes)
			wish.bytes = cell_bytes(cell);
		if (cell->chase.count > wish.count)
			wish.count = cell->chase.count;
	}
	if (wish.bytes && wish.bytes < GROUND_BYTES_LEAST && !ground->like.sparse)
		wish.bytes = GROUND_BYTES_LEAST < most ? GROUND_BYTES_LEAST : most;
	wish.bytes =
		(wish.bytes + ground_page_bytes(ground) - 1) / ground_page_bytes(ground) * ground_page_bytes(ground);
	return wish;
}

void scene_close(struct scene *scene)
{
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		space_close(scene->space[s]);
	backed_free(&scene->memory);
	sparse_free(&scene->sparse);
	backed_free(&scene->packed);
}

/* Pages far apart: their addresses, this process's memory there, and dense memory behind the vCPU's. */
static int sparse_make(
	struct scene *scene, const struct wish *wish, const struct backed_limits *limits, struct reason *why)
{
	const struct chase *like = &scene->ground->like;
	uint64_t page_bytes = ground_page_bytes(scene->ground);
	struct sparse_spec spec = {
		.backing = like->backing,
		.page_bytes = like->page_bytes,
		.distance_bytes = like->distance_bytes,
		.units = (uint32_t)wish->count,
		.scattered = like->scattered,
		.mapped = wish->settings & SETTING_BIT(SETTING_HOST),
		.seed = gsl_rng_get(scene->m->around->random),
	};
	int error = sparse_alloc(&scene->sparse, &spec, limits, why);

	if (!error && wish->settings & SETTING_BIT(SETTING_VCPU))
		error = backed_alloc(&scene->memory, like->backing,
			(wish->count * like->page_bytes + page_bytes - 1) / page_bytes * page_bytes, limits, why);
	return error;
}

static double touch_share(const struct measurement *m)
{
	return m->round % FAR_ROUNDS ? TOUCH_SHARE_NEAR : TOUCH_SHARE_FAR;
}

static int scene_memory(struct scene *scene, const struct wish *wish, struct reason *why)
{
	struct measurement *m = scene->m;
	const struct chase *like = &scene->ground->like;
	struct backed_limits limits = { .stop = m->around->stop, .unit_bytes = ground_page_bytes(scene->ground) };
	uint64_t pages;
	int error = packed_make(scene, wish->count, why);

	if (!m->around->rounds)
		limits.deadline_ns = now_ns() + (uint64_t)(touch_share(m) / (double)grounds_possible(m) * m->seconds *
							   (double)NS_PER_S);
	if (error)
		return error;
	if (like->sparse)
		error = sparse_make(scene, wish, &limits, why);
	else
		error = backed_alloc(&scene->memory, like->backing, wish->bytes, &limits, why);
	pages = scene->memory.faults_expected + scene->sparse.faults_expected;
	scene->touch_ns_per_page =
		pages ? (double)(scene->memory.touch_ns + scene->sparse.touch_ns) / (double)pages : NAN;
	return error;
}

static int scene_space(struct scene *scene, unsigned setting, struct reason *why)
{
	struct space_spec spec = {
		.setting = (enum setting)setting,
		.page_bytes = scene->ground->like.page_bytes,
		.frames = scene->ground->like.frames,
		.levels = scene->ground->like.levels,
		.seed = gsl_rng_get(scene->m->around->random),
		.memory = &scene->memory,
		.sparse = scene->ground->like.sparse ? &scene->sparse : NULL,
		.packed = &scene->packed,
	};
	int error = space_open(&spec, &scene->space[setting], why);

	if (!error)
		error = sample_lap_overhead(scene->space[setting], &scene->lap_overhead_tsc[setting], why);
	if (!error && scene->lap_overhead_tsc[setting] > scene->m->cost->lap_overhead_tsc)
		scene->m->cost->lap_overhead_tsc = scene->lap_overhead_tsc[setting];
	return error;
}

static void scene_drop_space(struct scene *scene, unsigned setting)
{
	space_close(scene->space[setting]);
	scene->space[setting] = NULL;
}

int scene_open(struct scene *scene, struct measurement *m, struct ground *ground)
{
	struct reason why = { "" };
	struct wish wish = ground_wish(m, ground);
	int error;

	*scene = (struct scene){ .m = m, .ground = ground };
	error = ground_possible(m, ground, &why);
	if (error) {
		ground_fail(scene, wish.settings, POINT_SKIPPED, &why);
		return error;
	}
	if (!wish.bytes)
		return -ENODATA;
	error = scene_memory(scene, &wish, &why);
	if (error && error != -EINTR)
		ground_fail(scene, wish.settings, status_of(error), &why);
	for (unsigned s = 0; s < SETTING_SPACES && !error; s++) {
		if (!(wish.settings & SETTING_BIT(s)))
			continue;
		error = scene_space(scene, s, &why);
		if (!error || error == -EINTR)
			continue;
		ground_fail(scene, SETTING_BIT(s), status_of(error), &why);
		scene_drop_space(scene, s);
		error = 0;
	}
	if (error)
		scene_close(scene);
	return error;
}

static int cost_add(struct clock_cost *cost, const struct sample *sample)
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
 * What was mapped for a point, read back. Under shadow paging KVM's leaf is the smaller of page and backing, under
 * nested paging it is the backing's.
 */
static int mapping_verify(struct scene *scene, const struct cell *cell, struct point *point, struct reason *why)
{
	struct kvm_stats *stats = space_vm_stats(scene->space[point->setting]);
	const char *paging = scene->m->around->context.paging[point->setting];
	uint64_t leaf = backing_page_bytes(cell->chase.backing);
	enum kvm_count of_leaf;

	if (!stats || kvm_stats_read(stats))
		return 0;
	for (unsigned i = KVM_COUNT_PAGES_4K; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = kvm_stats_count(stats, (enum kvm_count)i);
	if (!paging)
		return 0;
	if (!strcmp(paging, "shadow") && cell->chase.page_bytes < leaf)
		leaf = cell->chase.page_bytes;
	of_leaf = leaf == PAGE_4K ? KVM_COUNT_PAGES_4K : leaf == PAGE_2M ? KVM_COUNT_PAGES_2M : KVM_COUNT_PAGES_1G;
	if (point->kvm_pages[of_leaf] != KVM_COUNT_UNKNOWN &&
		point->kvm_pages[of_leaf] < leaves_least(&cell->chase, leaf))
		return fail(why, EIO,
			"KVM holds %" PRIu64 " leaves of %" PRIu64 " KiB where at least %" PRIu64
			" were expected: the mapping is not of the size asked for",
			point->kvm_pages[of_leaf], leaf / KIB, leaves_least(&cell->chase, leaf));
	return 0;
}

/* What hardware counted in the sample that the point has just got. */
static int counts_add(const struct scene *scene, const struct cell *cell, struct point *point, struct sample *sample)
{
	const struct hardware_chase chase = {
		.accesses = sample->counted_accesses,
		.pages = cell->chase.distance_bytes < cell->chase.page_bytes
				 ? cell->chase.count * cell->chase.distance_bytes / cell->chase.page_bytes
				 : cell->chase.count,
		.page_bytes = cell->chase.page_bytes,
	};

	hardware_judge(scene->m->around->context.hardware, point->setting, &chase, &sample->counts);
	return point_counts_add(&point->counts, point->samples - 1, &sample->counts, sample->counted_accesses);
}

/* One sample of a point, taken again while contaminated. Errors of the point stay in the point. */
static int point_measure(struct scene *scene, struct cell *cell, unsigned setting, struct sample_plan *plan)
{
	struct measurement *m = scene->m;
	struct point *point = &cell->point[setting];
	struct space *space = scene->space[setting];
	struct reason why = { "" };
	double values[CHASE_METRICS];
	struct sample sample;
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
		error = mapping_verify(scene, cell, point, &why);
	if (error == -EINTR)
		return error;
	if (error) {
		point_fail(point, POINT_ERROR, &why);
		/* A vCPU that stopped out of turn cannot go on; a new round gets a new one. */
		scene_drop_space(scene, setting);
		return 0;
	}
	if (sample.contaminated) {
		point->contaminated++;
		return 0;
	}
	point->page_bytes = cell->chase.page_bytes;
	point->baseline_page_bytes = backing_page_bytes(scene->packed.backing);
	sparse = cell->chase.sparse && setting == SETTING_HOST;
	point->faults_expected = sparse ? scene->sparse.faults_expected : scene->memory.faults_expected;
	point->faults_counted = sparse ? scene->sparse.faults_counted : scene->memory.faults_counted;
	chase_values(&sample, scene->touch_ns_per_page, &m->around->context, values);
	error = point_add(point, values, sample.cycles_per_tsc, m->round);
	if (!error && plan->counting)
		error = counts_add(scene, cell, point, &sample);
	return error ? error : cost_add(m->cost, &sample);
}

/* Where a cell's chain lies this time: a random window of the memory, or of the units. */
static struct chain place(struct scene *scene, const struct cell *cell)
{
	const gsl_rng *random = scene->m->around->random;
	const struct chase *chase = &cell->chase;
	uint64_t first;

	cycle_draw(&scene->m->cycle, (uint32_t)chase->count, random);
	if (chase->sparse) {
		first = gsl_rng_uniform_int(random, sparse_units(scene) - chase->count + 1);
		return chain_over_units(chase, scene->sparse.base + first * chase->distance_bytes,
			scene->sparse.offset + first, &scene->m->cycle, random);
	}
	first = gsl_rng_uniform_int(random, (scene->memory.bytes - cell_bytes(cell)) / chase->page_bytes + 1);
	return chain_over_units(
		chase, (uintptr_t)scene->memory.at + first * chase->page_bytes, NULL, &scene->m->cycle, random);
}

int scene_measure(struct scene *scene, struct cell *cell, unsigned visit)
{
	/* Four visits see both orders of chain and baseline with both orders of the settings. */
	struct sample_plan plan = { .chain_first = visit & 1 };
	unsigned turn = visit >> 1;
	int error = 0;

	plan.chain = place(scene, cell);
	plan.packed = chain_packed(cell->chase.count, (uintptr_t)scene->packed.at, &scene->m->cycle);
	for (unsigned i = 0; !error && i < SETTING_SPACES; i++) {
		unsigned s = (i + turn) % SETTING_SPACES;

		if (!(cell->settings & SETTING_BIT(s)) || cell->point[s].status != POINT_OK || !scene->space[s])
			continue;
		plan.lap_overhead_tsc = scene->lap_overhead_tsc[s];
		error = point_measure(scene, cell, s, &plan);
	}
	return error;
}
