/*
 * Time that a loop in user mode loses: it reads the TSC over and over, and a step that is longer than the loop's own is
 * a gap, in which the CPU did something else (an interrupt, another thread, a hypervisor). No privilege.
 */
#ifndef NESTWALK_GAPS_H
#define NESTWALK_GAPS_H

#include "system/worker_group.h"

#include <stdatomic.h>
#include <stdint.h>

/* Those that came last are kept: between two calls there are a few, of which the last ones matter. */
#define GAPS_KEPT 16u

struct gaps {
	uint64_t usual_tsc; /* a step of the loop: gaps_usual() */
	unsigned count; /* ever added; gap[i % GAPS_KEPT] */
	struct {
		uint64_t from, to; /* TSC */
	} gap[GAPS_KEPT];
};

/* What a step of gaps_watch() takes on this CPU where nothing happens, in TSC cycles. */
uint64_t gaps_usual(const struct worker *worker, const _Atomic uint32_t *word);

/* Read the clock until *word is `until`, or the worker group is failing, and keep the gaps. */
void gaps_watch(struct gaps *gaps, const struct worker *worker, const _Atomic uint32_t *word, uint32_t until);

void gaps_add(struct gaps *gaps, uint64_t from, uint64_t to);

/*
 * TSC cycles beyond the usual of those gaps that begin in a time from `begin` to `end`, and so may have their cause in
 * it. One that begins in the last GAPS_MARGIN_TSC does not count: it is the loop fetching the line on which somebody
 * has just written the end. GAPS_AWAY: the loop was not running at `begin`, so that nothing can be said.
 */
#define GAPS_MARGIN_TSC 100u
#define GAPS_AWAY UINT64_MAX
uint64_t gaps_within(const struct gaps *gaps, uint64_t begin, uint64_t end);

#endif
