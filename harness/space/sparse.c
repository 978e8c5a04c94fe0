#include "space/sparse.h"

#include "space/permutation.h"
#include "space/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Pages touched between two looks at the stop flag. */
#define UNITS_A_LOOK 64

uint64_t sparse_page(const struct sparse *sparse, uint32_t unit)
{
	return sparse->base + unit * sparse->spec.distance_bytes + sparse->offset[unit];
}

static int offsets_draw(struct sparse *sparse, struct reason *why)
{
	uint64_t pages = sparse->spec.distance_bytes / sparse->spec.page_bytes;
	gsl_rng *random = random_new(sparse->spec.seed);

	sparse->offset = calloc(sparse->spec.units, sizeof(*sparse->offset));
	if (!random || !sparse->offset) {
		gsl_rng_free(random);
		return fail(why, ENOMEM, "no memory for the places of %" PRIu32 " pages", sparse->spec.units);
	}
	for (uint32_t unit = 0; sparse->spec.scattered && unit < sparse->spec.units; unit++)
		sparse->offset[unit] = gsl_rng_uniform_int(random, pages) * sparse->spec.page_bytes;
	gsl_rng_free(random);
	return 0;
}

static int addresses_reserve(struct sparse *sparse, struct reason *why)
{
	uint64_t distance = sparse->spec.distance_bytes;
	uint64_t align = distance > PAGE_2M ? distance : PAGE_2M;

	/* An inaccessible page is left at both ends: hence one alignment more than the start may need. */
	sparse->reserved_bytes = sparse->spec.units * distance + 2 * align;
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

static int units_touch(struct sparse *sparse, const struct backed_limits *limits, struct reason *why)
{
	uint64_t before = backed_faults(), began = now_ns();

	/* Past the deadline the units that follow are given up, and the loop ends. */
	for (uint32_t unit = 0; unit < sparse->spec.units; unit++) {
		void *page = (void *)(uintptr_t)sparse_page(sparse, unit);
		int error;

		if (unit % UNITS_A_LOOK == 0 && limits && limits->stop && limits->stop())
			return fail(why, EINTR, "interrupted");
		if (unit && unit % UNITS_A_LOOK == 0 && limits && limits->deadline_ns && now_ns() > limits->deadline_ns)
			sparse->spec.units = unit;
		if (unit >= sparse->spec.units)
			break;
		error = backed_populate(page, sparse->spec.page_bytes, sparse->spec.page_bytes);
		if (error)
			return fail(why, -error == EFAULT ? ENOMEM : -error,
				"touching page %" PRIu32 " of %" PRIu32 ": %s", unit, sparse->spec.units,
				strerror(-error));
	}
	sparse->touch_ns = now_ns() - began;
	sparse->faults_expected = sparse->spec.units;
	sparse->faults_counted = backed_faults_since(before, sparse->spec.backing);
	return 0;
}

int sparse_alloc(
	struct sparse *sparse, const struct sparse_spec *spec, const struct backed_limits *limits, struct reason *why)
{
	bool makes = spec->mapped && !spec->lender;
	struct backed_range range;
	int error;

	*sparse = (struct sparse){ .spec = *spec };
	if (!spec->units || spec->distance_bytes < spec->page_bytes || spec->distance_bytes % spec->page_bytes)
		return fail(why, EINVAL, "pages of %" PRIu64 " KiB cannot lie %" PRIu64 " KiB apart",
			spec->page_bytes / KIB, spec->distance_bytes / KIB);
	if (spec->distance_bytes > SPARSE_BYTES_MAX / spec->units)
		return fail(why, ENOMEM,
			"%" PRIu32 " pages %" PRIu64 " GiB apart are more than a process has addresses for",
			spec->units, spec->distance_bytes / GIB);
	error = offsets_draw(sparse, why);
	if (!error)
		error = addresses_reserve(sparse, why);
	range = (struct backed_range){ .backing = spec->backing,
		.at = (unsigned char *)(uintptr_t)sparse->base,
		.bytes = spec->units * spec->distance_bytes,
		.present_bytes = spec->units * spec->page_bytes };
	if (!error && spec->lender && spec->units * spec->page_bytes > spec->lender->bytes)
		error = fail(why, ENOMEM,
			"%" PRIu32 " pages of %" PRIu64 " KiB are more than the memory that lends them", spec->units,
			spec->page_bytes / KIB);
	if (!error && makes)
		error = backed_map(&range, why);
	if (!error && makes)
		error = units_touch(sparse, limits, why);
	range.present_bytes = sparse->spec.units * spec->page_bytes;
	if (!error && makes)
		error = backed_verify(&range, sparse->faults_counted, why);
	if (error)
		sparse_free(sparse);
	return error;
}

/* The lender's page that belongs to a unit. */
static unsigned char *page_lent(const struct sparse *sparse, uint32_t unit)
{
	const struct backed *lender = sparse->spec.lender;

	return lender->at + lender->bytes - (uint64_t)(sparse->spec.units - unit) * sparse->spec.page_bytes;
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
		return fail(why, errno, "keeping addresses: %s", strerror(errno));
	return 0;
}

int sparse_borrow(struct sparse *sparse, struct reason *why)
{
	uint64_t bytes = sparse->spec.page_bytes;
	int error = 0, kept;

	if (!sparse->spec.lender || sparse->borrowed)
		return 0;
	while (!error && sparse->borrowed < sparse->spec.units) {
		uint32_t unit = sparse->borrowed;

		error = page_move(page_lent(sparse, unit), (void *)(uintptr_t)sparse_page(sparse, unit), bytes, why);
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
		uint32_t unit = sparse->borrowed - 1;

		error = page_move((void *)(uintptr_t)sparse_page(sparse, unit), page_lent(sparse, unit), bytes, why);
		sparse->borrowed -= !error;
	}
	return error ? error
		     : addresses_keep(
			       (void *)(uintptr_t)sparse->base, sparse->spec.units * sparse->spec.distance_bytes, why);
}

void sparse_free(struct sparse *sparse)
{
	if (sparse->reserved)
		munmap(sparse->reserved, sparse->reserved_bytes);
	free(sparse->offset);
	*sparse = (struct sparse){ 0 };
}
