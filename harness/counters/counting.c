#include "counters/counters.h"

#include "counters/encode.h"
#include "counters/fit.h"
#include "counters/kernel_event.h"
#include "machine/perf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where config has the type of the PMU: PERF_PMU_TYPE_SHIFT of Linux 5.12's perf_event.h. */
#ifndef PERF_PMU_TYPE_SHIFT
#define PERF_PMU_TYPE_SHIFT 32
#endif

struct counting {
	struct fit hardware, software; /* the kernel's own counts make one group, which is on in every sample */
	size_t current; /* index among hardware's groups */
	int hardware_error, software_error; /* of the last begin */
	struct reason hardware_why, software_why; /* of the last begin or end */
	struct reason why[COUNT_METRICS], judged[COUNT_METRICS];
	bool known[COUNT_METRICS]; /* in a group */
};

static const struct reason not_counting = { "this counter was not asked for" };
const struct reason count_not_its_turn = {
	"counted in other samples: the PMU has not enough counters for all at once"
};

enum count_scope count_scope_of_vcpu(const struct kvm_module *module)
{
	return strcmp(module->name, "kvm_pvm") ? COUNT_GUEST : COUNT_THREAD;
}

/* --- reasons of refusals --- */

static int refusal_explain(
	int error, const struct counting_plan *plan, bool software, bool guest_only, struct reason *why)
{
	struct machine_source source;

	machine_source_live(&source);
	return machine_perf_refused(&source,
		&(struct perf_refusal){
			.error = error,
			.software = software,
			.guest_only = guest_only,
			.other_thread = plan->thread != 0,
		},
		why);
}

/*
 * Generic events go to the PMU of the core measured on. Without its type the kernel takes the first PMU, which on another
 * kind of core counts nothing (perf_event_open(2), "PERF_TYPE_HARDWARE ... config[63:32]", Linux 5.12).
 */
static void event_to_core(const struct counting_plan *plan, struct perf_event_attr *event)
{
	if (plan->hybrid && plan->pmu && (event->type == PERF_TYPE_HARDWARE || event->type == PERF_TYPE_HW_CACHE))
		event->config |= (uint64_t)plan->pmu->type << PERF_PMU_TYPE_SHIFT;
}

/* Whether there is a PMU that may be used: the cycles event, which each PMU has, can be opened. 0 or -errno. */
static int cycles_probe(const struct counting_plan *plan, const struct perf_calls *calls, struct reason *why)
{
	struct perf_event_attr event = { .type = PERF_TYPE_HARDWARE,
		.size = sizeof(event),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.exclude_host = plan->scope == COUNT_GUEST };
	int fd;

	event_to_core(plan, &event);
	fd = calls->open(&event, plan->thread, -1);
	if (fd < 0)
		return refusal_explain(-fd, plan, false, plan->scope == COUNT_GUEST, why);
	calls->close(fd);
	return 0;
}

/* The same, asked only once for each scope in a process, because the answer is a property of the machine. */
static int find_pmu(const struct counting_plan *plan, const struct perf_calls *calls, struct reason *why)
{
	static struct {
		bool asked;
		int error;
		struct reason why;
	} known[2];

	if (calls != &perf_calls_linux || plan->thread)
		return cycles_probe(plan, calls, why);
	if (!known[plan->scope].asked) {
		known[plan->scope].error = cycles_probe(plan, calls, &known[plan->scope].why);
		known[plan->scope].asked = true;
	}
	*why = known[plan->scope].why;
	return known[plan->scope].error;
}

/* --- opening --- */

static int encode_row(const struct counting_plan *plan, const struct microarch *microarch, enum count_metric metric,
	struct encoded_metric *out, struct reason *why)
{
	const struct count_row *row = &microarch->rows[metric];

