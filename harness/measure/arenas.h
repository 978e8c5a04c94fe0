/*
 * The memory of a run: one arena for each backing, touched once and kept until the run ends, and the packed lines of all
 * baselines. All benches share it. A sample gets another placement by another window and another order in an arena, so
 * that no time goes into returning memory to a kernel that would zero it again.
 *
 * Arenas are not inherited by forked processes: after a fork, every page of them would fault once more.
 */
#ifndef NESTWALK_ARENAS_H
#define NESTWALK_ARENAS_H

#include "machine/source.h"
#include "space/backed.h"

#include <jansson.h>

/* Phrases for what limits memory under test. */
#define ARENA_LIMIT_EFFORT "the most that this effort uses: a higher --effort measures them"
#define ARENA_LIMIT_BUDGET "the share of this kind of memory in what a run takes, which is half of the available memory"

struct arena {
	struct backed memory; /* bytes 0: there is none, and `error` and `why` say why not; or nobody wished for one */
	uint64_t wish_bytes; /* what the points of the run would use */
	const char *limit; /* a phrase: why it has less */
	int error;
	struct reason why;
};

struct arenas {
	struct arena of[BACKING_COUNT];
	struct backed packed; /* in the largest pages that the kernel gives */
};

struct arenas_request {
	struct {
		uint64_t bytes; /* 0: none */
		uint64_t unit_bytes; /* the largest page that a space maps in it; memory is a multiple of it */
	} wish[BACKING_COUNT];
	uint64_t packed_lines; /* 0: none */
	uint64_t budget_bytes; /* of all arenas together, but for those of hugetlb pools, which are set aside already */
	uint64_t most_bytes; /* of each */
	double seconds; /* for touching all of them; 0: as long as it takes */
	const struct machine_source *source;
	int numa_node; /* -1: not known */
	uint64_t order_seed; /* not 0: of the random order in which pages of 4K are touched (space/backed.h) */
	bool (*stop)(void);
};

/*
 * Make the arenas. An arena that cannot be had keeps the reason. 0; -EINTR; -ENOMEM with *why: there is not even memory
 * for the packed lines. arenas_free() is due in any case.
 */
int arenas_make(struct arenas *arenas, const struct arenas_request *request, struct reason *why);
void arenas_free(struct arenas *arenas);

/* How much memory of this machine, hugetlb pools left out, the arenas have. */
uint64_t arenas_bytes(const struct arenas *arenas);

/* run.json's "arenas": size and first touch of each (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *arenas_json(const struct arenas *arenas);

#endif
