/*
 * The contract between a bench and the harness. A file in benches/ includes this header and those of the services that
 * it uses (system/, space/, machine/).
 *
 * A bench is a question with axes. Its struct bench points at everything that is special about it: its axes, its
 * metrics, and either a chase or an experiment. The harness chooses the CPU, interleaves the points, repeats, judges
 * and records. Behaviour comes from the fields below, never from a name.
 */
#ifndef NESTWALK_BENCH_H
#define NESTWALK_BENCH_H

#include "base/histogram.h"
#include "base/reason.h"
#include "base/units.h"
#include "base/vocabulary.h"
#include "kvm/stats.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* musl's <limits.h> names the size of a page so. Benches name an axis so. */
#undef PAGE_SIZE

struct machine_source;

#define SETTING_BIT(setting) (1u << (setting))
#define GUESTS SETTING_BIT(SETTING_VCPU)
#define HOSTS SETTING_BIT(SETTING_HOST) /* where there is an operating system: this one, also when it is a guest */
#define EVERYWHERE (HOSTS | GUESTS)

/* --- axes: what is varied --- */

enum axis_kind {
	AXIS_COUNT, /* a plain number */
	AXIS_BYTES, /* any size; "64M" on the command line, a number of bytes in results */
	AXIS_PAGE_SIZE, /* 4K, 2M or 1G (or one of MTHP_PAGES) on the command line, a number of bytes in results */
	AXIS_CHOICE, /* one of named values; results hold the name */
	AXIS_KINDS,
};

/* What this machine limits an axis to. Values beyond the limit are left out, and the limit itself is measured. */
enum axis_limit {
	LIMIT_NONE,
	LIMIT_CPUS, /* the CPUs that the run may use */
	LIMIT_OTHER_CPUS, /* all of them but one */
};

#define AXES_MAX 8

struct axis {
	const char *name; /* what --param calls it */
	const char *key; /* what results call it: with its unit (page_size_bytes) */
	const char *help;
	enum axis_kind kind;
	const char *const *choices; /* AXIS_CHOICE: names; a value is an index */
	const uint64_t *values; /* measured unless --param says otherwise; NULL with a ladder */
	size_t count; /* of values */
	struct {
		uint64_t first, last;
		unsigned per_octave; /* 0: no ladder */
	} ladder;
	const uint64_t *brief; /* measured instead in effort quick, for a first answer; NULL: no others */
	size_t brief_count;
	uint64_t least, most; /* what --param may ask for */
	enum axis_limit limit;
	unsigned settings; /* SETTING_BIT()s where the axis means something; elsewhere it is left out of params */
	bool unusual; /* naming it with --param also asks for the FIT_IF_ASKED combinations */
};

#define VALUES(...) \
	.values = (const uint64_t[]){ __VA_ARGS__ }, \
	.count = sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)

#define BRIEF(...) \
	.brief = (const uint64_t[]){ __VA_ARGS__ }, \
	.brief_count = sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)

/* Axes that benches have in common. */
#define PAGE_SIZE_AXIS(...) \
	{ \
		.name = "page_size", .key = "page_size_bytes", .kind = AXIS_PAGE_SIZE, VALUES(__VA_ARGS__), \
		.least = PAGE_4K, .most = PAGE_1G, .settings = EVERYWHERE, \
		.help = "leaf size in the space under test: 4K, 2M, 1G" \
	}
#define BACKING_AXIS_BELOW(end, ...) \
	{ \
		.name = "backing", .key = "backing", .kind = AXIS_CHOICE, .choices = backing_names, \
		VALUES(__VA_ARGS__), .most = (end)-1, .settings = EVERYWHERE, .unusual = true, \
		.help = "host memory behind it; a host page is its own backing" \
	}
#define BACKING_AXIS(...) BACKING_AXIS_BELOW(BACKING_LEAVES, __VA_ARGS__)

/*
 * The same for benches that a host measures with transparent huge pages between 4K and 2M, too: by default those that
 * its kernel offers, and the others where --param names them. They are no leaves of a guest's tables.
 */
#define MTHP_PAGES 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1 * MIB
#define MTHP_BACKINGS \
	BACKING_16K_THP, BACKING_32K_THP, BACKING_64K_THP, BACKING_128K_THP, BACKING_256K_THP, BACKING_512K_THP, \
		BACKING_1M_THP
