/*
 * The contract between a bench and the harness: the one header that a file in benches/ includes.
 *
 * A bench is a question with axes. It says what to lay out for given axis values; the harness chooses the CPU, makes
 * the memory, interleaves the settings, times, verifies, repeats and records. Behaviour comes from the fields below,
 * never from a bench's name.
 */
#ifndef NESTWALK_BENCH_H
#define NESTWALK_BENCH_H

#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where measured code runs. */
enum setting {
	SETTING_HOST, /* a process of this Linux */
	SETTING_VCPU, /* a bare vCPU of /dev/kvm: a guest without an operating system, whose page tables are ours */
	SETTING_COUNT,
};

#define SETTING_BIT(setting) (1u << (setting))

/* What is behind the memory under test on this Linux: a leaf size and how the kernel is asked for it. */
enum backing {
	BACKING_4K, /* anonymous memory, THP refused */
	BACKING_2M_THP, /* anonymous memory, THP asked for and verified */
	BACKING_2M_HUGETLB, /* from the hugetlb pool */
	BACKING_1G_HUGETLB, /* from the hugetlb pool */
	BACKING_COUNT,
};

/* In what order guest-physical pages follow each other behind guest-virtual ones. A host has no say in its own. */
enum frames {
	FRAMES_CONTIGUOUS,
	FRAMES_SHUFFLED,
	FRAMES_COUNT,
};

enum axis_kind {
	AXIS_COUNT, /* a plain number */
	AXIS_BYTES, /* any size; "64M" on the command line, a number of bytes in results */
	AXIS_PAGE_SIZE, /* 4K, 2M or 1G on the command line, a number of bytes in results */
	AXIS_CHOICE, /* one of named values; results hold the name */
};

#define AXIS_VALUES_MAX 160 /* 8 to 64 Ki at 8 an octave are 105; twice a --param list's worth of room */
#define AXES_MAX 8

struct axis {
	const char *name; /* what --param calls it */
	const char *key; /* what results call it: with its unit (page_size_bytes) */
	const char *help;
	enum axis_kind kind;
	const char *const *choices; /* AXIS_CHOICE: names; a value is an index */
	const uint64_t *values; /* measured unless --param says otherwise; NULL with a ladder */
	size_t count; /* of values, or of choices */
	struct {
		uint64_t first, last;
		unsigned per_octave; /* 0: no ladder */
	} ladder;
	uint64_t least, most; /* what --param may ask for */
	unsigned settings; /* where the axis means something; elsewhere it is left out of params */
	bool unusual; /* naming it with --param also asks for the FIT_IF_ASKED combinations */
};

/*
 * A pointer chase: one cache line in each of `count` units of `distance_bytes`, visited in one random cycle. A unit may
 * be smaller than a page (many lines of a large page), a page, or larger.
 */
struct chase {
	uint64_t page_bytes; /* leaf size in the space under test */
	enum backing backing;
	enum frames frames;
	unsigned levels; /* of the guest's page tables: 4 or 5 */
	uint64_t count;
	uint64_t distance_bytes; /* a multiple of the page, or a divisor of it */
	/*
	 * Only the page of each unit that is visited exists: units may then be far larger than memory. It is the unit's
	 * first page, or, scattered, a random one, so that pages far apart do not meet in one set of a TLB.
	 */
	bool sparse, scattered;
};

/* Whether a combination of axis values is measured. */
enum fit {
	FIT_NEVER, /* means nothing in this setting: left out */
	FIT_IF_ASKED, /* measured only where --param names one of the axes that make it unusual */
	FIT_ALWAYS,
};

/* A number that each sample of a bench gives. Its name ends in its unit. */
struct metric {
	const char *name; /* as in results: "net_cycles" */
	const char *unit; /* "cycles", "ns", "count", "bytes" */
};

#define METRICS_MAX 12

/* What a chase gives; a bench of chases need not name them. */
enum chase_metric {
	CHASE_GROSS_CYCLES,
	CHASE_BASELINE_CYCLES,
	CHASE_NET_CYCLES,
	CHASE_GROSS_NS,
	CHASE_BASELINE_NS,
	CHASE_NET_NS,
	CHASE_TOUCH_NS_PER_PAGE, /* first touch of the memory it lies in, per page of its backing: fault and zeroing */
	CHASE_METRICS,
};
extern const struct metric chase_metrics[CHASE_METRICS];

struct bench {
	const char *name;
	const char *question;
	unsigned settings; /* SETTING_BIT()s */
	const struct axis *axes;
	size_t axis_count;

	/* NULL: chase_metrics. The first decides when a point is precise enough. */
	const struct metric *metrics;
	size_t metric_count;

	/* What to chase for the axis values in `value` (in the order of `axes`), and whether that belongs in a run. */
	enum fit (*chase)(const uint64_t *value, enum setting setting, struct chase *out);

	int sweep_axis; /* along which its points make a curve; -1: they make none */
	bool find_steps; /* cost steps up along the sweep as TLB levels overflow: a second pass bisects each step */

	unsigned seconds; /* that effort `normal` gives it; other efforts scale it */
	bool first_answer; /* part of effort `quick`; the other benches are, too, when named */
};

/* Put a bench on the list: a file in benches/ ends with NESTWALK_BENCH(its struct bench). */
#define NESTWALK_BENCH(which) \
	static const struct bench *const which##_entry \
		__attribute__((used, retain, section("nestwalk_benches"), aligned(sizeof(void *)))) = &(which)

/* Names as in results and on the command line. NULL for a value out of range. */
const char *setting_name(enum setting setting);
const char *backing_name(enum backing backing);
const char *frames_name(enum frames frames);
extern const char *const backing_names[BACKING_COUNT];
extern const char *const frames_names[FRAMES_COUNT];

/* Leaf size of a backing in bytes, and whether it comes from the hugetlb pool. */
uint64_t backing_page_bytes(enum backing backing);
bool backing_is_hugetlb(enum backing backing);

#endif
