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
#include "base/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTING_BIT(setting) (1u << (setting))

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

/* What this machine limits an axis to. Values beyond are left out, and the limit is itself measured. */
enum axis_limit {
	LIMIT_NONE,
	LIMIT_CPUS, /* the CPUs that the run may use */
	LIMIT_OTHER_CPUS, /* all of them but one */
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
	enum axis_limit limit;
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

/*
 * Trials of an operating system, as data. The headers of system/ say what exactly happens in each.
 */
/* How actors that work at the same time share memory maps. One actor alone is a thread of a process of its own. */
enum actors_as {
	ACTORS_THREADS, /* of one process: one address space, its locks and its tables */
	ACTORS_PROCESSES,
	ACTORS_KINDS,
};
extern const char *const actors_names[ACTORS_KINDS]; /* "threads" "processes" */

/* One sort of page fault each: system/storm.h says how it is brought about, and how many faults a page takes. */
enum storm_kind {
	STORM_ANON_WRITE,
	STORM_ANON_READ,
	STORM_ZERO_WRITE,
	STORM_THP_WRITE,
	STORM_HUGETLB_WRITE,
	STORM_SHARED_WRITE,
	STORM_FILE_READ,
	STORM_FILE_COPY,
	STORM_FORK_COPY,
	STORM_DONTNEED_WRITE,
	STORM_FREE_WRITE,
	STORM_UPGRADE,
	STORM_POPULATE,
	STORM_USERFAULT_MISSING,
	STORM_USERFAULT_MINOR,
	STORM_KINDS,
};
extern const char *const storm_kind_names[STORM_KINDS]; /* as above, lower case, with hyphens: "anon-write" */

/* Which frames the kernel gives to a storm. In a guest, the hypervisor has something behind recycled ones already. */
enum storm_frames {
	STORM_RECYCLED, /* a small set that returns again and again */
	STORM_FRESH, /* frames that no storm of this run has used before */
	STORM_FRAMES,
};
extern const char *const storm_frames_names[STORM_FRAMES]; /* "recycled" "fresh" */

struct storm_trial {
	enum storm_kind kind;
	enum storm_frames frames;
	enum actors_as as;
	unsigned actors;
	uint64_t region_bytes; /* of each actor: mapped, faulted in and given back at a time */
};

enum malloc_pattern {
	MALLOC_PAIR, /* each block is freed before the next is asked for */
	MALLOC_BATCH, /* many blocks are asked for, then all are freed: the heap grows and is trimmed */
	MALLOC_PATTERNS,
};
extern const char *const malloc_pattern_names[MALLOC_PATTERNS]; /* "pair" "batch" */

struct malloc_trial {
	uint64_t block_bytes;
	enum malloc_pattern pattern;
	bool touch; /* a byte of each page of the block is stored to */
	unsigned actors; /* threads of one process */
};

enum shootdown_operation {
	SHOOTDOWN_MUNMAP,
	SHOOTDOWN_MPROTECT, /* to read-only */
	SHOOTDOWN_DONTNEED, /* madvise(MADV_DONTNEED) */
	SHOOTDOWN_OPERATIONS,
};
extern const char *const shootdown_operation_names[SHOOTDOWN_OPERATIONS]; /* "munmap" "mprotect" "dontneed" */

struct shootdown_trial {
	enum shootdown_operation operation;
	uint32_t pages; /* of 4K, next to each other, all taken away by one call */
	unsigned others; /* CPUs that have them in their TLBs, besides the one that calls */
};

enum handoff_via {
	HANDOFF_FUTEX,
	HANDOFF_PIPE,
	HANDOFF_KINDS,
};
extern const char *const handoff_names[HANDOFF_KINDS]; /* "futex" "pipe" */

struct handoff_trial {
	enum actors_as between; /* two threads, or two processes, on one CPU */
	enum handoff_via via;
	uint64_t page_bytes; /* PAGE_4K or PAGE_2M */
	uint32_t pages_touched; /* after each switch; the same frames at the same addresses in both: 0 .. 4096 */
};

struct mapping_trial {
	uint64_t page_bytes; /* leaf: PAGE_4K, PAGE_2M or PAGE_1G */
	uint64_t distance_bytes; /* from page to page: page_bytes is dense */
	uint32_t pages;
};

/* A trial: how its guest or its actors are made, and what is done there. */
enum trial_kind {
	TRIAL_FAULT,
	TRIAL_SWITCH,
	TRIAL_CENSUS,
	TRIAL_STORM,
	TRIAL_MALLOC,
	TRIAL_SHOOTDOWN,
	TRIAL_HANDOFF,
	TRIAL_MAPPING,
	TRIAL_KINDS,
};

struct trial {
	enum trial_kind kind;
	union {
		struct {
			uint64_t page_bytes; /* leaf of the guest */
			enum backing backing;
			enum frames frames;
			unsigned levels;
			uint32_t pages; /* of the region under test */
			struct fault_trial fault;
			struct switch_trial change;
		};
		struct census_trial census; /* on a host: processes, mapped_bytes and backing */
		struct storm_trial storm;
		struct malloc_trial malloc;
		struct shootdown_trial shootdown;
		struct handoff_trial handoff;
		struct mapping_trial mapping;
	};
};

/* For the axes of a bench: where they mean something, and what is measured unless --param says otherwise. */
#define EVERYWHERE (SETTING_BIT(SETTING_HOST) | SETTING_BIT(SETTING_VCPU))
#define GUESTS SETTING_BIT(SETTING_VCPU)
#define HOSTS SETTING_BIT(SETTING_HOST) /* where there is an operating system: this one, also when it is a guest */
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
	const char *name; /* as in results: "net_cycles"; NULL ends a list */
	const char *unit; /* "cycles", "ns", "count", "bytes" */
	unsigned settings; /* where it means something; 0: everywhere */
};

#define METRICS_MAX 16

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
extern const struct metric chase_metrics[CHASE_METRICS + 1];

/* What trials give: lists that end in a name of NULL. measure/trial_*.c, where each kind of trial is taken, has them. */
extern const struct metric fault_metrics[], switch_metrics[], census_metrics[], storm_metrics[], malloc_metrics[],
	shootdown_metrics[], handoff_metrics[], mapping_metrics[];

struct bench {
	const char *name;
	const char *question;
	unsigned settings; /* SETTING_BIT()s */
	const struct axis *axes;
	size_t axis_count;

	/* NULL: chase_metrics. The first decides when a point is precise enough. */
	const struct metric *metrics;

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
extern const char *const frames_names[FRAMES_COUNT];

/* Leaf size of a backing in bytes, and whether it comes from the hugetlb pool. */
uint64_t backing_page_bytes(enum backing backing);
bool backing_is_hugetlb(enum backing backing);

#endif
