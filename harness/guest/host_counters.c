#include "guest/host_counters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void host_counters_begin(struct host_counters *counters, const struct host_counters_plan *plan)
{
	int error = 0;

	*counters = (struct host_counters){ .of_vcpu = calloc(plan->vcpus, sizeof(struct counting *)) };
	if (!counters->of_vcpu)
		error = fail(&counters->why, ENOMEM, "no memory to count");
	while (!error && counters->vcpus < plan->vcpus) {
		const struct counting_plan of_one = {
			.wanted = HOST_COUNTERS,
			.scope = plan->scope,
			.thread = plan->threads[counters->vcpus],
			.microarch = plan->microarch,
			.calls = plan->calls,
		};

		error = counting_open(&of_one, &counters->of_vcpu[counters->vcpus], &counters->why);
		counters->vcpus += !error;
	}
	/* Counting begins only when all counters are open. */
	for (unsigned i = 0; i < counters->vcpus; i++)
		counting_begin(counters->of_vcpu[i]);
}

/* The sum over all vCPUs; a metric is NAN where one of them does not know it. */
struct sums {
	double value[COUNT_METRICS];
	struct reason why[COUNT_METRICS];
	bool scaled;
};

static void sums_add(struct sums *sums, const struct count_sample *sample)
{
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		if (!(HOST_COUNTERS & COUNT_BIT(m)))
			continue;
		if (!isfinite(sample->value[m]) && sample->why[m])
			sums->why[m] = *sample->why[m];
		sums->value[m] += sample->value[m];
		sums->scaled = sums->scaled || sample->scaled[m];
	}
}

static json_t *sums_json(const struct sums *sums, struct reason *why)
{
	json_t *all = json_object();
	unsigned known = 0;

	for (unsigned m = 0; all && m < COUNT_METRICS; m++) {
		char beside[64];

		if (!(HOST_COUNTERS & COUNT_BIT(m)))
			continue;
		if (isfinite(sums->value[m])) {
			json_object_set_new(all, count_meanings[m].name, json_real(sums->value[m]));
			known++;
			continue;
		}
		*why = sums->why[m];
		snprintf(beside, sizeof(beside), "%s_reason", count_meanings[m].name);
		json_object_set_new(all, count_meanings[m].name, json_null());
		json_object_set_new(all, beside, json_string(sums->why[m].text));
	}
	if (all && known) {
		json_object_set_new(all, "scaled", json_boolean(sums->scaled));
		return all;
	}
	json_decref(all);
	return NULL;
}

json_t *host_counters_end(struct host_counters *counters, struct reason *why)
{
	struct sums sums = { 0 };
	json_t *all = NULL;

	*why = counters->why;
	for (unsigned i = 0; i < counters->vcpus; i++) {
		struct count_sample sample;

		counting_end(counters->of_vcpu[i], &sample);
		sums_add(&sums, &sample);
		counting_close(counters->of_vcpu[i]);
	}
	if (counters->vcpus && !counters->why.text[0])
		all = sums_json(&sums, why);
	free(counters->of_vcpu);
	*counters = (struct host_counters){ 0 };
	return all;
}
