/*
 * A stall detector finds the time that a loop in user mode loses. The loop reads the TSC over and over. A step that is
 * longer than the loop's own is a stall: the CPU did something else in it (an interrupt, another thread, a hypervisor).
 * No privilege is needed.
 */
#ifndef NESTWALK_STALL_DETECTOR_H
#define NESTWALK_STALL_DETECTOR_H

#include "system/worker_group.h"

#include <stdatomic.h>
#include <stdint.h>

/* The last stalls are kept. There are a few between two calls, and the last ones matter. */
#define STALLS_KEPT 16u

struct stall_detector {
	uint64_t usual_tsc; /* what a step of the loop takes: stall_detector_usual() */
	unsigned count; /* how many were added; number i is in stall[i % STALLS_KEPT] */
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
 * TSC cycles that the loop lost in stalls that begin from `begin` to `end`, and so may have their cause there. A stall
 * that begins in the last STALL_DETECTOR_MARGIN_TSC does not count: the loop then fetches the line on which the caller
 * has just written that the call is over. STALL_DETECTOR_AWAY: the loop was not running at `begin`, so that it cannot
 * tell.
 */
#define STALL_DETECTOR_MARGIN_TSC 100u
#define STALL_DETECTOR_AWAY UINT64_MAX
uint64_t stall_detector_within(const struct stall_detector *detector, uint64_t begin, uint64_t end);

#endif
