/* A point: one combination of a bench's axis values in one setting, its samples, and what they come to. */
#ifndef NESTWALK_POINT_H
#define NESTWALK_POINT_H

#include "base/histogram.h"
#include "bench.h"
#include "measure/hardware.h"
#include "measure/point_counts.h"
#include "measure/sample.h"

#include <jansson.h>
#include <stdbool.h>

/* What each sample of a chase gives: the metrics of a bench that names none. */
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

/* A bench's metrics, its own or those of a chase. The list ends in a name of NULL. */
const struct metric *bench_metrics(const struct bench *bench);

enum point_status {
	POINT_OK,
	POINT_SKIPPED, /* this machine, or this effort, cannot: reason */
	POINT_ERROR, /* something did not verify: reason, and no number */
};

enum pass {
	PASS_SWEEP,
	PASS_REFINE, /* the independent second pass around the steps that the sweep shows */
};

struct point {
	const struct bench *bench;
	enum setting setting;
	enum pass pass;
	uint64_t value[AXES_MAX];
	bool without_pages; /* stands for a whole group that is skipped: the swept axis is left out of its params */

	enum point_status status;
	struct reason reason;

	size_t samples, room;
	const struct metric *metrics;
	size_t metric_count;
	double *series[METRICS_MAX]; /* owned; one a metric */
	double *cycles_per_tsc; /* owned; what each sample was converted with */
	unsigned *round; /* owned */
	unsigned discarded, contaminated;
	struct disturbance disturbance; /* over all timed regions, discarded ones included */

	/*
	 * Latencies in ns over all samples: of those that stay, and of the round that is going on. NULL: none were
	 * timed.
	 */
	struct histogram *latencies, *latencies_of_round; /* owned */
	struct point_counts *counts; /* owned; what hardware counted in each sample; NULL: nothing */
	bool exhausted; /* the machine gave samples, but gives no more: what there is stands */

	struct reason unknown; /* why a metric is unknown (NAN) in the last sample, */
	struct reason *unknown_of; /* unless it has a reason of its own here. Owned; one a metric; NULL: none has */
	bool interpreted; /* KVM interpreted the guest's CPL 0 code: counts stand, times compare with nothing */

	/* What was read back, as of the last sample. page_bytes 0: the samples verify themselves. */
	uint64_t page_bytes, baseline_page_bytes;
	uint64_t faults_expected, faults_counted;
	uint64_t kvm_pages[KVM_COUNTS]; /* KVM_COUNT_PAGES_*; KVM_COUNT_UNKNOWN */

	size_t written; /* samples when it was last written */
	bool final;
};

/* What is the same for all points of a run. */
struct point_context {
	const char *paging[SETTING_SPACES]; /* NULL: unknown */
	const char *paging_reason; /* ... and why */
	const char *outer;
	double tsc_hz;
	uint64_t seed;
	struct hardware *hardware; /* the counters around chases; NULL: none were asked for */
};

void point_init(struct point *point, const struct bench *bench, enum setting setting);
void point_free(struct point *point);

/* Add a good sample of a round: a value a metric (NAN: unknown). 0, or -ENOMEM. */
int point_add(struct point *point, const double *values, double cycles_per_tsc, unsigned round);

/*
 * The latencies of the sample just added. They stay when point_keep_round() is called at the end of the round; before,
 * point_drop_round() drops them with the samples. 0, or -ENOMEM.
 */
int point_add_latencies(struct point *point, const struct histogram *latencies);
void point_keep_round(struct point *point);

/*
 * Reasons of their own that metrics have for being unknown: METRICS_MAX of them, "" where there is none. 0, or -ENOMEM.
 */
int point_tell_unknown(struct point *point, const struct reason *unknown_of);

/* A chase's sample as values of chase_metrics. */
void chase_values(const struct chase_sample *sample, double touch_ns_per_page, const struct point_context *context,
	double *values);

/* Take back the samples of a round that was not finished. */
void point_drop_round(struct point *point, unsigned round);

/* From now on an error or skipped point, without numbers. */
void point_fail(struct point *point, enum point_status status, const struct reason *why);

/* Half the 95 % interval of the first metric's median over that median; infinite below 2 samples. */
double point_uncertainty(const struct point *point, const struct point_context *context);

/* The line for points.jsonl (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *point_json(const struct point *point, const struct point_context *context);

#endif
