#include "measure/rounds.h"

#include "measure/experiment.h"
#include "measure/round_setup.h"
#include "space/permutation.h"

#include <errno.h>
#include <gsl/gsl_randist.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * A round that still goes on this share of the time after the deadline is given up: the machine has become much slower
 * than in the rounds before.
 */
#define OVERTIME_SHARE 0.1

/*
 * Effort quick keeps memory small, as in the first round a hypervisor beneath may have to find it (3 s a GiB were
 * seen). 2 GiB are 1024 pages of 2M.
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

/*
 * A round that goes on too long is given up after OVERTIME_SHARE. Looking at the machine and writing take a few
 * seconds.
 */
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

static bool is_stopped(const struct measurement *m)
{
	return m->around->stop && m->around->stop();
}

/*
 * Paired points are finished when no more samples help. With a fixed number of rounds every sample helps. Those that need
 * more memory than a run may take never begin.
 */
static void pair_judge(
	const struct measurement *m, const struct memory_configuration *configuration, struct paired_points *pair)
{
	const char *limit;
	bool finished = true;

	if (m->plan->bench->chase &&
		paired_points_bytes(pair) > memory_configuration_bytes_most(m, configuration, &limit)) {
		pair->finished = true;
		return;
	}

	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		const struct point *point = &pair->point[s];

		if (!(pair->settings & SETTING_BIT(s)) || point->status != POINT_OK || point->exhausted)
			continue;
		if (m->around->rounds || point->samples < m->around->effort->samples_least ||
			(point->samples < m->around->effort->samples_most &&
				point_uncertainty(point, &m->around->context) > PRECISE_ENOUGH))
			finished = false;
	}
	pair->finished = finished;
}

static size_t points_finished(const struct plan *plan, bool (*is)(const struct paired_points *))
{
	size_t count = 0;

	for (size_t g = 0; g < plan->configurations; g++)
		for (size_t c = 0; c < plan->configuration[g].pairs; c++)
			if (is(plan->configuration[g].pair[c]))
				count += (size_t)__builtin_popcount(plan->configuration[g].pair[c]->settings);
	return count;
}

static bool pair_is_finished(const struct paired_points *pair)
{
	return pair->finished;
}

static bool pair_is_any(const struct paired_points *pair)
{
	(void)pair;
	return true;
}

/*
 * The points are counted here, as plan->points includes all points of skipped curves, and now one point stands for each
 * such curve.
 */
static size_t points_unfinished(const struct plan *plan)
{
	return points_finished(plan, pair_is_any) - points_finished(plan, pair_is_finished);
}

static void rounds_progress_tell(const struct measurement *m, uint64_t memory_bytes)
{
	uint64_t now = now_ns();
	struct progress progress = {
		.bench = m->plan->bench->name,
		.pass = m->plan->configuration[0].pair[0]->point[0].pass,
		.round = m->round,
		.rounds = m->around->rounds,
		.points_finished = points_finished(m->plan, pair_is_finished),
		.points = points_finished(m->plan, pair_is_any),
		.elapsed_s = (double)(now - m->start_ns) / (double)NS_PER_S,
		.left_s = now < m->deadline_ns ? (double)(m->deadline_ns - now) / (double)NS_PER_S : 0,
		.memory_bytes = memory_bytes,
	};

	if (m->around->progress)
		m->around->progress(&progress, m->around->data);
}

/* Whether to go on with the round. 0; -EINTR; -ETIME: it takes too long and is given up. */
static int go_on(const struct measurement *m)
{
	if (is_stopped(m))
		return -EINTR;
	return m->round && now_ns() > m->abort_ns ? -ETIME : 0;
}

/* Experiments make their memory and their guests themselves, so that there is nothing to set up for a round. */
static int experiments_round(struct measurement *m, struct memory_configuration *configuration, const uint32_t *order)
{
	int error = 0;

	rounds_progress_tell(m, 0);
	for (size_t i = 0; i < configuration->pairs && !error; i++) {
		struct paired_points *pair = configuration->pair[order[i]];

		if (pair->finished)
			continue;
		error = go_on(m);
		if (!error)
			error = experiment_measure(m, pair);
	}
	return error;
}

/* Visit all unfinished points of a memory configuration once, in a new order. -ETIME: the round is given up. */
static int configuration_round(struct measurement *m, struct memory_configuration *configuration)
{
	uint32_t *order = permutation_shuffled((uint32_t)configuration->pairs, gsl_rng_get(m->around->random));
	struct round_setup setup;
	int error;

	if (!order)
		return -ENOMEM;
	if (!m->plan->bench->chase) {
		error = experiments_round(m, configuration, order);
		free(order);
		return error;
	}
	error = round_setup_open(&setup, m, configuration);
	if (error) {
		free(order);
		/* The points say why. Other memory configurations may have what this one lacks. */
		return error == -EINTR || error == -ENOMEM ? (is_stopped(m) ? -EINTR : 0) : 0;
	}
	rounds_progress_tell(m, setup.memory.bytes + setup.sparse.spec.units * setup.sparse.spec.page_bytes);
	for (size_t i = 0; i < configuration->pairs && !error; i++) {
		struct paired_points *pair = configuration->pair[order[i]];

		if (pair->finished || !round_setup_has_room(&setup, pair))
			continue;
		error = go_on(m);
		if (!error)
			error = round_setup_measure(&setup, pair, m->round + order[i]);
	}
	round_setup_close(&setup);
	free(order);
	return error;
}

