/* Switch experiments: loads of CR3, and the first touches after them. */
#include "space/laboratory_internal.h"

#include "base/units.h"
#include "space/permutation.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static_assert(LABORATORY_LOADS == LOADS_IN_LAP, "laboratory.h and laboratory_guest.h differ");

#define LOAD_LAPS 15u /* odd, so that the median is one lap */
#define TOUCH_LAPS 15u
#define TOUCH_LAPS_UNTIMED 2u /* one for each space, in which a shadow MMU fills its tables */

#define CR3_NO_FLUSH (1ULL << 63) /* Intel SDM vol. 3A 4.10.4.1, AMD APM vol. 2 5.5.1 */

const char *const space_change_names[SPACE_CHANGES] = {
	[SPACE_SAME] = "same",
	[SPACE_OTHER] = "other",
};

static int switch_experiment_check(
	const struct laboratory *laboratory, const struct switch_experiment *experiment, struct reason *why)
{
	if (!experiment->pages_touched || experiment->pages_touched > laboratory->spec.pages)
		return fail(why, EINVAL, "a switch experiment touches 1 to %" PRIu32 " pages, not %" PRIu32,
			laboratory->spec.pages, experiment->pages_touched);
	if ((unsigned)experiment->change >= SPACE_CHANGES)
		return fail(why, EINVAL, "there is no such change of space");
	if (experiment->pcid && !laboratory_has_pcid(laboratory))
		return fail(why, ENOTSUP, "the guest's CPUID has no PCID: this CPU or this KVM does not give it one");
	return laboratory_usable(laboratory, why);
}

/* One line in each of W pages of the region, in a random cycle. */
static int chain_write(struct laboratory *laboratory, uint32_t pages, struct reason *why)
{
	uint32_t *chosen = permutation_shuffled(laboratory->spec.pages, laboratory->spec.seed);

	if (!chosen)
		return fail(why, ENOMEM, "no memory for the order of %" PRIu32 " pages", laboratory->spec.pages);
	for (uint32_t i = 0; i < pages; i++)
		*laboratory_touch_host(laboratory, chosen[i]) =
			laboratory_touch_gva(laboratory, chosen[(i + 1) % pages]);
	laboratory->guest.call->list = laboratory_touch_gva(laboratory, chosen[0]);
	free(chosen);
	return 0;
}

/* The value that the guest loads into CR3: the root and, with PCIDs, the number of the space from 1 on. */
static uint64_t cr3_value(
	const struct laboratory *laboratory, const struct switch_experiment *experiment, uint32_t space)
{
	uint64_t root = laboratory_guest_root(&laboratory->guest, space).at;

	return experiment->pcid ? root | (space + 1) | CR3_NO_FLUSH : root;
}

static void cr3_set(struct laboratory *laboratory, const struct switch_experiment *experiment)
{
	laboratory->guest.call->cr3 = cr3_value(laboratory, experiment, 0);
	laboratory->guest.call->cr3_next = cr3_value(laboratory, experiment, experiment->change == SPACE_OTHER ? 1 : 0);
	laboratory->guest.call->laps = LABORATORY_LAPS;
}

static int loads_measure(struct laboratory *laboratory, const struct switch_experiment *experiment,
	struct switch_result *result, struct reason *why)
{
	int error;

	/* One lap is not timed: it warms KVM's cache of roots, and the CPU's caches of CPL 0 code. */
	cr3_set(laboratory, experiment);
	laboratory->guest.call->count = 1;
	error = laboratory_run(laboratory, laboratory_loads, why);
	if (error)
		return error;
	laboratory->guest.call->count = LOAD_LAPS;
	error = laboratory_run_observed(laboratory, laboratory_loads, &result->load_usage, why);
	if (error)
		return error;
	result->loads = (uint64_t)LOAD_LAPS * LABORATORY_LOADS;
	result->tsc_per_load = laboratory_median_lap(laboratory, laboratory->guest.laps, LOAD_LAPS) / LABORATORY_LOADS;
	result->exits_per_load = result->load_usage.kvm[KVM_COUNT_EXITS] == KVM_COUNT_UNKNOWN
					 ? -1
					 : (double)result->load_usage.kvm[KVM_COUNT_EXITS] / (double)result->loads;
	return 0;
}

static int touches_measure(struct laboratory *laboratory, const struct switch_experiment *experiment,
	struct switch_result *result, struct reason *why)
{
	struct laboratory_call *call = laboratory->guest.call;
	uint64_t start = call->list, first[TOUCH_LAPS], warm[TOUCH_LAPS];
	int error;

	cr3_set(laboratory, experiment);
	call->count = experiment->pages_touched;
	call->chunks = TOUCH_LAPS_UNTIMED;
	error = laboratory_run(laboratory, laboratory_switch_touch, why);
	if (error)
		return error;
	call->chunks = TOUCH_LAPS;
	error = laboratory_run_observed(laboratory, laboratory_switch_touch, &result->touch_usage, why);
	if (error)
		return error;
	if (call->end != start) {
		laboratory->broken = true;
		return fail(
			why, EIO, "a chain of %" PRIu32 " pages did not end where it must", experiment->pages_touched);
	}
	for (unsigned lap = 0; lap < TOUCH_LAPS; lap++) {
		first[lap] = laboratory->guest.laps[2 * lap];
		warm[lap] = laboratory->guest.laps[2 * lap + 1];
	}
	result->touch_laps = TOUCH_LAPS;
	result->tsc_first_touch = laboratory_median_lap(laboratory, first, TOUCH_LAPS) / experiment->pages_touched;
	result->tsc_warm_touch = laboratory_median_lap(laboratory, warm, TOUCH_LAPS) / experiment->pages_touched;
	return 0;
}

/* Leave the vCPU in space 0 without PCIDs, as other experiments expect it. */
static int pcid_set(struct laboratory *laboratory, bool on, struct reason *why)
{
	int error = kvm_vcpu_set_pcid(
		&laboratory->guest.vm, &laboratory->guest.vcpu, on, laboratory_guest_root(&laboratory->guest, 0), why);

	laboratory->broken = laboratory->broken || error;
	return error;
}

int laboratory_switch(struct laboratory *laboratory, const struct switch_experiment *experiment,
	struct switch_result *result, struct reason *why)
{
	int error = switch_experiment_check(laboratory, experiment, why);

	*result = (struct switch_result){ .interpreted = laboratory->interpreted };
	if (error)
		return error;
	laboratory->guest.state->pages = 0; /* any fault in the region is stray */
	error = laboratory_tables_fill(laboratory, LABORATORY_AFTER, laboratory->spec.pages, why);
	if (!error)
		error = chain_write(laboratory, experiment->pages_touched, why);
	if (!error)
		error = pcid_set(laboratory, experiment->pcid, why);
	if (!error)
		error = touches_measure(laboratory, experiment, result, why);
	if (!error)
		error = loads_measure(laboratory, experiment, result, why);
	if (!error)
		error = pcid_set(laboratory, false, why);
	return error;
}
