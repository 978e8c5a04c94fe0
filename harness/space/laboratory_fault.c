/* Fault experiments: the cost of the first touch of a page. */
#include "space/laboratory_internal.h"

#include "base/units.h"
#include "space/permutation.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ENTRY_WRITABLE (1ULL << 1) /* Intel SDM vol. 3A 4.5, AMD APM vol. 2 5.3 */

const char *const fault_kind_names[FAULT_KINDS] = {
	[FAULT_GUEST_COLD] = "guest-cold",
	[FAULT_GUEST_WARM] = "guest-warm",
	[FAULT_BACKING_ONLY] = "backing-only",
	[FAULT_UPGRADE] = "upgrade",
};

const char *const fault_flush_names[FLUSH_KINDS] = {
	[FLUSH_NONE] = "none",
	[FLUSH_INVLPG] = "invlpg",
	[FLUSH_CR3] = "cr3",
};

const char *const touch_order_names[TOUCH_ORDERS] = { "shuffled", "sequential" };

/* How each kind of experiment begins. */
static const struct {
	bool absent; /* entries are cleared */
	bool read_only; /* entries lose their write permission, and are read once */
	bool cold; /* the host takes the memory away */
} kinds[FAULT_KINDS] = {
	[FAULT_GUEST_COLD] = { .absent = true, .cold = true },
	[FAULT_GUEST_WARM] = { .absent = true },
	[FAULT_BACKING_ONLY] = { .cold = true },
	[FAULT_UPGRADE] = { .read_only = true },
};

static bool takes_guest_faults(enum fault_kind kind)
{
	return kinds[kind].absent || kinds[kind].read_only;
}

static int fault_experiment_check(
	const struct laboratory *laboratory, const struct fault_experiment *experiment, struct reason *why)
{
	if (!experiment->pages || experiment->pages % LABORATORY_CHUNK_PAGES ||
		experiment->pages > laboratory->spec.pages)
		return fail(why, EINVAL, "an experiment touches a multiple of %u pages up to the laboratory's %" PRIu32,
			LABORATORY_CHUNK_PAGES, laboratory->spec.pages);
	if ((unsigned)experiment->kind >= FAULT_KINDS || (unsigned)experiment->flush >= FLUSH_KINDS)
		return fail(why, EINVAL, "there is no such kind of fault experiment");
	if (experiment->flush != FLUSH_NONE && !takes_guest_faults(experiment->kind))
		return fail(why, EINVAL, "a %s experiment runs no handler that could flush",
			fault_kind_names[experiment->kind]);
	return laboratory_usable(laboratory, why);
}

static int order_write(struct laboratory *laboratory, const struct fault_experiment *experiment, struct reason *why)
{
	uint32_t *order = NULL;

	if (experiment->order == TOUCH_SHUFFLED) {
		order = permutation_shuffled(experiment->pages, laboratory->spec.seed);
		if (!order)
			return fail(why, ENOMEM, "no memory for the order of %" PRIu32 " pages", experiment->pages);
	}
	for (uint32_t i = 0; i < experiment->pages; i++)
		laboratory->guest.order[i] = laboratory_touch_gva(laboratory, order ? order[i] : i);
	free(order);
	return 0;
}

static void call_set(struct laboratory *laboratory, uint32_t count, uint32_t chunks)
{
	struct laboratory_call *call = laboratory->guest.call;

	call->list = LABORATORY_ORDER;
	call->laps = LABORATORY_LAPS;
	call->count = count;
	call->chunks = chunks;
}

/* Touch everything once, so that the hypervisor has all of it mapped; then set the words touched to 0. */
static int region_warm(struct laboratory *laboratory, const struct fault_experiment *experiment, struct reason *why)
{
	int error = laboratory_tables_fill(laboratory, LABORATORY_AFTER, laboratory->spec.pages, why);

	call_set(laboratory, LABORATORY_CHUNK_PAGES, experiment->pages / LABORATORY_CHUNK_PAGES);
	if (!error)
		error = laboratory_run(laboratory, laboratory_touch, why);
	for (uint32_t page = 0; !error && page < experiment->pages; page++)
		*laboratory_touch_host(laboratory, page) = 0;
	return error;
}

static int tables_prepare(struct laboratory *laboratory, const struct fault_experiment *experiment, struct reason *why)
{
	int error;

	if (!takes_guest_faults(experiment->kind))
		return 0;
	for (uint32_t page = 0; page < experiment->pages; page++)
		laboratory->guest.before[page] =
			kinds[experiment->kind].absent ? 0 : laboratory->guest.after[page] & ~(uint64_t)ENTRY_WRITABLE;
	error = laboratory_tables_fill(laboratory, LABORATORY_BEFORE, experiment->pages, why);
	if (error || !kinds[experiment->kind].read_only)
		return error;
	call_set(laboratory, experiment->pages, 1);
	return laboratory_run(laboratory, laboratory_read, why);
}

/* Give all memory under test back to the kernel, so that the next touch of each page gets a new frame. */
static int memory_chill(struct laboratory *laboratory, struct reason *why)
{
	if (!madvise(laboratory->memory.at, laboratory->memory.bytes, MADV_DONTNEED))
		return 0;
	return fail(why, errno == EINVAL ? ENOTSUP : errno, "this kernel does not take %s memory back (madvise: %s)",
		backing_name(laboratory->spec.backing), strerror(errno));
}

