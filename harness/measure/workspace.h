/*
 * The workspace of a run: its arenas, and the address spaces that benches measure in. A space is opened when it is first
 * needed, and kept: the points of all benches that have the same kind of memory and of guest tables share it.
 */
#ifndef NESTWALK_WORKSPACE_H
#define NESTWALK_WORKSPACE_H

#include "measure/arenas.h"
#include "measure/plan.h"
#include "space/space.h"
#include "space/sparse.h"

#include <gsl/gsl_rng.h>

struct workspace_request {
	struct plan *const *plans; /* of all benches of the run, borrowed until workspace_open() returns */
	size_t plan_count;
	uint64_t memory_budget_bytes, memory_most_bytes; /* of all arenas; of each */
	uint64_t
		run_budget_bytes; /* what the arenas leave of it is for pages far apart and their tables; 0: no limit */
	double touch_seconds; /* for touching memory; 0: as long as it takes */
	const struct machine_source *source;
	int numa_node; /* -1: not known */
	gsl_rng *random; /* outlives the workspace */
	bool (*stop)(void);
};

/* One space of a memory configuration. */
struct configured_space {
	struct space *space; /* NULL: none */
	double lap_overhead_tsc; /* what an empty lap takes in it */
	int error; /* why there is none, where that was tried */
	struct reason why;
};

/* The spaces of one memory configuration, and their memory. */
struct configured_spaces {
	struct chase like; /* all but the count and, unless sparse, the distance */
	struct backed memory; /* under test: a part of the arena, or `own`; not owned */
	struct backed own; /* of guests whose small pages lie far apart; owned */
	struct sparse sparse; /* in a sparse configuration: where the pages lie, and this process's pages */
	uint64_t pages; /* in a sparse configuration: how many pages each space has */
	uint64_t bytes; /* in a sparse configuration: what these pages and all tables take beside the arenas */
	struct configured_space of[SETTING_SPACES];
};

struct workspace {
	struct workspace_request request;
	struct arenas arenas;
	struct configured_spaces **spaces; /* owned */
	size_t count, room;
	uint64_t sparse_most_bytes; /* for the pages of sparse configurations, and their tables */
};

/* Make the arenas that the plans need. 0; -EINTR; -ENOMEM with *why. workspace_close() is due in any case. */
int workspace_open(struct workspace *workspace, const struct workspace_request *request, struct reason *why);
void workspace_close(struct workspace *workspace);

/*
 * The spaces of a configuration, with a space for each of `settings` that can be had, and with the memory of a sparse
 * configuration in place. 0, also where a setting has no space (its `error` and `why` say why); -EINTR; another error with
 * *why: there is no memory for it. Give the spaces back with workspace_leave() before entering others.
 */
int workspace_enter(struct workspace *workspace, const struct memory_configuration *configuration, unsigned settings,
	struct configured_spaces **spaces, struct reason *why);
int workspace_leave(struct configured_spaces *spaces, struct reason *why);

/* Close a space that has stopped where it should not. The next workspace_enter() opens a new one. */
void workspace_drop(struct configured_spaces *spaces, enum setting setting);

/* The most memory under test that a configuration can have, in bytes of paired_points_bytes(). */
uint64_t workspace_bytes_most(const struct workspace *workspace, const struct memory_configuration *configuration);

/* Why points that need so many bytes, which is more than that, are not measured. */
void workspace_limit_tell(const struct workspace *workspace, const struct memory_configuration *configuration,
	uint64_t bytes, struct reason *why);

/* How much memory of an arena the chain of these points needs. */
uint64_t paired_points_bytes(const struct paired_points *pair);

#endif
