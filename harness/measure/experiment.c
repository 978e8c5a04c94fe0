#include "measure/experiment.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static int sample_measure(const struct measurement *m, const struct point *point, struct sample *sample,
	double cycles_per_tsc, struct reason *why)
{
	const struct surroundings *around = m->around;
	const struct experiment_request request = {
		.value = point->value,
		.setting = point->setting,
		.seed = gsl_rng_get(around->random),
		.cpus = around->cpus,
		.cpu_count = around->cpu_count,
		.numa_node = around->numa_node,
		.memory_budget_bytes = around->memory_budget_bytes,
		.memory_effort_bytes = around->effort->memory_most_bytes,
		.ns_per_tsc = (double)NS_PER_S / around->context.tsc_hz,
		.cycles_per_tsc = cycles_per_tsc,
		.source = around->source,
		.stop = around->stop,
		.state = m->state,
	};
	struct histogram *latencies = sample->latencies;

	memset(latencies, 0, sizeof(*latencies));
	*sample = (struct sample){ .latencies = latencies };
	for (unsigned i = 0; i < METRICS_MAX; i++)
		sample->value[i] = NAN;
	return m->plan.bench->experiment.measure(&request, sample, why);
}

static bool sample_contaminated(const struct sample *sample)
{
	return sample->away_most > 0 && (double)sample->away_ns > sample->away_most * (double)sample->elapsed_ns;
}

static void disturbance_note(const struct sample *sample, struct point *point)
{
	struct disturbance seen = {
		.involuntary_switches = sample->involuntary_switches,
		.page_faults = sample->page_faults,
		.away_ns = sample->away_ns,
		.elapsed_ns = sample->elapsed_ns,
	};

	for (unsigned i = 0; i < KVM_COUNTS_OF_VCPU; i++)
		seen.kvm[i] = sample->kvm[i];
	disturbance_add(&point->disturbance, &seen);
}

static int point_keep(
	struct measurement *m, struct point *point, const struct sample *sample, const struct sample_facts *facts)
{
	int error;

	point->interpreted = sample->interpreted;
	point->unknown = sample->unknown;
	memcpy(point->kvm_pages, sample->kvm, sizeof(point->kvm_pages));
	point->page_bytes = 0; /* the experiment verifies its memory itself */
	error = point_tell_unknown(point, sample->unknown_of);
	if (!error)
		error = point_add(point, sample->value, facts);
	if (!error)
		error = point_add_latencies(point, sample->latencies);
	return error ? error : measurement_sampled(m, point);
}

static int point_take(struct measurement *m, struct point *point)
{
	static struct histogram latencies;
	struct reason why = { "" };
	struct sample sample = { .latencies = &latencies };
	struct sample_facts facts = { .round = m->round, .at_s = measurement_at_s(m) };
	int error = 0;

	for (unsigned take = 0; take <= RETAKES; take++) {
		/* On a busy machine, repeated long experiments would take a run far beyond its promised time. */
		if (take && !measurement_has_time(m))
			break;
		facts.weather = weather_wait(m->around->weather, &m->patience_ns, m->around->stop);
		facts.cycles_per_tsc = clock_ratio();
		error = sample_measure(m, point, &sample, facts.cycles_per_tsc, &why);
		facts.weather = weather_after(m->around->weather, facts.weather);
		if (error)
			break;
		disturbance_note(&sample, point);
		m->timed_ns += sample.elapsed_ns;
		if (!sample_contaminated(&sample))
			break;
		point->discarded++;
	}
	if (error == -EINTR)
		return error;
	if (error) {
		point_fail(point, error == -EIO || error == -EINVAL ? POINT_ERROR : POINT_SKIPPED, &why);
		return 0;
	}
	if (sample_contaminated(&sample)) {
		point->contaminated++;
		return 0;
	}
	return point_keep(m, point, &sample, &facts);
}

int experiment_measure(struct measurement *m, struct paired_points *pair)
{
	int error = 0;

	for (unsigned s = 0; s < SETTING_SPACES && !error; s++)
		if ((pair->settings & SETTING_BIT(s)) && point_is_due(&pair->point[s], m->round))
			error = point_take(m, &pair->point[s]);
	return error;
}
