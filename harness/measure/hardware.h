/*
 * Hardware counters around the chases of a run: they are opened once for each setting, each point takes the groups in
 * turn, each sample is judged, and run.json describes them. Where nothing can be counted this takes next to no time,
 * and every metric is unknown with the reason.
 */
#ifndef NESTWALK_HARDWARE_H
#define NESTWALK_HARDWARE_H

#include "base/reason.h"
#include "bench.h"
#include "counters/counters.h"
#include "machine/hypervisor.h"
#include "machine/source.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hardware;

struct hardware_request {
	unsigned settings; /* SETTING_BIT()s that chases may be measured in */
	const struct machine_source *source; /* whose TLBs these are */
	const struct kvm_module *module; /* of the vCPUs; NULL where there are none */
	const struct microarch *microarch; /* NULL: this CPU's */
	int cpu; /* the one measured on */
	const struct perf_calls *calls; /* NULL: Linux's */
};

/*
 * Open the counters for the calling thread, which must be the thread that measures, already bound to its CPU. 0 with
 * *out, which the caller closes with hardware_close(), also where nothing can be counted; -ENOMEM. Privilege:
 * counters/counters.h. Takes some 2 ms for libpfm4, and some 20 us for each event tried where there is a PMU.
 */
int hardware_open(const struct hardware_request *request, struct hardware **out, struct reason *why);
void hardware_close(struct hardware *hardware);

/*
 * The counters for the next sample of a point that has `samples` samples. Each point takes the groups in turn by
 * itself, so that counting_groups() samples know every metric, whichever points are measured between. NULL where
 * nothing can be counted; the functions of counters.h accept it.
 */
struct counting *hardware_turn(struct hardware *hardware, enum setting setting, size_t samples);

/* The counted chase: its number of pages, each of which is visited once a cycle. */
struct hardware_chase {
	double accesses;
	uint64_t pages, page_bytes;
};

/*
 * Judge the counts of a sample. A count that cannot be true becomes unknown, with the reason. An event that counts 0
 * where every access must cause a walk is unknown from then on in the whole setting. Its earlier values become unknown,
 * too, as a 0 among them proves nothing either.
 */
void hardware_judge(struct hardware *hardware, enum setting setting, const struct hardware_chase *chase,
	struct count_sample *sample);

/*
 * The reason why no point of the setting knows this metric; NULL where points may know it. `hardware` is NULL where no
 * counters were asked for.
 */
const struct reason *hardware_reason(const struct hardware *hardware, enum setting setting, enum count_metric metric);

/* The reason why no metric is known in this setting, in one sentence; NULL where some metrics are. */
const struct reason *hardware_none(const struct hardware *hardware, enum setting setting);

/* Whether the kernel chooses the event of a metric, so that its meaning may differ from CPU to CPU. */
bool hardware_is_generic(const struct hardware *hardware, enum count_metric metric);

/* run.json's "counters" (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *hardware_json(const struct hardware *hardware);

#endif
