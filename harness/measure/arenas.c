#include "measure/arenas.h"

#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

/*
 * An arena is at least this large, so that a small chase, too, uses other pages in every sample. 64 MiB are 32 windows
 * of a 2M page, and are touched in 50 ms.
 */
#define ARENA_BYTES_LEAST (64 * MIB)

/* The page of the backing, or the larger page that a space maps in it. */
static uint64_t unit_bytes(const struct arenas_request *request, unsigned backing)
{
	uint64_t own = backing_page_bytes((enum backing)backing), other = request->wish[backing].unit_bytes;

	return other > own ? other : own;
}

/* What the hugetlb pool of a backing can give. 0, or -errno with what to do about it. */
static int pool_bytes(const struct arenas_request *request, unsigned backing, uint64_t *bytes, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes((enum backing)backing), pages;
	int error = hugetlb_free(request->source, page_bytes, request->numa_node, &pages, why);

	*bytes = error ? 0 : pages * page_bytes;
	return error || !pages ? -ENOMEM : 0;
}

/*
 * Whether the kernel gives transparent huge pages of a backing. 0, or -ENOMEM with what to do about it. Where the switch of 2M
 * pages cannot be read, as in a sandbox, they are tried: what comes of it is verified.
 */
static int size_is_on(const struct arenas_request *request, unsigned backing, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes((enum backing)backing);

	if (!page_is_mthp(page_bytes))
		return thp_mode(request->source, why) == THP_NEVER ? -ENOMEM : 0;
	switch (mthp_mode(request->source, page_bytes, why)) {
	case THP_ALWAYS:
	case THP_MADVISE:
		return 0;
	default:
		return -ENOMEM;
	}
}

/* The most bytes that an arena may have before the budget is shared out, and what sets that limit. */
static uint64_t bytes_most(const struct arenas_request *request, struct arena *arena, unsigned backing)
{
	uint64_t most = request->most_bytes, pool;

	arena->wish_bytes = bytes_round_up(request->wish[backing].bytes, unit_bytes(request, backing));
	arena->limit = ARENA_LIMIT_EFFORT;
	if (backing_is_hugetlb((enum backing)backing)) {
		arena->error = pool_bytes(request, backing, &pool, &arena->why);
		if (pool < most) {
			most = pool;
			arena->limit = "all that the hugetlb pool of this page size has free";
		}
	}
	if (backing_is_mthp((enum backing)backing) || backing == BACKING_2M_THP) {
		arena->error = size_is_on(request, backing, &arena->why);
		if (arena->error)
			return 0;
	}
	if (arena->wish_bytes && arena->wish_bytes < ARENA_BYTES_LEAST)
		arena->wish_bytes = ARENA_BYTES_LEAST;
	return arena->wish_bytes < most ? arena->wish_bytes : most;
}

/*
 * Share the budget out: an arena that wishes for less than an equal share gets its wish, and what it leaves goes to the
 * others.
 */
static void budget_share(const struct arenas_request *request, struct arenas *arenas, uint64_t *bytes)
{
	uint64_t left = request->budget_bytes;
	bool settled[BACKING_COUNT] = { false };
	unsigned open = 0;

	for (unsigned b = 0; b < BACKING_COUNT; b++) {
		settled[b] = !bytes[b] || backing_is_hugetlb((enum backing)b);
		open += !settled[b];
	}
	for (bool changed = true; changed && open;) {
		changed = false;
		for (unsigned b = 0; b < BACKING_COUNT && open; b++) {
			if (settled[b] || bytes[b] > left / open)
				continue;
			settled[b] = changed = true;
			left -= bytes[b];
			open--;
		}
	}
	for (unsigned b = 0; b < BACKING_COUNT; b++)
		if (!settled[b]) {
			bytes[b] = left / open;
			arenas->of[b].limit = ARENA_LIMIT_BUDGET;
		}
}

/* Memory that is smaller than the largest page of a space is of use for the others. */
static int arena_make(struct arena *arena, enum backing backing, uint64_t bytes, struct backed_limits *limits)
{
	uint64_t usable;
	int error;

	if (bytes < limits->unit_bytes)
		limits->unit_bytes = backing_page_bytes(backing);
	usable = bytes_round_down(bytes, limits->unit_bytes);
	if (!usable)
		return fail(&arena->why, ENOMEM, "a page of %" PRIu64 " MiB is more than %s", limits->unit_bytes / MIB,
			arena->limit);
	error = backed_alloc(&arena->memory, backing, usable, limits, &arena->why);
	if (error) {
		arena->memory = (struct backed){ 0 };
		return error;
	}
	if (arena->memory.bytes < usable)
		arena->limit =
			"all that could be touched in the time that this effort has for it: a higher --effort touches more";
	backed_keep_from_children(arena->memory.at, arena->memory.bytes);
	return 0;
}

