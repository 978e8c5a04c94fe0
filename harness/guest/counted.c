#include "guest/counted.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void guest_counted_begin(struct guest_counted *counted, const struct guest_counted_plan *plan)
{
	int error = 0;

	*counted = (struct guest_counted){ .of_vcpu = calloc(plan->vcpus, sizeof(struct counting *)) };
	if (!counted->of_vcpu)
		error = fail(&counted->why, ENOMEM, "no memory to count");
	while (!error && counted->vcpus < plan->vcpus) {
		const struct counting_plan of_one = {
			.wanted = GUEST_COUNTED,
			.scope = plan->scope,
			.thread = plan->threads[counted->vcpus],
			.microarch = plan->microarch,
			.calls = plan->calls,
		};

		error = counting_open(&of_one, &counted->of_vcpu[counted->vcpus], &counted->why);
		counted->vcpus += !error;
	}
	/* All are open before the first counts. */
	for (unsigned i = 0; i < counted->vcpus; i++)
		counting_begin(counted->of_vcpu[i]);
}

/* The sum over all vCPUs; NAN where one of them does not know. */
struct sums {
	double value[COUNT_METRICS];
	struct reason why[COUNT_METRICS];
	bool scaled;
};

static void sums_add(struct sums *sums, const struct count_sample *sample)
{
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		if (!(GUEST_COUNTED & COUNT_BIT(m)))
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

		if (!(GUEST_COUNTED & COUNT_BIT(m)))
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

json_t *guest_counted_end(struct guest_counted *counted, struct reason *why)
{
	struct sums sums = { 0 };
	json_t *all = NULL;

	*why = counted->why;
	for (unsigned i = 0; i < counted->vcpus; i++) {
		struct count_sample sample;

		counting_end(counted->of_vcpu[i], &sample);
		sums_add(&sums, &sample);
		counting_close(counted->of_vcpu[i]);
	}
	if (counted->vcpus && !counted->why.text[0])
		all = sums_json(&sums, why);
	free(counted->of_vcpu);
	*counted = (struct guest_counted){ 0 };
	return all;
}
