#include "measure/workspace.h"

#include "measure/sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Small pages of a sparse configuration are made for it, and kept. Larger ones are lent by the arena (sparse.h). */
static bool is_lent(const struct chase *like)
{
	return like->page_bytes > PAGE_4K;
}

/*
 * Pages far apart cannot share a memory slot with those of this process: an arena that lends pages from its end has as many
 * for a vCPU at its start.
 */
static uint64_t copies(const struct chase *like)
{
	return is_lent(like) ? 2 : 1;
}

uint64_t paired_points_bytes(const struct paired_points *pair)
{
	const struct chase *chase = &pair->chase;

	if (chase->shared_frames)
		return sparse_frames(true, chase->count) * chase->page_bytes;
	if (chase->sparse)
		return copies(chase) * chase->count * chase->page_bytes;
	if (chase->arranged) {
		const struct placement placement = chain_placement(chase);

		/* Its first page has a number that is a multiple of the stride: up to a stride is left out before it. */
		return placement_span_pages(&placement) * chase->page_bytes + chase->distance_bytes;
	}
	return chase->count * chase->distance_bytes;
}

static const struct arena *arena_of(const struct workspace *workspace, const struct chase *like)
{
	return &workspace->arenas.of[like->backing];
}

uint64_t workspace_bytes_most(const struct workspace *workspace, const struct memory_configuration *configuration)
{
	const struct arena *arena = arena_of(workspace, &configuration->like);

	return bytes_round_down(arena->memory.bytes, configuration->like.page_bytes);
}

/* The most that an arena of this backing may have, before anybody wished for it. */
static uint64_t allowed_bytes(const struct workspace_request *request, enum backing backing)
{
	return backing_is_hugetlb(backing) || request->memory_budget_bytes > request->memory_most_bytes
		       ? request->memory_most_bytes
		       : request->memory_budget_bytes;
}

void workspace_limit_tell(const struct workspace *workspace, const struct memory_configuration *configuration,
	uint64_t bytes, struct reason *why)
{
	const struct arena *arena = arena_of(workspace, &configuration->like);
	uint64_t allowed = allowed_bytes(&workspace->request, configuration->like.backing);
	uint64_t most = workspace_bytes_most(workspace, configuration);
	const char *limit = arena->limit;

	if (bytes <= most && configuration->like.sparse) {
		fail(why, ENOMEM,
			"this and larger counts of pages so far apart take more than the %" PRIu64
			" MiB that are left for them and their page tables",
			workspace->sparse_most_bytes / MIB);
		return;
	}
	/* No memory was made for points that need more than any arena may have. */
	if (bytes > allowed) {
		most = allowed;
		limit = allowed < workspace->request.memory_most_bytes ? ARENA_LIMIT_BUDGET : ARENA_LIMIT_EFFORT;
	}
	fail(why, ENOMEM, "this and larger counts need more than %" PRIu64 " MiB of memory under test, %s", most / MIB,
		limit);
}

static void wish_note(struct arenas_request *request, const struct workspace_request *of,
	const struct memory_configuration *configuration)
{
	const struct chase *like = &configuration->like;

	/* A page that no arena may hold is refused when its space is made; it does not keep others from their memory. */
	if (request->wish[like->backing].unit_bytes < like->page_bytes &&
		like->page_bytes <= allowed_bytes(of, like->backing))
		request->wish[like->backing].unit_bytes = like->page_bytes;
	for (size_t c = 0; c < configuration->pairs; c++) {
		const struct paired_points *pair = configuration->pair[c];
		uint64_t bytes = paired_points_bytes(pair);

		/* Points that need more than any arena may have are not measured. */
		if (bytes > allowed_bytes(of, like->backing))
			continue;
		if (bytes > request->wish[like->backing].bytes)
			request->wish[like->backing].bytes = bytes;
		if (pair->chase.count > request->packed_lines)
			request->packed_lines = pair->chase.count;
	}
	/* A kind of memory of which even the smallest point needs too much is still tried: the reason is told then. */
	if (!request->wish[like->backing].bytes)
		request->wish[like->backing].bytes = backing_page_bytes(like->backing);
}

int workspace_open(struct workspace *workspace, const struct workspace_request *request, struct reason *why)
{
	struct arenas_request arenas = {
		.budget_bytes = request->memory_budget_bytes,
		.most_bytes = request->memory_most_bytes,
		.seconds = request->touch_seconds,
		.source = request->source,
		.numa_node = request->numa_node,
		.order_seed = gsl_rng_get(request->random) | 1,
		.stop = request->stop,
	};
	uint64_t held;
	int error;

	*workspace = (struct workspace){ .request = *request };
	for (size_t p = 0; p < request->plan_count; p++)
		for (size_t g = 0; request->plans[p]->bench->chase && g < request->plans[p]->configurations; g++)
			wish_note(&arenas, request, &request->plans[p]->configuration[g]);
	workspace->request.plans = NULL;
	error = arenas_make(&workspace->arenas, &arenas, why);
	held = arenas_bytes(&workspace->arenas);
	workspace->sparse_most_bytes = !request->run_budget_bytes	  ? UINT64_MAX
				       : held < request->run_budget_bytes ? request->run_budget_bytes - held
									  : 0;
	return error;
}

