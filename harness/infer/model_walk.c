#include "infer/model_walk.h"

#include "base/units.h"

#include <errno.h>
#include <stdlib.h>

#define ENTRY_BYTES 8u
/* Frames at random lie in this much memory: 2^26 frames are 256 GiB. */
#define FRAME_BITS 26u
/* Tables of different levels have different numbers. */
#define LEVEL_SHIFT 60u

/* SplitMix64 (Steele, Lea and Flood 2014): a permutation of 64 bits in which neighbours have nothing in common. */
static uint64_t mix(uint64_t number)
{
	number += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/*
 * A frame at random keeps its own number above the random bits, so that no two frames share a line; caches choose their
 * sets by the bits below.
 */
uint64_t model_frames_line(const struct model_frames *frames, uint64_t frame, uint64_t offset_bytes)
{
	if (frames->seed)
		frame = frame << FRAME_BITS | mix(frame ^ mix(frames->seed)) >> (64 - FRAME_BITS);
	return frame * (PAGE_4K / LINE_BYTES) + offset_bytes / LINE_BYTES;
}

static uint64_t entry_number(const struct model_walk_tree *tree, uint32_t page, unsigned level)
{
	return tree->pages.number[page] >> (MODEL_ENTRIES_OF_TABLE_BITS * (level - tree->shape.leaf_level));
}

static uint32_t *keys_new(const struct model_walk_tree *tree)
{
	return malloc((tree->pages.count ? tree->pages.count : 1) * sizeof(uint32_t));
}

static int arrays_make(struct model_walk_tree *tree, const struct model_walk_build *build, unsigned level)
{
	bool held = level > tree->shape.leaf_level && build->walker->held[level].ways;

	if (held)
		tree->entry[level] = keys_new(tree);
	if (build->lines)
		tree->line[level] = keys_new(tree);
	if (build->tables_wanted)
		tree->table[level] = keys_new(tree);
	return (held && !tree->entry[level]) || (build->lines && !tree->line[level]) ||
			       (build->tables_wanted && !tree->table[level])
		       ? -ENOMEM
		       : 0;
}

/* What a walk for one page reads at one level. */
static int page_fill(struct model_walk_tree *tree, const struct model_walk_build *build, struct model_ids *tables,
	uint32_t page, unsigned level)
{
	uint64_t entry = entry_number(tree, page, level), table = entry >> MODEL_ENTRIES_OF_TABLE_BITS;
	uint64_t offset = entry % (1U << MODEL_ENTRIES_OF_TABLE_BITS) * ENTRY_BYTES;
	uint32_t key = model_ids_key(tables, table | (uint64_t)level << LEVEL_SHIFT);

	if (key == UINT32_MAX)
		return -ENOMEM;
	if (tree->table[level])
		tree->table[level][page] = (uint32_t)build->frames->next + key;
	if (tree->line[level]) {
		tree->line[level][page] = model_ids_key(
			build->lines, model_frames_line(build->frames, build->frames->next + key, offset));
		if (tree->line[level][page] == UINT32_MAX)
			return -ENOMEM;
	}
	if (!tree->entry[level])
		return 0;
	tree->entry[level][page] = model_ids_key(&tree->entries[level], entry);
	return tree->entry[level][page] == UINT32_MAX ? -ENOMEM : 0;
}

int model_walk_tree_build(struct model_walk_tree *tree, const struct model_walk_build *build)
{
	struct model_ids tables = { 0 };
	int error = 0;

	for (unsigned level = tree->shape.leaf_level; !error && level <= tree->shape.levels; level++)
		error = arrays_make(tree, build, level);
	for (unsigned level = tree->shape.leaf_level; !error && level <= tree->shape.levels; level++) {
		for (uint32_t page = 0; !error && page < tree->pages.count; page++)
			error = page_fill(tree, build, &tables, page, level);
		if (!error && tree->entry[level])
			error = model_array_open(&tree->held[level], &build->walker->held[level],
				tree->entries[level].number, tree->entries[level].count, build->seed + level);
	}
	build->frames->next += tables.count;
	model_ids_free(&tables);
	return error;
}

void model_walk_tree_free(struct model_walk_tree *tree)
{
	model_ids_free(&tree->pages);
	for (unsigned level = 0; level < MODEL_TREE_LEVELS; level++) {
		model_ids_free(&tree->entries[level]);
		model_array_free(&tree->held[level]);
		free(tree->entry[level]);
		free(tree->line[level]);
		free(tree->table[level]);
	}
}

unsigned model_walk_begin(struct model_walk_tree *tree, uint32_t page)
{
	for (unsigned level = tree->shape.leaf_level + 1; level <= tree->shape.levels; level++)
		if (tree->entry[level] && model_array_holds(&tree->held[level], tree->entry[level][page])) {
			model_array_use(&tree->held[level], tree->entry[level][page]);
			return level - 1;
		}
	return tree->shape.levels;
}

void model_walk_hold(struct model_walk_tree *tree, uint32_t page, unsigned first)
{
	for (unsigned level = tree->shape.leaf_level + 1; level <= first; level++)
		if (tree->entry[level])
			model_array_put(&tree->held[level], tree->entry[level][page]);
}
