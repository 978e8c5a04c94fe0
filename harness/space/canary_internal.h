/* How a canary is calibrated: which chases are tried, and what their costs mean. Pure, so that tests can make up CPUs. */
#ifndef NESTWALK_CANARY_INTERNAL_H
#define NESTWALK_CANARY_INTERNAL_H

#include "base/reason.h"

#include <stdbool.h>

/*
 * The pages that are tried. First TLB levels hold 32 (the smallest Atoms) to 96 (Zen 5, Golden Cove) translations of 4K
 * pages so far.
 */
#define CANARY_PAGES_LEAST 16
#define CANARY_PAGES_MOST 112

/* The lines that are tried, over all pages: the largest L1 data caches of x86-64 CPUs so far (48 KiB) hold 768. */
#define CANARY_LINES_MOST 800

/*
 * Readings up to so far above the floor are quiet. Of 248 000 readings on two CPUs of a cloud VM, 85 % lay within 1.5 % of
 * the floor, 2 % at 1.5 to 3.5 %, 0.6 % at 3.5 to 10 %, and 12 %, which are busy, at 1.1 to 6 times the floor: there is
 * hardly anything near the limit (docs/WEATHER.md).
 */
#define CANARY_TOLERANCE 0.03

/*
 * Below this multiple of an L1 hit, a cost is no cost: the hits that it was compared with were disturbed. No chase is
 * cheaper than L1 hits; two steps of AMD's TSC are allowed for, of which each is 0.9 % of a lap.
 */
#define CANARY_IMPOSSIBLE 0.98

struct canary_shape {
	unsigned pages, lines_per_page;
};

/* A CPU to calibrate on. */
struct canary_subject {
	/*
	 * The cost of one access of a chase of that shape in this moment that may be quiet or not, as a multiple of the
	 * cost of an L1 hit in that moment.
	 */
	double (*cost)(void *data, struct canary_shape shape);
	void *data;
	double latency_cycles; /* of an L1 hit, in core cycles */
	unsigned pages_advertised; /* in the first TLB level; 0: not known */
	unsigned lines_advertised; /* of the L1 data cache; 0: not known */
};

struct canary_calibration {
	struct canary_shape shape;
	bool known;
	struct reason unknown;
};

/* Try chases over and over, and choose the largest that costs an L1 hit in its quietest moment. */
struct canary_calibration canary_calibrate_on(const struct canary_subject *subject);

#endif
