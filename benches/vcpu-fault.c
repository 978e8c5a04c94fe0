/*
 * vcpu-fault: what does a page fault cost a guest, in cycles and in exits, and how does the hypervisor take part?
 *
 * What is measured: a bare vCPU touches pages at CPL 3; a handler of a few instructions at CPL 0 maps each and returns.
 * guest-cold: the new frame has no host memory yet, so that the host faults underneath. guest-warm: it has; under
 * nested paging the hypervisor need not take part, under shadow paging it must. backing-only: the guest maps the page
 * already, only the host faults. upgrade: a write to a page mapped read-only. With flush, the handler also issues
 * invlpg or reloads CR3, which a fault does not need, but operating systems do. Exits, faults and interpreted
 * instructions are KVM's own counts.
 *
 * What could confound it: a KVM that interprets CPL 0 code (kvm_pvm): the point is then marked interpreted, its counts
 * stand, and its times are an interpreter's. Shadow KVM fills in neighbours of a fault that the guest has mapped
 * already: order sequential and shuffled show by how much.
 *
 * What would falsify it: a guest-warm fault that exits under nested paging, or does not under shadow paging: then the
 * paging mode is not what it is said to be.
 */
#include "bench.h"

enum { KIND, FLUSH, ORDER, LEVELS, PAGES, AXES };

static const struct axis axes[AXES] = {
	[KIND] = { .name = "kind",
		.key = "kind",
		.kind = AXIS_CHOICE,
		.choices = fault_kind_names,
		VALUES(FAULT_GUEST_COLD, FAULT_GUEST_WARM, FAULT_BACKING_ONLY, FAULT_UPGRADE),
		.most = FAULT_KINDS - 1,
		.settings = GUESTS,
		.help = "what makes the touch fault, and where" },
	[FLUSH] = { .name = "flush",
		.key = "flush",
		.kind = AXIS_CHOICE,
		.choices = fault_flush_names,
		VALUES(FLUSH_NONE, FLUSH_INVLPG, FLUSH_CR3),
		.most = FLUSH_KINDS - 1,
		.settings = GUESTS,
		.help = "what the guest's handler does besides mapping" },
	[ORDER] = { .name = "order",
		.key = "order",
		.kind = AXIS_CHOICE,
		.choices = touch_order_names,
		VALUES(TOUCH_SHUFFLED, TOUCH_SEQUENTIAL),
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

static enum fit experiment(const uint64_t *value, enum setting setting, struct experiment *out)
{
	(void)setting;
	*out = (struct experiment){
		.kind = EXPERIMENT_FAULT,
		.page_bytes = PAGE_4K,
		.backing = BACKING_4K,
		.levels = (unsigned)value[LEVELS],
		.pages = (uint32_t)value[PAGES],
		.fault = {
			.kind = (enum fault_kind)value[KIND],
			.flush = (enum fault_flush)value[FLUSH],
			.order = (enum touch_order)value[ORDER],
			.pages = (uint32_t)value[PAGES],
		},
	};
	/*
	 * Without a fault in the guest no handler runs that could flush; flushes are shown where nothing else varies.
	 */
	if (out->fault.flush != FLUSH_NONE &&
		(out->fault.kind == FAULT_BACKING_ONLY || out->fault.order != TOUCH_SHUFFLED))
		return FIT_NEVER;
	return FIT_ALWAYS;
}

static const struct bench vcpu_fault = {
	.name = "vcpu-fault",
	.question = "what does a guest's page fault cost, in cycles and in exits?",
	.settings = GUESTS,
	.axes = axes,
	.axis_count = AXES,
	.metrics = fault_metrics,
	.experiment = experiment,
	.sweep_axis = -1,
	.seconds = 15,
};

NESTWALK_BENCH(vcpu_fault);
