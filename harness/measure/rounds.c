#include "measure/rounds.h"

#include "measure/scene.h"
#include "measure/trial.h"
#include "space/permutation.h"

#include <errno.h>
#include <gsl/gsl_randist.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * A round that is still going on when this share of the time has passed again is given up: the machine became much
 * slower than the rounds before let expect.
 */
#define OVERTIME_SHARE 0.1

/*
 * quick keeps memory small, as a hypervisor beneath may have none behind ours yet in the first round (seen: 3 s a GiB);
 * 2 GiB reach 1024 pages of 2M.
 */
const struct effort efforts[EFFORTS] = {
	{ "quick", "a first answer: L1 TLBs exactly, the rest roughly", 0.157, true, 5, 9, 2 * GIB },
	{ "normal", "figures to show: all that half of memory reaches", 1, false, 7, 25, 16 * GIB },
	{ "thorough", "figures to publish: tight intervals", 6.5, false, 11, 101, 1024 * GIB },
};

double effort_seconds(const struct effort *effort, const struct bench *bench)
{
	return effort->times * bench->seconds;
}

/* A round that is over time is given up after OVERTIME_SHARE; looking at the machine and writing take a few seconds. */
double effort_seconds_most(double seconds)
{
	return seconds * (1 + OVERTIME_SHARE) + 4;
}

const struct effort *effort_find(const char *name)
{
	for (size_t i = 0; i < EFFORTS; i++)
		if (!strcmp(efforts[i].name, name))
			return &efforts[i];
	return NULL;
}

static bool stopped(const struct measurement *m)
{
	return m->around->stop && m->around->stop();
}

/*
 * A cell is over when none of its points can get better. With a fixed number of rounds, each more sample makes a point
 * better. One that needs more memory than there may be never begins.
 */
static void cell_judge(const struct measurement *m, const struct ground *ground, struct cell *cell)
{
	const char *limit;
	bool finished = true;

	if (!m->plan->bench->trial && cell_bytes(cell) > ground_bytes_most(m, ground, &limit)) {
		cell->finished = true;
		return;
	}

	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		const struct point *point = &cell->point[s];

		if (!(cell->settings & SETTING_BIT(s)) || point->status != POINT_OK || point->exhausted)
			continue;
		if (m->around->rounds || point->samples < m->around->effort->samples_least ||
			(point->samples < m->around->effort->samples_most &&
				point_uncertainty(point, &m->around->context) > PRECISE_ENOUGH))
			finished = false;
	}
	cell->finished = finished;
}

static size_t points_finished(const struct plan *plan, bool (*is)(const struct cell *))
{
	size_t count = 0;

	for (size_t g = 0; g < plan->grounds; g++)
		for (size_t c = 0; c < plan->ground[g].cells; c++)
			if (is(plan->ground[g].cell[c]))
				count += (size_t)__builtin_popcount(plan->ground[g].cell[c]->settings);
	return count;
}

static bool cell_is_finished(const struct cell *cell)
{
	return cell->finished;
}

static bool cell_is_any(const struct cell *cell)
{
	(void)cell;
	return true;
}

/* Not plan->points less the finished ones: points that stand for a whole curve have taken others' place. */
static size_t points_unfinished(const struct plan *plan)
{
	return points_finished(plan, cell_is_any) - points_finished(plan, cell_is_finished);
}

static void tell(const struct measurement *m, uint64_t memory_bytes)
{
	uint64_t now = now_ns();
	struct progress progress = {
		.bench = m->plan->bench->name,
		.pass = m->plan->ground[0].cell[0]->point[0].pass,
		.round = m->round,
		.rounds = m->around->rounds,
		.points_finished = points_finished(m->plan, cell_is_finished),
		.points = points_finished(m->plan, cell_is_any),
		.elapsed_s = (double)(now - m->start_ns) / (double)NS_PER_S,
		.left_s = now < m->deadline_ns ? (double)(m->deadline_ns - now) / (double)NS_PER_S : 0,
		.memory_bytes = memory_bytes,
	};

	if (m->around->progress)
		m->around->progress(&progress, m->around->data);
}

/* Before each cell: whether to go on. -ETIME: given up. */
static int go_on(const struct measurement *m)
{
	if (stopped(m))
		return -EINTR;
	return m->round && now_ns() > m->abort_ns ? -ETIME : 0;
}

