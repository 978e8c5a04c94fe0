#include "measure/scene.h"

#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory under test is at least this, so that a small chase, too, lies on other pages in every round: the window it
 * uses is drawn from all of it. 64 MiB are 32 windows of a 2M page, and touched in 50 ms.
 */
#define GROUND_BYTES_LEAST (64 * MIB)

/* No more than this share of the time goes into touching memory in one round of one ground. */
#define TOUCH_SHARE 0.08

uint64_t cell_bytes(const struct cell *cell)
{
	return cell->chase.pages * cell->chase.stride_pages * cell->chase.page_bytes;
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
	/* Whole pages of the guest, whole pages behind it. */
	if (page_bytes < ground->like.page_bytes)
		page_bytes = ground->like.page_bytes;
	return most / page_bytes * page_bytes;
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
		for (unsigned s = 0; s < SETTING_COUNT; s++) {
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

/* How much memory the unfinished cells of a ground want, within what is allowed. 0: nothing is left to do. */
static uint64_t ground_bytes(const struct measurement *m, const struct ground *ground, uint64_t *lines)
{
	const char *limit;
	uint64_t most = ground_bytes_most(m, ground, &limit), bytes = 0,
		 page_bytes = backing_page_bytes(ground->like.backing);

	*lines = 0;
	for (size_t c = 0; c < ground->cells; c++) {
		const struct cell *cell = ground->cell[c];

		if (cell->finished || cell_bytes(cell) > most)
			continue;
		if (cell_bytes(cell) > bytes)
			bytes = cell_bytes(cell);
		if (cell->chase.pages > *lines)
			*lines = cell->chase.pages;
	}
	if (!bytes)
		return 0;
	if (page_bytes < ground->like.page_bytes)
		page_bytes = ground->like.page_bytes;
	if (bytes < GROUND_BYTES_LEAST)
		bytes = GROUND_BYTES_LEAST < most ? GROUND_BYTES_LEAST : most;
	return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

void scene_close(struct scene *scene)
{
	for (unsigned s = 0; s < SETTING_COUNT; s++)
		space_close(scene->space[s]);
	backed_free(&scene->memory);
	backed_free(&scene->packed);
}

static int scene_memory(struct scene *scene, uint64_t bytes, uint64_t lines, struct reason *why)
{
	struct measurement *m = scene->m;
	struct backed_limits limits = {
		.stop = m->around->stop,
		.deadline_ns = now_ns() + (uint64_t)(TOUCH_SHARE * m->seconds * (double)NS_PER_S),
	};
	int error = packed_make(scene, lines, why);

	if (!error)
		error = backed_alloc(&scene->memory, scene->ground->like.backing, bytes, &limits, why);
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
	unsigned settings = 0;
	uint64_t lines, bytes;
	int error;

	*scene = (struct scene){ .m = m, .ground = ground };
	for (size_t c = 0; c < ground->cells; c++)
		settings |= ground->cell[c]->settings;
	error = ground_possible(m, ground, &why);
	if (error) {
		ground_fail(scene, settings, POINT_SKIPPED, &why);
		return error;
	}
	bytes = ground_bytes(m, ground, &lines);
	if (!bytes)
		return -ENODATA;
	error = scene_memory(scene, bytes, lines, &why);
	if (error && error != -EINTR)
		ground_fail(scene, settings, status_of(error), &why);
	for (unsigned s = 0; s < SETTING_COUNT && !error; s++) {
		if (!(settings & SETTING_BIT(s)))
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

/*
 * What was mapped for a point, read back. Under shadow paging KVM's leaf is the smaller of page and backing, under
 * nested paging it is the backing's; the fewest leaves that can cover the pages touched must be there.
 */
static int mapping_verify(struct scene *scene, const struct cell *cell, struct point *point, struct reason *why)
{
	struct kvm_stats *stats = space_vm_stats(scene->space[point->setting]);
	const char *paging = scene->m->around->context.paging[point->setting];
	uint64_t leaf = backing_page_bytes(cell->chase.backing), span = cell_bytes(cell);
	enum kvm_count of_leaf;
	uint64_t expected;

	if (!stats || kvm_stats_read(stats))
		return 0;
	for (unsigned i = KVM_COUNT_PAGES_4K; i < KVM_COUNTS; i++)
		point->kvm_pages[i] = kvm_stats_count(stats, (enum kvm_count)i);
	if (!paging)
		return 0;
	if (!strcmp(paging, "shadow") && cell->chase.page_bytes < leaf)
		leaf = cell->chase.page_bytes;
	of_leaf = leaf == PAGE_4K ? KVM_COUNT_PAGES_4K : leaf == PAGE_2M ? KVM_COUNT_PAGES_2M : KVM_COUNT_PAGES_1G;
	expected = span / cell->chase.pages < leaf ? span / leaf : cell->chase.pages;
	if (point->kvm_pages[of_leaf] != KVM_COUNT_UNKNOWN && point->kvm_pages[of_leaf] < expected)
		return fail(why, EIO,
			"KVM holds %" PRIu64 " leaves of %" PRIu64 " KiB where at least %" PRIu64
			" were expected: the mapping is not of the size asked for",
			point->kvm_pages[of_leaf], leaf / KIB, expected);
	return 0;
}

/* One sample of a point, taken again while contaminated. Errors of the point stay in the point. */
static int point_measure(struct scene *scene, struct cell *cell, unsigned setting, const struct sample_plan *plan)
{
	struct measurement *m = scene->m;
	struct point *point = &cell->point[setting];
	struct space *space = scene->space[setting];
	struct reason why = { "" };
	struct sample sample;
	int error = 0;

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
	point->faults_expected = scene->memory.faults_expected;
	point->faults_counted = scene->memory.faults_counted;
	error = point_add(point, &sample, m->round, &m->around->context);
	return error ? error : cost_add(m->cost, &sample);
}

int scene_measure(struct scene *scene, struct cell *cell, unsigned visit)
{
	struct measurement *m = scene->m;
	const struct chase *chase = &cell->chase;
	uint64_t windows = scene->memory.bytes / chase->page_bytes - chase->pages * chase->stride_pages + 1;
	uint64_t first = gsl_rng_uniform_int(m->around->random, windows);
	/* Four visits see both orders of chain and baseline with both orders of the settings. */
	struct sample_plan plan = { .chain_first = visit & 1 };
	unsigned turn = visit >> 1;
	int error = 0;

	cycle_draw(&m->cycle, (uint32_t)chase->pages, m->around->random);
	plan.chain = chain_over_pages(
		chase, (uintptr_t)scene->memory.at + first * chase->page_bytes, &m->cycle, m->around->random);
	plan.packed = chain_packed(chase->pages, (uintptr_t)scene->packed.at, &m->cycle);
	for (unsigned i = 0; !error && i < SETTING_COUNT; i++) {
		unsigned s = (i + turn) % SETTING_COUNT;

		if (!(cell->settings & SETTING_BIT(s)) || cell->point[s].status != POINT_OK || !scene->space[s])
			continue;
		plan.lap_overhead_tsc = scene->lap_overhead_tsc[s];
		error = point_measure(scene, cell, s, &plan);
	}
	return error;
}
