#include "infer/model_chase.h"

#include "base/units.h"
#include "infer/model_walk.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/*
 * Laps that warm a machine up. A cycle that fits is held after one lap, true LRU is in its steady state after two. Random
 * replacement comes near it geometrically, by the share of the pages that a lap finds: the rest after eight laps is
 * below a hundredth of the share unless the cycle nearly fits. Cycles that are long find next to nothing.
 */
#define WARM_LAPS 8
#define WARM_LAPS_LONG 2
#define LONG_CHAIN 100000u

struct model_chase {
	size_t count; /* accesses of a lap */
	uint32_t *tlb_page, *page, *line; /* by access: keys for the TLBs, in the guest's tree, and of lines of data */
	uint32_t *host_page; /* by access: the key in the host's tree */
	uint32_t *table_page[MODEL_TREE_LEVELS]; /* by level and page: ... of the page that the guest's table lies in */
	struct model_ids tlb_pages, lines;
	struct model_levels tlb, cache;
	unsigned walk_from;
	bool nested;
	struct model_walk_tree guest, host;
	struct model_array nested_tlb;
	bool plain; /* nothing but the TLBs remembers anything: all walks are alike */
};

/* --- making one --- */

static uint64_t tlb_page_number(const struct model_chase *chase, uint64_t address)
{
	const struct model_tree tree = {
		.leaf_level = chase->nested ? model_nested_leaf_level(&chase->guest.shape, &chase->host.shape)
					    : chase->guest.shape.leaf_level,
	};

	return model_walk_page(&tree, address);
}

static int key_add(uint32_t *key, struct model_ids *ids, uint64_t number)
{
	*key = model_ids_key(ids, number);
	return *key == UINT32_MAX ? -ENOMEM : 0;
}

/* Keys of all accesses. The first frame beyond the data is where tables begin. */
static int accesses_fill(struct model_chase *chase, const struct model_chain *chain, struct model_frames *frames)
{
	for (size_t i = 0; i < chain->count; i++) {
		uint64_t address = chain->address[i], frame = address / PAGE_4K;

		if (frames->next <= frame)
			frames->next = frame + 1;
		if (key_add(&chase->tlb_page[i], &chase->tlb_pages, tlb_page_number(chase, address)) ||
			key_add(&chase->page[i], &chase->guest.pages, model_walk_page(&chase->guest.shape, address)))
			return -ENOMEM;
		if (chase->line &&
			key_add(&chase->line[i], &chase->lines, model_frames_line(frames, frame, address % PAGE_4K)))
			return -ENOMEM;
	}
	return 0;
}

static uint64_t host_page_number(const struct model_chase *chase, uint64_t frame)
{
	return model_walk_page(&chase->host.shape, frame * PAGE_4K);
}

/* What the host's tree has to map: the parts of pages that the chain visits, and the guest's tables. */
static int host_pages_fill(struct model_chase *chase, const struct model_chain *chain)
{
	uint32_t pages = chase->guest.pages.count;

	chase->host_page = malloc(chain->count * sizeof(*chase->host_page));
	if (!chase->host_page)
		return -ENOMEM;
	for (size_t i = 0; i < chain->count; i++)
		if (key_add(&chase->host_page[i], &chase->host.pages,
			    model_walk_page(&chase->host.shape, chain->address[i])))
			return -ENOMEM;
	for (unsigned level = 1; level < MODEL_TREE_LEVELS; level++) {
		if (!chase->guest.table[level])
			continue;
		chase->table_page[level] = malloc((pages ? pages : 1) * sizeof(uint32_t));
		if (!chase->table_page[level])
			return -ENOMEM;
		for (uint32_t page = 0; page < pages; page++)
			if (key_add(&chase->table_page[level][page], &chase->host.pages,
				    host_page_number(chase, chase->guest.table[level][page])))
				return -ENOMEM;
	}
	return 0;
}

static int trees_build(
	struct model_chase *chase, const struct model_machine *machine, const struct model_chain *chain, uint64_t seed)
{
	struct model_frames frames = { .seed = chain->frames_seed };
	struct model_walk_build build = {
		.walker = &machine->guest,
		.frames = &frames,
		.lines = machine->caches ? &chase->lines : NULL,
		.tables_wanted = chase->nested,
		.seed = seed,
	};
	int error = accesses_fill(chase, chain, &frames);