	*out = (struct encoded_metric){ .metric = metric };
	if (!row->term[0].event)
		return fail(why, ENOTSUP, "%s%s%s", row->why_not, row->proxy ? "; nearest: " : "",
			row->proxy ? row->proxy : "");
	if (row->kernel_event && plan->pmu &&
		!kernel_event_encode(plan->source, plan->pmu, row->kernel_event, &out->event[0], NULL)) {
		out->sign[0] = 1;
		out->terms = 1;
		return 0;
	}
	while (out->terms < count_terms(row)) {
		int error = encode_event(microarch, row->term[out->terms].event, &out->event[out->terms], why);

		if (error)
			return error;
		event_to_core(plan, &out->event[out->terms]);
		out->sign[out->terms] = row->term[out->terms].sign;
		out->terms++;
	}
	return 0;
}

static bool is_software(enum count_metric metric)
{
	return metric == COUNT_PAGE_FAULTS;
}

static void groups_adopt(struct counting *counting, const struct fit *fit, const struct counting_plan *plan,
	const struct encoded_metric *metric, size_t count, bool software)
{
	for (size_t i = 0; i < count; i++) {
		enum count_metric which = metric[i].metric;

		counting->known[which] = !fit->refused[which];
		if (fit->refused[which])
			/* The PMU is known to take exclude_host, because find_pmu() opened an event with it. */
			refusal_explain(fit->refused[which], plan, software, false, &counting->why[which]);
	}
}

/* Encode the wanted metrics of one kind and find groups for them. */
static void open_kind(struct counting *counting, const struct counting_plan *plan, const struct perf_calls *calls,
	const struct microarch *microarch, bool software)
{
	struct fit *fit = software ? &counting->software : &counting->hardware;
	struct encoded_metric metric[COUNT_METRICS];
	size_t count = 0;

	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		enum count_metric which = (enum count_metric)m;

		if (!(plan->wanted & COUNT_BIT(m)) || is_software(which) != software)
			continue;
		if (!encode_row(plan, microarch, which, &metric[count], &counting->why[which]))
			count++;
	}
	fit_groups(
		&(struct fit_plan){
			.metric = metric,
			.count = count,
			.thread = plan->thread,
			/*
			 * Page faults of a vCPU's guest are not counted: the guest handles them, and the thread's own
			 * faults are the host's.
			 */
			.guest_only = plan->scope == COUNT_GUEST && !software,
			.calls = calls,
		},
		fit);
	groups_adopt(counting, fit, plan, metric, count, software);
}

static void refuse_all(struct counting *counting, bool software, const struct reason *why)
{
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		if (is_software((enum count_metric)m) == software)
			counting->why[m] = *why;
	}
}

int counting_open(const struct counting_plan *plan, struct counting **out, struct reason *why)
{
	const struct perf_calls *calls = plan->calls ? plan->calls : &perf_calls_linux;
	const unsigned software = COUNT_BIT(COUNT_PAGE_FAULTS);
	const struct microarch *microarch = plan->microarch;
	struct counting *counting = calloc(1, sizeof(*counting));
	struct reason refused;
	bool has_pmu;

	if (!counting)
		return fail(why, ENOMEM, "not enough memory for counters");
	for (unsigned m = 0; m < COUNT_METRICS; m++)
		counting->why[m] = not_counting;
	has_pmu = (plan->wanted & ~software) && !find_pmu(plan, calls, &refused);
	if ((plan->wanted & ~software) && !has_pmu)
		refuse_all(counting, false, &refused);
	/* libpfm4 is started only where something needs it. */
	if ((has_pmu || (plan->wanted & software)) && !microarch && encode_detect(&microarch, &refused)) {
		refuse_all(counting, true, &refused);
		refuse_all(counting, false, &refused);
	}
	if (microarch && has_pmu)
		open_kind(counting, plan, calls, microarch, false);
	if (microarch && (plan->wanted & software))
		open_kind(counting, plan, calls, microarch, true);
	*out = counting;
	return 0;
}

void counting_close(struct counting *counting)
{
	if (!counting)
		return;
	fit_close(&counting->hardware);
	fit_close(&counting->software);
	free(counting);
}

/* --- counting --- */

