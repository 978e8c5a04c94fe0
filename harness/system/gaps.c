#include "system/gaps.h"

#include "system/timing.h"

/* A step of the loop is a gap beyond so many usual ones: an interrupt takes hundreds of cycles, a step some 30. */
#define GAP_STEPS 4u

#define USUAL_STEPS 256u /* some 5 us */

static bool is_over(const struct worker *worker, const _Atomic uint32_t *word, uint32_t until)
{
	return atomic_load_explicit(word, memory_order_acquire) == until || worker_canceled(worker);
}

uint64_t gaps_usual(const struct worker *worker, const _Atomic uint32_t *word)
{
	double step[USUAL_STEPS];
	uint64_t before = worker_tsc_quick();

	for (unsigned i = 0; i < USUAL_STEPS; i++) {
		uint64_t now = worker_tsc_quick();

		/*
		 * As in the loop below: the word has another value than this, and the worker group's state is looked
		 * at.
		 */
		step[i] = is_over(worker, word, UINT32_MAX) ? 0 : (double)(now - before);
		before = now;
	}
	return (uint64_t)timing_middle(step, USUAL_STEPS);
}

void gaps_add(struct gaps *gaps, uint64_t from, uint64_t to)
{
	gaps->gap[gaps->count % GAPS_KEPT].from = from;
	gaps->gap[gaps->count % GAPS_KEPT].to = to;
	gaps->count++;
}

void gaps_watch(struct gaps *gaps, const struct worker *worker, const _Atomic uint32_t *word, uint32_t until)
{
	uint64_t longest = GAP_STEPS * gaps->usual_tsc, before = worker_tsc_quick();
	bool over = false;

	gaps->count = 0;
	for (;;) {
		uint64_t now = worker_tsc_quick();

		if (now - before > longest)
			gaps_add(gaps, before, now);
		/*
		 * One reading after the end: an interrupt may have come between the last one and the look at the word.
		 */
		if (over)
			return;
		over = is_over(worker, word, until);
		before = now;
	}
}

uint64_t gaps_within(const struct gaps *gaps, uint64_t begin, uint64_t end)
{
	unsigned kept = gaps->count < GAPS_KEPT ? gaps->count : GAPS_KEPT;
	uint64_t within = 0;

	for (unsigned i = 0; i < kept; i++) {
		uint64_t from = gaps->gap[i].from, to = gaps->gap[i].to;

		if (from < begin && to > begin)
			return GAPS_AWAY;
		if (from >= begin && from + GAPS_MARGIN_TSC < end)
			within += to - from - gaps->usual_tsc;
	}
	return within;
}
