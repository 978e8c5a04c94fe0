/*
 * How often a TLB of C entries misses when N pages are visited in one random cycle, again and again: the laws that
 * replacement policies and ways of indexing lead to, as functions of N / C.
 */
#ifndef NESTWALK_STEPS_LAW_H
#define NESTWALK_STEPS_LAW_H

#include <stddef.h>

enum law {
	LAW_SHARP, /* all hits up to C, then nearly all misses: true LRU; read off directly, no curve is fitted */
	LAW_SETS, /* LRU in plainly indexed sets: 0 up to C, then sets overflow one by one until all have W + 1 pages */
	LAW_RANDOM, /* random replacement: m = 1 - exp(-m N / C), 0 up to C, a half at 1.386 C */
	LAW_HASHED, /* LRU in hashed sets: pages fall into sets at random, a set of W ways misses with more than W pages */
	LAW_HASHED_RANDOM, /* both */
	LAW_NONE, /* none of these comes near */
	LAWS,
};

/* "sharp", "sets", "random", "hashed", "hashed-random", "none". */
const char *law_name(enum law law);

/* A law with its number of ways: one curve. */
struct law_shape {
	enum law law;
	unsigned ways; /* 0 where the law has none */
};

#define LAW_SHAPES 19

/* From a ratio N / C of e^-LAW_REACH, where no law misses, to e^LAW_REACH, where every one has saturated. */
#define LAW_REACH 2.5
#define LAW_CELLS 501
#define LAW_STEP (2 * LAW_REACH / (LAW_CELLS - 1)) /* of ln(N / C): finer than any grid of C by a factor of two */

/* Miss ratios of all shapes on a grid of ln(N / C). Large (76 KB): keep it on the heap. */
struct law_table {
	struct law_shape shape[LAW_SHAPES];
	double miss[LAW_SHAPES][LAW_CELLS];
};

void law_table_make(struct law_table *table);

/* The miss ratio of shape i where ln(N / C) is `log_ratio`, interpolated. */
double law_miss(const struct law_table *table, size_t shape, double log_ratio);

/*
 * The logarithm of the size nearest to exp(ln_c) that a TLB of this shape can have: plain sets are indexed by low bits
 * of the page number, so their number is a power of two and C is the ways times that. Any size will do otherwise.
 */
double law_nearest(const struct law_table *table, size_t shape, double ln_c);

#endif
