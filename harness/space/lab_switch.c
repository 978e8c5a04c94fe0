/* Switch experiments: loads of CR3, and the first touches after them. */
#include "space/lab_internal.h"

#include "base/units.h"
#include "space/permutation.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static_assert(LAB_LOADS == LOADS_IN_LAP, "lab.h and lab_guest.h differ");

#define LOAD_LAPS 15u /* odd, so that the median is one lap */
#define TOUCH_LAPS 15u
#define TOUCH_LAPS_UNTIMED 2u /* one for each space, in which a shadow MMU fills its tables */

#define CR3_NO_FLUSH (1ULL << 63) /* Intel SDM vol. 3A 4.10.4.1, AMD APM vol. 2 5.5.1 */

const char *const space_change_names[SPACE_CHANGES] = {
	[SPACE_SAME] = "same",
	[SPACE_OTHER] = "other",
};

static int experiment_check(const struct lab *lab, const struct switch_experiment *experiment, struct reason *why)
{
	if (!experiment->pages_touched || experiment->pages_touched > lab->spec.pages)
		return fail(why, EINVAL, "a switch experiment touches 1 to %" PRIu32 " pages, not %" PRIu32,
			lab->spec.pages, experiment->pages_touched);
	if ((unsigned)experiment->change >= SPACE_CHANGES)
		return fail(why, EINVAL, "there is no such change of space");
	if (experiment->pcid && !lab_has_pcid(lab))
		return fail(why, ENOTSUP, "the guest's CPUID has no PCID: this CPU or this KVM does not give it one");
	return lab_usable(lab, why);
}

/* One line in each of W pages of the region, in a random cycle. */
static int chain_write(struct lab *lab, uint32_t pages, struct reason *why)
{
	uint32_t *chosen = permutation_shuffled(lab->spec.pages, lab->spec.seed);

	if (!chosen)
		return fail(why, ENOMEM, "no memory for the order of %" PRIu32 " pages", lab->spec.pages);
	for (uint32_t i = 0; i < pages; i++)
		*lab_touch_host(lab, chosen[i]) = lab_touch_gva(lab, chosen[(i + 1) % pages]);
	lab->guest.call->list = lab_touch_gva(lab, chosen[0]);
	free(chosen);
	return 0;
}

/* What the guest loads CR3 with: the root, and with PCIDs the number of the space, from 1 on. */
static uint64_t cr3_value(const struct lab *lab, const struct switch_experiment *experiment, uint32_t space)
{
	uint64_t root = lab_guest_root(&lab->guest, space).at;

	return experiment->pcid ? root | (space + 1) | CR3_NO_FLUSH : root;
}

static void cr3_set(struct lab *lab, const struct switch_experiment *experiment)
{
	lab->guest.call->cr3 = cr3_value(lab, experiment, 0);
	lab->guest.call->cr3_next = cr3_value(lab, experiment, experiment->change == SPACE_OTHER ? 1 : 0);
	lab->guest.call->laps = LAB_LAPS;
}

static int loads_measure(
	struct lab *lab, const struct switch_experiment *experiment, struct switch_result *result, struct reason *why)
{
	int error;

	/* Once untimed: KVM's caches of roots, and the CPU's of CPL 0 code, are then as they stay. */
	cr3_set(lab, experiment);
	lab->guest.call->count = 1;
	error = lab_run(lab, lab_loads, why);
	if (error)
		return error;
	lab->guest.call->count = LOAD_LAPS;
	error = lab_run_observed(lab, lab_loads, &result->load_usage, why);
	if (error)
		return error;
	result->loads = (uint64_t)LOAD_LAPS * LAB_LOADS;
	result->tsc_per_load = lab_median_lap(lab, lab->guest.laps, LOAD_LAPS) / LAB_LOADS;
	result->exits_per_load = result->load_usage.kvm[KVM_COUNT_EXITS] == KVM_COUNT_UNKNOWN
					 ? -1
					 : (double)result->load_usage.kvm[KVM_COUNT_EXITS] / (double)result->loads;
	return 0;
}

static int touches_measure(
	struct lab *lab, const struct switch_experiment *experiment, struct switch_result *result, struct reason *why)
{
	struct lab_call *call = lab->guest.call;
	uint64_t start = call->list, first[TOUCH_LAPS], warm[TOUCH_LAPS];
	int error;

	cr3_set(lab, experiment);
	call->count = experiment->pages_touched;
	call->chunks = TOUCH_LAPS_UNTIMED;
	error = lab_run(lab, lab_switch_touch, why);
	if (error)
		return error;
	call->chunks = TOUCH_LAPS;
	error = lab_run_observed(lab, lab_switch_touch, &result->touch_usage, why);
	if (error)
		return error;
	if (call->end != start) {
		lab->broken = true;
		return fail(
			why, EIO, "a chain of %" PRIu32 " pages did not end where it must", experiment->pages_touched);
	}
	for (unsigned lap = 0; lap < TOUCH_LAPS; lap++) {
		first[lap] = lab->guest.laps[2 * lap];
		warm[lap] = lab->guest.laps[2 * lap + 1];
	}
	result->touch_laps = TOUCH_LAPS;
	result->tsc_first_touch = lab_median_lap(lab, first, TOUCH_LAPS) / experiment->pages_touched;
	result->tsc_warm_touch = lab_median_lap(lab, warm, TOUCH_LAPS) / experiment->pages_touched;
	return 0;
}

/* Leave the vCPU in space 0 without PCIDs, as other experiments expect it. */
static int pcid_set(struct lab *lab, bool on, struct reason *why)
{
	int error = kvm_vcpu_set_pcid(&lab->guest.vm, &lab->guest.vcpu, on, lab_guest_root(&lab->guest, 0), why);

	lab->broken = lab->broken || error;
	return error;
}

int lab_switch(
	struct lab *lab, const struct switch_experiment *experiment, struct switch_result *result, struct reason *why)
{
	int error = experiment_check(lab, experiment, why);

	*result = (struct switch_result){ .interpreted = lab->interpreted };
	if (error)
		return error;
	lab->guest.state->pages = 0; /* any fault in the region is stray */
	error = lab_tables_fill(lab, LAB_AFTER, lab->spec.pages, why);
	if (!error)
		error = chain_write(lab, experiment->pages_touched, why);
	if (!error)
		error = pcid_set(lab, experiment->pcid, why);
	if (!error)
		error = touches_measure(lab, experiment, result, why);
	if (!error)
		error = loads_measure(lab, experiment, result, why);
	if (!error)
		error = pcid_set(lab, false, why);
	return error;
}
