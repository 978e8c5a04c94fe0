/*
 * Counts of latencies in log-linear buckets: every power of two is cut into equal parts, so that a bucket is never wider
 * than 1/HISTOGRAM_PARTS of its lower end, from 1 ns to hours. (Gil Tene's HdrHistogram has the same shape; its C library
 * is not packaged everywhere.)
 */
#ifndef NESTWALK_HISTOGRAM_H
#define NESTWALK_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bucket is at most 3 % wide: finer than latencies repeat, and a few hundred buckets cover every latency. */
#define HISTOGRAM_PARTS 32u
#define HISTOGRAM_OCTAVES 43u /* 2^43 ns are 2.4 hours; a longer latency is counted in the last bucket */
#define HISTOGRAM_BUCKETS (HISTOGRAM_PARTS * (HISTOGRAM_OCTAVES - 4))

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t most; /* the largest value; 0 for an empty histogram */
};

/* The bucket of a value; the first value of a bucket; the first value of the next bucket. */
size_t histogram_bucket(uint64_t value);
uint64_t histogram_from(size_t bucket);
uint64_t histogram_to(size_t bucket);

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * The quantile at `share` (0 .. 1): the middle of its bucket, and never above the largest value. NAN for an empty
 * histogram.
 */
double histogram_quantile(const struct histogram *histogram, double share);

#endif
