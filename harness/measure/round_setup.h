/*
 * What a round sets up for one memory configuration: its memory, and an address space of each setting on that memory.
 * Where the machine cannot provide one of them, the points get the reason and no number.
 */
#ifndef NESTWALK_ROUND_SETUP_H
#define NESTWALK_ROUND_SETUP_H

#include "measure/rounds.h"

/* A plan being measured. */
struct measurement {
	struct plan *plan;
	const struct surroundings *around;
	struct clock_cost *cost;
	uint64_t start_ns, deadline_ns;
	uint64_t abort_ns; /* a round that still goes on at this time is given up */
	double seconds;
	unsigned round;
	struct cycle cycle; /* room for the longest chain of the plan */
	void *state; /* experiment.state_bytes; NULL: the bench has none */
};

struct round_setup {
	struct measurement *m;
	struct memory_configuration *configuration;
	struct backed memory; /* shared by both settings; in a sparse configuration only the vCPU has it */
	struct sparse sparse; /* in a sparse configuration: the addresses, and this process's memory */
	struct backed packed; /* of the baseline */
	double touch_ns_per_page; /* first touch of a page of the backing */
	struct space *space[SETTING_SPACES]; /* NULL: there is none in this round */
	double lap_overhead_tsc[SETTING_SPACES]; /* what an empty lap takes in each space */
};

/* How much memory the chain of these points needs. */
uint64_t paired_points_bytes(const struct paired_points *pair);

/* Whether this round's memory is large enough for these points. */
bool round_setup_has_room(const struct round_setup *setup, const struct paired_points *pair);

/*
 * The most memory under test that a memory configuration may have in this measurement, in whole pages. *limit: a phrase
 * that says what sets this limit.
 */
uint64_t memory_configuration_bytes_most(
	const struct measurement *m, const struct memory_configuration *configuration, const char **limit);

/*
 * Make the memory that the configuration's unfinished points need, and open the spaces.
 * 0, also where one setting has no space (its points then say why); -ENODATA no point is left to measure; -EINTR;
 * another error: there is no memory, and the points say why.
 */
int round_setup_open(struct round_setup *setup, struct measurement *m, struct memory_configuration *configuration);
void round_setup_close(struct round_setup *setup);

/*
 * Take one sample of each of the paired points that is not over. `visit` grows by one from round to round; it decides
 * which setting goes first, and whether chain or baseline does. 0; -EINTR; -ENOMEM.
 */
int round_setup_measure(struct round_setup *setup, struct paired_points *pair, unsigned visit);

#endif
