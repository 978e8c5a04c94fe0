/*
 * The frame pool: which frames of this machine storms of page faults have used, and how a storm is given others.
 *
 * A fresh frame is one that no storm of this measurement has used before. In a guest, the hypervisor may have no memory
 * behind a fresh frame yet; behind a recycled one it has. The kernel gives out first what was freed last. So a storm of
 * fresh frames keeps its memory until the measurement is over. Before the first such storm the pool is drained: as much
 * memory as storms ever had at once is allocated and held, so that the frames they freed are out of the way.
 *
 * Where /proc/self/pagemap shows frame numbers, a map notes the frames that storms used. It tells how many frames of a
 * storm were fresh. A storm that got used frames can be repeated: it holds those frames itself now.
 */
#ifndef NESTWALK_FRAME_POOL_H
#define NESTWALK_FRAME_POOL_H

#include "base/reason.h"
#include "system/worker_group.h"

#include <stddef.h>
#include <stdint.h>

/* One bit a frame of this machine, in memory shared with all that are forked later. */
struct frame_map {
	uint64_t *had;
	uint64_t frames; /* 0: not open */
};

struct frame_count {
	uint64_t got, fresh; /* frames behind a range; those of them not noted before */
};

/*
 * 0; -EPERM with *why: /proc/self/pagemap shows no frame numbers (CAP_SYS_ADMIN since Linux 4.2,
 * Documentation/admin-guide/mm/pagemap.rst); -ENOENT, -ENOMEM.
 */
int frame_map_open(struct frame_map *map, struct reason *why);
void frame_map_close(struct frame_map *map);

/* Note the frames behind a range of this process, and add to *count (may be NULL). Does nothing to a map not open. */
int frame_map_note(
	const struct frame_map *map, const void *at, uint64_t bytes, struct frame_count *count, struct reason *why);

/* The pool of one measurement. All zeros: nothing was needed yet. */
struct frame_pool {
	bool open;
	struct frame_map map; /* open where frame numbers can be seen */
	struct reason unseen; /* why the map is not open */
	uint64_t used_most_bytes; /* the most that a storm took and gave back */
	struct worker_group *group; /* owned, with the groups in it: the storms that keep their memory */
	size_t groups, room;
	uint64_t held_bytes; /* by these groups and by drained memory */
	struct drained {
		void *at;
		uint64_t bytes;
	} * drained; /* owned */
	size_t drains;
	uint64_t drained_bytes; /* the drained part of held_bytes */
};

/* Call it before the first storm. It cannot fail: where frame numbers cannot be seen, `unseen` says why. */
void frame_pool_open(struct frame_pool *pool);

/* A storm is about to take memory that it will give back. */
void frame_pool_note_use(struct frame_pool *pool, uint64_t bytes);

/*
 * Allocate and hold as much memory as storms had at once, less what was drained before. Where frame numbers can be
 * seen, go on while the memory that comes has used frames in it. Each of the CPUs allocates its part, as the kernel
 * keeps a list of free pages for each CPU. The memory is held until frame_pool_close().
 * 0; -ENOMEM with *why: the pool would hold more than `most_bytes`, the `bytes` of the storm itself included.
 */
struct frame_pool_request {
	uint64_t bytes, most_bytes;
	const int *cpus;
	unsigned cpu_count;
};
int frame_pool_drain(struct frame_pool *pool, const struct frame_pool_request *request, struct reason *why);

/*
 * Hold a worker group until frame_pool_close(), which dismisses it. 0; -ENOMEM with *why: there is no memory for the
 * list, and the group was dismissed at once.
 */
int frame_pool_keep(struct frame_pool *pool, struct worker_group *group, uint64_t bytes, struct reason *why);

void frame_pool_close(struct frame_pool *pool);

#endif
