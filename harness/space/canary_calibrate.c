#include "space/canary_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

/*
 * How often each shape is tried. A busy sibling leaves moments of 0.1 to 10 ms in which the core is quiet; the passes
 * over all numbers of pages take some 25 ms, those over the numbers of lines 10 ms. Each shape so meets quiet moments in
 * all but the worst weather.
 */
#define PASSES 30

/* So many tries must fit, not one alone: a chase that leaves too little room has lucky laps, too. */
#define TRIES_THAT_FIT 4

/*
 * A shape fits if its least cost is that of an L1 hit. One miss of the first TLB level in 96 accesses, the least that a
 * page too many can cause, costs 7 cycles of 96 * 5: 1.5 %. A step of the TSC (10 ns on AMD) is 0.9 % of a lap.
 */
#define FITS 1.012

/*
 * One page less than the most that fit, and an eighth of the lines, are left unused: what the kernel or a hypervisor
 * leaves behind, and a replacement that is not quite the least recently used, must not look like a neighbour. With 497
 * lines of a Zen 4's 512, quiet readings lie between 1.00 and 1.03 times an L1 hit; with 426, at 1.00 to 1.01.
 */
#define PAGES_SPARE 1
#define LINES_USED(lines) ((lines)*7 / 8)

/*
 * Fewer pages than this share of those that CPUID advertises are no sign of the TLB's size: a neighbour had a part of it
 * in every single moment, or CPUID is wrong. A tenth is more than the arguments' page and replacement policies take.
 */
#define SHARE_OF_ADVERTISED 0.9

/* The same of the L1 data cache. Whole lines a page leave more of it unused: up to a sixth with 5 lines on each of 95. */
#define SHARE_OF_CACHE 0.75

/* Where CPUID does not tell: every first TLB level since 2008 has more (the smallest, of Atoms, 32). */
#define PAGES_PLAUSIBLE 24

/* CPUID's numbers beyond this are a hypervisor's invention (QEMU's models of AMD CPUs tell 255). */
#define PAGES_ADVERTISED_MOST 128

/*
 * An L1 hit costs 4 cycles (AMD, and Intel before Ice Lake) or 5 (Intel since then). An emulator's load costs about as
 * much as its addition, or far more.
 */
#define LATENCY_LEAST_CYCLES 2.5
#define LATENCY_MOST_CYCLES 7.0

/* The least costs of a shape so far, the least first. */
struct tries {
	double least[TRIES_THAT_FIT];
};

static void try_shape(const struct canary_subject *subject, struct canary_shape shape, struct tries *tries)
{
	double cost = subject->cost(subject->data, shape);

	if (cost < CANARY_IMPOSSIBLE)
		return;
	for (unsigned i = 0; i < TRIES_THAT_FIT; i++)
		if (cost < tries->least[i]) {
			double more = tries->least[i];

			tries->least[i] = cost;
			cost = more;
		}
}

static bool fits(const struct tries *tries)
{
	return tries->least[TRIES_THAT_FIT - 1] <= FITS;
}

/* One dimension of shapes: pages with one line each, or lines on a number of pages. */
struct dimension {
	unsigned first, most;
	unsigned pages; /* 0: the number of pages is what varies */
	bool fit[CANARY_PAGES_MOST + 1]; /* out: which fit */
};
static_assert(CANARY_LINES_MOST / CANARY_PAGES_LEAST <= CANARY_PAGES_MOST, "lines of a page have room in the array");

static void explore(const struct canary_subject *subject, struct dimension *dimension)
{
	struct tries tries[CANARY_PAGES_MOST + 1];

	for (unsigned i = 0; i <= dimension->most; i++)
		for (unsigned k = 0; k < TRIES_THAT_FIT; k++)
			tries[i].least[k] = INFINITY;
	for (unsigned pass = 0; pass < PASSES; pass++)
		for (unsigned i = dimension->first; i <= dimension->most; i++) {
			struct canary_shape shape = { dimension->pages ? dimension->pages : i,
				dimension->pages ? i : 1 };

			try_shape(subject, shape, &tries[i]);
		}
	for (unsigned i = dimension->first; i <= dimension->most; i++)
		dimension->fit[i] = fits(&tries[i]);
}

/* The most, up to `most`, that fit; 0: none. */
static unsigned most_that_fit(const struct dimension *dimension, unsigned most)
{
	unsigned found = 0;

	for (unsigned i = dimension->first; i <= most && i <= dimension->most; i++)
		if (dimension->fit[i])
			found = i;
	return found;
}

static unsigned at_least(unsigned number, unsigned least)
{
	return number > least ? number : least;
}

static unsigned pages_plausible(const struct canary_subject *subject)
{
	if (!subject->pages_advertised || subject->pages_advertised > PAGES_ADVERTISED_MOST)
		return PAGES_PLAUSIBLE;
	return (unsigned)(SHARE_OF_ADVERTISED * subject->pages_advertised);
}

/* Of those that are tried; 0: not known. */
static unsigned lines_advertised(const struct canary_subject *subject)
{
	return subject->lines_advertised < CANARY_LINES_MOST ? subject->lines_advertised : CANARY_LINES_MOST;
}

static unsigned lines_plausible(const struct canary_subject *subject)
{
	return (unsigned)(SHARE_OF_CACHE * lines_advertised(subject));
}

/* Whether what was found can be the CPU's, and not what a neighbour left of it. */
static bool judge(const struct canary_subject *subject, unsigned pages, unsigned lines, struct reason *why)
{
	if (!(subject->latency_cycles >= LATENCY_LEAST_CYCLES && subject->latency_cycles <= LATENCY_MOST_CYCLES))
		fail(why, ENOTSUP,
			"a load from the L1 cache takes %.1f cycles here: that is not a CPU's own time, but an emulator's",
			subject->latency_cycles);
	else if (pages < pages_plausible(subject))
		fail(why, EAGAIN,
			"in no moment was there room for more than %u pages in the first TLB level, where at least %u were expected: the core's other thread was busy all the time",
			pages, pages_plausible(subject));
	else if (!lines || lines < lines_plausible(subject))
		fail(why, EAGAIN,
			"in no moment was there room for more than %u lines in the L1 data cache, where at least %u were expected: the core's other thread was busy all the time",
			lines, lines_plausible(subject));
	else
		return true;
	return false;
}

struct canary_calibration canary_calibrate_on(const struct canary_subject *subject)
{
	struct dimension by_pages = { .first = CANARY_PAGES_LEAST, .most = CANARY_PAGES_MOST },
			 by_lines = { .first = 1 };
	struct canary_calibration out = { 0 };
	unsigned pages_most, lines_most, room;

	explore(subject, &by_pages);
	pages_most = most_that_fit(&by_pages, CANARY_PAGES_MOST);
	/* There is a shape also where nothing fits. */
	out.shape.pages = pages_most ? most_that_fit(&by_pages, pages_most - PAGES_SPARE) : 0;
	out.shape.pages = at_least(out.shape.pages, CANARY_PAGES_LEAST);
	by_lines.pages = out.shape.pages;
	by_lines.most = CANARY_LINES_MOST / out.shape.pages;
	explore(subject, &by_lines);
	lines_most = most_that_fit(&by_lines, by_lines.most) * out.shape.pages;
	room = lines_advertised(subject) ? lines_advertised(subject) : lines_most;
	out.shape.lines_per_page = at_least(most_that_fit(&by_lines, LINES_USED(room) / out.shape.pages), 1);
	out.known = judge(subject, pages_most, lines_most, &out.unknown);
	return out;
}
