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

/*
 * Trials of the laboratory, as data. space/lab.h and space/census.h carry them out, and say what exactly happens.
 */
/* What a fault trial makes happen on the first touch (a store) of each page. */
enum fault_kind {
	FAULT_GUEST_COLD, /* not present in the guest; the frame that its handler maps has no host memory yet */
	FAULT_GUEST_WARM, /* not present in the guest; the frame has host memory, and the hypervisor has mapped it before */
	FAULT_BACKING_ONLY, /* present in the guest; the host memory is gone: the guest takes no fault, the host does */
	FAULT_UPGRADE, /* mapped read-only and read before: the guest's handler makes it writable */
	FAULT_KINDS,
};

/* What the handler does once it has written the entry. Architecturally none is needed: a fault leaves no stale entry. */
enum fault_flush {
	FLUSH_NONE,
	FLUSH_INVLPG, /* of the page */
	FLUSH_CR3, /* all of the space: CR3 is written with the value it has */
	FLUSH_KINDS,
};

enum touch_order {
	TOUCH_SHUFFLED,
	TOUCH_SEQUENTIAL, /* ascending addresses: neighbours that KVM's shadow MMU fills in advance are not touched yet */
	TOUCH_ORDERS,
};

/* Names as in results: "guest-cold" "guest-warm" "backing-only" "upgrade"; "none" "invlpg" "cr3". */
extern const char *const fault_kind_names[FAULT_KINDS];
extern const char *const fault_flush_names[FLUSH_KINDS];
extern const char *const touch_order_names[TOUCH_ORDERS]; /* "shuffled" "sequential" */

struct fault_trial {
	enum fault_kind kind;
	enum fault_flush flush; /* FLUSH_NONE for FAULT_BACKING_ONLY, which runs no handler */
	enum touch_order order;
	uint32_t pages; /* touched: a multiple of LAB_CHUNK_PAGES up to spec.pages */
};

enum space_change {
	SPACE_SAME, /* CR3 is loaded with the root it has */
	SPACE_OTHER, /* two roots take turns; both map the same frames at the same addresses */
	SPACE_CHANGES,
};
extern const char *const space_change_names[SPACE_CHANGES]; /* "same" "other" */

struct switch_trial {
	enum space_change change;
	bool pcid; /* CR4.PCIDE on, a PCID for each space, and loads that keep its TLB entries (CR3 bit 63) */
	uint32_t pages_touched; /* W: 1 .. spec.pages */
};

#define CENSUS_VMS_MAX 64u
#define CENSUS_PROCESSES_MAX 256u

/* What the processes of a VM map. */
enum census_memory {
	CENSUS_SHARED, /* all the same frames: one buffer that many processes attach to */
	CENSUS_OWN, /* each its own frames */
	CENSUS_MEMORIES,
};
extern const char *const census_memory_names[CENSUS_MEMORIES]; /* "shared" "own" */

struct census_trial {
	uint32_t vms; /* V: 1 .. CENSUS_VMS_MAX */
	uint32_t processes; /* P in each VM: 1 .. CENSUS_PROCESSES_MAX */
	uint64_t mapped_bytes; /* by each process: a multiple of page_bytes and of the backing's page size */
	uint64_t page_bytes; /* leaf in the guests' tables: PAGE_4K, PAGE_2M or PAGE_1G */
	unsigned levels; /* of the guests' tables: 4 or 5 */
	enum backing backing; /* of the memory mapped; all VMs have the same host memory behind theirs */
	enum census_memory memory;
	bool (*stop)(void); /* polled between address spaces; where it becomes true the result is -EINTR. NULL: never */
};

struct census_native_trial {
	uint32_t processes; /* N: 1 .. CENSUS_PROCESSES_MAX */
	uint64_t mapped_bytes; /* a multiple of the backing's page size */
	enum backing backing;
	bool (*stop)(void);
};

/* A trial: how its guest is made, and what is done in it. */
enum trial_kind {
	TRIAL_FAULT,
	TRIAL_SWITCH,
	TRIAL_CENSUS,
};

struct trial {
	enum trial_kind kind;
	uint64_t page_bytes; /* leaf of the guest */
	enum backing backing;
	enum frames frames;
	unsigned levels;
	uint32_t pages; /* of the region under test */
	struct fault_trial fault;
	struct switch_trial change;
	struct census_trial census; /* on a host: processes, mapped_bytes and backing */
};

/* For the axes of a bench: where they mean something, and what is measured unless --param says otherwise. */
#define EVERYWHERE (SETTING_BIT(SETTING_HOST) | SETTING_BIT(SETTING_VCPU))
#define GUESTS SETTING_BIT(SETTING_VCPU)
#define VALUES(...) \
	.values = (const uint64_t[]){ __VA_ARGS__ }, \
	.count = sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)

/* Axes that benches have in common. */
#define PAGE_SIZE_AXIS(...) \
	{ \
		.name = "page_size", .key = "page_size_bytes", .kind = AXIS_PAGE_SIZE, VALUES(__VA_ARGS__), \
		.least = PAGE_4K, .most = PAGE_1G, .settings = EVERYWHERE, \
		.help = "leaf size in the space under test: 4K, 2M, 1G" \
	}
#define BACKING_AXIS(...) \
	{ \
		.name = "backing", .key = "backing", .kind = AXIS_CHOICE, .choices = backing_names, \
		VALUES(__VA_ARGS__), .most = BACKING_COUNT - 1, .settings = EVERYWHERE, .unusual = true, \
		.help = "host memory behind it; a host page is its own backing" \
	}
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
	unsigned settings; /* where it means something; 0: everywhere */
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

/* What trials give (measure/trial.h). */
extern const struct metric fault_metrics[], switch_metrics[], census_metrics[];
#define FAULT_METRIC_COUNT 10
#define SWITCH_METRIC_COUNT 6
#define CENSUS_METRIC_COUNT 9

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

	/* A bench has either chases or trials. */
	enum fit (*trial)(const uint64_t *value, enum setting setting, struct trial *out);

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
