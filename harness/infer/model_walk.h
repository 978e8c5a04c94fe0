/* A tree of tables as walks see it, in dense keys: which entries a page's walk reads, and in which lines they lie. Pure. */
#ifndef NESTWALK_INFER_MODEL_WALK_H
#define NESTWALK_INFER_MODEL_WALK_H

#include "infer/model_ids.h"
#include "infer/model_machine.h"

#define MODEL_TREE_LEVELS (MODEL_TREE_LEVELS_MOST + 1)

/* By level from 1, and then by the key of the page where an array is meant. */
struct model_walk_tree {
	struct model_tree shape;
	struct model_ids pages; /* numbers of pages, in leaves */
	struct model_ids entries[MODEL_TREE_LEVELS]; /* numbers of the entries above the leaf's level */
	uint32_t *entry[MODEL_TREE_LEVELS]; /* their keys; NULL where nothing holds such entries */
	uint32_t *line[MODEL_TREE_LEVELS]; /* keys of the lines that entries lie in; NULL without caches */
	uint32_t *table[MODEL_TREE_LEVELS]; /* the 4K frame that a table lies in, by number; NULL: nobody asks */
	struct model_array held[MODEL_TREE_LEVELS];
};

/* The number of the page that an address belongs to. */
static inline uint64_t model_walk_page(const struct model_tree *tree, uint64_t address)
{
	return address >> (MODEL_PAGE_BITS + MODEL_ENTRIES_OF_TABLE_BITS * (tree->leaf_level - 1));
}

/* Frames of memory, handed out one after the other, and where they lie. */
struct model_frames {
	uint64_t next; /* 4K frame number */
	uint64_t seed; /* 0: side by side */
};

/* The line at an offset of a frame: its physical address in lines. */
uint64_t model_frames_line(const struct model_frames *frames, uint64_t frame, uint64_t offset_bytes);

/*
 * Give each table of the tree a frame, once all pages are known. @lines: gets the lines of entries; NULL: without caches.
 * @tables_wanted: whether `table` is filled. 0, or -ENOMEM; model_walk_tree_free() is due in any case.
 */
struct model_walk_build {
	const struct model_walker *walker;
	struct model_frames *frames;
	struct model_ids *lines;
	bool tables_wanted;
	uint64_t seed;
};
int model_walk_tree_build(struct model_walk_tree *tree, const struct model_walk_build *build);
void model_walk_tree_free(struct model_walk_tree *tree);

/* The level of the table that a walk for a page begins at, by what is held; notes the use. */
unsigned model_walk_begin(struct model_walk_tree *tree, uint32_t page);

/* Hold the entries that a walk has read that began at level `first`. */
void model_walk_hold(struct model_walk_tree *tree, uint32_t page, unsigned first);

#endif