static void spaces_close(struct configured_spaces *spaces)
{
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		space_close(spaces->of[s].space);
	sparse_free(&spaces->sparse);
	backed_free(&spaces->own);
	free(spaces);
}

void workspace_close(struct workspace *workspace)
{
	for (size_t i = 0; i < workspace->count; i++)
		spaces_close(workspace->spaces[i]);
	free(workspace->spaces);
	arenas_free(&workspace->arenas);
	*workspace = (struct workspace){ 0 };
}

/*
 * What so many pages far apart take beside the arenas: the pages of this process and of the guest where they are not lent,
 * and for each page its own tables of this process, of the guest, and of a shadow MMU or nested tables. A page has a table
 * of its own for each level that reaches no further than the pages lie apart.
 */
static uint64_t sparse_bytes(const struct chase *like, uint64_t pages)
{
	static const uint64_t reach[] = { PAGE_2M, PAGE_1G, PAGE_1G * 512 };
	uint64_t own = is_lent(like) || like->shared_frames ? 0 : 2 * like->page_bytes, tables = 0;

	for (size_t i = 0; i < sizeof(reach) / sizeof(reach[0]); i++)
		tables += like->distance_bytes >= reach[i] && reach[i] > like->page_bytes;
	return like->sparse ? pages * (own + 3 * tables * PAGE_4K) : 0;
}

/* The longest chain of these points that there is memory for. */
static uint64_t longest_chain(const struct workspace *workspace, const struct memory_configuration *configuration)
{
	uint64_t bytes_most = arena_of(workspace, &configuration->like)->memory.bytes, longest = 0;

	for (size_t c = 0; c < configuration->pairs; c++) {
		const struct paired_points *pair = configuration->pair[c];

		if (paired_points_bytes(pair) <= bytes_most && pair->chase.count > longest &&
			sparse_bytes(&configuration->like, pair->chase.count) <= workspace->sparse_most_bytes)
			longest = pair->chase.count;
	}
	return longest;
}

/*
 * Memory of the guest's own, for pages that are not lent. It is made right after this process's pages and in the same way:
 * how frames follow each other decides how much of a walk beneath is in the caches, and frames of the arena, which were
 * touched among many others, would make a difference that is none of the setting's.
 */
static int guest_memory_make(struct configured_spaces *spaces, const struct backed_limits *limits, struct reason *why)
{
	uint64_t bytes = spaces->memory.bytes;
	int error = backed_alloc(&spaces->own, spaces->like.backing,
		bytes_round_up(bytes, backing_page_bytes(spaces->like.backing)), limits, why);

	if (error)
		return error;
	backed_keep_from_children(spaces->own.at, spaces->own.bytes);
	spaces->memory = spaces->own;
	spaces->memory.bytes = bytes;
	return 0;
}

/* Choose the places of pages far apart, and make those of this process where they are not lent. */
static int places_make(const struct workspace *workspace, struct configured_spaces *spaces,
	const struct memory_configuration *configuration, struct reason *why)
{
	const struct chase *like = &spaces->like;
	const struct arena *arena = arena_of(workspace, like);
	const struct backed_limits limits = { .stop = workspace->request.stop };
	/* A page of this process is its own backing. */
	bool mapped = like->page_bytes == backing_page_bytes(like->backing) && !like->shared_frames;
	struct sparse_spec spec = {
		.backing = like->backing,
		.page_bytes = like->page_bytes,
		.distance_bytes = like->distance_bytes,
		.pages = (uint32_t)longest_chain(workspace, configuration),
		.scattered = like->scattered,
		.unit_tables = like->unit_tables,
		.table_pages = like->table_pages,
		.shared_frames = like->shared_frames,
		.mapped = mapped,
		.lender = mapped && is_lent(like) ? &arena->memory : NULL,
		.seed = gsl_rng_get(workspace->request.random),
	};
	int error;

	if (!spec.pages && configuration->pairs &&
		sparse_bytes(like, configuration->pair[0]->chase.count) > workspace->sparse_most_bytes)
		return fail(why, ENOMEM,
			"%" PRIu64 " pages so far apart take %" PRIu64 " MiB with their page tables, and %" PRIu64
			" MiB are left of what this run may take",
			configuration->pair[0]->chase.count,
			sparse_bytes(like, configuration->pair[0]->chase.count) / MIB,
			workspace->sparse_most_bytes / MIB);
	if (!spec.pages)
		return fail(why, ENOMEM, "the smallest of these points needs more memory than %s", arena->limit);
	error = sparse_alloc(&spaces->sparse, &spec, &limits, why);
	spaces->pages = spec.pages;
	spaces->bytes = sparse_bytes(like, spec.pages);
	spaces->memory.bytes = sparse_frames(like->shared_frames, spec.pages) * like->page_bytes;
	return error || is_lent(like) ? error : guest_memory_make(spaces, &limits, why);
}

