/* Opening a laboratory, and what all experiments do: run, watch, prepare tables. */
#include "space/lab_internal.h"

#include "base/units.h"
#include "space/permutation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*
 * What tells interpreted CPL 0 code: rounds of two register instructions, which no virtualisation hardware hands to
 * the hypervisor. An interpreter counts each; where nothing counts, it takes far longer than any CPU.
 */
#define SPIN_ROUNDS 128u
#define SPIN_EMULATED_LEAST SPIN_ROUNDS
/*
 * An emulated instruction takes KVM some 1000 cycles; the two of a round take a CPU about one, and entering some 5000.
 */
#define SPIN_TSC_MOST (SPIN_ROUNDS * 200u)

struct reading {
	struct rusage usage;
	uint64_t wall_ns, cpu_ns;
	uint64_t kvm[KVM_COUNTS];
};

static void reading_take(struct lab *lab, struct reading *reading)
{
	struct kvm_stats *of_vcpu = &lab->guest.vcpu.stats, *of_vm = &lab->guest.vm.stats;
	bool vcpu_fresh = !kvm_stats_read(of_vcpu), vm_fresh = !kvm_stats_read(of_vm);
	struct timespec wall, cpu;

	for (unsigned i = 0; i < KVM_COUNTS; i++) {
		bool fresh = i < KVM_COUNTS_OF_VCPU ? vcpu_fresh : vm_fresh;

		reading->kvm[i] = fresh ? kvm_stats_count(i < KVM_COUNTS_OF_VCPU ? of_vcpu : of_vm, (enum kvm_count)i)
					: KVM_COUNT_UNKNOWN;
	}
	getrusage(RUSAGE_THREAD, &reading->usage);
	clock_gettime(CLOCK_MONOTONIC, &wall);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	reading->wall_ns = timespec_ns(wall);
	reading->cpu_ns = timespec_ns(cpu);
}

static struct lab_usage between(const struct reading *from, const struct reading *to)
{
	uint64_t wall_ns = to->wall_ns - from->wall_ns, cpu_ns = to->cpu_ns - from->cpu_ns;
	struct lab_usage usage = {
		.minor_faults = (uint64_t)(to->usage.ru_minflt - from->usage.ru_minflt),
		.involuntary_switches = (uint64_t)(to->usage.ru_nivcsw - from->usage.ru_nivcsw),
		.elapsed_ns = wall_ns,
		/* The two clocks are read one after the other: a few ns of difference either way. */
		.away_ns = wall_ns > cpu_ns ? wall_ns - cpu_ns : 0,
	};

	for (unsigned i = 0; i < KVM_COUNTS; i++) {
		bool known = from->kvm[i] != KVM_COUNT_UNKNOWN && to->kvm[i] != KVM_COUNT_UNKNOWN;
		uint64_t base = kvm_count_grows((enum kvm_count)i) ? from->kvm[i] : 0;

		usage.kvm[i] = known ? to->kvm[i] - base : KVM_COUNT_UNKNOWN;
	}
	return usage;
}

int lab_run(struct lab *lab, const unsigned char *entry, struct reason *why)
{
	int error = lab_guest_run(&lab->guest, entry, why);

	lab->broken = lab->broken || error;
	return error;
}

int lab_run_observed(struct lab *lab, const unsigned char *entry, struct lab_usage *usage, struct reason *why)
{
	struct reading before, after;
	int error;

	reading_take(lab, &before);
	error = lab_run(lab, entry, why);
	reading_take(lab, &after);
	*usage = between(&before, &after);
	return error;
}

int lab_usable(const struct lab *lab, struct reason *why)
{
	return lab->broken ? fail(why, EIO, "an earlier experiment of this laboratory failed; it can only be closed")
			   : 0;
}

uint64_t lab_touch_gva(const struct lab *lab, uint32_t page)
{
	return LAB_REGION + page * lab->spec.page_bytes + lab_touch_offset(page);
}

uint64_t *lab_touch_host(const struct lab *lab, uint32_t page)
{
	uint64_t frame = lab->frame ? lab->frame[page] : page;

	return (uint64_t *)(void *)(lab->memory.at + frame * lab->spec.page_bytes + lab_touch_offset(page));
}

static int compare(const void *a, const void *b)
{
	uint64_t left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return (left > right) - (left < right);
}

double lab_median_lap(const struct lab *lab, uint64_t *laps, size_t count)
{
	qsort(laps, count, sizeof(*laps), compare);
	return ((double)laps[(count - 1) / 2] + (double)laps[count / 2]) / 2 - lab->clock_tsc;
}

int lab_tables_fill(struct lab *lab, uint64_t list, uint32_t pages, struct reason *why)
{
	lab->guest.call->list = list;
	lab->guest.call->target = LAB_TABLE;
	lab->guest.call->count = pages;
	return lab_run(lab, lab_fill, why);
}