#define PAGE_SIZE_AXIS_WITH_MTHP \
	{ \
		.name = "page_size", .key = "page_size_bytes", .kind = AXIS_PAGE_SIZE, \
		VALUES(PAGE_4K, MTHP_PAGES, PAGE_2M, PAGE_1G), .least = PAGE_4K, .most = PAGE_1G, \
		.settings = EVERYWHERE, \
		.help = "leaf size in the space under test: 4K, 2M, 1G; on a host also 16K to 1M (`run --mthp`)" \
	}
#define BACKING_AXIS_WITH_MTHP(...) BACKING_AXIS_BELOW(BACKING_COUNT, __VA_ARGS__, MTHP_BACKINGS)
#define FRAMES_AXIS \
	{ \
		.name = "frames", .key = "frames", .kind = AXIS_CHOICE, .choices = frames_names, \
		VALUES(FRAMES_CONTIGUOUS), .most = FRAMES_COUNT - 1, .settings = GUESTS, \
		.help = "order of guest-physical pages: contiguous, shuffled" \
	}
#define LEVELS_AXIS \
	{ \
		.name = "levels", .key = "guest_levels", .kind = AXIS_COUNT, VALUES(4), .least = 4, .most = 5, \
		.settings = GUESTS, .help = "levels of the guest's page tables: 4, or 5 where CPU and KVM have LA57" \
	}

#define SIBLING_AXIS \
	{ \
		.name = "sibling", .key = "sibling", .kind = AXIS_CHOICE, .choices = sibling_names, \
		VALUES(SIBLING_IDLE), .most = SIBLING_COUNT - 1, .settings = EVERYWHERE, \
		.help = "what the core's other thread does: idle, or busy where this Linux owns it" \
	}

/* The order in which guest-physical pages follow each other behind guest-virtual ones. A host cannot choose its own. */
enum frames {
	FRAMES_CONTIGUOUS,
	FRAMES_SHUFFLED,
	FRAMES_COUNT,
};
extern const char *const frames_names[FRAMES_COUNT]; /* "contiguous" "shuffled" */

/*
 * What this process does on the core's other thread (SMT sibling) meanwhile. Where this Linux does not own that thread,
 * nobody can make it busy on purpose, and somebody else may keep it busy (docs/WEATHER.md).
 */
enum sibling {
	SIBLING_IDLE, /* nothing */
	SIBLING_BUSY, /* a thread of this process sweeps memory there (system/sibling_load.h) */
	SIBLING_COUNT,
};
extern const char *const sibling_names[SIBLING_COUNT]; /* "idle" "busy" */

/* Whether a combination of axis values is measured. */
enum fit {
	FIT_NEVER, /* means nothing in this setting: left out */
	FIT_IF_ASKED, /* measured only where --param names one of the axes that make it unusual */
	FIT_ALWAYS,
};

/* --- metrics: what each sample gives --- */

/* Which direction is an improvement. */
enum better {
	NEITHER,
	LESS,
	MORE,
};

/* The traits of a metric. run.json holds them, so that readers of results guess nothing from names. */
struct metric {
	const char *name; /* as in results: "net_cycles"; NULL ends a list */
	enum unit unit;
	const char *per; /* what happens once for each unit: "call", "page", "access"; NULL: nothing does */
	enum better better;
	bool signed_value; /* a difference, which may come out at zero or below */
	unsigned settings; /* SETTING_BIT()s where it means something; 0: everywhere */
};

#define METRICS_MAX 16

/* --- a chase: what most of a bench about TLBs needs to say --- */

/*
 * A pointer chase: one cache line in each of `count` units of `distance_bytes`, visited in one random cycle. A unit may
 * be smaller than a page (many lines of a large page), a page, or larger.
 */
struct chase {
	uint64_t page_bytes; /* leaf size in the space under test */
	enum backing backing;
	enum frames frames;
	unsigned levels; /* of the guest's page tables: 4 or 5 */
	enum sibling sibling;
	uint64_t count;
	uint64_t distance_bytes; /* a multiple of the page, or a divisor of it */
	/*
	 * So many loads are under way at a time: the cycle is followed from so many places at once, evenly spread over it.
	 * 0: one. A number that kernel_of_chains() has a kernel for (space/kernels.h).
	 */
	unsigned chains;
	/*
	 * Only the page of each unit that is visited exists: units may then be far larger than memory. It is the unit's
	 * first page, or, scattered, another one in each unit, so that pages far apart do not meet in one set of a TLB,
	 * nor their entries in the page tables in one set of a cache.
	 */
	bool sparse, scattered;
	/*
	 * Scattered 4K pages only: each unit has so many page tables, side by side, and each of them so many pages, every
	 * second one. With enough pages all accesses walk, however few tables there are. `count` is of all pages. 0: one.
	 */
	unsigned unit_tables, table_pages;
	bool shared_frames; /* sparse pages of a vCPU only, larger than 4K: many have one frame (struct sparse_spec) */
	/*
	 * Page numbers are chosen for the sets of TLBs that they meet in: see base/placement.h. The units' first pages are
	 * the targets. Of the `count` lines the last `fillers` lie in other pages. All lines lie in the first 4K of their
	 * pages, so that a page that a hypervisor holds in pieces asks for a piece whose number is as regular. Not with
	 * sparse.
	 */
	bool arranged;
	uint64_t fillers, flip_pages;
};

