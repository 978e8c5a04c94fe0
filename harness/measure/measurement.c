#include "measure/measurement.h"

#include "system/sibling_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int cycle_make(struct measurement *m)
{
	uint64_t longest = 1;

	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++)
			if (m->plan.configuration[g].pair[c]->chase.count > longest)
				longest = m->plan.configuration[g].pair[c]->chase.count;
	m->cycle.order = malloc(longest * sizeof(*m->cycle.order));
	m->cycle.next = malloc(longest * sizeof(*m->cycle.next));
	return m->cycle.order && m->cycle.next ? 0 : -ENOMEM;
}

/*
 * Paired points are finished when no more samples help. With a fixed number of rounds every sample helps. Those that need
 * more memory than there is never begin. The control needs no precision of its own: it has a sample in each second round.
 */
static void pair_judge(
	const struct measurement *m, const struct memory_configuration *configuration, struct paired_points *pair)
{
	const struct effort *effort = m->around->effort;
	/* Where there is none at all, the first round finds out why. */
	uint64_t memory = m->plan.bench->chase ? workspace_bytes_most(m->around->workspace, configuration) : 0;
	bool finished = true;

	if (memory && paired_points_bytes(pair) > memory) {
		pair->finished = true;
		return;
	}
	for (unsigned s = 0; s < SETTING_SPACES; s++) {
		const struct point *point = &pair->point[s];

		if (!(pair->settings & SETTING_BIT(s)) || s == SETTING_HOST_AGAIN || point->status != POINT_OK ||
			point->exhausted || point->kept)
			continue;
		if (m->around->rounds || point_samples_counted(point) < effort->samples_least ||
			(point->samples < effort->samples_most &&
				point_uncertainty(point, &m->around->context) > PRECISE_ENOUGH))
			finished = false;
	}
	pair->finished = finished;
}

static void judge_all(struct measurement *m)
{
	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++)
			pair_judge(m, &m->plan.configuration[g], m->plan.configuration[g].pair[c]);
}

int measurement_begin(struct measurement *m)
{
	size_t bytes = m->plan.bench->experiment.state_bytes;

	m->round = 0;
	m->pass_used_ns = 0;
	if (bytes) {
		m->state = calloc(1, bytes);
		if (!m->state)
			return -ENOMEM;
	}
	if (m->around->restore && m->around->restore(m, m->around->data))
		return -ENOMEM;
	judge_all(m);
	return cycle_make(m);
}

void measurement_end(struct measurement *m)
{
	const struct experiment *experiment = &m->plan.bench->experiment;

	if (m->state && experiment->end)
		experiment->end(m->state);
	free(m->state);
	sibling_load_stop(m->sibling);
	free(m->cycle.order);
	free(m->cycle.next);
	m->sibling = NULL;
	m->state = NULL;
	m->cycle = (struct cycle){ 0 };
}

double measurement_used_s(const struct measurement *m)
{
	uint64_t now = m->round_began_ns ? now_ns() - m->round_began_ns : 0;

	return (double)(m->pass_used_ns + now) / (double)NS_PER_S;
}

double measurement_at_s(const struct measurement *m)
{
	return (double)(now_ns() - m->around->start_ns) / (double)NS_PER_S;
}

bool measurement_has_time(const struct measurement *m)
{
	return measurement_used_s(m) < m->pass_seconds;
}

bool measurement_is_overdue(const struct measurement *m)
{
	return m->round && measurement_used_s(m) > m->pass_seconds * (1 + OVERTIME_SHARE);
}

int measurement_each_point(struct measurement *m, point_visit visit, struct reason *why)
{
	int error = 0;

	for (size_t g = 0; g < m->plan.configurations; g++) {
		const struct memory_configuration *configuration = &m->plan.configuration[g];

		for (size_t c = 0; c < configuration->pairs; c++)
			for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
				if (configuration->pair[c]->settings & SETTING_BIT(s))
					error = visit(m, &configuration->pair[c]->point[s], why);
	}
	return error;
}

static size_t points_count(const struct measurement *m, bool finished_only)
{
	size_t count = 0;

	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++)
			if (m->plan.configuration[g].pair[c]->finished || !finished_only)
				count += (size_t)__builtin_popcount(m->plan.configuration[g].pair[c]->settings);
	return count;
}

