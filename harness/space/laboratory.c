/* Opening a laboratory, and the steps that all experiments share: run code, observe it, prepare tables. */
#include "space/laboratory_internal.h"

#include "base/units.h"
#include "space/permutation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*
 * Interpreted CPL 0 code is found by rounds of two register instructions, which no virtualisation hardware hands to the
 * hypervisor. KVM counts each instruction that it interprets. Where KVM has no such count, interpreted code shows by
 * taking far longer than on any CPU.
 */
#define SPIN_ROUNDS 128u
#define SPIN_EMULATED_LEAST SPIN_ROUNDS
/*
 * KVM takes some 1000 cycles for an instruction that it emulates. A CPU takes about one cycle for the two instructions
 * of a round; entering the guest takes some 5000 cycles.
 */
#define SPIN_TSC_MOST (SPIN_ROUNDS * 200u)

struct reading {
	struct rusage usage;
	uint64_t wall_ns, cpu_ns;
	uint64_t kvm[KVM_COUNTS];
};

static void reading_take(struct laboratory *laboratory, struct reading *reading)
{
	struct kvm_stats *of_vcpu = &laboratory->guest.vcpu.stats, *of_vm = &laboratory->guest.vm.stats;
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

static struct laboratory_usage usage_between(const struct reading *from, const struct reading *to)
{
	uint64_t wall_ns = to->wall_ns - from->wall_ns, cpu_ns = to->cpu_ns - from->cpu_ns;
	struct laboratory_usage usage = {
		.minor_faults = (uint64_t)(to->usage.ru_minflt - from->usage.ru_minflt),
		.involuntary_switches = (uint64_t)(to->usage.ru_nivcsw - from->usage.ru_nivcsw),
		.elapsed_ns = wall_ns,
		/* The two clocks are read one after the other, so they may differ by a few ns either way. */
		.away_ns = wall_ns > cpu_ns ? wall_ns - cpu_ns : 0,
	};

	for (unsigned i = 0; i < KVM_COUNTS; i++) {
		bool known = from->kvm[i] != KVM_COUNT_UNKNOWN && to->kvm[i] != KVM_COUNT_UNKNOWN;
		uint64_t base = kvm_count_grows((enum kvm_count)i) ? from->kvm[i] : 0;

		usage.kvm[i] = known ? to->kvm[i] - base : KVM_COUNT_UNKNOWN;
	}
	return usage;
}

int laboratory_run(struct laboratory *laboratory, const unsigned char *entry, struct reason *why)
{
	int error = laboratory_guest_run(&laboratory->guest, entry, why);

	laboratory->broken = laboratory->broken || error;
	return error;
}

int laboratory_run_observed(
	struct laboratory *laboratory, const unsigned char *entry, struct laboratory_usage *usage, struct reason *why)
{
	struct reading before, after;
	int error;

	reading_take(laboratory, &before);
	error = laboratory_run(laboratory, entry, why);
	reading_take(laboratory, &after);
	*usage = usage_between(&before, &after);
	return error;
}

int laboratory_usable(const struct laboratory *laboratory, struct reason *why)
{
	return laboratory->broken
		       ? fail(why, EIO, "an earlier experiment of this laboratory failed; it can only be closed")
		       : 0;
}

uint64_t laboratory_touch_gva(const struct laboratory *laboratory, uint32_t page)
{
	return LABORATORY_REGION + page * laboratory->spec.page_bytes + laboratory_touch_offset(page);
}

uint64_t *laboratory_touch_host(const struct laboratory *laboratory, uint32_t page)
{
	uint64_t frame = laboratory->frame ? laboratory->frame[page] : page;

	return (uint64_t *)(void *)(laboratory->memory.at + frame * laboratory->spec.page_bytes +
				    laboratory_touch_offset(page));
}

static int laps_compare(const void *a, const void *b)
{
	uint64_t left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return (left > right) - (left < right);
}

double laboratory_median_lap(const struct laboratory *laboratory, uint64_t *laps, size_t count)
{
	qsort(laps, count, sizeof(*laps), laps_compare);
	return ((double)laps[(count - 1) / 2] + (double)laps[count / 2]) / 2 - laboratory->clock_tsc;
}

int laboratory_tables_fill(struct laboratory *laboratory, uint64_t list, uint32_t pages, struct reason *why)
{
	laboratory->guest.call->list = list;
	laboratory->guest.call->target = LABORATORY_TABLE;
	laboratory->guest.call->count = pages;
	return laboratory_run(laboratory, laboratory_fill, why);
}

/* Note the entries of the region's pages as the table builder wrote them. After a fault they must be the same. */
static int entries_note(struct laboratory *laboratory, struct reason *why)
{
	unsigned leaf = laboratory->spec.page_bytes == PAGE_4K ? 1 : 2;
	int error = 0;

	for (uint32_t page = 0; !error && page < laboratory->spec.pages; page++) {
		struct guest_entry found;

		error = guest_table_entry(
			&laboratory->guest.space[0], (gva_t){ laboratory_touch_gva(laboratory, page) }, leaf, &found);
		if (error)
			return fail(why, -error, "page %" PRIu32 " of the region has no table entry", page);
		laboratory->guest.after[page] = *found.entry;
	}
	return error;
}

static int interpreted_find(struct laboratory *laboratory, struct reason *why)
{
	struct laboratory_usage usage;
	uint64_t emulated;
	int error;

	laboratory->guest.call->count = SPIN_ROUNDS;
	laboratory->guest.call->laps = LABORATORY_LAPS;
	error = laboratory_run_observed(laboratory, laboratory_spin, &usage, why);
	emulated = usage.kvm[KVM_COUNT_INSN_EMULATION];
	laboratory->interpreted = emulated != KVM_COUNT_UNKNOWN ? emulated >= SPIN_EMULATED_LEAST
								: laboratory->guest.laps[0] > SPIN_TSC_MOST;
	return error;
}

/* The time of an empty lap: the least of several laps. Lists have room for LABORATORY_CHUNK_PAGES words at least. */
static int clock_find(struct laboratory *laboratory, struct reason *why)
{
	uint64_t least = UINT64_MAX;
	int error;

	laboratory->guest.call->chunks = LABORATORY_CHUNK_PAGES;
	laboratory->guest.call->laps = LABORATORY_LAPS;
	error = laboratory_run(laboratory, laboratory_empty, why);
	for (unsigned lap = 0; !error && lap < LABORATORY_CHUNK_PAGES; lap++)
		if (laboratory->guest.laps[lap] < least)
			least = laboratory->guest.laps[lap];
	laboratory->clock_tsc = (double)least;
	return error;
}

static int spec_check(const struct laboratory_spec *spec, struct reason *why)
{
	if (!spec->pages || spec->pages % LABORATORY_CHUNK_PAGES || spec->pages > LABORATORY_PAGES_MAX)
		return fail(why, EINVAL, "a laboratory has a multiple of %u pages up to %u, not %" PRIu32,
			LABORATORY_CHUNK_PAGES, LABORATORY_PAGES_MAX, spec->pages);
	if (spec->page_bytes != PAGE_4K && spec->page_bytes != PAGE_2M)
		return fail(why, EINVAL, "a laboratory's pages are 4K or 2M, not %" PRIu64 " bytes", spec->page_bytes);
	if (spec->levels < GUEST_LEVELS_MIN || spec->levels > GUEST_LEVELS_MAX)
		return fail(why, EINVAL, "guest page tables have 4 or 5 levels, not %u", spec->levels);
	return 0;
}

static int laboratory_memory_make(struct laboratory *laboratory, struct reason *why)
{
	const struct laboratory_spec *spec = &laboratory->spec;
	uint64_t unit = backing_page_bytes(spec->backing), bytes = spec->pages * spec->page_bytes;

	if (spec->frames == FRAMES_SHUFFLED) {
		laboratory->frame = permutation_shuffled(spec->pages, spec->seed);
		if (!laboratory->frame)
			return fail(why, ENOMEM, "no memory for the order of %" PRIu32 " frames", spec->pages);
	}
	return backed_alloc(&laboratory->memory, spec->backing, (bytes + unit - 1) / unit * unit, spec->limits, why);
}

int laboratory_open(const struct laboratory_spec *spec, struct laboratory **opened, struct reason *why)
{
	struct laboratory_guest_spec guest = {
		.page_bytes = spec->page_bytes,
		.levels = spec->levels,
		.spaces = 2,
		.mapped_bytes = spec->pages * spec->page_bytes,
		.list_words = spec->pages,
	};
	struct laboratory *laboratory;
	int error = spec_check(spec, why);

	*opened = NULL;
	if (error)
		return error;
	laboratory = calloc(1, sizeof(*laboratory));
	if (!laboratory)
		return fail(why, ENOMEM, "no memory for a laboratory");
	laboratory->spec = *spec;
	laboratory->spec.limits = NULL; /* it is not used after this call */
	laboratory->guest = (struct laboratory_guest){ .vm = { .kvm_fd = -1, .vm_fd = -1, .stats.fd = -1 },
		.vcpu = { .fd = -1, .stats.fd = -1 } };
	error = laboratory_memory_make(laboratory, why);
	if (!error) {
		guest.memory = &laboratory->memory;
		guest.frame = laboratory->frame;
		error = laboratory_guest_open(&laboratory->guest, &guest, why);
	}
	if (!error)
		error = entries_note(laboratory, why);
	if (!error)
		error = interpreted_find(laboratory, why);
	if (!error)
		error = clock_find(laboratory, why);
	if (error) {
		laboratory_close(laboratory);
		return error;
	}
	*opened = laboratory;
	return 0;
}

void laboratory_close(struct laboratory *laboratory)
{
	if (!laboratory)
		return;
	laboratory_guest_close(&laboratory->guest);
	backed_free(&laboratory->memory);
	free(laboratory->frame);
	free(laboratory);
}

bool laboratory_interpreted(const struct laboratory *laboratory)
{
	return laboratory->interpreted;
}

bool laboratory_has_pcid(const struct laboratory *laboratory)
{
	return kvm_vm_has_pcid(&laboratory->guest.vm);
}
