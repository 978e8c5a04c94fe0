/*
 * Fresh frames: memory that no storm of this measurement has had before. In a guest, the hypervisor may have nothing
 * behind such frames yet; recycled ones it has seen.
 *
 * The kernel gives out first what was freed last. So a fresh storm keeps its memory until the measurement is over, and
 * before the first of them as much memory as storms ever had at once is held elsewhere ("soaked up"): what they freed.
 * Where /proc/self/pagemap shows frame numbers, a map of the frames that storms were seen with tells how far that
 * succeeded: a storm that got used ones has soaked them up itself, and can be taken again.
 */
#ifndef NESTWALK_FRESH_H
#define NESTWALK_FRESH_H

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

/* Of one measurement. All zeros: nothing was needed yet. */
struct fresh {
	bool open;
	struct frame_map map; /* open where frame numbers can be seen */
	struct reason unseen; /* why it is not */
	uint64_t used_most_bytes; /* by a storm that gave it back */
	struct worker_group *group; /* owned, and the groups */
	size_t groups, room;
	uint64_t held_bytes; /* by them and by what was soaked up */
	struct soak {
		void *at;
		uint64_t bytes;
	} * soak; /* owned */
	size_t soaks;
	uint64_t soak_bytes; /* of held_bytes */
};

/* Before the first storm. Cannot fail: where frame numbers cannot be seen `unseen` says why. */
void fresh_open(struct fresh *fresh);

/* A storm is about to take memory that it gives back. */
void fresh_note_use(struct fresh *fresh, uint64_t bytes);

/*
 * Soak up as much as storms had at once, as far as that is not done yet, and, where frames can be seen, more as long as
 * that shows used ones: on each of these CPUs its part, as each has a list of free pages of its own. It is held until
 * fresh_close(). 0; -ENOMEM with *why: with `bytes` for the storm itself more than `most_bytes` would be held.
 */
struct fresh_request {
	uint64_t bytes, most_bytes;
	const int *cpus;
	unsigned cpu_count;
};
int fresh_soak(struct fresh *fresh, const struct fresh_request *request, struct reason *why);

/*
 * Hold a worker group until fresh_close(), which dismisses it. Where memory for the list is short it is dismissed now:
 * -ENOMEM.
 */
int fresh_keep(struct fresh *fresh, struct worker_group *group, uint64_t bytes, struct reason *why);

void fresh_close(struct fresh *fresh);

#endif
