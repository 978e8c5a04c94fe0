/* Unit conversions and sizes. Powers of ten and two are written out here and nowhere else. */
#ifndef NESTWALK_UNITS_H
#define NESTWALK_UNITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)
#define HZ_PER_KHZ UINT64_C(1000)
#define HZ_PER_MHZ UINT64_C(1000000)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static inline bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* Leaf sizes of x86-64 paging: Intel SDM vol. 3A 4.5, AMD APM vol. 2 5.3. */
#define PAGE_4K (4 * KIB)
#define PAGE_2M (2 * MIB)
#define PAGE_1G (1 * GIB)

/*
 * Sizes of the transparent huge pages that are smaller than a leaf of 2M, powers of two: the kernel maps one by several
 * 4K entries in a row, and a CPU may hold these in one TLB entry (Documentation/admin-guide/mm/transhuge.rst, "mTHP").
 */
#define MTHP_LEAST_BYTES (16 * KIB)
#define MTHP_MOST_BYTES (1 * MIB)
static inline bool page_is_mthp(uint64_t page_bytes)
{
	return page_bytes >= MTHP_LEAST_BYTES && page_bytes <= MTHP_MOST_BYTES && is_power_of_two(page_bytes);
}

/* Every x86-64 CPU so far has 64-byte lines; machine/ reports what CPUID says, and a different value is an error there. */
#define LINE_BYTES UINT64_C(64)

/* The multiple of a unit that is next below or above, for sizes and addresses. */
static inline uint64_t bytes_round_down(uint64_t bytes, uint64_t unit)
{
	return bytes / unit * unit;
}

static inline uint64_t bytes_round_up(uint64_t bytes, uint64_t unit)
{
	return bytes_round_down(bytes + unit - 1, unit);
}

/* Parse a size as people write it ("4K", "2M", "1G", "4096", "16MiB"). 0, or -EINVAL with *bytes untouched. */
int size_parse(const char *text, uint64_t *bytes);

/* Parse a duration ("10s", "500ms", "2m", "1h"; a number alone is seconds). 0, or -EINVAL with *ns untouched. */
int duration_parse(const char *text, uint64_t *ns);

/* A size in its shortest exact spelling: "4K", "1G", "1536". size_format() returns the text, which lies in *out. */
struct size_text {
	char text[24];
};
const char *size_format(uint64_t bytes, struct size_text *out);

/* Units of metrics, as results name them. */
enum unit {
	UNIT_COUNT, /* "count" */
	UNIT_NS, /* "ns" */
	UNIT_CYCLES, /* "cycles": of the core's clock */
	UNIT_BYTES, /* "bytes" */
	UNIT_PER_S, /* "1/s" */
	UNIT_SHARE, /* "share": of a whole, 0 to 1 */
	UNIT_RATIO, /* "ratio" */
	UNITS,
};

/* The name of a unit, and whether a number of that unit is a time. */
const char *unit_name(enum unit unit);
bool unit_is_time(enum unit unit);

static inline uint64_t timespec_ns(struct timespec t)
{
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_usec * NS_PER_US;
}

/* CLOCK_MONOTONIC in ns: for deadlines and progress; measured times come from the TSC. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return timespec_ns(t);
}

#endif
