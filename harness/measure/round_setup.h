/*
 * The round setup of one memory configuration in one round: its memory, and each setting's space on it. What cannot be
 * had ends in the points as a reason, never as a number.
 */
#ifndef NESTWALK_ROUND_SETUP_H
#define NESTWALK_ROUND_SETUP_H

#include "measure/rounds.h"

/* A plan being measured. */
struct measurement {
	struct plan *plan;
	const struct surroundings *around;
	struct clock_cost *cost;
	uint64_t start_ns, deadline_ns, abort_ns; /* abort: a round that is still going on is given up */
	double seconds;
	unsigned round;
	struct cycle cycle; /* room for the longest chain of the plan */
	void *state; /* experiment.state_bytes; NULL: the bench has none */
};

struct round_setup {
	struct measurement *m;
	struct memory_configuration *configuration;
	struct backed memory; /* of both settings; where sparse, of the vCPU only */
	struct sparse sparse; /* where sparse: addresses, and this process's memory */
	struct backed packed;
	double touch_ns_per_page; /* of the backing, when it was touched first */
	struct space *space[SETTING_SPACES]; /* NULL: there is none in this round */
	double lap_overhead_tsc[SETTING_SPACES];
};

/* How much memory a pair's chain needs. */
uint64_t paired_points_bytes(const struct paired_points *pair);

/* Whether this round's memory is large enough for a pair. */
bool round_setup_has_room(const struct round_setup *setup, const struct paired_points *pair);

/*
 * The most memory under test that a memory configuration may have in this measurement, in whole pages, and what sets
 * the limit.
 */
uint64_t memory_configuration_bytes_most(
	const struct measurement *m, const struct memory_configuration *configuration, const char **limit);

/*
 * Make memory for a memory configuration's unfinished pairs, and open the spaces. 0, also where a setting's space could
 * not be had (its points then say why); -ENODATA nothing is left to do; -EINTR; other errors: no memory, and the points
 * say why.
 */
int round_setup_open(struct round_setup *setup, struct measurement *m, struct memory_configuration *configuration);
void round_setup_close(struct round_setup *setup);

/*
 * One sample of each of a pair's points that are not over. `visit` is a number that grows by one from round to round
 * for each pair: who goes first follows from it. 0; -EINTR; -ENOMEM.
 */
int round_setup_measure(struct round_setup *setup, struct paired_points *pair, unsigned visit);

#endif
