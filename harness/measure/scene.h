/*
 * The scene of one ground in one round: its memory, and each setting's space on it. What cannot be had ends in the
 * points as a reason, never as a number.
 */
#ifndef NESTWALK_SCENE_H
#define NESTWALK_SCENE_H

#include "measure/rounds.h"
#include "system/frame_pool.h"

/* A plan being measured. */
struct measurement {
	struct plan *plan;
	const struct surroundings *around;
	struct clock_cost *cost;
	uint64_t start_ns, deadline_ns, abort_ns; /* abort: a round that is still going on is given up */
	double seconds;
	unsigned round;
	struct cycle cycle; /* room for the longest chain of the plan */
	struct frame_pool *pool; /* what storms had and hold; opened by the first that needs it */
};

struct scene {
	struct measurement *m;
	struct ground *ground;
	struct backed memory; /* of both settings; where sparse, of the vCPU only */
	struct sparse sparse; /* where sparse: addresses, and this process's memory */
	struct backed packed;
	double touch_ns_per_page; /* of the backing, when it was touched first */
	struct space *space[SETTING_SPACES]; /* NULL: there is none in this round */
	double lap_overhead_tsc[SETTING_SPACES];
};

/* How much memory a cell's chain needs. */
uint64_t cell_bytes(const struct cell *cell);

/* Whether this round's memory is large enough for a cell. */
bool scene_has_room(const struct scene *scene, const struct cell *cell);

/* The most memory under test that a ground may have in this measurement, in whole pages, and what sets the limit. */
uint64_t ground_bytes_most(const struct measurement *m, const struct ground *ground, const char **limit);

/*
 * Make memory for a ground's unfinished cells, and open the spaces. 0, also where a setting's space could not be had
 * (its points then say why); -ENODATA nothing is left to do; -EINTR; other errors: no memory, and the points say why.
 */
int scene_open(struct scene *scene, struct measurement *m, struct ground *ground);
void scene_close(struct scene *scene);

/*
 * One sample of each of a cell's points that are not over. `visit` is a number that grows by one from round to round
 * for each cell: who goes first follows from it. 0; -EINTR; -ENOMEM.
 */
int scene_measure(struct scene *scene, struct cell *cell, unsigned visit);

#endif
