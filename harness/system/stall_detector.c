#include "system/stall_detector.h"

#include "system/timing.h"

/*
 * A step is a stall when it takes longer than this many usual steps: an interrupt takes hundreds of cycles, a step some
 * 30.
 */
#define STALL_STEPS 4u

#define USUAL_STEPS 256u /* some 5 us */

static bool is_over(const struct worker *worker, const _Atomic uint32_t *word, uint32_t until)
{
	return atomic_load_explicit(word, memory_order_acquire) == until || worker_canceled(worker);
}

uint64_t stall_detector_usual(const struct worker *worker, const _Atomic uint32_t *word)
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

void stall_detector_add(struct stall_detector *detector, uint64_t from, uint64_t to)
{
	detector->stall[detector->count % STALLS_KEPT].from = from;
	detector->stall[detector->count % STALLS_KEPT].to = to;
	detector->count++;
}

void stall_detector_watch(
	struct stall_detector *detector, const struct worker *worker, const _Atomic uint32_t *word, uint32_t until)
{
	uint64_t longest = STALL_STEPS * detector->usual_tsc, before = worker_tsc_quick();
	bool over = false;

	detector->count = 0;
	for (;;) {
		uint64_t now = worker_tsc_quick();

		if (now - before > longest)
			stall_detector_add(detector, before, now);
		/*
		 * One reading after the end: an interrupt may have come between the last one and the look at the word.
		 */
		if (over)
			return;
		over = is_over(worker, word, until);
		before = now;
	}
}

uint64_t stall_detector_within(const struct stall_detector *detector, uint64_t begin, uint64_t end)
{
	unsigned kept = detector->count < STALLS_KEPT ? detector->count : STALLS_KEPT;
	uint64_t within = 0;

	for (unsigned i = 0; i < kept; i++) {
		uint64_t from = detector->stall[i].from, to = detector->stall[i].to;

		if (from < begin && to > begin)
			return STALL_DETECTOR_AWAY;
		if (from >= begin && from + STALL_DETECTOR_MARGIN_TSC < end)
			within += to - from - detector->usual_tsc;
	}
	return within;
}
