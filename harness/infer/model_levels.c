#include "infer/model_levels.h"

#include <errno.h>

const char *const model_inclusion_names[MODEL_INCLUSIONS] = {
	[MODEL_NEITHER] = "neither",
	[MODEL_INCLUSIVE] = "inclusive",
	[MODEL_EXCLUSIVE] = "exclusive",
};

int model_levels_open(struct model_levels *levels, const struct model_levels_spec *spec)
{
	int error = 0;

	*levels = (struct model_levels){ .count = spec->count };
	for (unsigned i = 0; !error && i < spec->count; i++) {
		levels->inclusion[i] = spec->level[i].inclusion;
		/* Levels must not replace at random in step. */
		error = model_array_open(
			&levels->level[i], &spec->level[i].shape, spec->number, spec->keys, spec->seed + i + 1);
	}
	return error;
}

void model_levels_free(struct model_levels *levels)
{
	for (unsigned i = 0; i < MODEL_LEVELS; i++)
		model_array_free(&levels->level[i]);
}

/* A key has left a level: an exclusive one behind it takes it up, and the key that then leaves goes on in the same way. */
static void hand_down(struct model_levels *levels, uint32_t key, unsigned level)
{
	while (key != MODEL_NONE && ++level < levels->count && levels->inclusion[level] == MODEL_EXCLUSIVE) {
		if (model_array_holds(&levels->level[level], key))
			return;
		key = model_array_put(&levels->level[level], key);
	}
}

void model_levels_fill(struct model_levels *levels, uint32_t key, unsigned first, unsigned end)
{
	/* From the largest on: what leaves an inclusive level makes room in the smaller ones. */
	for (unsigned level = end; level-- > first;) {
		uint32_t left;

		if (level > first && levels->inclusion[level] == MODEL_EXCLUSIVE)
			continue;
		left = model_array_put(&levels->level[level], key);
		if (left == MODEL_NONE)
			continue;
		if (levels->inclusion[level] == MODEL_INCLUSIVE)
			for (unsigned above = first; above < level; above++)
				model_array_drop(&levels->level[above], left);
		hand_down(levels, left, level);
	}
}

void model_levels_run(struct model_levels *levels, const uint32_t *key, size_t accesses, uint64_t *hits)
{
	uint64_t counts[MODEL_LEVELS + 1] = { 0 };

	for (size_t i = 0; i < accesses; i++)
		counts[model_levels_access(levels, key[i], 0)]++;
	for (unsigned level = 0; level <= levels->count; level++)
		hits[level] += counts[level];
}
