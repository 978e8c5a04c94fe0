#include "space/sparse.h"

#include "machine/process.h"
#include "space/permutation.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Pages touched between two looks at the stop flag. */
#define PAGES_A_LOOK 64

/* AMD's coalesced TLB entries cover neighbouring pages. A page that is not there keeps its neighbours apart. */
#define EVERY_SECOND 2

uint64_t sparse_page(const struct sparse *sparse, uint32_t page)
{
	return sparse->base + sparse->offset[page];
}

uint32_t sparse_find(const struct sparse *sparse, uint64_t address)
{
	uint32_t at = 0, beyond = sparse->spec.pages;

	while (beyond - at > 1) {
		uint32_t middle = at + (beyond - at) / 2;

		if (sparse_page(sparse, middle) <= address)
			at = middle;
		else
			beyond = middle;
	}
	return at;
}

static uint32_t at_least_one(unsigned count)
{
	return count ? count : 1;
}

static uint32_t unit_pages(const struct sparse_spec *spec)
{
	return at_least_one(spec->unit_tables) * at_least_one(spec->table_pages);
}

static uint32_t units_of(const struct sparse_spec *spec)
{
	return (spec->pages + unit_pages(spec) - 1) / unit_pages(spec);
}

uint64_t sparse_frames(bool shared, uint64_t pages)
{
	return shared ? (pages + SPARSE_SHARERS - 1) / SPARSE_SHARERS : pages;
}

uint64_t sparse_span_bytes(const struct sparse_spec *spec)
{
	return units_of(spec) * spec->distance_bytes;
}

uint32_t sparse_tables(const struct sparse_spec *spec)
{
	return (spec->pages + at_least_one(spec->table_pages) - 1) / at_least_one(spec->table_pages);
}

/* Slot `i` of a sequence that fills any number of slots evenly, however far it has come. */
static uint64_t slot_spread(uint32_t first, uint32_t i, uint64_t slots)
{
	uint32_t fraction = first + (uint32_t)(i * SPREAD_GOLDEN_32);

	return fraction * slots >> 32;
}

/*
 * Where a page of several tables lies in its unit. Places in the unit and in the table move on from one to the next, so that
 * the entries of all tables together are spread evenly over the sets of a cache.
 */
static uint64_t place_in_tables(const struct sparse_spec *spec, uint32_t page, uint32_t first)
{
	uint32_t tables = at_least_one(spec->unit_tables), pages = at_least_one(spec->table_pages);
	uint32_t table = page / pages;
	uint64_t unit_slots = spec->distance_bytes / (tables * PAGE_2M);
	uint64_t table_slots = PAGE_2M / (EVERY_SECOND * pages * PAGE_4K);

	return (slot_spread(first, table / tables, unit_slots) * tables + table % tables) * PAGE_2M +
	       (slot_spread(first, table, table_slots) * pages + page % pages) * EVERY_SECOND * PAGE_4K;
}

static int offsets_draw(struct sparse *sparse, struct reason *why)
{
	const struct sparse_spec *spec = &sparse->spec;
	uint64_t in_unit = spec->distance_bytes / spec->page_bytes;
	gsl_rng *random = random_new(spec->seed);
	uint64_t first;

	sparse->offset = calloc(spec->pages, sizeof(*sparse->offset));
	if (!random || !sparse->offset) {
		gsl_rng_free(random);
		return fail(why, ENOMEM, "no memory for the places of %" PRIu32 " pages", spec->pages);
	}
	first = gsl_rng_get(random);
	for (uint32_t page = 0; page < spec->pages; page++) {
		uint32_t unit = page / unit_pages(spec);
		uint64_t place = 0;

		if (unit_pages(spec) > 1)
			place = place_in_tables(spec, page, (uint32_t)first);
		else if (spec->scattered)
			place = slot_spread((uint32_t)first, unit, in_unit) * spec->page_bytes;
		sparse->offset[page] = unit * spec->distance_bytes + place;
	}
	gsl_rng_free(random);
	return 0;
}

static int addresses_reserve(struct sparse *sparse, struct reason *why)
{
	uint64_t distance = sparse->spec.distance_bytes;
	uint64_t align = distance > PAGE_2M ? distance : PAGE_2M;

	/* An inaccessible page is left at both ends: hence one alignment more than the start may need. */
	sparse->reserved_bytes = sparse_span_bytes(&sparse->spec) + 2 * align;
	sparse->reserved =
		mmap(NULL, sparse->reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sparse->reserved == MAP_FAILED) {
		sparse->reserved = NULL;
		return fail(why, ENOMEM, "reserving %" PRIu64 " GiB of addresses: %s", sparse->reserved_bytes / GIB,
			strerror(errno));
	}
	sparse->base = ((uintptr_t)sparse->reserved + align) / align * align;
	return 0;
}

static int pages_touch(struct sparse *sparse, const struct backed_limits *limits, struct reason *why)
{
	uint64_t before = backed_faults();

	/* Past the deadline the pages that follow are given up, and the loop ends. */
	for (uint32_t page = 0; page < sparse->spec.pages; page++) {
		void *at = (void *)(uintptr_t)sparse_page(sparse, page);
		int error;

		if (page % PAGES_A_LOOK == 0 && limits && limits->stop && limits->stop())
			return fail(why, EINTR, "interrupted");
		if (page && page % PAGES_A_LOOK == 0 && limits && limits->deadline_ns && now_ns() > limits->deadline_ns)
			sparse->spec.pages = page;
		if (page >= sparse->spec.pages)
			break;
		error = backed_populate(at, sparse->spec.page_bytes, sparse->spec.page_bytes);
		if (error)
			return fail(why, -error == EFAULT ? ENOMEM : -error,
				"touching page %" PRIu32 " of %" PRIu32 ": %s", page, sparse->spec.pages,
				strerror(-error));
	}
	sparse->faults_expected = sparse->spec.pages;
	sparse->faults_counted = backed_faults_since(before, sparse->spec.backing);
	return 0;
}