/* The configuration's spaces, without a space yet. */
static int spaces_make(struct workspace *workspace, struct configured_spaces *spaces,
	const struct memory_configuration *configuration, struct reason *why)
{
	const struct arena *arena = arena_of(workspace, &spaces->like);

	if (arena->error || !arena->memory.bytes) {
		*why = arena->why;
		return arena->error ? arena->error : -ENOMEM;
	}
	spaces->memory = arena->memory;
	spaces->memory.reserved = NULL; /* the arena's */
	spaces->memory.bytes = bytes_round_down(arena->memory.bytes, spaces->like.page_bytes);
	if (!spaces->memory.bytes)
		return fail(why, ENOMEM,
			"a page of %" PRIu64 " MiB is more than there is of memory under test: %" PRIu64 " MiB, %s",
			spaces->like.page_bytes / MIB, arena->memory.bytes / MIB, arena->limit);
	return spaces->like.sparse ? places_make(workspace, spaces, configuration, why) : 0;
}

static bool is_alike(const struct workspace *workspace, const struct configured_spaces *spaces,
	const struct memory_configuration *configuration)
{
	return plan_same_memory(&spaces->like, &configuration->like) &&
	       (!spaces->like.sparse || longest_chain(workspace, configuration) <= spaces->pages);
}

/* Close sparse spaces, the oldest first, until there is memory for these. They are made anew when it is their turn again. */
static void room_make(struct workspace *workspace, const struct memory_configuration *configuration)
{
	uint64_t need = sparse_bytes(&configuration->like, longest_chain(workspace, configuration)), kept = 0;
	size_t count = 0;

	for (size_t i = 0; i < workspace->count; i++)
		kept += workspace->spaces[i]->bytes;
	for (size_t i = 0; i < workspace->count; i++) {
		struct configured_spaces *spaces = workspace->spaces[i];

		if (spaces->bytes && need && kept > workspace->sparse_most_bytes - need) {
			kept -= spaces->bytes;
			spaces_close(spaces);
		} else {
			workspace->spaces[count++] = spaces;
		}
	}
	workspace->count = count;
}

static int spaces_find(struct workspace *workspace, const struct memory_configuration *configuration,
	struct configured_spaces **spaces, struct reason *why)
{
	int error;

	*spaces = NULL;
	for (size_t i = 0; i < workspace->count; i++)
		if (is_alike(workspace, workspace->spaces[i], configuration)) {
			*spaces = workspace->spaces[i];
			return 0;
		}
	room_make(workspace, configuration);
	if (workspace->count == workspace->room) {
		size_t room = workspace->room ? 2 * workspace->room : 16;
		struct configured_spaces **list = realloc(workspace->spaces, room * sizeof(*list));

		if (!list)
			return fail(why, ENOMEM, "no memory for the list of spaces");
		workspace->spaces = list;
		workspace->room = room;
	}
	*spaces = calloc(1, sizeof(**spaces));
	if (!*spaces)
		return fail(why, ENOMEM, "no memory for a space");
	(*spaces)->like = configuration->like;
	error = spaces_make(workspace, *spaces, configuration, why);
	if (error) {
		spaces_close(*spaces);
		*spaces = NULL;
		return error;
	}
	workspace->spaces[workspace->count++] = *spaces;
	return 0;
}

static void configured_space_open(
	const struct workspace *workspace, struct configured_spaces *spaces, enum setting setting)
{
	struct configured_space *of = &spaces->of[setting];
	struct space_spec spec = {
		.setting = setting,
		.page_bytes = spaces->like.page_bytes,
		.frames = spaces->like.frames,
		.levels = spaces->like.levels,
		.seed = gsl_rng_get(workspace->request.random),
		.memory = &spaces->memory,
		.sparse = spaces->like.sparse ? &spaces->sparse : NULL,
		.packed = &workspace->arenas.packed,
	};

	of->error = space_open(&spec, &of->space, &of->why);
	if (!of->error)
		of->error = sample_lap_overhead(of->space, &of->lap_overhead_tsc, &of->why);
	if (of->error)
		workspace_drop(spaces, setting);
}

int workspace_enter(struct workspace *workspace, const struct memory_configuration *configuration, unsigned settings,
	struct configured_spaces **spaces, struct reason *why)
{
	int error = spaces_find(workspace, configuration, spaces, why);

	for (unsigned s = 0; s < SETTING_SPACES && !error; s++) {
		const struct configured_space *of = &(*spaces)->of[s];

		if (!(settings & SETTING_BIT(s)) || of->space)
			continue;
		configured_space_open(workspace, *spaces, (enum setting)s);
		if (of->error == -EINTR)
			error = -EINTR;
	}
	if (!error)
		error = sparse_borrow(&(*spaces)->sparse, why);
	if (error && *spaces)
		sparse_return(&(*spaces)->sparse, NULL);
	return error;
}

int workspace_leave(struct configured_spaces *spaces, struct reason *why)
{
	return sparse_return(&spaces->sparse, why);
}

void workspace_drop(struct configured_spaces *spaces, enum setting setting)
{
	space_close(spaces->of[setting].space);
	spaces->of[setting].space = NULL;
}
