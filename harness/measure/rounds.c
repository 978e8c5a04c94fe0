#include "measure/rounds.h"

#include "measure/chase.h"
#include "measure/experiment.h"
#include "space/permutation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Effort quick keeps memory small, as a hypervisor beneath may have to find it (3 to 6 s a GiB were seen): 512 MiB are
 * 256 pages of 2M, more than the first TLB level holds.
 */
const struct effort efforts[EFFORTS] = {
	{ "quick", "a first answer of each bench, at few values", 0.078, true, 5, 9, 512 * MIB },
	{ "normal", "figures to show", 1, false, 15, 25, 4 * GIB },
	{ "thorough", "figures to publish: tight intervals", 12, false, 25, 101, 1024 * GIB },
};

double effort_seconds(const struct effort *effort, const struct bench *bench)
{
	return effort->times * bench->seconds;
}

/* Looking at the machine and writing take a few seconds. */
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

/* All benches that are being measured. */
struct benches {
	struct measurement *list;
	size_t count;
};

static double seconds_left(const struct benches *benches)
{
	double left = 0;

	for (size_t i = 0; i < benches->count; i++) {
		const struct measurement *m = &benches->list[i];

		if (!m->over)
			left += fmax(m->seconds - (double)m->used_ns / (double)NS_PER_S, 0);
	}
	return left;
}

static void rounds_progress_tell(const struct benches *benches, const struct measurement *m)
{
	const struct surroundings *around = m->around;
	struct progress progress = {
		.bench = m->plan.bench->name,
		.pass = m->plan.configuration[0].pair[0]->point[0].pass,
		.round = m->round,
		.rounds = around->rounds,
		.points_finished = measurement_points_finished(m),
		.points = measurement_points(m),
		.left_s = seconds_left(benches),
		.memory_bytes = around->workspace ? arenas_bytes(&around->workspace->arenas) : 0,
	};

	if (around->progress)
		around->progress(&progress, around->data);
}

/* Whether to go on with the round. 0; -EINTR; -ETIME: it takes too long and is given up. */
static int go_on(const struct measurement *m)
{
	if (is_stopped(m))
		return -EINTR;
	return measurement_is_overdue(m) ? -ETIME : 0;
}

