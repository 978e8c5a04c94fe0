/* How rows of the catalogue are written down. Included by the catalogue's tables only. */
#ifndef NESTWALK_ROWS_H
#define NESTWALK_ROWS_H

#include "counters/catalogue.h"

#define PLUS(name) \
	{ \
		.event = (name), .sign = 1 \
	}
#define MINUS(name) \
	{ \
		.event = (name), .sign = -1 \
	}

/* A row of a metric: what the event counts in one sentence, and its terms. */
#define ROW(metric, sentence, ...) [COUNT_##metric] = { .counts = (sentence), .term = { __VA_ARGS__ } }

/* A row with flags. */
#define ROW_WITH(metric, marks, sentence, ...) \
	[COUNT_##metric] = { .counts = (sentence), .flags = (marks), .term = { __VA_ARGS__ } }

#define NO_ROW(metric, reason, nearest) [COUNT_##metric] = { .why_not = (reason), .proxy = (nearest) }

/* The kernel itself counts page faults, on every microarchitecture. */
#define PAGE_FAULTS_ROW \
	ROW(PAGE_FAULTS, "faults of the thread's user code that the kernel handled, minor and major", \
		PLUS("perf::PERF_COUNT_SW_PAGE_FAULTS"))

#define MICROARCH_LIST(name, list) \
	const struct microarch_list name = { .microarch = (list), .count = sizeof(list) / sizeof((list)[0]) }

#endif