	if (!error)
		error = model_walk_tree_build(&chase->guest, &build);
	if (error || !chase->nested)
		return error;
	error = host_pages_fill(chase, chain);
	build.walker = &machine->host;
	build.tables_wanted = false;
	build.seed = seed + MODEL_TREE_LEVELS;
	if (!error)
		error = model_walk_tree_build(&chase->host, &build);
	if (!error)
		error = model_array_open(&chase->nested_tlb, &machine->nested_tlb, chase->host.pages.number,
			chase->host.pages.count, seed + 2 * MODEL_TREE_LEVELS);
	return error;
}

static int levels_build(struct model_chase *chase, const struct model_machine *machine, uint64_t seed)
{
	const struct model_levels_spec tlb = {
		.level = machine->tlb,
		.count = machine->tlbs,
		.number = chase->tlb_pages.number,
		.keys = chase->tlb_pages.count,
		.seed = seed + 100,
	};
	const struct model_levels_spec cache = {
		.level = machine->cache,
		.count = machine->caches,
		.number = chase->lines.number,
		.keys = chase->lines.count,
		.seed = seed + 200,
	};
	int error = model_levels_open(&chase->tlb, &tlb);

	return error ? error : model_levels_open(&chase->cache, &cache);
}

static bool holds_entries(const struct model_walker *walker)
{
	for (unsigned level = walker->tree.leaf_level + 1; level <= walker->tree.levels; level++)
		if (walker->held[level].ways)
			return true;
	return false;
}

static bool tree_is_possible(const struct model_tree *tree)
{
	return tree->levels >= MODEL_TREE_LEVELS_LEAST && tree->levels <= MODEL_TREE_LEVELS_MOST &&
	       tree->leaf_level >= 1 && tree->leaf_level <= 3;
}

int model_chase_open(const struct model_machine *machine, enum paging paging, const struct model_chain *chain,
	uint64_t seed, struct model_chase **out)
{
	struct model_chase *chase;
	int error;

	*out = NULL;
	if (!tree_is_possible(&machine->guest.tree) || !chain->count || chain->count > MODEL_CHAIN_MOST)
		return -EINVAL;
	if (paging != PAGING_NATIVE &&
		((paging != PAGING_NESTED && paging != PAGING_SHADOW) || !tree_is_possible(&machine->host.tree)))
		return -EINVAL;
	chase = calloc(1, sizeof(*chase));
	if (!chase)
		return -ENOMEM;
	chase->count = chain->count;
	chase->nested = paging == PAGING_NESTED;
	chase->walk_from = machine->walk_from;
	chase->guest.shape = paging == PAGING_SHADOW ? model_shadow_tree(&machine->guest.tree, &machine->host.tree)
						     : machine->guest.tree;
	chase->host.shape = machine->host.tree;
	chase->plain = !machine->caches && !holds_entries(&machine->guest) &&
		       (!chase->nested || (!holds_entries(&machine->host) && !machine->nested_tlb.ways));
	chase->tlb_page = malloc(chain->count * sizeof(*chase->tlb_page));
	chase->page = malloc(chain->count * sizeof(*chase->page));
	chase->line = machine->caches ? malloc(chain->count * sizeof(*chase->line)) : NULL;
	error = chase->tlb_page && chase->page && (chase->line || !machine->caches) ? 0 : -ENOMEM;
	if (!error)
		error = trees_build(chase, machine, chain, seed);
	if (!error)
		error = levels_build(chase, machine, seed);
	if (error)
		model_chase_close(chase);
	else
		*out = chase;
	return error;
}

void model_chase_close(struct model_chase *chase)
{
	if (!chase)
		return;
	model_levels_free(&chase->tlb);
	model_levels_free(&chase->cache);
	model_walk_tree_free(&chase->guest);
	model_walk_tree_free(&chase->host);
	model_array_free(&chase->nested_tlb);
	model_ids_free(&chase->tlb_pages);
	model_ids_free(&chase->lines);
	for (unsigned level = 0; level < MODEL_TREE_LEVELS; level++)
		free(chase->table_page[level]);
	free(chase->tlb_page);
	free(chase->page);
	free(chase->line);
	free(chase->host_page);
	free(chase);
}

/* --- following it --- */

static void refer(struct model_chase *chase, const struct model_walk_tree *tree, unsigned level, uint32_t page,
	struct model_counts *counts)
{
	counts->references[tree == &chase->host ? MODEL_HOST : MODEL_GUEST]++;
	if (tree->line[level])
		counts->walk_lines[model_levels_access(&chase->cache, tree->line[level][page], chase->walk_from)]++;
}

