#include "infer/model_tables.h"

#include "base/units.h"

uint64_t model_table_pages_sum(const struct model_table_pages *pages)
{
	uint64_t sum = 0;

	for (unsigned level = 1; level <= MODEL_TREE_LEVELS_MOST; level++)
		sum += pages->of_level[level];
	return sum;
}

/* Which table of a level has the entry for an address. */
static uint64_t table_of(uint64_t address, unsigned level)
{
	return address >> (MODEL_PAGE_BITS + MODEL_ENTRIES_OF_TABLE_BITS * level);
}

void model_tree_pages(const struct model_range *range, size_t count, unsigned levels, struct model_table_pages *pages)
{
	*pages = (struct model_table_pages){ 0 };
	for (unsigned level = 1; level < levels; level++) {
		uint64_t after = 0; /* the first table that no range before had */

		for (size_t i = 0; i < count; i++) {
			uint64_t first = table_of(range[i].start, level);
			uint64_t end = range[i].bytes ? table_of(range[i].start + range[i].bytes - 1, level) + 1 : 0;

			if (range[i].leaf_level > level || !range[i].bytes)
				continue;
			first = first < after ? after : first;
			if (end <= first)
				continue;
			pages->of_level[level] += end - first;
			after = end;
		}
	}
	pages->of_level[levels] = 1;
}

static void pages_add(struct model_table_pages *sum, const struct model_table_pages *one, uint64_t times)
{
	for (unsigned level = 1; level <= MODEL_TREE_LEVELS_MOST; level++)
		sum->of_level[level] += one->of_level[level] * times;
}

/* `trees` trees, each of which maps so many bytes. */
static struct model_trees trees_of(uint64_t trees, uint64_t bytes, const struct model_tree *tree)
{
	const struct model_range range = { .bytes = bytes, .leaf_level = tree->leaf_level };
	struct model_trees out = { .trees = trees };
	struct model_table_pages one;

	model_tree_pages(&range, 1, tree->levels, &one);
	pages_add(&out.pages, &one, trees);
	return out;
}

/* Tables below the guest's leaves, of one VM. */
static void split_add(const struct model_footprint_request *request, uint64_t memory_bytes, struct model_trees *shadow)
{
	const struct model_range range = { .bytes = memory_bytes, .leaf_level = request->host.leaf_level };
	struct model_table_pages split;

	model_tree_pages(&range, 1, request->host.levels, &split);
	for (unsigned level = request->guest.leaf_level; level <= MODEL_TREE_LEVELS_MOST; level++)
		split.of_level[level] = 0;
	pages_add(&shadow->pages, &split, request->vms);
}

void model_footprint(const struct model_footprint_request *request, struct model_footprint *out)
{
	uint64_t processes = request->vms * request->processes, memory, tables;

	out->native = trees_of(processes, request->mapped_bytes, &request->host);
	out->guest = trees_of(processes, request->mapped_bytes, &request->guest);
	tables = model_table_pages_sum(&out->guest.pages) / (request->vms ? request->vms : 1) * PAGE_4K;
	memory = request->mapped_bytes * (request->shared ? 1 : request->processes);
	out->nested = trees_of(request->vms, memory + tables, &request->host);
	/* The guest's levels above and at its leaves, once a process. */
	out->shadow = trees_of(processes, request->mapped_bytes, &request->guest);
	if (request->host.leaf_level < request->guest.leaf_level)
		split_add(request, memory, &out->shadow);
}
