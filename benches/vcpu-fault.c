/*
 * vcpu-fault: what does a page fault cost a guest, in cycles and in exits, and how does the hypervisor take part?
 *
 * What is measured: a bare vCPU touches pages at CPL 3; a handler of a few instructions at CPL 0 maps each page and
 * returns. guest-cold: the frame that the handler maps has no host memory yet, so that the host takes a fault, too.
 * guest-warm: it has host memory, so that the hypervisor need not take part under nested paging, and must under shadow
 * paging. backing-only: the guest maps the page already, and only the host takes a fault. upgrade: the guest writes to
 * a page that is mapped read-only. With flush, the handler also issues invlpg or reloads CR3; a fault does not need it,
 * but operating systems do it. Exits, faults and interpreted instructions are KVM's own counts.
 *
 * What could confound it: a KVM that interprets CPL 0 code (kvm_pvm). The point is then marked interpreted: its counts
 * stand, and its times are an interpreter's. KVM's shadow MMU also fills in neighbours of a fault that the guest has
 * mapped already: orders sequential and shuffled show by how much.
 *
 * What would falsify it: a guest-warm fault that exits under nested paging, or does not exit under shadow paging. Then
 * the paging mode is not what it is said to be.
 */
#include "bench.h"
#include "space/laboratory.h"

enum { KIND, FLUSH, ORDER, LEVELS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[KIND] = { .name = "kind",
		.key = "kind",
		.kind = AXIS_CHOICE,
		.choices = fault_kind_names,
		VALUES(FAULT_GUEST_COLD, FAULT_GUEST_WARM, FAULT_BACKING_ONLY, FAULT_UPGRADE),
		BRIEF(FAULT_GUEST_COLD, FAULT_GUEST_WARM),
		.most = FAULT_KINDS - 1,
		.settings = GUESTS,
		.help = "what makes the touch fault, and where" },
	[FLUSH] = { .name = "flush",
		.key = "flush",
		.kind = AXIS_CHOICE,
		.choices = fault_flush_names,
		VALUES(FLUSH_NONE, FLUSH_INVLPG, FLUSH_CR3),
		BRIEF(FLUSH_NONE),
		.most = FLUSH_KINDS - 1,
		.settings = GUESTS,
		.help = "what the guest's handler does besides mapping" },
	[ORDER] = { .name = "order",
		.key = "order",
		.kind = AXIS_CHOICE,
		.choices = touch_order_names,
		VALUES(TOUCH_SHUFFLED, TOUCH_SEQUENTIAL),
		BRIEF(TOUCH_SHUFFLED),
		.most = TOUCH_ORDERS - 1,
		.settings = GUESTS,
		.help = "in what order the pages are touched" },
	[LEVELS] = LEVELS_AXIS,
	[PAGES] = { .name = "fault_pages",
		.key = "pages_touched",
		.kind = AXIS_COUNT,
		VALUES(1024),
		.least = 32,
		.most = 65536,
		.settings = GUESTS,
		.help = "pages touched, a multiple of 32" },
};

enum {
	FAULT_CYCLES,
	FAULT_NS,
	TOUCH_CYCLES,
	EXITS,
	PF_TAKEN,
	PF_FIXED,
	PF_GUEST,
	PF_EMULATE,
	INSN_EMULATION,
	HOST_FAULTS,
	METRICS,
};

static const struct metric metrics[METRICS + 1] = {
	[FAULT_CYCLES] = { "fault_cycles", UNIT_CYCLES, "fault", LESS },
	[FAULT_NS] = { "fault_ns", UNIT_NS, "fault", LESS },
	/* What reading the clock costs is taken off, which may be more than the touch. */
	[TOUCH_CYCLES] = { "touch_cycles", UNIT_CYCLES, "page", LESS, .signed_value = true },
	[EXITS] = { "exits_per_fault", UNIT_COUNT, "fault", LESS },
	[PF_TAKEN] = { "pf_taken_per_fault", UNIT_COUNT, "fault", LESS },
	[PF_FIXED] = { "pf_fixed_per_fault", UNIT_COUNT, "fault", LESS },
	[PF_GUEST] = { "pf_guest_per_fault", UNIT_COUNT, "fault", LESS },
	[PF_EMULATE] = { "pf_emulate_per_fault", UNIT_COUNT, "fault", LESS },
	[INSN_EMULATION] = { "insn_emulation_per_fault", UNIT_COUNT, "fault", LESS },
	[HOST_FAULTS] = { "host_faults_per_fault", UNIT_COUNT, "fault", LESS },
};

static enum fit fit(const uint64_t *value, enum setting setting)
{
	(void)setting;
	/*
	 * Without a fault in the guest no handler runs that could flush. Flushes are shown where nothing else varies.
	 */
	if (value[FLUSH] != FLUSH_NONE && (value[KIND] == FAULT_BACKING_ONLY || value[ORDER] != TOUCH_SHUFFLED))
		return FIT_NEVER;
	return FIT_ALWAYS;
}

static void values_set(
	const struct experiment_request *request, const struct fault_result *result, struct sample *sample)
{
	static const struct {
		unsigned metric;
		enum kvm_count count;
	} counts[] = {
		{ EXITS, KVM_COUNT_EXITS },
		{ PF_TAKEN, KVM_COUNT_PF_TAKEN },
		{ PF_FIXED, KVM_COUNT_PF_FIXED },
		{ PF_GUEST, KVM_COUNT_PF_GUEST },
		{ PF_EMULATE, KVM_COUNT_PF_EMULATE },
		{ INSN_EMULATION, KVM_COUNT_INSN_EMULATION },
	};

	sample->value[FAULT_CYCLES] = result->tsc_per_fault * request->cycles_per_tsc;
	sample->value[FAULT_NS] = result->tsc_per_fault * request->ns_per_tsc;
	sample->value[TOUCH_CYCLES] = result->tsc_per_touch * request->cycles_per_tsc;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		sample->value[counts[i].metric] = laboratory_usage_per(&result->usage, counts[i].count, result->pages);
	sample->value[HOST_FAULTS] = (double)result->usage.minor_faults / (double)result->pages;
	laboratory_usage_note(&result->usage, sample);
}

static int measure(const struct experiment_request *request, struct sample *sample, struct reason *why)
{
	const uint64_t *value = request->value;
	const struct laboratory_spec spec = {
		.pages = (uint32_t)value[PAGES],
		.page_bytes = PAGE_4K,
		.backing = BACKING_4K,
		.levels = (unsigned)value[LEVELS],
	};
	const struct fault_experiment experiment = {
		.kind = (enum fault_kind)value[KIND],
		.flush = (enum fault_flush)value[FLUSH],
		.order = (enum touch_order)value[ORDER],
		.pages = (uint32_t)value[PAGES],
	};
	struct laboratory *laboratory;
	struct fault_result result;
	int error = laboratory_open_for(request, &spec, &laboratory, sample, why);

	if (error)
		return error;
	error = laboratory_fault(laboratory, &experiment, &result, why);
	laboratory_close(laboratory);
	if (!error)
		values_set(request, &result, sample);
	return error;
}

static const struct bench vcpu_fault = {
	.name = "vcpu-fault",
	.question = "what does a guest's page fault cost, in cycles and in exits?",
	.settings = GUESTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = metrics,
	.experiment = { .fit = fit, .measure = measure },
	.sweep_axis = -1,
	.seconds = 5,
};

NESTWALK_BENCH(vcpu_fault);