/* The number of pages of the backing that lie behind the touched words. */
static int backing_pages(const struct laboratory *laboratory, uint32_t pages, uint64_t *count, struct reason *why)
{
	uint64_t unit = backing_page_bytes(laboratory->spec.backing);
	unsigned char *seen = calloc(1, laboratory->memory.bytes / unit);

	if (!seen)
		return fail(why, ENOMEM, "no memory to count pages");
	*count = 0;
	for (uint32_t page = 0; page < pages; page++) {
		uint64_t at =
			(uint64_t)((unsigned char *)laboratory_touch_host(laboratory, page) - laboratory->memory.at) /
			unit;

		*count += !seen[at];
		seen[at] = 1;
	}
	free(seen);
	return 0;
}

/* Verify that cold memory came back in pages of the backing's size, as the kernel may have run out of huge pages. */
static int cold_verify(
	const struct laboratory *laboratory, uint32_t pages, const struct fault_result *result, struct reason *why)
{
	struct smaps_pages got;
	uint64_t expected = 0;
	int error = backing_pages(laboratory, pages, &expected, why);

	if (error)
		return error;
	if (result->usage.minor_faults < expected)
		return fail(why, EIO, "%" PRIu64 " pages of cold memory took this host %" PRIu64 " faults", expected,
			result->usage.minor_faults);
	if (laboratory->spec.backing != BACKING_2M_THP)
		return 0;
	error = smaps_read((uintptr_t)laboratory->memory.at, laboratory->memory.bytes, &got, why);
	if (!error && got.anon_huge_bytes != expected * PAGE_2M)
		return fail(why, EIO,
			"of %" PRIu64 " transparent huge pages that were to come back, %" PRIu64
			" did: memory is fragmented",
			expected, got.anon_huge_bytes / PAGE_2M);
	return error;
}

static int fault_verify(const struct laboratory *laboratory, const struct fault_experiment *experiment,
	const struct fault_result *result, struct reason *why)
{
	unsigned leaf = laboratory->spec.page_bytes == PAGE_4K ? 1 : 2;
	uint64_t expected = takes_guest_faults(experiment->kind) ? experiment->pages : 0;

	if (result->faults != expected)
		return fail(why, EIO, "the guest handled %" PRIu64 " page faults where %" PRIu64 " had to come",
			result->faults, expected);
	for (uint32_t page = 0; page < experiment->pages; page++) {
		struct guest_entry found;
		uint64_t gva = laboratory_touch_gva(laboratory, page), word = *laboratory_touch_host(laboratory, page);

		if (guest_table_entry(&laboratory->guest.space[0], (gva_t){ gva }, leaf, &found) ||
			*found.entry != laboratory->guest.after[page])
			return fail(why, EIO, "the guest's table entry of page %" PRIu32 " is wrong", page);
		if (word != gva)
			return fail(why, EIO,
				"the guest's store to page %" PRIu32 " did not arrive: %#" PRIx64
				" instead of %#" PRIx64,
				page, word, gva);
	}
	return kinds[experiment->kind].cold ? cold_verify(laboratory, experiment->pages, result, why) : 0;
}

/* Touch all pages: once with faults, and once more without. */
static int fault_measure(struct laboratory *laboratory, const struct fault_experiment *experiment,
	struct fault_result *result, struct reason *why)
{
	static const unsigned char *const handlers[FLUSH_KINDS] = {
		[FLUSH_NONE] = laboratory_fault_none,
		[FLUSH_INVLPG] = laboratory_fault_invlpg,
		[FLUSH_CR3] = laboratory_fault_cr3,
	};
	uint32_t chunks = experiment->pages / LABORATORY_CHUNK_PAGES;
	int error;

	laboratory_guest_handler(&laboratory->guest, handlers[experiment->flush]);
	laboratory->guest.state->faults = 0;
	call_set(laboratory, LABORATORY_CHUNK_PAGES, chunks);
	error = laboratory_run_observed(laboratory, laboratory_touch, &result->usage, why);
	laboratory_guest_handler(&laboratory->guest, laboratory_fault_none);
	if (error)
		return error;
	result->faults = laboratory->guest.state->faults;
	for (uint32_t chunk = 0; chunk < chunks; chunk++)
		result->tsc_per_fault_mean +=
			((double)laboratory->guest.laps[chunk] - laboratory->clock_tsc) / experiment->pages;
	result->tsc_per_fault =
		laboratory_median_lap(laboratory, laboratory->guest.laps, chunks) / LABORATORY_CHUNK_PAGES;
	error = fault_verify(laboratory, experiment, result, why);
	if (error) {
		laboratory->broken = true;
		return error;
	}
	error = laboratory_run(laboratory, laboratory_touch, why);
	if (!error && laboratory->guest.state->faults != result->faults)
		return fail(why, EIO, "the guest took page faults on pages that were mapped");
	result->tsc_per_touch =
		laboratory_median_lap(laboratory, laboratory->guest.laps, chunks) / LABORATORY_CHUNK_PAGES;
	return error;
}

int laboratory_fault(struct laboratory *laboratory, const struct fault_experiment *experiment,
	struct fault_result *result, struct reason *why)
{
	int error = fault_experiment_check(laboratory, experiment, why);

	*result = (struct fault_result){ .pages = experiment->pages, .interpreted = laboratory->interpreted };
	if (error)
		return error;
	/* While an experiment is prepared, no fault is expected. */
	laboratory->guest.state->pages = laboratory->spec.pages;
	error = order_write(laboratory, experiment, why);
	if (!error)
		error = region_warm(laboratory, experiment, why);
	if (!error)
		error = tables_prepare(laboratory, experiment, why);
	if (!error && kinds[experiment->kind].cold)
		error = memory_chill(laboratory, why);
	if (!error)
		error = fault_measure(laboratory, experiment, result, why);
	return error;
}