/* Entries of the region's pages as they are to be once mapped: what the builder has written. */
static int entries_note(struct lab *lab, struct reason *why)
{
	unsigned leaf = lab->spec.page_bytes == PAGE_4K ? 1 : 2;
	int error = 0;

	for (uint32_t page = 0; !error && page < lab->spec.pages; page++) {
		struct guest_entry found;

		error = guest_table_entry(&lab->guest.space[0], (gva_t){ lab_touch_gva(lab, page) }, leaf, &found);
		if (error)
			return fail(why, -error, "page %" PRIu32 " of the region has no table entry", page);
		lab->guest.after[page] = *found.entry;
	}
	return error;
}

static int interpreted_find(struct lab *lab, struct reason *why)
{
	struct lab_usage usage;
	uint64_t emulated;
	int error;

	lab->guest.call->count = SPIN_ROUNDS;
	lab->guest.call->laps = LAB_LAPS;
	error = lab_run_observed(lab, lab_spin, &usage, why);
	emulated = usage.kvm[KVM_COUNT_INSN_EMULATION];
	lab->interpreted =
		emulated != KVM_COUNT_UNKNOWN ? emulated >= SPIN_EMULATED_LEAST : lab->guest.laps[0] > SPIN_TSC_MOST;
	return error;
}

/* The least of some laps, as anything else only adds. Lists hold LAB_CHUNK_PAGES words at least. */
static int clock_find(struct lab *lab, struct reason *why)
{
	uint64_t least = UINT64_MAX;
	int error;

	lab->guest.call->chunks = LAB_CHUNK_PAGES;
	lab->guest.call->laps = LAB_LAPS;
	error = lab_run(lab, lab_empty, why);
	for (unsigned lap = 0; !error && lap < LAB_CHUNK_PAGES; lap++)
		if (lab->guest.laps[lap] < least)
			least = lab->guest.laps[lap];
	lab->clock_tsc = (double)least;
	return error;
}

static int spec_check(const struct lab_spec *spec, struct reason *why)
{
	if (!spec->pages || spec->pages % LAB_CHUNK_PAGES || spec->pages > LAB_PAGES_MAX)
		return fail(why, EINVAL, "a laboratory has a multiple of %u pages up to %u, not %" PRIu32,
			LAB_CHUNK_PAGES, LAB_PAGES_MAX, spec->pages);
	if (spec->page_bytes != PAGE_4K && spec->page_bytes != PAGE_2M)
		return fail(why, EINVAL, "a laboratory's pages are 4K or 2M, not %" PRIu64 " bytes", spec->page_bytes);
	if (spec->levels < GUEST_LEVELS_MIN || spec->levels > GUEST_LEVELS_MAX)
		return fail(why, EINVAL, "guest page tables have 4 or 5 levels, not %u", spec->levels);
	return 0;
}

static int memory_make(struct lab *lab, struct reason *why)
{
	const struct lab_spec *spec = &lab->spec;
	uint64_t unit = backing_page_bytes(spec->backing), bytes = spec->pages * spec->page_bytes;

	if (spec->frames == FRAMES_SHUFFLED) {
		lab->frame = permutation_shuffled(spec->pages, spec->seed);
		if (!lab->frame)
			return fail(why, ENOMEM, "no memory for the order of %" PRIu32 " frames", spec->pages);
	}
	return backed_alloc(&lab->memory, spec->backing, (bytes + unit - 1) / unit * unit, spec->limits, why);
}

int lab_open(const struct lab_spec *spec, struct lab **opened, struct reason *why)
{
	struct lab_guest_spec guest = {
		.page_bytes = spec->page_bytes,
		.levels = spec->levels,
		.spaces = 2,
		.mapped_bytes = spec->pages * spec->page_bytes,
		.list_words = spec->pages,
	};
	struct lab *lab;
	int error = spec_check(spec, why);

	*opened = NULL;
	if (error)
		return error;
	lab = calloc(1, sizeof(*lab));
	if (!lab)
		return fail(why, ENOMEM, "no memory for a laboratory");
	lab->spec = *spec;
	lab->spec.limits = NULL; /* it need not outlive this call */
	lab->guest = (struct lab_guest){ .vm = { .kvm_fd = -1, .vm_fd = -1, .stats.fd = -1 },
		.vcpu = { .fd = -1, .stats.fd = -1 } };
	error = memory_make(lab, why);
	if (!error) {
		guest.memory = &lab->memory;
		guest.frame = lab->frame;
		error = lab_guest_open(&lab->guest, &guest, why);
	}
	if (!error)
		error = entries_note(lab, why);
	if (!error)
		error = interpreted_find(lab, why);
	if (!error)
		error = clock_find(lab, why);
	if (error) {
		lab_close(lab);
		return error;
	}
	*opened = lab;
	return 0;
}

void lab_close(struct lab *lab)
{
	if (!lab)
		return;
	lab_guest_close(&lab->guest);
	backed_free(&lab->memory);
	free(lab->frame);
	free(lab);
}

bool lab_interpreted(const struct lab *lab)
{
	return lab->interpreted;
}

bool lab_has_pcid(const struct lab *lab)
{
	return kvm_vm_has_pcid(&lab->guest.vm);
}