/* Whether a unit has room for its tables, and a table for its pages. */
static bool tables_fit(const struct sparse_spec *spec)
{
	return unit_pages(spec) == 1 || (spec->page_bytes == PAGE_4K && spec->scattered &&
						at_least_one(spec->unit_tables) <= spec->distance_bytes / PAGE_2M &&
						at_least_one(spec->table_pages) <= PAGE_2M / (EVERY_SECOND * PAGE_4K));
}

int sparse_alloc(
	struct sparse *sparse, const struct sparse_spec *spec, const struct backed_limits *limits, struct reason *why)
{
	bool makes = spec->mapped && !spec->lender;
	struct backed_range range;
	int error;

	*sparse = (struct sparse){ .spec = *spec };
	if (!spec->pages || spec->distance_bytes < spec->page_bytes ||
		spec->distance_bytes & (spec->distance_bytes - 1))
		return fail(why, EINVAL, "pages of %" PRIu64 " KiB cannot lie %" PRIu64 " KiB apart",
			spec->page_bytes / KIB, spec->distance_bytes / KIB);
	if (!tables_fit(spec))
		return fail(why, EINVAL, "%u tables of %u pages each do not fit units of %" PRIu64 " KiB",
			at_least_one(spec->unit_tables), at_least_one(spec->table_pages), spec->distance_bytes / KIB);
	if (spec->distance_bytes > SPARSE_BYTES_MAX / units_of(spec))
		return fail(why, ENOMEM,
			"%" PRIu32 " pages %" PRIu64 " GiB apart are more than a process has addresses for",
			spec->pages, spec->distance_bytes / GIB);
	error = offsets_draw(sparse, why);
	if (!error)
		error = addresses_reserve(sparse, why);
	range = (struct backed_range){ .backing = spec->backing,
		.at = (unsigned char *)(uintptr_t)sparse->base,
		.bytes = sparse_span_bytes(spec),
		.present_bytes = spec->pages * spec->page_bytes };
	if (!error && spec->lender && spec->pages * spec->page_bytes > spec->lender->bytes)
		error = fail(why, ENOMEM,
			"%" PRIu32 " pages of %" PRIu64 " KiB are more than the memory that lends them", spec->pages,
			spec->page_bytes / KIB);
	if (!error && makes)
		error = backed_map(&range, why);
	if (!error && makes)
		error = pages_touch(sparse, limits, why);
	range.present_bytes = sparse->spec.pages * spec->page_bytes;
	if (!error && makes)
		error = backed_verify(&range, sparse->faults_counted, why);
	if (!error && makes)
		backed_keep_from_children(range.at, range.bytes);
	if (error)
		sparse_free(sparse);
	return error;
}

/* The lender's page that belongs to a page. */
static unsigned char *page_lent(const struct sparse *sparse, uint32_t page)
{
	const struct backed *lender = sparse->spec.lender;

	return lender->at + lender->bytes - (uint64_t)(sparse->spec.pages - page) * sparse->spec.page_bytes;
}

static int page_move(void *from, void *to, uint64_t bytes, struct reason *why)
{
	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		return fail(why, errno, "moving a page of %" PRIu64 " KiB: %s", bytes / KIB, strerror(errno));
	return 0;
}

/* Keep addresses without memory, so that nothing else is mapped there. */
static int addresses_keep(void *at, uint64_t bytes, struct reason *why)
{
	if (mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return fail(why, errno, "keeping addresses: %s%s", strerror(errno), process_error_hint(errno));
	return 0;
}

int sparse_borrow(struct sparse *sparse, struct reason *why)
{
	uint64_t bytes = sparse->spec.page_bytes;
	int error = 0, kept;

	if (!sparse->spec.lender || sparse->borrowed)
		return 0;
	while (!error && sparse->borrowed < sparse->spec.pages) {
		uint32_t page = sparse->borrowed;

		error = page_move(page_lent(sparse, page), (void *)(uintptr_t)sparse_page(sparse, page), bytes, why);
		sparse->borrowed += !error;
	}
	/* A page that was moved leaves a hole. Nothing is mapped between the moves, so one call closes all of them. */
	kept = sparse->borrowed ? addresses_keep(page_lent(sparse, 0), sparse->borrowed * bytes, why) : 0;
	return error ? error : kept;
}

int sparse_return(struct sparse *sparse, struct reason *why)
{
	uint64_t bytes = sparse->spec.page_bytes;
	int error = 0;

	if (!sparse->borrowed)
		return 0;
	while (!error && sparse->borrowed) {
		uint32_t page = sparse->borrowed - 1;

		error = page_move((void *)(uintptr_t)sparse_page(sparse, page), page_lent(sparse, page), bytes, why);
		sparse->borrowed -= !error;
	}
	return error ? error : addresses_keep((void *)(uintptr_t)sparse->base, sparse_span_bytes(&sparse->spec), why);
}

void sparse_free(struct sparse *sparse)
{
	if (sparse->reserved)
		munmap(sparse->reserved, sparse->reserved_bytes);
	free(sparse->offset);
	*sparse = (struct sparse){ 0 };
}