/* The points are counted, as plan.points includes all points of skipped curves, and one point stands for each of those. */
size_t measurement_points(const struct measurement *m)
{
	return points_count(m, false);
}

size_t measurement_points_finished(const struct measurement *m)
{
	return points_count(m, true);
}

static int point_write(struct measurement *m, struct point *point, struct reason *why)
{
	return m->around->write ? m->around->write(point, m->around->data, why) : 0;
}

int measurement_sampled(struct measurement *m, struct point *point)
{
	return m->around->sampled ? m->around->sampled(point, m->around->data, &m->failure) : 0;
}

static int round_keep(struct measurement *m, struct point *point, struct reason *why)
{
	(void)m;
	(void)why;
	point_keep_round(point);
	return 0;
}

void measurement_judge(struct measurement *m)
{
	judge_all(m);
	measurement_each_point(m, round_keep, NULL);
}

static int round_drop(struct measurement *m, struct point *point, struct reason *why)
{
	bool has = point_has_round(point, m->round);

	point_drop_round(point, m->round);
	return has && m->around->dropped ? m->around->dropped(point, m->round, m->around->data, why) : 0;
}

int measurement_drop_round(struct measurement *m, struct reason *why)
{
	return measurement_each_point(m, round_drop, why);
}

/* Why paired points have no samples, although nothing went wrong with them. */
static void unmeasured_reason(const struct measurement *m, const struct memory_configuration *configuration,
	const struct paired_points *pair, const struct point *point, struct reason *why)
{
	uint64_t most = m->plan.bench->chase ? workspace_bytes_most(m->around->workspace, configuration) : UINT64_MAX;

	if (m->around->stop && m->around->stop())
		fail(why, EINTR, "interrupted before it was measured");
	else if (paired_points_bytes(pair) > most)
		workspace_limit_tell(m->around->workspace, configuration, paired_points_bytes(pair), why);
	else if (point->contaminated)
		fail(why, EBUSY,
			"every sample was disturbed (%u taken again): the machine is too busy, or steals too much",
			point->discarded);
	else
		fail(why, ETIME, "effort '%s' has no time for this and larger counts: a higher --effort measures them",
			m->around->effort->name);
}

/* Points that never got a sample say why. Where a smaller count of the same curve says so already, they are left out. */
static void pair_explain(struct measurement *m, struct memory_configuration *configuration, size_t c, unsigned s)
{
	struct paired_points *pair = configuration->pair[c];
	struct reason why;

	if (!(pair->settings & SETTING_BIT(s)) || pair->point[s].status != POINT_OK || pair->point[s].samples)
		return;
	unmeasured_reason(m, configuration, pair, &pair->point[s], &why);
	point_fail(&pair->point[s], POINT_SKIPPED, &why);
	/* A disturbed point says nothing about larger counts. */
	if (pair->point[s].contaminated)
		return;
	for (size_t other = 0; other < c; other++) {
		const struct paired_points *smaller = configuration->pair[other];

		if ((smaller->settings & SETTING_BIT(s)) && plan_same_curve(m->plan.bench, smaller, pair) &&
			!strcmp(smaller->point[s].reason.text, why.text))
			pair->settings &= ~SETTING_BIT(s);
	}
}

/* A control that was not measured says nothing that the host's own point does not. */
static void controls_drop(struct measurement *m)
{
	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++) {
			struct paired_points *pair = m->plan.configuration[g].pair[c];

			if (pair->point[SETTING_HOST_AGAIN].status == POINT_SKIPPED)
				pair->settings &= ~SETTING_BIT(SETTING_HOST_AGAIN);
		}
}

static int point_finish(struct measurement *m, struct point *point, struct reason *why)
{
	point_keep_round(point);
	point->final = true;
	return point_write(m, point, why);
}

int measurement_finish(struct measurement *m, struct reason *why)
{
	bool stopped = m->around->stop && m->around->stop();

	for (size_t g = 0; g < m->plan.configurations; g++)
		for (size_t c = 0; c < m->plan.configuration[g].pairs; c++)
			for (unsigned s = 0; s < SETTING_SPACES; s++) {
				struct paired_points *pair = m->plan.configuration[g].pair[c];

				pair->point[s].interrupted = stopped && !pair->finished;
				pair_explain(m, &m->plan.configuration[g], c, s);
			}
	controls_drop(m);
	return measurement_each_point(m, point_finish, why);
}