void counting_begin(struct counting *counting)
{
	if (!counting)
		return;
	for (size_t i = 0; i < counting->software.groups; i++)
		counting->software_error = group_begin(&counting->software.group[i].group, &counting->software_why);
	/*
	 * The hardware group begins last, so that as little code as possible lies between its begin and the measured
	 * code.
	 */
	if (counting->hardware.groups)
		counting->hardware_error =
			group_begin(&counting->hardware.group[counting->current].group, &counting->hardware_why);
}

/* Add up the terms of each metric of a group. */
static void take_group(struct fitted_group *fitted, int begin_error, struct reason *why, struct count_sample *sample)
{
	struct counted counted[GROUP_EVENTS_MAX];
	/* A group that could not begin is ended too, so that no counter stays on. */
	int error = group_end(&fitted->group, counted, begin_error ? NULL : why);

	for (size_t i = 0; i < fitted->metrics; i++) {
		const struct fitted_metric *metric = &fitted->metric[i];
		double sum = 0;

		sample->why[metric->metric] = why;
		if (error || begin_error)
			continue;
		for (size_t term = 0; term < metric->terms; term++) {
			const struct counted *one = &counted[metric->place[term]];

			sum += metric->sign[term] * one->count;
			sample->scaled[metric->metric] = sample->scaled[metric->metric] || one->scaled;
		}
		sample->value[metric->metric] = sum;
		if (isnan(sum))
			fail(why, EBUSY, "the event did not get a counter in its turn");
		else
			sample->why[metric->metric] = NULL;
	}
}

void counting_end(struct counting *counting, struct count_sample *sample)
{
	*sample = (struct count_sample){ .scaled = { false } };
	for (unsigned m = 0; m < COUNT_METRICS; m++) {
		sample->value[m] = NAN;
		sample->why[m] = !counting	      ? &not_counting
				 : counting->known[m] ? &count_not_its_turn
						      : &counting->why[m];
	}
	if (!counting)
		return;
	if (counting->hardware.groups)
		take_group(&counting->hardware.group[counting->current], counting->hardware_error,
			&counting->hardware_why, sample);
	for (size_t i = 0; i < counting->software.groups; i++)
		take_group(&counting->software.group[i], counting->software_error, &counting->software_why, sample);
}

void counting_rotate(struct counting *counting)
{
	if (!counting || counting->hardware.groups < 2)
		return;
	counting->current = (counting->current + 1) % counting->hardware.groups;
}

size_t counting_groups(const struct counting *counting)
{
	if (!counting)
		return 0;
	return counting->hardware.groups ? counting->hardware.groups : counting->software.groups != 0;
}

void counting_judge(struct counting *counting, struct count_sample *sample, const struct count_expectation *expectation)
{
	for (unsigned m = 0; counting && m < COUNT_METRICS; m++) {
		if (!judge_count((enum count_metric)m, sample->value[m], expectation, &counting->judged[m]))
			continue;
		sample->value[m] = NAN;
		sample->why[m] = &counting->judged[m];
	}
}

const struct reason *counting_reason(const struct counting *counting, enum count_metric metric)
{
	if (!counting)
		return &not_counting;
	return counting->known[metric] ? NULL : &counting->why[metric];
}

bool counting_by_rdpmc(const struct counting *counting)
{
	return counting && counting->hardware.groups && counting->hardware.group[counting->current].group.by_rdpmc;
}

int counting_try(const struct microarch *microarch, enum count_metric metric, size_t *resolves, struct reason *why)
{
	const struct counting_plan plan = { .scope = COUNT_THREAD };
	struct encoded_metric encoded;
	int error = encode_row(&(struct counting_plan){ 0 }, microarch, metric, &encoded, why);

	*resolves = encoded.terms;
	if (error)
		return error;
	if (!is_software(metric)) {
		error = find_pmu(&plan, &perf_calls_linux, why);
		if (error)
			return error;
	}
	for (size_t i = 0; i < encoded.terms; i++) {
		int fd = perf_calls_linux.open(&encoded.event[i], 0, -1);

		if (fd < 0)
			return refusal_explain(-fd, &plan, is_software(metric), false, why);
		perf_calls_linux.close(fd);
	}
	return 0;
}