/* Translate a guest-physical page by the host's tree. */
static void host_walk(struct model_chase *chase, uint32_t page, struct model_counts *counts)
{
	unsigned first;

	if (model_array_holds(&chase->nested_tlb, page)) {
		model_array_use(&chase->nested_tlb, page);
		counts->nested_tlb++;
		return;
	}
	first = model_walk_begin(&chase->host, page);
	counts->held[MODEL_HOST] += first < chase->host.shape.levels;
	for (unsigned level = first; level >= chase->host.shape.leaf_level; level--)
		refer(chase, &chase->host, level, page, counts);
	model_walk_hold(&chase->host, page, first);
	if (chase->nested_tlb.shape.ways)
		model_array_put(&chase->nested_tlb, page);
}

/*
 * A held entry tells where in the host's memory the next table lies: the host's walk for that table is saved, too (Intel
 * SDM vol. 3C, "Information That May Be Cached": combined mappings).
 */
static void walk(struct model_chase *chase, size_t access, struct model_counts *counts)
{
	uint32_t page = chase->page[access];
	unsigned first = model_walk_begin(&chase->guest, page);
	bool shortened = first < chase->guest.shape.levels;

	counts->held[MODEL_GUEST] += shortened;
	for (unsigned level = first; level >= chase->guest.shape.leaf_level; level--) {
		if (chase->nested && !(shortened && level == first))
			host_walk(chase, chase->table_page[level][page], counts);
		refer(chase, &chase->guest, level, page, counts);
	}
	if (chase->nested)
		host_walk(chase, chase->host_page[access], counts);
	model_walk_hold(&chase->guest, page, first);
}

static void lap(struct model_chase *chase, struct model_counts *counts)
{
	for (size_t i = 0; i < chase->count; i++) {
		unsigned hit = model_levels_access(&chase->tlb, chase->tlb_page[i], 0);

		counts->tlb[hit]++;
		if (hit == chase->tlb.count)
			walk(chase, i, counts);
		if (chase->line)
			counts->data_lines[model_levels_access(&chase->cache, chase->line[i], 0)]++;
	}
}

/* Laps in which each walk reads all entries, from nowhere in particular. */
static void laps_plain(struct model_chase *chase, size_t laps, struct model_counts *counts)
{
	uint64_t hits[MODEL_LEVELS + 1] = { 0 }, walks, entries = model_tree_reads(&chase->guest.shape);

	for (size_t i = 0; i < laps; i++)
		model_levels_run(&chase->tlb, chase->tlb_page, chase->count, hits);
	for (unsigned level = 0; level <= chase->tlb.count; level++)
		counts->tlb[level] += hits[level];
	walks = hits[chase->tlb.count];
	counts->references[MODEL_GUEST] += walks * entries;
	if (chase->nested)
		counts->references[MODEL_HOST] += walks * (entries + 1) * model_tree_reads(&chase->host.shape);
}

void model_chase_run(struct model_chase *chase, size_t laps, struct model_counts *counts)
{
	counts->accesses += laps * chase->count;
	if (chase->plain)
		laps_plain(chase, laps, counts);
	else
		for (size_t i = 0; i < laps; i++)
			lap(chase, counts);
}

void model_chase_measure(struct model_chase *chase, uint64_t accesses, struct model_counts *counts)
{
	struct model_counts warm = { 0 };

	model_chase_run(chase, chase->count < LONG_CHAIN ? WARM_LAPS : WARM_LAPS_LONG, &warm);
	model_chase_run(chase, (accesses + chase->count - 1) / chase->count, counts);
}

/* --- costs --- */

/* Unknown latencies do not matter where nothing takes part that has them. */
static double part(uint64_t count, double cycles)
{
	return count ? (double)count * cycles : 0;
}

static double lines_cycles(const struct model_machine *machine, const uint64_t *lines)
{
	double sum = part(lines[machine->caches], machine->memory_cycles);

	for (unsigned level = 0; level < machine->caches; level++)
		sum += part(lines[level], machine->cache[level].cycles);
	return sum;
}

double model_translation_cycles(const struct model_machine *machine, const struct model_counts *counts)
{
	uint64_t beyond = counts->accesses;
	double sum = 0, references;

	for (unsigned level = 0; level < machine->tlbs; level++) {
		sum += level ? part(beyond, machine->tlb[level].cycles) : 0;
		beyond -= counts->tlb[level];
	}
	references = machine->caches ? lines_cycles(machine, counts->walk_lines) : NAN;
	if (isnan(references))
		references = part(
			counts->references[MODEL_GUEST] + counts->references[MODEL_HOST], machine->reference_cycles);
	return (sum + references) / (double)counts->accesses;
}

double model_data_cycles(const struct model_machine *machine, const struct model_counts *counts)
{
	return machine->caches ? lines_cycles(machine, counts->data_lines) / (double)counts->accesses : NAN;
}