static int round_measure(struct measurement *m)
{
	uint32_t *order = permutation_shuffled((uint32_t)m->plan->configurations, gsl_rng_get(m->around->random));
	int error = order ? 0 : -ENOMEM;

	for (size_t g = 0; g < m->plan->configurations && !error; g++)
		error = configuration_round(m, &m->plan->configuration[order[g]]);
	free(order);
	return error;
}

/* Call a function for every point of the plan, until one returns an error. */
static int each_point(
	struct measurement *m, int (*visit)(struct measurement *, struct point *, struct reason *), struct reason *why)
{
	int error = 0;

	for (size_t g = 0; g < m->plan->configurations; g++) {
		const struct memory_configuration *configuration = &m->plan->configuration[g];

		for (size_t c = 0; c < configuration->pairs; c++)
			for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
				if (configuration->pair[c]->settings & SETTING_BIT(s))
					error = visit(m, &configuration->pair[c]->point[s], why);
	}
	return error;
}

static int point_write(struct measurement *m, struct point *point, struct reason *why)
{
	point->written = point->samples;
	return m->around->write ? m->around->write(point, m->around->data, why) : 0;
}

/*
 * Interim lines: a killed run loses at most half of a point's samples, and the file has at most twice its final size.
 */
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
	for (size_t g = 0; g < m->plan->configurations; g++)
		for (size_t c = 0; c < m->plan->configuration[g].pairs; c++)
			pair_judge(m, &m->plan->configuration[g], m->plan->configuration[g].pair[c]);
}

/* Why paired points have no samples, although nothing went wrong with them. */
static void unmeasured_reason(const struct measurement *m, const struct memory_configuration *configuration,
	const struct paired_points *pair, const struct point *point, struct reason *why)
{
	const char *limit;
	uint64_t most = memory_configuration_bytes_most(m, configuration, &limit);

	if (is_stopped(m))
		fail(why, EINTR, "interrupted before it was measured");
	else if (paired_points_bytes(pair) > most)
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

/*
 * Points that never got a sample say why; where a smaller count of the same curve says so already, they are left out.
 */
static void unmeasured_explain(struct measurement *m)
{
	for (size_t g = 0; g < m->plan->configurations; g++) {
		struct memory_configuration *configuration = &m->plan->configuration[g];

		for (size_t c = 0; c < configuration->pairs; c++)
			for (unsigned s = 0; s < SETTING_SPACES; s++) {
				struct paired_points *pair = configuration->pair[c];
				struct reason why;

				if (!(pair->settings & SETTING_BIT(s)) || pair->point[s].status != POINT_OK ||
					pair->point[s].samples)
					continue;
				unmeasured_reason(m, configuration, pair, &pair->point[s], &why);
				point_fail(&pair->point[s], POINT_SKIPPED, &why);
				/* A disturbed point says nothing about larger counts. */
				if (pair->point[s].contaminated)
					continue;
				for (size_t other = 0; other < c; other++) {
					const struct paired_points *smaller = configuration->pair[other];

					if ((smaller->settings & SETTING_BIT(s)) &&
						plan_same_curve(m->plan->bench, smaller, pair) &&
						!strcmp(smaller->point[s].reason.text, why.text))
						pair->settings &= ~SETTING_BIT(s);
				}
			}
	}
}

/*
 * Whether another round is worth beginning: it must be over by the deadline if it takes as long as its share of the
 * last.
 */
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

	for (size_t g = 0; g < m->plan->configurations; g++)
		for (size_t c = 0; c < m->plan->configuration[g].pairs; c++)
			if (m->plan->configuration[g].pair[c]->chase.count > longest)
				longest = m->plan->configuration[g].pair[c]->chase.count;
	m->cycle.order = malloc(longest * sizeof(*m->cycle.order));
	m->cycle.next = malloc(longest * sizeof(*m->cycle.next));
	return m->cycle.order && m->cycle.next ? 0 : -ENOMEM;
}

static int measurement_open(struct measurement *m)
{
	size_t bytes = m->plan->bench->experiment.state_bytes;

	if (bytes) {
		m->state = calloc(1, bytes);
		if (!m->state)
			return -ENOMEM;
	}
	return cycle_make(m);
}

static void measurement_close(struct measurement *m)
{
	const struct experiment *experiment = &m->plan->bench->experiment;

	if (m->state && experiment->end)
		experiment->end(m->state);
	free(m->state);
	free(m->cycle.order);
	free(m->cycle.next);
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
	struct measurement m = {
		.plan = plan,
		.around = around,
		.cost = cost,
		.start_ns = start,
		.deadline_ns = deadline_after(around, start, seconds),
		.abort_ns = deadline_after(around, start, seconds * (1 + OVERTIME_SHARE)),
		.seconds = seconds,
	};
	int error = measurement_open(&m), written;
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
	measurement_close(&m);
	if (error == -ENOMEM)
		fail(why, ENOMEM, "no memory left for the measurement itself");
	if (error == -ETIME)
		error = 0;
	unmeasured_explain(&m);
	written = each_point(&m, point_finish, why);
	return error ? error : written;
}
