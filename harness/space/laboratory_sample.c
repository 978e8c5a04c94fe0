/* A laboratory for one sample of a bench, and the usage that the sample keeps. */
#include "space/laboratory.h"

#include <errno.h>
#include <math.h>

int laboratory_open_for(const struct experiment_request *request, const struct laboratory_spec *spec,
	struct laboratory **laboratory, struct sample *sample, struct reason *why)
{
	const struct backed_limits limits = { .stop = request->stop };
	struct laboratory_spec own = *spec;
	int error;

	own.seed = request->seed;
	own.limits = &limits;
	error = laboratory_open(&own, laboratory, why);
	if (error)
		return error;
	sample->away_most = AWAY_SHARE_OF_MEDIANS;
	sample->interpreted = laboratory_interpreted(*laboratory);
	fail(&sample->unknown, ENOTSUP, "this kernel's KVM does not count it");
	return 0;
}

static void kvm_note(const struct laboratory_usage *usage, enum kvm_count i, struct sample *sample)
{
	uint64_t before = sample->kvm[i], more = usage->kvm[i];

	if (before == KVM_COUNT_UNKNOWN || more == KVM_COUNT_UNKNOWN)
		sample->kvm[i] = KVM_COUNT_UNKNOWN;
	else
		sample->kvm[i] = kvm_count_grows(i) ? before + more : more;
}

void laboratory_usage_note(const struct laboratory_usage *usage, struct sample *sample)
{
	sample->elapsed_ns += usage->elapsed_ns;
	sample->away_ns += usage->away_ns;
	sample->involuntary_switches += usage->involuntary_switches;
	sample->page_faults += usage->minor_faults;
	for (unsigned i = 0; i < KVM_COUNTS; i++)
		kvm_note(usage, (enum kvm_count)i, sample);
}

double laboratory_usage_per(const struct laboratory_usage *usage, enum kvm_count count, uint64_t events)
{
	return usage->kvm[count] == KVM_COUNT_UNKNOWN ? NAN : (double)usage->kvm[count] / (double)events;
}
