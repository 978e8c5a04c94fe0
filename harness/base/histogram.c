#include "base/histogram.h"

#include <assert.h>
#include <math.h>

static_assert((HISTOGRAM_PARTS & (HISTOGRAM_PARTS - 1)) == 0, "a power of two is cut into a power of two");

#define PARTS_LOG2 ((unsigned)__builtin_ctz(HISTOGRAM_PARTS))

/* Below 2 * PARTS every value has a bucket of its own; from there each octave has PARTS buckets. */
size_t histogram_bucket(uint64_t value)
{
	unsigned shift = value < 2 * HISTOGRAM_PARTS ? 0 : 63 - (unsigned)__builtin_clzll(value) - PARTS_LOG2;
	size_t bucket = (size_t)shift * HISTOGRAM_PARTS + (size_t)(value >> shift);

	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_from(size_t bucket)
{
	size_t shift = bucket < 2 * HISTOGRAM_PARTS ? 0 : bucket / HISTOGRAM_PARTS - 1;

	return (uint64_t)(bucket - shift * HISTOGRAM_PARTS) << shift;
}

uint64_t histogram_to(size_t bucket)
{
	return histogram_from(bucket + 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->count[histogram_bucket(value)]++;
	histogram->total++;
	if (value > histogram->most)
		histogram->most = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
	into->total += from->total;
	if (from->most > into->most)
		into->most = from->most;
}

double histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)histogram->total), seen = 0;

	if (!histogram->total)
		return NAN;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->count[i];
		if (seen >= rank && histogram->count[i])
			return fmin(
				((double)histogram_from(i) + (double)histogram_to(i) - 1) / 2, (double)histogram->most);
	}
	return (double)histogram->most;
}
