/*
 * Hardware counters around the chases of a run: opened once for each setting, taken in turns by each point, judged
 * sample by sample, and told in run.json. Where nothing can be counted all of this is next to free, and everything is
 * unknown with the reason.
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
	const struct perf_calls *calls; /* NULL: Linux's */
};

/*
 * For the calling thread, which must be the one that measures and be bound to its CPU by then. 0 with *out, which wants
 * hardware_close(), also where nothing can be counted; -ENOMEM. Privilege: counters/counters.h.
 * Takes some 2 ms for libpfm4, and some 20 us for each event tried where there is a PMU.
 */
int hardware_open(const struct hardware_request *request, struct hardware **out, struct reason *why);
void hardware_close(struct hardware *hardware);

/*
 * What counts the next sample of a point that has `samples` of them: each point takes the groups of counters in turn by
 * itself, so that counting_groups() samples know every metric, whichever points are measured between. NULL where
 * nothing can be counted (counters.h does nothing with it).
 */
struct counting *hardware_turn(struct hardware *hardware, enum setting setting, size_t samples);

/* What was counted: a chase over so many pages, each visited once a cycle. */
struct hardware_chase {
	double accesses;
	uint64_t pages, page_bytes;
};

/*
 * What cannot be true becomes unknown, with the reason. An event that counts nothing where every access must walk is
 * unknown from then on in the whole setting, and so are its values of before: 0 meant nothing there either.
 */
void hardware_judge(struct hardware *hardware, enum setting setting, const struct hardware_chase *chase,
	struct count_sample *sample);

/* Why no point of the setting knows this metric; NULL where points may. NULL hardware: nothing was asked for. */
const struct reason *hardware_reason(const struct hardware *hardware, enum setting setting, enum count_metric metric);

/* Why none of them is known in this setting, in one sentence; NULL where some are. */
const struct reason *hardware_none(const struct hardware *hardware, enum setting setting);

/* Whether a metric is counted by an event that the kernel chooses: what it counts may differ from CPU to CPU. */
bool hardware_is_generic(const struct hardware *hardware, enum count_metric metric);

/* run.json's "counters" (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *hardware_json(const struct hardware *hardware);

#endif
