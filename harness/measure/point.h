/* A point: one combination of a bench's axis values in one setting, its samples, and its results. */
#ifndef NESTWALK_POINT_H
#define NESTWALK_POINT_H

#include "base/histogram.h"
#include "bench.h"
#include "measure/hardware.h"
#include "measure/point_counts.h"
#include "measure/sample.h"
#include "measure/weather.h"

#include <jansson.h>
#include <stdbool.h>

/* The metrics of a chase, for benches that name no metrics of their own. */
enum chase_metric {
	CHASE_GROSS_CYCLES,
	CHASE_BASELINE_CYCLES,
	CHASE_NET_CYCLES,
	CHASE_GROSS_NS,
	CHASE_BASELINE_NS,
	CHASE_NET_NS,
	CHASE_METRICS,
};

/* A bench's metrics, its own or those of a chase. The list ends in a name of NULL. */
const struct metric *bench_metrics(const struct bench *bench);

enum point_status {
	POINT_OK,
	POINT_SKIPPED, /* this machine cannot do it, or this effort has no time for it: reason */
	POINT_ERROR, /* something did not verify: there is a reason and no number */
	POINT_STATUSES
};
extern const char *const point_status_names[POINT_STATUSES]; /* "ok" "skipped" "error" */

enum pass {
	PASS_SWEEP,
	PASS_REFINE, /* the independent second pass around the steps that the sweep shows */
};

struct point {
	const struct bench *bench;
	enum setting setting;
	enum pass pass;
	uint64_t value[AXES_MAX];
	bool without_pages; /* stands for a whole curve that is skipped: its params have no value of the sweep axis */

	enum point_status status;
	struct reason reason;

	size_t samples, room;
	const struct metric *metrics;
	size_t metric_count;
	double *series[METRICS_MAX]; /* owned; one a metric */
	double *cycles_per_tsc; /* owned; the conversion factor of each sample */
	double *at_s; /* owned; when each sample was taken, in seconds since the run began */
	double *weather, *quiet; /* owned; cycles of the canary beside each sample (NAN: not known), and 1 or 0 */
	unsigned *round; /* owned */
	unsigned discarded, contaminated;
	struct disturbance disturbance; /* over all timed regions, discarded ones included */

	/* Latencies in ns: of all finished rounds, and of the round that is going on. NULL: none were timed. */
	struct histogram *latencies, *latencies_of_round; /* owned */
	struct point_counts *counts; /* owned; the counts of hardware in each sample; NULL: nothing was counted */
	bool failed; /* something did not verify, if only after samples that did */
	bool exhausted; /* the point gets no more samples: see point_fail() */

	struct reason unknown; /* why metrics are unknown (NAN) in the last sample */
	struct reason
		/*
		 * owned; a reason for each metric, "" where `unknown` is the reason; NULL: `unknown` is the reason for
		 * all
		 */
		*unknown_of;
	bool interpreted; /* KVM interpreted the guest's CPL 0 code: counts are right, times compare with nothing */

	/* What was read back after the last sample. page_bytes 0: the experiment verifies its memory itself. */
	uint64_t page_bytes, baseline_page_bytes, baseline_bytes; /* the last: what the packed lines take */
	uint64_t faults_expected, faults_counted;
	uint64_t kvm_pages[KVM_COUNTS]; /* KVM_COUNT_PAGES_*; KVM_COUNT_UNKNOWN */

	unsigned number; /* of the point in the journal (record/journal.h), from 1; 0: it is not there yet */
	size_t journaled; /* how many samples it had when its line was last written there */
	json_t *kept; /* owned; the line of a run that is resumed, where the point was finished: it is not measured again */
	bool interrupted; /* the run was, before the point had all of its samples */
	bool final;
};

/* What is the same for all points of a run. */
struct point_context {
	const char *paging[SETTING_SPACES]; /* NULL: unknown */
	const char *paging_reason; /* why it is unknown */
	const char *outer;
	double tsc_hz;
	uint64_t seed;
	struct hardware *hardware; /* the counters around chases; NULL: none were asked for */
};

void point_init(struct point *point, const struct bench *bench, enum setting setting);
void point_free(struct point *point);

/* What is known of a sample beside its values. */
struct sample_facts {
	double cycles_per_tsc;
	unsigned round;
	double at_s; /* when it was taken, in seconds since the run began */
	struct weather_reading weather;
};

/* Add an undisturbed sample: a value for each metric (NAN: unknown). 0, or -ENOMEM. */
int point_add(struct point *point, const double *values, const struct sample_facts *facts);

/*
 * Add the latencies of the sample that was added last. point_keep_round() keeps them at the end of the round; until
 * then point_drop_round() drops them together with the samples. 0, or -ENOMEM.
 */
int point_add_latencies(struct point *point, const struct histogram *latencies);
void point_keep_round(struct point *point);

/* Note why metrics are unknown: METRICS_MAX reasons, "" where point.unknown holds. 0, or -ENOMEM. */
int point_tell_unknown(struct point *point, const struct reason *unknown_of);

/* The values of a chase's metrics, of enum chase_metric, from one sample. */
void chase_values(const struct chase_sample *sample, const struct point_context *context, double *values);

/* Take back the samples of a round that was not finished. */
void point_drop_round(struct point *point, unsigned round);

/*
 * Make the point a skipped point or an error. A point that has samples keeps them and its numbers, gets no more, and says why:
 * what happened later does not make them wrong.
 */
void point_fail(struct point *point, enum point_status status, const struct reason *why);

/* Whether it has a sample of that round; whether it is to have one. */
bool point_has_round(const struct point *point, unsigned round);
bool point_is_due(const struct point *point, unsigned round);

/* How many samples the point's numbers are made of: the quiet ones where there are enough (base/quiet.h), or all. */
size_t point_samples_counted(const struct point *point);

/* Half the 95 % interval of the first metric's median over that median; infinite below 2 samples. */
double point_uncertainty(const struct point *point, const struct point_context *context);

/* The line for points.jsonl (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *point_json(const struct point *point, const struct point_context *context);

/* Give a point that has no sample what a line of it says; a finished one is kept as it is. 0, or -ENOMEM. */
int point_restore(struct point *point, json_t *line);

/* A sample, a value under each name that "samples" of the line has. New reference; NULL where memory is short. */
json_t *point_sample_json(const struct point *point, size_t sample);

#endif
