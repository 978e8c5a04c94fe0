#include "report/comparison.h"

#include "base/units.h"

#define IS(name, is) \
	{ \
		.key = name, .kind = CONDITION_WORD, .word = is \
	}
#define EQUALS(name, is) \
	{ \
		.key = name, .kind = CONDITION_NUMBER, .number = (double)(is) \
	}
#define MOST(name) \
	{ \
		.key = name, .kind = CONDITION_MOST \
	}
#define PAGES(of) \
	{ \
		.key = "pages", .kind = of \
	}

static const char one_access[] = "an access, by TLB level";
static const char far_apart[] = "an access to pages far apart";
static const char large[] = "an access to a large working set";
static const char fault[] = "a page fault";
static const char allocation[] = "memory from malloc()";
static const char shootdown[] = "taking a page away";
static const char handoff[] = "a switch of threads or processes";
static const char tables[] = "page tables, for each page";
static const char laboratory[] = "a bare vCPU: shadow paging against nested";

#define REACH(begin, size, of) \
	{ \
		.group = one_access, .what = begin, .told = "pages", .after = " pages", .metric = "gross_ns", \
		.where = { \
			EQUALS("page_size_bytes", size), \
			EQUALS("stride_pages", 1), \
			PAGES(of) \
		} \
	}
#define DEPTH(begin, size, distance) \
	{ \
		.group = far_apart, .what = begin, .told = "pages", .after = " of them", .metric = "gross_ns", \
		.where = { \
			EQUALS("page_size_bytes", size), \
			EQUALS("distance_bytes", distance), \
			IS("placement", "scattered"), \
			MOST("pages") \
		} \
	}
#define LARGE(begin, size) \
	{ \
		.group = large, .what = begin, .told = "working_set_bytes", .metric = "gross_ns", .where = { \
			EQUALS("page_size_bytes", size), \
			MOST("working_set_bytes") \
		} \
	}
#define FAULT(name, sort, which) \
	{ \
		.group = fault, .what = name, .metric = "fault_ns", .where = { \
			IS("kind", sort), \
			IS("frames", which), \
			EQUALS("actors", 1) \
		} \
	}
#define HANDOFF(name, who, touched, time) \
	{ \
		.group = handoff, .what = name, .metric = time, .where = { \
			IS("between", who), \
			IS("via", "futex"), \
			EQUALS("page_size_bytes", PAGE_4K), \
			EQUALS("pages_touched", touched) \
		} \
	}
/* Nothing of these has a host's counterpart: the same guest code under the other paging mode has to do. */
#define LABORATORY .group = laboratory, .base_setting = "vcpu", .base_paging = "nested"
#define GUEST_FAULT(name, sort) \
	{ \
		LABORATORY, .what = name, .metric = "fault_ns", .where = { \
			IS("kind", sort), \
			IS("flush", "none"), \
			IS("order", "shuffled") \
		} \
	}
#define CR3_LOAD(name, other, tagged) \
	{ \
		LABORATORY, .what = name, .metric = "load_ns", .where = { \
			IS("change", other), \
			IS("pcid", tagged), \
			MOST("pages_touched") \
		} \
	}

const struct quantity comparison_quantities[] = {
	REACH("4K, first level: ", PAGE_4K, CONDITION_FIRST_LEVEL),
	REACH("4K, second level: ", PAGE_4K, CONDITION_SECOND_LEVEL),
	REACH("4K, beyond each level: ", PAGE_4K, CONDITION_BEYOND),
	REACH("2M, first level: ", PAGE_2M, CONDITION_FIRST_LEVEL),
	REACH("2M, second level: ", PAGE_2M, CONDITION_SECOND_LEVEL),
	REACH("2M, beyond each level: ", PAGE_2M, CONDITION_BEYOND),
	DEPTH("4K pages 2 MiB apart, ", PAGE_4K, PAGE_2M),
	DEPTH("4K pages 1 GiB apart, ", PAGE_4K, PAGE_1G),
	DEPTH("2M pages 1 GiB apart, ", PAGE_2M, PAGE_1G),
	LARGE("4K pages, ", PAGE_4K),
	LARGE("2M pages, ", PAGE_2M),
	LARGE("1G pages, ", PAGE_1G),
	FAULT("new page, recycled frame", "anon-write", "recycled"),
	FAULT("new page, fresh frame", "anon-write", "fresh"),
	FAULT("new 2M page", "thp-write", "recycled"),
	FAULT("shared memory", "shared-write", "recycled"),
	FAULT("copy after fork()", "fork-copy", "recycled"),
	{ .group = allocation,
		.what = "malloc() of 16 bytes",
		.metric = "malloc_ns",
		.where = { EQUALS("block_bytes", 16), IS("pattern", "pair"), IS("touch", "no"), EQUALS("actors", 1) } },
	{ .group = allocation,
		.what = "touching a block of 64 MiB",
		.metric = "touch_ns",
		.where = { EQUALS("block_bytes", 64 * MIB), IS("pattern", "pair"), IS("touch", "yes"),
			EQUALS("actors", 1) } },
	{ .group = shootdown,
		.what = "munmap() of a page, other CPUs: ",
		.told = "others",
		.metric = "operation_ns",
		.where = { IS("operation", "munmap"), EQUALS("pages", 1), MOST("others") } },
	HANDOFF("threads, by futex", "threads", 0, "switch_ns"),
	HANDOFF("processes, by futex", "processes", 0, "switch_ns"),
	HANDOFF("threads: then touching a page of 1024", "threads", 1024, "touch_ns"),
	HANDOFF("processes: then touching a page of 1024", "processes", 1024, "touch_ns"),
	{ .group = tables,
		.what = "building them, 4K pages side by side",
		.metric = "build_ns",
		.where = { EQUALS("page_size_bytes", PAGE_4K), EQUALS("distance_bytes", PAGE_4K), MOST("pages") } },
	{ .group = tables,
		.what = "tearing them down",
		.metric = "teardown_ns",
		.where = { EQUALS("page_size_bytes", PAGE_4K), EQUALS("distance_bytes", PAGE_4K), MOST("pages") } },
	GUEST_FAULT("fault on warm memory", "guest-warm"),
	GUEST_FAULT("fault on cold memory", "guest-cold"),
	CR3_LOAD("CR3 load, other root", "other", "off"),
	CR3_LOAD("CR3 load, other root, PCID", "other", "on"),
};

const size_t comparison_quantity_count = sizeof(comparison_quantities) / sizeof(comparison_quantities[0]);
