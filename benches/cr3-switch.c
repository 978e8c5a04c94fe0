/*
 * cr3-switch: what does it cost a guest to load CR3, and to touch memory after it?
 *
 * What is measured: a bare vCPU executes MOV to CR3 at CPL 0, with the root that CR3 has or with another root that maps
 * the same memory, with and without PCID. Then it touches W pages at CPL 3, twice. The first touches find no TLB
 * entries unless a PCID kept them; the second find all that fit. Exits are KVM's own counts: under nested paging a
 * guest loads CR3 by itself, under shadow paging the hypervisor has to load another shadow table.
 *
 * What could confound it: a KVM that interprets CPL 0 code (kvm_pvm). The point is then marked interpreted: the time of
 * the load is an interpreter's, and the touches at CPL 3 stand.
 *
 * What would falsify it: after a load without PCID, first touches of more than a few pages that are no dearer than warm
 * ones; exits for each load under nested paging.
 */
#include "bench.h"
#include "space/laboratory.h"

#include <math.h>

static const char *const pcid_names[] = { "off", "on" };

#define REGION_PAGES 4096 /* the largest default W; more than an L2 TLB of today holds */

enum { CHANGE, PCID, LEVELS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[CHANGE] = { .name = "change",
		.key = "change",
		.kind = AXIS_CHOICE,
		.choices = space_change_names,
		VALUES(SPACE_SAME, SPACE_OTHER),
		BRIEF(SPACE_OTHER),
		.most = SPACE_CHANGES - 1,
		.settings = GUESTS,
		.help = "load the root it has, or that of another address space" },
	[PCID] = { .name = "pcid",
		.key = "pcid",
		.kind = AXIS_CHOICE,
		.choices = pcid_names,
		VALUES(0, 1),
		BRIEF(0),
		.most = 1,
		.settings = GUESTS,
		.help = "loads that keep TLB entries (CR4.PCIDE, CR3 bit 63)" },
	[LEVELS] = LEVELS_AXIS,
	[PAGES] = { .name = "touched",
		.key = "pages_touched",
		.kind = AXIS_COUNT,
		VALUES(16, 64, 256, 1024, 4096),
		BRIEF(64),
		.least = 1,
		.most = 65536,
		.settings = GUESTS,
		.help = "pages touched after each load" },
};

enum { LOAD_CYCLES, LOAD_NS, FIRST_TOUCH_CYCLES, FIRST_TOUCH_NS, WARM_TOUCH_CYCLES, EXITS_PER_LOAD, METRICS };

static const struct metric metrics[METRICS + 1] = {
	[LOAD_CYCLES] = { "load_cycles", UNIT_CYCLES, "load", LESS },
	[LOAD_NS] = { "load_ns", UNIT_NS, "load", LESS },
	[FIRST_TOUCH_CYCLES] = { "first_touch_cycles", UNIT_CYCLES, "page", LESS },
	[FIRST_TOUCH_NS] = { "first_touch_ns", UNIT_NS, "page", LESS },
	[WARM_TOUCH_CYCLES] = { "warm_touch_cycles", UNIT_CYCLES, "page", LESS },
	[EXITS_PER_LOAD] = { "exits_per_load", UNIT_COUNT, "load", LESS },
};

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const uint64_t *value = request->value;
	const struct laboratory_spec spec = {
		.pages = value[PAGES] > REGION_PAGES ? LABORATORY_PAGES_MAX : REGION_PAGES,
		.page_bytes = PAGE_4K,
		.backing = BACKING_4K,
		.levels = (unsigned)value[LEVELS],
	};
	const struct switch_experiment experiment = {
		.change = (enum space_change)value[CHANGE],
		.pcid = value[PCID],
		.pages_touched = (uint32_t)value[PAGES],
	};
	struct laboratory *laboratory;
	struct switch_result result;
	int error = laboratory_open_for(request, &spec, &laboratory, sample, why);

	if (error)
		return error;
	error = laboratory_switch(laboratory, &experiment, &result, why);
	laboratory_close(laboratory);
	if (error)
		return error;
	sample->value[LOAD_CYCLES] = result.tsc_per_load * request->cycles_per_tsc;
	sample->value[LOAD_NS] = result.tsc_per_load * request->ns_per_tsc;
	sample->value[FIRST_TOUCH_CYCLES] = result.tsc_first_touch * request->cycles_per_tsc;
	sample->value[FIRST_TOUCH_NS] = result.tsc_first_touch * request->ns_per_tsc;
	sample->value[WARM_TOUCH_CYCLES] = result.tsc_warm_touch * request->cycles_per_tsc;
	sample->value[EXITS_PER_LOAD] = result.exits_per_load < 0 ? NAN : result.exits_per_load;
	laboratory_usage_note(&result.load_usage, sample);
	laboratory_usage_note(&result.touch_usage, sample);
	return 0;
}

static const struct bench cr3_switch = {
	.name = "cr3-switch",
	.question = "what does a guest's CR3 load cost, and the first touch of memory after it?",
	.settings = GUESTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .measure = measure },
	.sweep_axis = -1,
	.seconds = 4,
};

NESTWALK_BENCH(cr3_switch);