/* The packed baseline lies in the largest pages that the kernel gives. */
static int packed_make(struct backed *packed, uint64_t lines, struct reason *why)
{
	static const enum backing best[] = { BACKING_2M_THP, BACKING_2M_HUGETLB, BACKING_4K };
	uint64_t bytes = bytes_round_up(lines * LINE_BYTES, PAGE_2M);
	int error = -ENOMEM;

	for (size_t i = 0; error && i < sizeof(best) / sizeof(best[0]); i++)
		error = backed_alloc(packed, best[i], bytes, NULL, why);
	if (!error)
		backed_keep_from_children(packed->at, packed->bytes);
	return error;
}

int arenas_make(struct arenas *arenas, const struct arenas_request *request, struct reason *why)
{
	uint64_t bytes[BACKING_COUNT], began = now_ns();
	unsigned left = 0;
	int error = 0;

	*arenas = (struct arenas){ 0 };
	for (unsigned b = 0; b < BACKING_COUNT; b++) {
		bytes[b] = request->wish[b].bytes ? bytes_most(request, &arenas->of[b], b) : 0;
		left += bytes[b] > 0;
	}
	if (request->packed_lines)
		error = packed_make(&arenas->packed, request->packed_lines, why);
	if (error)
		return error;
	budget_share(request, arenas, bytes);
	for (unsigned b = 0; b < BACKING_COUNT && error != -EINTR; b++) {
		struct backed_limits limits = {
			.stop = request->stop, .unit_bytes = unit_bytes(request, b), .order_seed = request->order_seed
		};
		double spent = (double)(now_ns() - began) / (double)NS_PER_S;

		if (!request->wish[b].bytes || arenas->of[b].error)
			continue;
		/* An arena that is touched sooner than its share of the time leaves the rest to those that follow. */
		if (request->seconds > 0 && left)
			limits.deadline_ns =
				now_ns() + (uint64_t)(fmax(request->seconds - spent, 0) / left * (double)NS_PER_S);
		left -= bytes[b] > 0;
		error = arena_make(&arenas->of[b], (enum backing)b, bytes[b], &limits);
		arenas->of[b].error = error;
	}
	return error == -EINTR ? error : 0;
}

void arenas_free(struct arenas *arenas)
{
	for (unsigned b = 0; b < BACKING_COUNT; b++)
		backed_free(&arenas->of[b].memory);
	backed_free(&arenas->packed);
	*arenas = (struct arenas){ 0 };
}

uint64_t arenas_bytes(const struct arenas *arenas)
{
	uint64_t bytes = arenas->packed.bytes;

	for (unsigned b = 0; b < BACKING_COUNT; b++)
		if (!backing_is_hugetlb((enum backing)b))
			bytes += arenas->of[b].memory.bytes;
	return bytes;
}

#define PLACED "pages of this size are placed one by one, which takes system calls beside the fault"

json_t *arenas_json(const struct arenas *arenas)
{
	json_t *all = json_object();

	for (unsigned b = 0; b < BACKING_COUNT && all; b++) {
		const struct arena *arena = &arenas->of[b];
		const struct backed *memory = &arena->memory;

		if (!arena->wish_bytes)
			continue;
		if (!memory->bytes)
			json_object_set_new(all, backing_names[b],
				json_pack(
					"{s:i, s:n, s:s}", "bytes", 0, "touch_ns_per_page", "reason", arena->why.text));
		else
			json_object_set_new(all, backing_names[b],
				json_pack("{s:I, s:o, s:s?, s:s*}", "bytes", (json_int_t)memory->bytes,
					"touch_ns_per_page",
					memory->touch_ns
						? json_real((double)memory->touch_ns / (double)memory->faults_expected)
						: json_null(),
					"reason", memory->bytes < arena->wish_bytes ? arena->limit : NULL,
					"touch_ns_per_page_reason", memory->touch_ns ? NULL : PLACED));
	}
	return all;
}