/* Cells of trials bring their own guests. */
static int trials_round(struct measurement *m, struct ground *ground, const uint32_t *order)
{
	int error = 0;

	tell(m, 0);
	for (size_t i = 0; i < ground->cells && !error; i++) {
		struct cell *cell = ground->cell[order[i]];

		if (cell->finished)
			continue;
		error = go_on(m);
		if (!error)
			error = trial_measure(m, cell);
	}
	return error;
}

/* Visit each unfinished cell of a ground once, in a new order. -ETIME: given up. */
static int ground_round(struct measurement *m, struct ground *ground)
{
	uint32_t *order = permutation_shuffled((uint32_t)ground->cells, gsl_rng_get(m->around->random));
	struct scene scene;
	int error;

	if (!order)
		return -ENOMEM;
	if (m->plan->bench->trial) {
		error = trials_round(m, ground, order);
		free(order);
		return error;
	}
	error = scene_open(&scene, m, ground);
	if (error) {
		free(order);
		/* The points say why; other grounds may have what this one has not. */
		return error == -EINTR || error == -ENOMEM ? (stopped(m) ? -EINTR : 0) : 0;
	}
	tell(m, scene.memory.bytes + scene.sparse.spec.units * scene.sparse.spec.page_bytes);
	for (size_t i = 0; i < ground->cells && !error; i++) {
		struct cell *cell = ground->cell[order[i]];

		if (cell->finished || !scene_has_room(&scene, cell))
			continue;
		error = go_on(m);
		if (!error)
			error = scene_measure(&scene, cell, m->round + order[i]);
	}
	scene_close(&scene);
	free(order);
	return error;
}

static int round_measure(struct measurement *m)
{
	uint32_t *order = permutation_shuffled((uint32_t)m->plan->grounds, gsl_rng_get(m->around->random));
	int error = order ? 0 : -ENOMEM;

	for (size_t g = 0; g < m->plan->grounds && !error; g++)
		error = ground_round(m, &m->plan->ground[order[g]]);
	free(order);
	return error;
}

/* Call a function for every point of the plan; the first error ends it. */
static int each_point(
	struct measurement *m, int (*visit)(struct measurement *, struct point *, struct reason *), struct reason *why)
{
	int error = 0;

	for (size_t g = 0; g < m->plan->grounds; g++) {
		const struct ground *ground = &m->plan->ground[g];

		for (size_t c = 0; c < ground->cells; c++)
			for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
				if (ground->cell[c]->settings & SETTING_BIT(s))
					error = visit(m, &ground->cell[c]->point[s], why);
	}
	return error;
}

static int point_write(struct measurement *m, struct point *point, struct reason *why)
{
	point->written = point->samples;
	return m->around->write ? m->around->write(point, m->around->data, why) : 0;
}

/* Interim lines bound what a killed run loses to half a point's samples, and the file to twice its size. */
static int point_checkpoint(struct measurement *m, struct point *point, struct reason *why)
{
	point_keep_round(point);
	if (point->samples < 3 || point->samples < 2 * point->written)
		return 0;
	return point_write(m, point, why);
}

static int point_finish(struct measurement *m, struct point *point, struct reason *why)
{
	point_keep_round(point);
	point->final = true;
	return point_write(m, point, why);
}

static int point_drop(struct measurement *m, struct point *point, struct reason *why)
{
	(void)why;
	point_drop_round(point, m->round);
	return 0;
}

static void judge_all(struct measurement *m)
{
	for (size_t g = 0; g < m->plan->grounds; g++)
		for (size_t c = 0; c < m->plan->ground[g].cells; c++)
			cell_judge(m, &m->plan->ground[g], m->plan->ground[g].cell[c]);
}

/* Why a cell has no samples though nothing went wrong with it. */
static void unmeasured_reason(const struct measurement *m, const struct ground *ground, const struct cell *cell,
	const struct point *point, struct reason *why)
{
	const char *limit;
	uint64_t most = ground_bytes_most(m, ground, &limit);

	if (stopped(m))
		fail(why, EINTR, "interrupted before it was measured");
	else if (cell_bytes(cell) > most)
		fail(why, ENOMEM, "this and larger counts need more than %" PRIu64 " MiB of memory under test, %s",
			most / MIB, limit);
	else if (point->contaminated)
		fail(why, EBUSY,
			"every sample was disturbed (%u taken again): the machine is too busy, or steals too much",
			point->discarded);
	else
		fail(why, ETIME,
			"touching the memory for this and larger counts takes longer than effort '%s' has: a higher --effort measures them",
			m->around->effort->name);
}

