/*
 * How much memory the first TLB level reaches, and in which pieces it holds pages: from curves of cost against lines, that
 * differ in how many lines of each page are used.
 */
#ifndef NESTWALK_INFER_PAGE_REACH_H
#define NESTWALK_INFER_PAGE_REACH_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

struct reach_point {
	double lines;
	double net_cycles; /* of the least disturbed samples: neighbours only add misses */
};

/* Where a curve leaves its floor. */
struct reach {
	uint64_t apart_bytes; /* between lines */
	double lines_lo; /* the most lines that the first level still held; NaN: unknown, and `reason` says why */
	double lines_hi; /* the next number measured, which it did not hold; NaN: it held all */
	struct reason reason;
};

/* Fill in lines_lo, lines_hi and reason from a curve by ascending lines. */
void reach_find(const struct reach_point *point, size_t count, struct reach *out);

/*
 * The leaf in which pages are held that explains how far each of their curves reaches: with leaf P, the first level of E
 * entries holds E lines where they lie P or more apart, and E * P / distance where they lie closer.
 * Returns 4K, 2M or 1G; 0 with *why where no leaf explains all curves, or several do.
 */
uint64_t page_leaf_find(uint64_t page_bytes, const struct reach *reach, size_t count, struct reason *why);

#endif