/* Experiments make their memory and their guests themselves, so that there is nothing to enter. */
static int experiments_round(struct measurement *m, struct memory_configuration *configuration, const uint32_t *order)
{
	int error = 0;

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

static int chases_round(struct measurement *m, struct memory_configuration *configuration, const uint32_t *order)
{
	struct configured_spaces *spaces;
	int error = go_on(m);

	/* After a signal, memory that was not made in time is no fault of the machine's. */
	if (error)
		return error;
	error = chase_enter(m, configuration, &spaces);

	/* The points say why. Other memory configurations may have what this one lacks. */
	if (error)
		return is_stopped(m) ? -EINTR : 0;
	for (size_t i = 0; i < configuration->pairs && !error; i++) {
		struct paired_points *pair = configuration->pair[order[i]];

		if (pair->finished || !chase_has_room(spaces, pair))
			continue;
		error = go_on(m);
		if (!error)
			error = chase_measure(m, spaces, pair, m->round + order[i]);
	}
	return workspace_leave(spaces, NULL) && !error ? -ENOMEM : error;
}

/* Visit all unfinished points of a memory configuration once, in a new order. -ETIME: the round is given up. */
static int configuration_round(struct measurement *m, struct memory_configuration *configuration)
{
	uint32_t *order = permutation_shuffled((uint32_t)configuration->pairs, gsl_rng_get(m->around->random));
	int error;

	if (!order)
		return -ENOMEM;
	error = m->plan.bench->chase ? chases_round(m, configuration, order)
				     : experiments_round(m, configuration, order);
	free(order);
	return error;
}

static int round_measure(struct measurement *m)
{
	uint32_t *order = permutation_shuffled((uint32_t)m->plan.configurations, gsl_rng_get(m->around->random));
	int error = order ? 0 : -ENOMEM;

	for (size_t g = 0; g < m->plan.configurations && !error; g++)
		error = configuration_round(m, &m->plan.configuration[order[g]]);
	free(order);
	return error;
}

/*
 * Whether another round of the pass is worth beginning: it must be over in time if it takes as long as its share of the
 * last. Points that have less than the least number of samples may go on into the overtime.
 */
static bool another_round(const struct measurement *m, uint64_t last_ns, size_t unfinished_before)
{
	size_t unfinished = measurement_points(m) - measurement_points_finished(m);
	double share = unfinished_before ? (double)unfinished / (double)unfinished_before : 0;
	double limit = m->pass_seconds * (m->round < m->around->effort->samples_least ? 1 + OVERTIME_SHARE : 1);

	if (!unfinished)
		return false;
	if (m->around->rounds)
		return m->round < m->around->rounds;
	return measurement_used_s(m) + share * (double)last_ns / (double)NS_PER_S < limit;
}

/* The next pass of a bench, or its end. 0, or an error that ends the measurement. */
static int pass_end(struct measurement *m, struct reason *why)
{
	int error = measurement_finish(m, why);

	measurement_end(m);
	m->over = true;
	if (error)
		return error;
	error = m->around->next_pass ? m->around->next_pass(m, m->around->data, why) : -ENODATA;
	if (error)
		return error == -ENODATA ? 0 : error;
	m->over = !m->plan.points;
	return m->over ? 0 : measurement_begin(m);
}

/* One round of one bench. */
static int turn_take(const struct benches *benches, struct measurement *m, struct reason *why)
{
	size_t unfinished = measurement_points(m) - measurement_points_finished(m);
	uint64_t took_ns;
	bool again;
	int error;

	if (!unfinished)
		return pass_end(m, why);
	rounds_progress_tell(benches, m);
	weather_look_again(m->around->weather);
	m->round_began_ns = now_ns();
	error = round_measure(m);
	took_ns = now_ns() - m->round_began_ns;
	m->round_began_ns = 0;
	m->used_ns += took_ns;
	m->pass_used_ns += took_ns;
	if (error == -ENOMEM)
		fail(why, ENOMEM, "no memory left for the measurement itself");
	else if (m->failure.text[0])
		*why = m->failure;
	if (error == -ETIME || (error == -EINTR && m->round)) {
		int dropped = measurement_drop_round(m, why);

		error = dropped ? dropped : error;
	}
	if (error == -ETIME)
		return pass_end(m, why);
	if (error)
		return error;
	measurement_judge(m);
	m->round++;
	again = another_round(m, took_ns, unfinished);
	return again ? 0 : pass_end(m, why);
}

/* The bench that has used the least share of its time, or has had the fewest rounds where their number is fixed. */
static struct measurement *next_due(const struct benches *benches)
{
	struct measurement *due = NULL;
	double least = 0;

	for (size_t i = 0; i < benches->count; i++) {
		struct measurement *m = &benches->list[i];
		double used = m->around->rounds ? m->round : (double)m->used_ns / (double)NS_PER_S / m->seconds;

		if (m->over || (due && used >= least))
			continue;
		due = m;
		least = used;
	}
	return due;
}

int rounds_measure(struct measurement *list, size_t count, const struct surroundings *around, struct reason *why)
{
	const struct benches benches = { list, count };
	struct measurement *due;
	int error = 0, written = 0;

	for (size_t i = 0; i < count && !error; i++) {
		list[i].around = around;
		list[i].over = !list[i].plan.points;
		if (measurement_begin(&list[i]))
			error = fail(why, ENOMEM, "no memory for the measurement of %s", list[i].plan.bench->name);
	}
	while (!error && (due = next_due(&benches)))
		error = turn_take(&benches, due, why);
	for (size_t i = 0; i < count; i++) {
		struct measurement *m = &list[i];

		if (m->over)
			continue;
		measurement_end(m);
		m->over = true;
		if (!written)
			written = measurement_finish(m, error ? NULL : why);
	}
	return error ? error : written;
}