/* Points that never got a sample say why; where a smaller count of the same curve says so already, they are left out. */
static void unmeasured_explain(struct measurement *m)
{
	for (size_t g = 0; g < m->plan->grounds; g++) {
		struct ground *ground = &m->plan->ground[g];

		for (size_t c = 0; c < ground->cells; c++)
			for (unsigned s = 0; s < SETTING_SPACES; s++) {
				struct cell *cell = ground->cell[c];
				struct reason why;

				if (!(cell->settings & SETTING_BIT(s)) || cell->point[s].status != POINT_OK ||
					cell->point[s].samples)
					continue;
				unmeasured_reason(m, ground, cell, &cell->point[s], &why);
				point_fail(&cell->point[s], POINT_SKIPPED, &why);
				/* That one point was disturbed says nothing about larger counts. */
				if (cell->point[s].contaminated)
					continue;
				for (size_t other = 0; other < c; other++) {
					const struct cell *smaller = ground->cell[other];

					if ((smaller->settings & SETTING_BIT(s)) &&
						plan_same_curve(m->plan->bench, smaller, cell) &&
						!strcmp(smaller->point[s].reason.text, why.text))
						cell->settings &= ~SETTING_BIT(s);
				}
			}
	}
}

/* Whether another round is worth beginning: it must be over by the deadline if it takes as long as its share of the last. */
static bool another_round(const struct measurement *m, uint64_t last_ns, size_t unfinished_before)
{
	size_t unfinished = points_unfinished(m->plan);
	double share = unfinished_before ? (double)unfinished / (double)unfinished_before : 0;

	if (!unfinished)
		return false;
	if (m->around->rounds)
		return m->round < m->around->rounds;
	return (double)now_ns() + share * (double)last_ns <
	       (double)(m->round < m->around->effort->samples_least ? m->abort_ns : m->deadline_ns);
}

static int cycle_make(struct measurement *m)
{
	uint64_t longest = 1;

	for (size_t g = 0; g < m->plan->grounds; g++)
		for (size_t c = 0; c < m->plan->ground[g].cells; c++)
			if (m->plan->ground[g].cell[c]->chase.count > longest)
				longest = m->plan->ground[g].cell[c]->chase.count;
	m->cycle.order = malloc(longest * sizeof(*m->cycle.order));
	m->cycle.next = malloc(longest * sizeof(*m->cycle.next));
	return m->cycle.order && m->cycle.next ? 0 : -ENOMEM;
}

/* A fixed number of rounds has no deadline. */
static uint64_t deadline_after(const struct surroundings *around, uint64_t start_ns, double seconds)
{
	return around->rounds ? UINT64_MAX : start_ns + (uint64_t)(seconds * (double)NS_PER_S);
}

int rounds_measure(struct plan *plan, const struct surroundings *around, double seconds, struct clock_cost *cost,
	struct reason *why)
{
	uint64_t start = now_ns();
	struct fresh fresh = { 0 };
	struct measurement m = {
		.plan = plan,
		.around = around,
		.cost = cost,
		.start_ns = start,
		.deadline_ns = deadline_after(around, start, seconds),
		.abort_ns = deadline_after(around, start, seconds * (1 + OVERTIME_SHARE)),
		.seconds = seconds,
		.fresh = &fresh,
	};
	int error = cycle_make(&m), written;
	bool again = !error && plan->points;

	while (again) {
		uint64_t began = now_ns();
		size_t unfinished = points_unfinished(plan);

		error = round_measure(&m);
		if (error == -ETIME || (error == -EINTR && m.round))
			each_point(&m, point_drop, NULL);
		if (error)
			break;
		judge_all(&m);
		error = each_point(&m, point_checkpoint, why);
		m.round++;
		again = !error && another_round(&m, now_ns() - began, unfinished);
	}
	free(m.cycle.order);
	free(m.cycle.next);
	fresh_close(&fresh);
	if (error == -ENOMEM)
		fail(why, ENOMEM, "no memory left for the measurement itself");
	if (error == -ETIME)
		error = 0;
	unmeasured_explain(&m);
	written = each_point(&m, point_finish, why);
	return error ? error : written;
}
