/*
 * Time that a loop in user mode loses: it reads the TSC over and over, and a step that is longer than the loop's own is
 * a stall, in which the CPU did something else (an interrupt, another thread, a hypervisor). No privilege.
 */
#ifndef NESTWALK_STALL_DETECTOR_H
#define NESTWALK_STALL_DETECTOR_H

#include "system/worker_group.h"

#include <stdatomic.h>
#include <stdint.h>

/* Those that came last are kept: between two calls there are a few, of which the last ones matter. */
#define STALLS_KEPT 16u

struct stall_detector {
	uint64_t usual_tsc; /* a step of the loop: stall_detector_usual() */
	unsigned count; /* ever added; stall[i % STALLS_KEPT] */
	struct {
		uint64_t from, to; /* TSC */
	} stall[STALLS_KEPT];
};

/* What a step of stall_detector_watch() takes on this CPU where nothing happens, in TSC cycles. */
uint64_t stall_detector_usual(const struct worker *worker, const _Atomic uint32_t *word);

/* Read the clock until *word is `until`, or the worker group is failing, and keep the stalls. */
void stall_detector_watch(
	struct stall_detector *detector, const struct worker *worker, const _Atomic uint32_t *word, uint32_t until);

void stall_detector_add(struct stall_detector *detector, uint64_t from, uint64_t to);

/*
 * TSC cycles beyond the usual of those stalls that begin in a time from `begin` to `end`, and so may have their cause
 * in it. One that begins in the last STALL_DETECTOR_MARGIN_TSC does not count: it is the loop fetching the line on
 * which somebody has just written the end. STALL_DETECTOR_AWAY: the loop was not running at `begin`, so that nothing
 * can be said.
 */
#define STALL_DETECTOR_MARGIN_TSC 100u
#define STALL_DETECTOR_AWAY UINT64_MAX
uint64_t stall_detector_within(const struct stall_detector *detector, uint64_t begin, uint64_t end);

#endif