/* --- an experiment: work of the bench's own --- */

/* What an experiment is given for one sample. */
struct experiment_request {
	const uint64_t *value; /* of the bench's axes, in their order */
	enum setting setting;
	uint64_t seed; /* for the random choices of this sample */
	const int *cpus; /* CPUs that may be used: the run's own first, then others, each on a core of its own first */
	unsigned cpu_count;
	int numa_node; /* whose memory the run has; -1: not known */
	uint64_t memory_budget_bytes; /* what a run may take of this machine's memory */
	uint64_t memory_effort_bytes; /* what the effort allows to be under test at a time */
	double ns_per_tsc, cycles_per_tsc; /* now; cycles are core cycles */
	const struct machine_source *source;
	bool (*stop)(void); /* true: end soon with -EINTR. NULL: never */
	void *state; /* experiment.state_bytes that all samples of a measurement share, 0 at first */
};

/*
 * The share of a sample's time that its threads may be away from their CPUs. A mean notices all of it. A median over
 * chunks is still one of undisturbed chunks when a quarter of them was disturbed.
 */
#define AWAY_SHARE 0.05
#define AWAY_SHARE_OF_MEDIANS 0.25

/* What one sample of an experiment came to. The harness sets all of it to 0, the values to NAN. */
struct sample {
	double value[METRICS_MAX]; /* in the order of the bench's metrics; NAN: unknown */
	struct reason unknown_of[METRICS_MAX]; /* why that metric is unknown */
	struct reason unknown; /* why the metrics are unknown that `unknown_of` has no reason for */
	uint64_t elapsed_ns, away_ns; /* time of the timed work; the part in which its threads did not run */
	double away_most; /* the share of elapsed_ns that spoils the sample when more is away; 0: nothing is timed */
	uint64_t involuntary_switches, page_faults; /* in the timed work, but for faults that are its purpose */
	/*
	 * KVM's counts of the guest: by how much they grew, or their value at the end (kvm_count_grows()).
	 * KVM_COUNT_UNKNOWN.
	 */
	uint64_t kvm[KVM_COUNTS];
	bool interpreted; /* KVM interpreted the guest's CPL 0 code: counts stand, times compare with nothing */
	struct histogram
		*latencies; /* of the point, in ns; an experiment that times single events adds them. Never NULL */
};

struct experiment {
	/* Whether a combination of axis values belongs in a run. NULL: every one does. */
	enum fit (*fit)(const uint64_t *value, enum setting setting);

	/*
	 * Take one sample. 0; -EINTR; -EIO or -EINVAL with *why: it did not verify, and the point is an error; any
	 * other error with *why: this machine cannot do it, and the point is skipped. After an error *sample does not
	 * count.
	 */
	int (*measure)(const struct experiment_request *request, struct sample *sample, struct reason *why);

	/* What samples share, if anything; `end` gives back what it holds after the last sample. */
	size_t state_bytes;
	void (*end)(void *state);
};

/* --- registration --- */

struct bench {
	const char *name;
	const char *question;
	unsigned settings; /* SETTING_BIT()s */
	const struct axis *axes;
	size_t axis_count;

	/* NULL: those of a chase. The first decides when a point is precise enough. */
	const struct metric *metrics;

	/*
	 * A bench has either a chase or an experiment. The chase is for the axis values in `value`, in the axes' order.
	 */
	enum fit (*chase)(const uint64_t *value, enum setting setting, struct chase *out);
	struct experiment experiment;

	int sweep_axis; /* along which its points make a curve; -1: they make none */
	bool find_steps; /* cost steps up along the sweep as TLB levels overflow: a second pass bisects each step */

	unsigned seconds; /* that effort `normal` gives it; other efforts scale it */
};

/* Put a bench on the list: a file in benches/ ends with NESTWALK_BENCH(its struct bench). */
#define NESTWALK_BENCH(which) \
	static const struct bench *const which##_entry \
		__attribute__((used, retain, section("nestwalk_benches"), aligned(sizeof(void *)))) = &(which)

#endif
