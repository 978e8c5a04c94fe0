/*
 * The catalogue of hardware events about address translation, as data: a row for each metric on each microarchitecture,
 * with the event's name in libpfm4, or the reason why there is none. Adding a microarchitecture is adding a table of
 * rows and its line in the list of catalogue_intel.c, catalogue_amd.c or catalogue_generic.c; nothing else knows any of
 * them.
 *
 * Meanings are the vendors': Intel SDM vol. 3B ch. 19/20 and the perfmon event lists, AMD PPR for each family.
 */
#ifndef NESTWALK_CATALOGUE_H
#define NESTWALK_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

enum count_metric {
	COUNT_DTLB_LOAD_MISSES_L1, /* miss the first TLB level, hit the second */
	COUNT_DTLB_LOAD_MISSES_L1_4K,
	COUNT_DTLB_LOAD_MISSES_L1_2M,
	COUNT_DTLB_LOAD_MISSES_L1_1G,
	COUNT_DTLB_LOAD_WALKS,
	COUNT_DTLB_LOAD_WALKS_4K,
	COUNT_DTLB_LOAD_WALKS_2M,
	COUNT_DTLB_LOAD_WALKS_1G,
	COUNT_DTLB_STORE_WALKS,
	COUNT_DTLB_STORE_WALKS_4K,
	COUNT_DTLB_STORE_WALKS_2M,
	COUNT_DTLB_STORE_WALKS_1G,
	COUNT_DTLB_WALK_CYCLES,
	COUNT_DTLB_WALK_PENDING,
	COUNT_WALKER_LOADS_L1,
	COUNT_WALKER_LOADS_L2,
	COUNT_WALKER_LOADS_L3,
	COUNT_WALKER_LOADS_MEMORY,
	COUNT_EPT_WALK_CYCLES,
	COUNT_ITLB_WALKS,
	COUNT_PAGE_FAULTS,
	COUNT_CYCLES,
	COUNT_INSTRUCTIONS,
	COUNT_METRICS,
};

#define COUNT_BIT(metric) (1u << (metric))
#define COUNT_ALL (COUNT_BIT(COUNT_METRICS) - 1)

/* Per access of a pointer chase (one dependent load, nothing else), whatever the page count and the microarchitecture. */
struct count_bounds {
	double least, most;
};

struct count_meaning {
	const char *name; /* as in results: "dtlb_load_walks" */
	const char *meaning; /* one clause */
	struct count_bounds bounds; /* a count outside of the bounds is not believed */
	bool needs_walks; /* a count of zero, while the chase causes walks, means a broken counter */
};

extern const struct count_meaning count_meanings[COUNT_METRICS];

/* Some unit masks do not combine in one event; the metric is then the sum or difference of several events. */
struct count_term {
	const char *event; /* libpfm4's name; without "::" it is an event of the microarchitecture's own PMU */
	int sign; /* 1 or -1 */
};

#define COUNT_TERMS_MAX 3

enum count_flag {
	COUNT_GENERIC = 1, /* the kernel chooses the event, so its meaning may differ from CPU to CPU */
	COUNT_STORES_TOO = 2, /* the PMU counts loads and stores together; a chase has no stores */
	COUNT_ADDS_EPT = 4, /* the second dimension is counted by an event of its own, which is added */
	COUNT_DIFFERENCE =
		8, /* the metric is made of several counts, so a few may be missing or too many where walks were under way */
	COUNT_ERRATUM = 16, /* the vendor lists a defect of it: see `counts` */
};

struct count_row {
	/* the list ends at the first term without an event; an empty list: see why_not */
	struct count_term term[COUNT_TERMS_MAX];
	const char *counts; /* one sentence: what it counts on this microarchitecture */
	unsigned flags;
	const char *kernel_event; /* of a generic row: the kernel's name of the same event in /sys, which comes first */
	const char *why_not; /* why there is no event */
	/*
	 * the nearest event where there is none for the metric; it is never shown under the metric's name. NULL: none
	 */
	const char *proxy;
};

/* The CPUs for which a microarchitecture is used as a fallback. */
enum count_fallback {
	FALLBACK_NO, /* not a fallback: it is used where libpfm4 finds its PMU */
	FALLBACK_AMD, /* for an AMD core that libpfm4 does not know; such a core is newer than libpfm4, so Zen */
	FALLBACK_ANY,
};

struct microarch {
	const char *pmu; /* libpfm4's name: "skx"; for a fallback "generic" or "generic-amd" */
	const char *name; /* "Intel Skylake-SP" */
	const char *manual; /* where its events are described */
	const struct count_row *rows; /* COUNT_METRICS of them */
	enum count_fallback fallback;
};

/* The microarchitecture of that number, from 0; NULL beyond the last. */
const struct microarch *catalogue_at(size_t index);

/* The fallback microarchitecture; never NULL. `which` is not FALLBACK_NO. */
const struct microarch *catalogue_fallback(enum count_fallback which);

size_t count_terms(const struct count_row *row);

/* The rest of this file is for the catalogue's tables only. */
struct microarch_list {
	const struct microarch *microarch;
	size_t count;
};
extern const struct microarch_list catalogue_intel_early, catalogue_intel, catalogue_amd, catalogue_generic;

#endif
